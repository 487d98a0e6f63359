"""Strength in a run: pairs as arrays, one fit of all detectors, signals beside every block; whether flips may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from pipelines.external import External
from pipelines.limits import self_checks
from pipelines.trusted import Trusted
from schemas.config import Config, Policy
from transforms import blocks
from transforms.blocks import Block
from transforms.embed.models import device_for
from transforms.spurious.features import NAMES
from transforms.strength.inputs import write_inputs
from transforms.strength.model import Settings
from transforms.strength.stage import fit_all, score_block
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"pairs": 4, "fit": 7, "strength": 4}


@dataclass(frozen=True)
class Strength:
    """The stages, the last of which has the signals, and the fit's report."""

    fitted: Done
    scored: Done
    report: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """What was fitted and how it did, for the manifest."""
        return {**self.report, "bins": self.scored.total.get("bins", {})}

    def notes(self, policy: Policy) -> list[str]:
        """What a reader must know of it, for the card."""
        report = self.report
        if not report["fitted"]:
            return []  # said with the limits
        out = []
        if not report["embeddings"]:
            out.append("Wrong labels were looked for by surface features alone, since nothing is embedded.")
        if report["eta_identified"]:
            out.append(
                f"About {report['eta']:.1%} of single judgements name the wrong side (from {report['eta_source']}; "
                f"95 % interval {report['eta_low']:.1%} to {report['eta_high']:.1%})."
            )
        if policy.mislabelled == "flip" and (why := _why_not(policy, report)):
            out.append(f"No label was turned round, although the policy asks for it: {why}.")
        return out


def heard(config: Config) -> dict[str, Any]:
    """Whose judgements make labels and votes, as `transforms.strength.inputs.write_inputs` is told."""
    votes = [source.name for source in config.sources if source.anonymous_copies == "votes"]
    return {"dimension": config.policy.dimension, "trusted": config.strength.trusted_raters, "votes": votes}


def find_strength(
    config: Config,
    every: Sequence[Block],
    kinds: Sequence[str],
    identity: Done,
    groups: Done,
    surface: Done | None,
    consensus: Done | None,
    texts: Vectors | None,
    trusted: Trusted | None,
    external: External | None,
    engine: Engine,
) -> Strength | None:
    """Signals on wrong labels and ambiguous pairs; None where nobody wants to know, or no row is one."""
    asked = config.strength
    if not asked.find or "pair" not in kinds or surface is None:
        return None
    names = [block.sidecar for block in every]
    common = heard(config)
    voices = external.margins.folder if external else None
    beside = [*([trusted.done] if trusted else []), *([external.margins] if external else [])]
    beside += [consensus] if consensus else []
    judged = trusted.done.folder if trusted else None
    folders = {"identity": identity.folder, "groups": groups.folder, "consensus": consensus and consensus.folder}
    shared = {**common, **folders, "surface": surface.folder, "judged": judged, "external": voices}
    pairs = engine.run(
        "pairs",
        VERSIONS["pairs"],
        common,
        [identity.key, groups.key, surface.key, *(done.key for done in beside)],
        len(every),
        lambda p, folder: (
            p
            | "pairs" >> RunTasks([{**shared, "path": b.path, "name": b.sidecar} for b in every], write_inputs, folder)
        ),
    )
    settings = Settings(
        asked.members,
        asked.folds,
        asked.ceiling,
        asked.neighbours,
        asked.references,
        asked.noise_rate,
        asked.seed,
        texts.model.device if texts else device_for(config.embed.device),
        _shortcuts(asked.balanced),
    )
    read = {"inputs": pairs.folder, "texts": texts.done.folder if texts else None}
    fitting = {**read, "names": names, "settings": asdict(settings)}
    fitted = engine.run(
        "fit",
        VERSIONS["fit"],
        asdict(settings),
        [pairs.key, *([texts.done.key] if texts else [])],
        1,
        lambda p, folder: p | "fit" >> RunTasks([fitting], fit_all, folder),
    )
    work = [{**read, "fitted": fitted.folder, "name": block.sidecar, "rows": block.rows} for block in every]
    scored = engine.run(
        "strength",
        VERSIONS["strength"],
        None,
        [fitted.key],
        len(every),
        lambda p, folder: p | "strength" >> RunTasks(work, score_block, folder),
    )
    return Strength(fitted, scored, blocks.read_json(f"{fitted.folder}/report.json"))


def _shortcuts(balanced: bool | list[str]) -> list[int]:
    """The places of the features that shall not pay among those that are counted."""
    named = list(NAMES) if balanced is True else balanced or []
    return [NAMES.index(name) for name in named]


def gated(policy: Policy, found: Strength | None) -> Policy:
    """The policy as it can be carried out: without flips where they would not be right often enough."""
    if policy.mislabelled != "flip" or found is None or not _why_not(policy, found.report):
        return policy
    return policy.model_copy(update={"mislabelled": policy.flip_otherwise})


def _why_not(policy: Policy, report: dict[str, Any]) -> str:
    """Why no label may be flipped; empty where labels may."""
    if not report["fitted"]:
        return "wrong labels were not looked for"
    if not report["eta_identified"]:
        return "how many labels are wrong is not known, nor are there relabels of trusted raters"
    # What was checked at the next lower threshold had more false alarms, not fewer.
    below = [check for check in self_checks(policy, report) if check["threshold"] <= policy.mislabelled_at + 1e-9]
    if not below:
        return f"policy.mislabelled_at is {policy.mislabelled_at:g}, lower than what was checked"
    at = max(check["threshold"] for check in below)
    bound = min(check["precision_bound"] for check in below if check["threshold"] == at)
    if bound >= policy.flip_precision:
        return ""
    return (
        f"by the self-check's lower bound {bound:.0%} of flips would be right, and {policy.flip_precision:.0%} must be"
    )
