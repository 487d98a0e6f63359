"""Rows assigned to attributes by a linear programme (QualEval: Murahari et al. 2023).

Each row gets exactly `each` attributes, each attribute between its quota's bounds of rows, and the sum of affinities is
the greatest there is. Bounds are whole numbers, so the programme's corners are, too (it is a transportation problem,
whose matrix is totally unimodular): no integer programme is needed.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

#: Rows that are assigned at once; more are cut into parts that each meet the quotas.
AT_ONCE = 5_000


class InfeasibleQuotas(ValueError):
    """Quotas that no assignment meets."""


def bounds(rows: int, quotas: np.ndarray, slack: float, each: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The fewest and the most rows of each attribute.

    Args:
        rows: how many.
        quotas: share of the assignments that each attribute should have; they sum to 1 [attributes].
        slack: by what share of it a quota may be missed.
        each: attributes a row.

    Raises:
        InfeasibleQuotas: an attribute should have more assignments than there are rows.
    """
    wanted = each * rows * quotas
    low, high = np.ceil((1 - slack) * wanted - 1e-9), np.floor((1 + slack) * wanted + 1e-9)
    # Where no whole number lies between, the two beside it do.
    narrow = low > high
    low, high = np.where(narrow, np.floor(wanted), low), np.minimum(np.where(narrow, np.ceil(wanted), high), rows)
    if (low > rows).any():
        worst = int(np.argmax(low))
        raise InfeasibleQuotas(
            f"attribute {worst} should have {quotas[worst]:.1%} of the assignments, at least {low[worst]:.0f} rows of "
            f"{rows}; each has it once, so a quota is at most {1 / (each * (1 - slack)):.1%}"
        )
    if low.sum() > each * rows or high.sum() < each * rows:
        raise InfeasibleQuotas(
            f"{rows} rows with {each} attributes each are {each * rows} assignments; the quotas allow "
            f"{low.sum():.0f} to {high.sum():.0f}"
        )
    return low, high


def assign(affinity: np.ndarray, quotas: np.ndarray, slack: float = 0.1, each: int = 2) -> np.ndarray:
    """Which attributes each row gets.

    Args:
        affinity: of each row to each attribute; rows in an order that says nothing [rows, attributes].
        quotas: share of the assignments of each attribute; they sum to 1 [attributes].
        slack: by what share of it a quota may be missed.
        each: attributes a row.

    Returns:
        Whether a row has an attribute; every row has `each` [rows, attributes].

    Raises:
        InfeasibleQuotas: no assignment meets the quotas.
    """
    rows, count = affinity.shape
    if each > count:
        raise InfeasibleQuotas(f"{each} of {count} attributes cannot be assigned")
    parts = max(1, -(-rows // AT_ONCE))
    return np.concatenate([_solve(part, quotas, slack, each) for part in np.array_split(affinity, parts)])


def _solve(affinity: np.ndarray, quotas: np.ndarray, slack: float, each: int) -> np.ndarray:
    rows, count = affinity.shape
    if not rows:
        return np.zeros((0, count), dtype=bool)
    low, high = bounds(rows, quotas, slack, each)
    size = rows * count
    cells, ones = np.arange(size), np.ones(size)
    of_rows = csr_array((ones, cells, np.arange(0, size + 1, count)), shape=(rows, size))
    of_attributes = csr_array((ones, (cells % count, cells)), shape=(count, size))
    found = linprog(
        -affinity.ravel(),
        A_ub=vstack([of_attributes, -of_attributes]),
        b_ub=np.concatenate([high, -low]),
        A_eq=of_rows,
        b_eq=np.full(rows, float(each)),
        bounds=(0, 1),
        method="highs-ds",
    )
    if found.status != 0:
        raise InfeasibleQuotas(f"no assignment of {rows} rows to {count} attributes: {found.message}")
    chosen: np.ndarray = found.x.reshape(rows, count) > 0.5
    counts = chosen.sum(axis=0)
    if (chosen.sum(axis=1) != each).any() or (counts < low).any() or (counts > high).any():
        raise RuntimeError("the linear programme's solution is not whole")
    return chosen
