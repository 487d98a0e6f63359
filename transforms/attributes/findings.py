"""What is different about an attribute, in plain sentences with their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

#: What is measured of rows, and how it is said.
MEASURES = {
    "error": "{inside:.1%} of the labels are contradicted by the detectors, {elsewhere:.1%} elsewhere",
    "disagreement": "two raters of a row differ by {inside:.2f} on average, by {elsewhere:.2f} elsewhere",
    "longer": "the longer side is preferred in {inside:.1%} of the pairs, in {elsewhere:.1%} elsewhere",
    "tie": "{inside:.1%} of the pairs are ties, {elsewhere:.1%} elsewhere",
}
_ROWS, _GROUPS = 50, 10


def findings(
    rows: pl.DataFrame, attributes: Mapping[str, str], level: float = 0.05
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What each attribute's rows have more or less of than the others.

    Differences of means, with deviations that allow for rows of one group being alike (clustered by group), and
    Bonferroni's correction over all attributes and measures.

    Args:
        rows: `group`, the columns of `attributes`' values (lists of names), and some of `MEASURES`, null where a row
            has none.
        attributes: from a kind of attribute to its column.
        level: family-wise.

    Returns:
        A line for each kind, attribute and measure: `kind`, `name`, `measure`, `rows`, `inside`, `elsewhere`,
        `difference`, `low` and `high` (95 %), `p` (corrected); and those below the level, the surest first, each with
        its `sentence`.
    """
    table: list[dict[str, Any]] = []
    for kind, column in attributes.items():
        names = sorted(set(rows[column].explode(empty_as_null=False, keep_nulls=False).drop_nulls().to_list()))
        for name in names:
            has = rows[column].list.contains(name).fill_null(False)
            for measure in (one for one in MEASURES if one in rows.columns):
                there = rows[measure].is_not_null()
                values = rows[measure].filter(there).to_numpy().astype(np.float64)
                inside = has.filter(there).to_numpy()
                groups = np.unique(rows["group"].filter(there).to_numpy(), return_inverse=True)[1]
                if min(inside.sum(), (~inside).sum()) < _ROWS or len(np.unique(groups[inside])) < _GROUPS:
                    continue
                table.append({"kind": kind, "name": name, "measure": measure, **_apart(values, inside, groups)})
    for line in table:
        line["p"] = min(1.0, line["p"] * len(table))
    told = sorted((line for line in table if line["p"] <= level), key=lambda one: (one["p"], one["kind"], one["name"]))
    return table, [line | {"sentence": _sentence(line)} for line in told]


def _apart(values: np.ndarray, inside: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    high, low = float(values[inside].mean()), float(values[~inside].mean())
    weight = np.where(inside, (values - high) / inside.sum(), -(values - low) / (~inside).sum())
    spread = float(np.sqrt((np.bincount(groups, weights=weight) ** 2).sum()))
    z = (high - low) / spread if spread > 0 else 0.0
    return {
        "rows": int(inside.sum()),
        "inside": round(high, 5),
        "elsewhere": round(low, 5),
        "difference": round(high - low, 5),
        "low": round(high - low - 1.96 * spread, 5),
        "high": round(high - low + 1.96 * spread, 5),
        "p": float(2 * stats.norm.sf(abs(z))),
    }


def _sentence(line: Mapping[str, Any]) -> str:
    said = MEASURES[line["measure"]].format(**line)
    return (
        f"{line['kind'].capitalize()} “{line['name']}” ({line['rows']:,} rows): {said} (difference "
        f"{line['difference']:+.3f}, 95 % interval {line['low']:+.3f} to {line['high']:+.3f})."
    )
