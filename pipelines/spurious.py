"""Shortcuts in a run: features beside every block, one fit that measures and balances, and what the run says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.external import External
from pipelines.strength import Strength
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.decide.split import Cut
from transforms.publish.shapes import shape
from transforms.spurious.counted import count_surface
from transforms.spurious.extra import code_hashes, extras
from transforms.spurious.features import NAMES
from transforms.spurious.given import names_of, training_split
from transforms.spurious.stage import measure_all
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"surface": 1, "shortcuts": 2}


@dataclass(frozen=True)
class Shortcuts:
    """The stage that measured and balanced, and its report (`docs/shortcuts.md`)."""

    done: Done
    report: dict[str, Any]

    def parts(self) -> list[dict[str, str]]:
        """The blocks of the rows that were added, with the folders of what lies beside them, for publication."""
        beside = {name: f"{self.done.folder}/{name}" for name in ("identity", "decided")}
        return [{"path": block.path, "name": block.path.rsplit("/", 1)[-1], **beside} for block in self.done.blocks(0)]

    @property
    def added(self) -> dict[str, int]:
        """How many rows were added, and how many of them are ties."""
        said = self.report["balance"] or {"added": 0, "added_ties": 0}
        return {"rows": said["added"], "ties": said["added_ties"]}

    def notes(self) -> list[str]:
        """What a reader must know of it, for the card."""
        pairs, balanced = self.report["pairs"], self.report["balance"]
        out = []
        if pairs and not pairs["measured"]:
            out.append(f"Shortcuts were not measured: there are {pairs['why']}.")
        if pairs and pairs["measured"]:
            ruler = pairs["rulers"]["linear"]["before"]
            flagged = [one["feature"] for one in pairs["features"] if one["flagged"] and one["of"] != "position"]
            said = f"; the labels reward most {', '.join(flagged[:5])}" if flagged else ""
            out.append(
                f"A model that never reads the answers names the better one in {ruler['accuracy']:.1%} of the training "
                f"pairs (95 % interval {ruler['low']:.1%} to {ruler['high']:.1%}){said}."
            )
        if balanced:
            after = pairs["rulers"]["linear"]["after"]["accuracy"]
            where = f"in {', '.join(balanced['balanced'])}" if balanced["balanced"] else "in no configuration"
            rest = (
                f"; {', '.join(balanced['unbalanced'])} carry no weight and are as they were"
                if balanced["unbalanced"]
                else ""
            )
            out.append(
                f"Shortcuts are balanced {where} ({balanced['output']}): such a model names {after:.1%}, and the "
                f"{balanced['rows']:,} training pairs count as {balanced['ess']:.0%} of their number{rest}."
            )
            out += balanced["notes"]
        return out


def check_features(config: Config) -> None:
    """See before any work that the features asked for are there.

    Raises:
        UserError: naming the key, what was said, and what is wrong with it.
    """
    try:
        extras(config.shortcuts.features)
    except ValueError as error:
        raise UserError(f"shortcuts.features.{error}") from error
    known = names_of(list(config.shortcuts.features))
    for key, asked in (("features", config.balance.features or []), ("match", config.balance.match)):
        unknown = [name for name in asked if name not in known]
        if unknown:
            raise UserError(f"balance.{key}: there is no feature {unknown[0]!r}; there are {', '.join(known)}")
    balanced = config.strength.balanced
    for name in [] if isinstance(balanced, bool) else balanced:
        if name not in NAMES:
            raise UserError(f"strength.balanced: detectors count no feature {name!r}; they count {', '.join(NAMES)}")


def count(every: Sequence[Block], identity: Done, engine: Engine) -> Done:
    """Features beside every block."""
    return _count(every, identity, None, {}, engine)


def count_own(config: Config, every: Sequence[Block], identity: Done, surface: Done, engine: Engine) -> Done:
    """The same with the user's own features behind them, where there are any."""
    features = config.shortcuts.features
    return _count(every, identity, surface, features, engine) if features else surface


def _count(every: Sequence[Block], identity: Done, base: Done | None, features: dict[str, str], engine: Engine) -> Done:
    counting = {"identity": identity.folder, "features": features, "base": base.folder if base else None}
    return engine.run(
        "surface",
        VERSIONS["surface"],
        [list(features), code_hashes(features)],
        [identity.key, *([base.key] if base else [])],
        len(every),
        lambda p, folder: p | "surface" >> RunTasks(
            [{**counting, "path": block.path, "name": block.sidecar} for block in every], count_surface, folder
        ),
    )  # fmt: skip


def find_shortcuts(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    signals: Done,
    surface: Done | None,
    strength: Strength | None,
    external: External | None,
    texts: Vectors | None,
    decided: Done,
    found: Sequence[Cut],
    configurations: Sequence[str],
    engine: Engine,
) -> Shortcuts | None:
    """Measure shortcuts on the kept pairs, and balance the training ones where asked to; None where neither is."""
    asked, balance = config.shortcuts, config.balance
    if not asked.find or surface is None:
        return None
    surface = count_own(config, every, identity, surface, engine)
    cuts = [vars(cut) for cut in found]
    train = training_split(list(config.split.fractions))
    settings = [asked.ceiling, asked.seed, balance.model_dump(), cuts, config.split.seed, train, list(configurations)]
    task = {
        "blocks": [{"index": b.index, "path": b.path, "name": b.sidecar, "rows": b.rows} for b in every],
        "decided": decided.folder,
        "identity": identity.folder,
        "signals": signals.folder,
        "surface": surface.folder,
        "strength": strength.scored.folder if strength else None,
        "external": external.done.folder if external else None,
        "voices": external.names if external else [],
        "texts": texts.done.folder if texts else None,
        "cuts": cuts,
        "seed": config.split.seed,
        "train": train,
        "features": names_of(list(asked.features)),
        "extra": asked.features,
        "configurations": list(configurations),
        "dimension": config.policy.dimension,
        "within": balance.within,
        "balance": balance.model_dump(),
        "ceiling": asked.ceiling,
        "shortcut_seed": asked.seed,
    }
    beside = [strength and strength.scored, external and external.done, texts and texts.done]
    done = engine.run(
        "shortcuts",
        VERSIONS["shortcuts"],
        settings,
        [decided.key, surface.key, *(done.key for done in beside if done)],
        1,
        lambda p, folder: p | "shortcuts" >> RunTasks([task], measure_all, folder),
    )
    report = blocks.read_json(f"{done.folder}/report.json")
    if report["balance"]:
        pairs = [name for name in configurations if "pair" in shape(name).kinds]
        carry = [name for name in pairs if balance.output != "weights" or shape(name).weights]
        rest = [name for name in pairs if name not in carry]
        report["balance"] |= {"split": train, "balanced": carry, "unbalanced": rest}
    return Shortcuts(done, report)
