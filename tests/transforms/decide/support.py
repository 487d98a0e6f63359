"""Judgements as tests of decisions make them."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]


def judged(value: float, dimension: str = "overall", count: int = 1, **other: Any) -> Raw:
    return {"value": float(value), "dimension": dimension, "count": count} | other


def concluded(soft_label: float | None, dimension: str = "overall", **other: Any) -> Raw:
    """What raters conclude together of a row."""
    quiet = {"tied": 0.0, "left_out": 0, "component": 0, "reversal": False}
    return quiet | {"dimension": dimension, "soft_label": soft_label} | other
