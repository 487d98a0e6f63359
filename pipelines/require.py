"""What figures must show: `evaluate --require pairs/scorers/rm/accuracy>=0.7`, and the gate's `alpha>=0.4`."""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UserError

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@dataclass(frozen=True)
class Requirement:
    """A figure of the report, by its path, and what it is held against."""

    path: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.path}{self.sign}{self.limit:g}"


class NoFigure(Exception):
    """A report has no such figure; says what there is."""


def plan_requirements(given: Sequence[str], where: str = "--require") -> list[Requirement]:
    """Read requirements; raises UserError for one that is none, naming the flag or key that it was given under."""
    out = []
    for one in given:
        found = re.fullmatch(r"\s*(.+?)\s*(>=|<=|>|<)\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE]-?\d+)?)\s*", one)
        if found is None:
            raise UserError(f"{where} {one!r}: is not PATH>=NUMBER, such as pairs/scorers/length/accuracy<=0.55")
        out.append(Requirement(found[1], found[2], float(found[3])))
    return out


def judge(requirements: Sequence[Requirement], report: dict[str, Any]) -> list[dict[str, Any]]:
    """What each requirement finds in a report: `required`, `observed`, `met`. A figure that is not defined meets none.

    Raises:
        UserError: there is no such figure; says what there is.
    """
    out = []
    for one in requirements:
        try:
            value = figure_at(report, one.path)
        except NoFigure as error:
            raise UserError(f"--require {one}: {error}") from error
        met = value is not None and _COMPARE[one.sign](value, one.limit)
        out.append({"required": str(one), "observed": value, "met": met})
    return out


def figure_at(report: dict[str, Any], path: str) -> float | None:
    """The figure at a path of a report; None for one that is not defined. Raises NoFigure where there is none."""
    value: Any = report
    for step in path.split("/"):
        if not isinstance(value, dict) or step not in value:
            there = list(value) if isinstance(value, dict) else []
            raise NoFigure(f"there is no {step!r}{near(step, there)} There are {', '.join(there) or 'no parts'}")
        value = value[step]
    if isinstance(value, dict | list | str):
        raise NoFigure(f"{path} is no number")
    found: float | None = value
    return found


def near(name: str, names: Sequence[str]) -> str:
    """A hint at the name that was meant, where one is close."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else "."
