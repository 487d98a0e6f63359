"""What an evaluation must show for it to pass: `--require pairs/scorers/rm/accuracy>=0.7`."""

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


def plan_requirements(given: Sequence[str]) -> list[Requirement]:
    """Read requirements; raises UserError for one that is none."""
    out = []
    for one in given:
        found = re.fullmatch(r"\s*(.+?)\s*(>=|<=|>|<)\s*(-?[\d.]+(?:[eE]-?\d+)?)\s*", one)
        if found is None:
            raise UserError(f"--require {one!r}: is not PATH>=NUMBER, such as pairs/scorers/length/accuracy<=0.55")
        out.append(Requirement(found[1], found[2], float(found[3])))
    return out


def judge(requirements: Sequence[Requirement], report: dict[str, Any]) -> list[dict[str, Any]]:
    """What each requirement finds in a report: `required`, `observed`, `met`. A figure that is not defined meets none.

    Raises:
        UserError: there is no such figure; says what there is.
    """
    out = []
    for one in requirements:
        value: Any = report
        for step in one.path.split("/"):
            if not isinstance(value, dict) or step not in value:
                there = list(value) if isinstance(value, dict) else []
                near = difflib.get_close_matches(step, there, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise UserError(
                    f"--require {one}: there is no {step!r}{hint} There are {', '.join(there) or 'no parts'}"
                )
            value = value[step]
        if isinstance(value, dict | list | str):
            raise UserError(f"--require {one}: {one.path} is no number")
        met = value is not None and _COMPARE[one.sign](float(value), one.limit)
        out.append({"required": str(one), "observed": value, "met": met})
    return out
