"""What is published of a run: its data files as they lie on this machine, and the card that goes with them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from pipelines import croissant
from pipelines.card import Publication, inspect
from pipelines.errors import UserError
from pipelines.finished import Finished
from pipelines.licences import Combined, combine
from pipelines.listing import Entry, listing, opened
from pipelines.loading import citation
from pipelines.redact import redact
from pipelines.results import results_of
from pipelines.run_card import CARD, card_of_run
from schemas.config import Config
from schemas.expectations import verdict_of
from transforms import blocks

#: What lies beside the data: what it is for machines, and last the card.
NOTES = (croissant.FILE, CARD)


@dataclass(frozen=True)
class Parcel:
    """A dataset ready to be sent.

    Attributes:
        folder: where its files are, on this machine.
        files: its data files.
        left_out: what was left out of them.
    """

    folder: Path
    files: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Of the files' names and contents: 16 hexadecimal characters."""
        return hashlib.sha256("".join(f"{one.sha256} {one.file}\n" for one in self.files).encode()).hexdigest()[:16]

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.files)

    @property
    def rows(self) -> int:
        return sum(one.rows or 0 for one in self.files)


def check(run: Finished, despite_gate: bool) -> list[Entry]:
    """The files of a run's dataset, when they may be published.

    Raises:
        UserError: the run is an audit, published nothing, failed its gate, or its files are not those that it wrote.
    """
    manifest = run.manifest
    if not run.config.policy.act:
        raise UserError(f"{run.out} is an audit: it publishes nothing. `trenchcoat curate` makes what can be published")
    told = manifest.get("files")
    if told is None:
        raise UserError(
            f"{run.out}/manifest.json does not list its files: run the same curate command again, then publish"
        )
    if not [one for one in told if one["rows"]]:
        raise UserError(f"{run.out} has no rows to publish")
    if not manifest["gate"]["passed"] and not despite_gate:
        raise UserError(
            f"{run.out} failed its gate: {failures(run)}. Mend it and run curate again; or publish it all the same "
            "with --despite-gate, which the card will say"
        )
    wanted, found = (
        {one["file"]: Entry(**one) for one in told},
        {one.file: one for one in listing(f"{run.out}/dataset")},
    )
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            raise UserError(f"{run.out}/dataset/{name} is gone: run the same curate command again")
        if name not in wanted:
            raise UserError(f"{run.out}/dataset/{name} is not of this run: its manifest does not list it")
        if wanted[name] != found[name]:
            raise UserError(
                f"{run.out}/dataset/{name} is not the file that the run wrote: it has {found[name].bytes:,} bytes and "
                f"SHA-256 {found[name].sha256[:12]}…, the manifest says {wanted[name].bytes:,} and "
                f"{wanted[name].sha256[:12]}…. Run the same curate command again, with --fresh if that is no "
                "help: the file may be the working one under another name"
            )
    return list(found.values())


def failures(run: Finished) -> str:
    """What failed in a run's gate, in words."""
    path = f"{run.out}/gate.json"
    if not blocks.exists(path):
        return "gate.json is gone"
    checks = verdict_of(blocks.read_json(path)).checks
    failed = dict.fromkeys(
        f"{one.on.split('/')[0]}: {one.name}" for one in checks if one.amiss and one.severity == "critical"
    )
    return "; ".join(failed) or "it says no more"


def licences(run: Finished) -> Combined:
    """What the licences of the sources that rows are from come to."""
    sources = run.manifest["sources"]
    return combine({name: one["licence"] for name, one in sources.items() if one["kept"] or len(sources) == 1})


def pack(run: Finished, files: list[Entry], scratch: Path, left_out: tuple[str, ...] = ()) -> Parcel:
    """The data files on this machine.

    Args:
        run: the run; of one on an object store the files are fetched.
        files: all files of its dataset.
        scratch: an empty folder for what has to be written for that.
        left_out: what is not to be published of it (`pipelines.redact.PARTS`).
    """
    data, folder = tuple(sorted(one for one in files if one.file != CARD)), Path(run.out) / "dataset"
    if blocks.is_remote(run.out):
        fs, root = opened(f"{run.out}/dataset")
        folder = scratch / "fetched"
        for one in data:
            (folder / one.file).parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(f"{root}/{one.file}", str(folder / one.file))
    if left_out:
        return Parcel(scratch / "redacted", tuple(redact(folder, data, left_out, scratch / "redacted")), left_out)
    return Parcel(folder, data)


def notes(run: Finished, parcel: Parcel, below: str, repo: str | None, url: str | None = None) -> dict[str, bytes]:
    """What lies beside the data, the card last.

    Args:
        run: the run.
        parcel: what is published of it.
        below: the folder under the card that the configurations are in, with a slash; or nothing.
        repo: what `load_dataset` calls it there, where that is known.
        url: where it can be looked at, on the hub.
    """
    config, sources = config_of(run), run.manifest["sources"]
    title = " ".join((config.publish.title or config.name).split())
    described = croissant.describe(
        title,
        config.publish.description or f"Made with Trenchcoat from {', '.join(sources)}.",
        [one["licence"] for one in sources.values() if one["licence"]],
        citation(title, config.name, version("trenchcoat"), repo),
        inspect(str(parcel.folder), list(config.split.fractions)),
        [replace(one, file=f"{below}{one.file}") for one in parcel.files],
        url,
    )
    return {croissant.FILE: described, CARD: _card(run, parcel, below, repo)}


#: Settings on a card, in fences of as many backticks as it takes.
_SETTINGS = re.compile(r"^(`{3,})yaml\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


def config_of(run: Finished) -> Config:
    """The run's configuration with its splits in the order of the run's own card: a manifest sorts its keys."""
    text = blocks.read_bytes(f"{run.out}/dataset/{CARD}").decode()
    told = _SETTINGS.findall(text)  # the last is the card's own; a description may have some, too
    settings = yaml.safe_load(told[-1][1]) if told else {}
    order = [name for name in settings.get("split", {}).get("fractions", ()) if name in run.config.split.fractions]
    fractions = dict.fromkeys(order, 0.0) | run.config.split.fractions
    return run.config.model_copy(update={"split": run.config.split.model_copy(update={"fractions": fractions})})


def _card(run: Finished, parcel: Parcel, below: str, repo: str | None) -> bytes:
    said: dict[str, Any] = run.manifest
    path, passed = f"{run.out}/gate.json", said["gate"]["passed"]
    verdict = verdict_of(blocks.read_json(path)) if blocks.exists(path) else None
    publication = Publication(
        below=below,
        address=repo,
        redacted=parcel.left_out,
        override=None if passed else failures(run),
    )
    return card_of_run(str(parcel.folder), config_of(run), said, results_of(run), verdict, publication)
