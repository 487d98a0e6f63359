"""Where rows went: the ledger's verdicts counted, and rows chosen for each of them by their hash."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
import polars_hash  # noqa: F401 - brings the name space `nchash` to expressions

from pipelines.finished import Finished
from pipelines.report.parts import SHOWN
from schemas.config import Policy
from schemas.verdict import MERGED
from transforms.decide.policy import clauses
from transforms.publish.shapes import KEPT

#: The order in which rows are chosen to be shown: by a hash of their names, whatever their order.
CHANCE = pl.col("row_id").nchash.xxh3_64()  # type: ignore[attr-defined]
_JOIN = "\x1f"


@dataclass
class Group:
    """Rows that went one way for one reason: how many, and the first by hash of them."""

    rows: int = 0
    chosen: list[tuple[int, int]] = field(default_factory=list)

    def add(self, rows: int, chosen: Sequence[tuple[int, int]]) -> None:
        self.rows += rows
        self.chosen = sorted([*self.chosen, *chosen])[:SHOWN]

    @property
    def places(self) -> list[int]:
        return [place for _, place in self.chosen]


@dataclass(frozen=True)
class Fates:
    """Verdicts counted.

    Attributes:
        reasons: rows with a reason, by action and reason; a row counts for each of its reasons.
        deciding: how many rows the reason is the one that decided, by action and reason.
        kept: rows kept, by split.
        clean: rows kept without any reason.
        actions: how many rows each action has.
    """

    reasons: dict[tuple[str, str], Group]
    deciding: Counter[tuple[str, str]]
    kept: dict[str, Group]
    clean: Group
    actions: Counter[str]


def fates(run: Finished) -> Fates:
    """Count the ledger in one reading; what is held of it are counts of the combinations that occur."""
    ledger = run.ledger().select("action", "place", "split", reasons=pl.col("reasons").list.join(_JOIN), chance=CHANCE)
    counted = (
        ledger.group_by("action", "reasons", "split")
        .agg(
            rows=pl.len(),
            chance=pl.col("chance").bottom_k(SHOWN).sort(),
            place=pl.col("place").bottom_k_by("chance", SHOWN).sort_by(pl.col("chance").bottom_k_by("chance", SHOWN)),
        )
        .sort("action", "reasons", "split")
        .collect(engine="streaming")
    )
    acting = deciders(run.config.policy)
    out = Fates(defaultdict(Group), Counter(), defaultdict(Group), Group(), Counter())
    for line in counted.to_dicts():
        action, reasons = line["action"], line["reasons"].split(_JOIN) if line["reasons"] else []
        chosen = list(zip(line["chance"], line["place"], strict=True))
        out.actions[action] += line["rows"]
        for reason in dict.fromkeys(reasons):
            out.reasons[action, reason].add(line["rows"], chosen)
        if action in KEPT:
            out.kept[line["split"]].add(line["rows"], chosen)
            if not reasons:
                out.clean.add(line["rows"], chosen)
        if reasons:
            decided = next((reason for reason in reasons if reason in acting.get(action, ())), reasons[0])
            out.deciding[action, decided] += line["rows"]
    return out


def deciders(policy: Policy) -> dict[str, set[str]]:
    """The reasons for which a policy takes each action."""
    out: dict[str, set[str]] = defaultdict(set)
    out[MERGED].add("part_of_row")
    for clause in clauses(policy, {}):
        out[clause.action].add(clause.reason)
        if clause.action == "flip":
            out[policy.flip_otherwise].add(clause.reason)
    return out
