"""Slices in a run: a signal for every row, one search, which rows are in what was found, and how splits hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import polars as pl

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from pipelines.strength import Strength
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.decide.split import Cut
from transforms.decide.split import assign as split_of
from transforms.publish.shapes import KEPT
from transforms.slices.find import Settings
from transforms.slices.rates import rate
from transforms.slices.signals import write_signals
from transforms.slices.stage import assign, find_all
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"signals": 2, "find": 1, "slices": 1}


@dataclass(frozen=True)
class Slices:
    """The stages, the last of which says of each row which slices it is in, and what was found."""

    signals: Done
    found: Done
    assigned: Done
    report: dict[str, Any]
    splits: dict[int, dict[str, Any]] = field(default_factory=dict)

    def told(self) -> list[dict[str, Any]]:
        """Each slice with its rows in the whole run."""
        total = self.assigned.total
        sizes, highs = total.get("sizes", {}), total.get("highs", {})
        return [
            one | {"rows": sizes.get(key, 0), "rate_of_all": round(highs.get(key, 0.0) / max(sizes.get(key, 0), 1), 5)}
            for one in self.report["slices"]
            for key in [str(one["slice"])]
        ]

    def to_dict(self) -> dict[str, Any]:
        """What was found, for the manifest: everything but texts."""
        brief = (
            "slice", "signal", "view", "method", "rows", "rate", "low", "high", "elsewhere", "p", "stability",
            "keywords",
        )  # fmt: skip
        return {
            "looked_at": self.report["looked_at"],
            "slices": [{name: one[name] for name in brief} for one in self.told()],
        }

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        return [_said(one) for one in self.told()[:3]]


def _said(one: dict[str, Any]) -> str:
    what = (
        f"{one['rate']:.1%} of the labels are contradicted by the detectors"
        if one["signal"] == "error"
        else f"two raters differ by {one['rate']:.2f}"
    )
    rest = f"{one['elsewhere']:.1%}" if one["signal"] == "error" else f"{one['elsewhere']:.2f}"
    words = ", ".join(one["keywords"][:5]) or "no word of its own"
    return (
        f"Slice {one['slice']} ({words}; {one['rows']:,} rows): {what} (95 % interval {one['low']:.3f} to "
        f"{one['high']:.3f}), {rest} elsewhere; chance gives such a slice in {one['p']:.1%} of runs."
    )


def find_slices(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    groups: Done,
    texts: Vectors | None,
    strength: Strength | None,
    engine: Engine,
) -> Slices | None:
    """Regions where labels go wrong or raters disagree; None where nothing is embedded or nobody wants to know."""
    asked = config.slices
    if texts is None or not asked.find:
        return None
    scored = strength.scored if strength else None
    common = {
        "identity": identity.folder,
        "groups": groups.folder,
        "strength": scored.folder if scored else None,
        "dimension": config.policy.dimension,
    }
    signals = engine.run(
        "slice-signals",
        VERSIONS["signals"],
        config.policy.dimension,
        [identity.key, groups.key, *([scored.key] if scored else [])],
        len(every),
        lambda p, folder: (
            p
            | "slice-signals"
            >> RunTasks([{**common, "path": b.path, "name": b.sidecar} for b in every], write_signals, folder)
        ),
    )
    chosen = asked.model_dump(exclude={"find", "ceiling"})
    settings = Settings(**{**chosen, "resolutions": tuple(asked.resolutions), "device": texts.model.device})
    mask = config.policy.pii == "mask"
    finding = {
        "blocks": [vars(block) for block in every],
        "signals": signals.folder,
        "texts": texts.done.folder,
        "settings": asdict(settings),
        "ceiling": asked.ceiling,
        "mask": mask,
    }
    found = engine.run(
        "slice-search",
        VERSIONS["find"],
        [asdict(settings), asked.ceiling, mask],
        [signals.key, texts.done.key],
        1,
        lambda p, folder: p | "slice-search" >> RunTasks([finding], find_all, folder),
    )
    shared = {"signals": signals.folder, "texts": texts.done.folder, "found": found.folder}
    work = [{**shared, "name": block.sidecar, "rows": block.rows} for block in every]
    assigned = engine.run(
        "slices",
        VERSIONS["slices"],
        None,
        [found.key],
        len(every),
        lambda p, folder: p | "slices" >> RunTasks(work, assign, folder),
    )
    return Slices(signals, found, assigned, blocks.read_json(f"{found.folder}/slices.json"))


def write_slices(out: str, found: Slices | None) -> None:
    """Write `slices.json`: what was found, and how much of each split every slice is; nothing of an older run."""
    target = f"{out}/slices.json"
    if found is None:
        blocks.remove(target)
        return
    told = [one | {"splits": found.splits.get(one["slice"], {})} for one in found.told()]
    blocks.write_json({"looked_at": found.report["looked_at"], "slices": told}, target)


def across_splits(
    found: Slices | None, every: Sequence[Block], decided: Done, cuts: Sequence[Cut], seed: int
) -> Slices | None:
    """The slices with how much of each split they are: kept rows, share of the split, the rate with its interval."""
    if found is None or not found.report["slices"]:
        return found
    parts = []
    for block in every:
        verdicts = blocks.read_frame(f"{decided.folder}/{block.sidecar}", ["action", "group_id", "settled"])
        slices = blocks.read_frame(f"{found.assigned.folder}/{block.sidecar}", ["slices"])
        signals = blocks.read_frame(
            f"{found.signals.folder}/{block.sidecar}", ["row", "error", "disagreement", "group"]
        )
        whole = verdicts.hstack(slices).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
        kept = whole.filter(pl.col("action").is_in(KEPT)).join(signals, on="row", how="inner", maintain_order="left")
        parts.append(
            kept.select(
                "slices", "error", "disagreement", "group", split=split_of(pl.col("group_id"), cuts, seed, "settled")
            )
        )
    rows = pl.concat(parts)
    sizes = dict(rows["split"].value_counts().iter_rows())
    kinds = {one["slice"]: one["signal"] for one in found.report["slices"]}
    listed = rows.explode("slices", empty_as_null=False, keep_nulls=False)
    out: dict[int, dict[str, Any]] = {}
    for (number, split), mine in sorted(listed.partition_by("slices", "split", as_dict=True).items()):
        inside, low, high = rate(mine[kinds[number]].to_numpy(), mine["group"].to_numpy())
        out.setdefault(number, {})[split] = {
            "rows": mine.height,
            "share": round(mine.height / sizes[split], 5),
            "rate": round(inside, 5),
            "low": round(low, 5),
            "high": round(high, 5),
        }
    return replace(found, splits=out)
