"""Figures that a run must reach to pass its gate: `gate.require`, read before any work and asked when all is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import UserError
from pipelines.require import NoFigure, Requirement, figure_at, near, plan_requirements
from pipelines.results import Results
from schemas.config import Config
from schemas.expectations import GATE_METRICS, SPLIT_METRICS, Check, Expected, metric_names
from schemas.results import PARTED, REPORTS, RESULTS, VOICE, VOICE_TAKES

_WHERE = "gate.require"
#: What it takes for a report to be there.
_TAKES = {
    "evaluation": "it takes `trenchcoat evaluate` on this run, and `trenchcoat validate` then",
    "ablation": "it takes `trenchcoat ablate` with this configuration and --out, and `trenchcoat validate` then",
}
_TYPE = "expect_column_max_to_be_between"


@dataclass(frozen=True)
class Required:
    """What is asked of a run's figures.

    Attributes:
        asked: one expectation for each requirement whose figure is there.
        found: those figures, by path.
        missing: the failed checks of the others, with why.
    """

    asked: list[Expected]
    found: dict[str, float]
    missing: list[Check]


def check_required(config: Config, configurations: Sequence[str], voices: Sequence[str]) -> None:
    """See before any work that the figures required can be there.

    Args:
        config: of the run.
        configurations: what may be published.
        voices: names of the user's own voices.

    Raises:
        UserError: naming the requirement, what is wrong with it, and what there is.
    """
    splits = list(config.split.fractions)
    names = [*RESULTS, *(f"{VOICE}{name}" for name in voices), *metric_names(configurations, splits)]
    for one in plan_requirements(config.gate.require, _WHERE):
        first, *rest = one.path.split("/")
        if first in REPORTS:
            if len(rest) < 2 or rest[0] not in REPORTS[first]:
                given = rest[0] if rest else ""
                raise UserError(
                    f"{_WHERE} {str(one)!r}: {first}.json has no figures under {given!r}"
                    f"{near(given, REPORTS[first])} There are {', '.join(REPORTS[first])}, each with a path below it"
                )
        elif one.path not in names and not (first in PARTED and rest):
            shown = [name for name in names if name not in GATE_METRICS]
            raise UserError(
                f"{_WHERE} {str(one)!r}: there is no figure {one.path!r}{near(one.path, names)} There are "
                f"{', '.join(shown)}; parts of {', '.join(PARTED)} (alpha/SOURCE/KIND/DIMENSION); and "
                f"{', '.join(f'{name}/…' for name in REPORTS)}"
            )
        elif first in PARTED and rest and rest[0] not in (sources := [source.name for source in config.sources]):
            raise UserError(
                f"{_WHERE} {str(one)!r}: there is no source {rest[0]!r}{near(rest[0], sources)} There are "
                f"{', '.join(sources)}"
            )


def asked_of(given: Sequence[str], metrics: dict[str, float], results: Results) -> Required:
    """What is asked of a run's figures, and which of those it does not have.

    Args:
        given: `gate.require`.
        metrics: the gate's own figures.
        results: of the run.
    """
    known: dict[str, float] = metrics | results.figures
    out = Required([], {}, [])
    for one in plan_requirements(given, _WHERE):
        value, why = _figure(one.path, known, results)
        kwargs = {"column": one.path, **_bounds(one)}
        if value is None:
            out.missing.append(Check(str(one), _TYPE, "metrics", "critical", "error", f"no figure: {why}", kwargs))
        else:
            out.found[one.path] = float(value)
            out.asked.append(Expected(str(one), _TYPE, kwargs))
    return out


def _bounds(one: Requirement) -> dict[str, Any]:
    end = "min" if one.sign.startswith(">") else "max"
    return {f"{end}_value": one.limit, **({f"strict_{end}": True} if len(one.sign) == 1 else {})}


def _figure(path: str, known: dict[str, float], results: Results) -> tuple[float | None, str]:
    """A figure, or why there is none."""
    first, _, rest = path.partition("/")
    if first not in REPORTS:
        return known.get(path), _why(path, known)
    if first in results.stale:
        return None, f"{first}.json is of another run, or of another state of this one; {_TAKES[first]}"
    report = results.reports()[first]
    if report is None:
        return None, f"there is no {first}.json; {_TAKES[first]}"
    try:
        return figure_at(report, rest), "it is not defined"
    except NoFigure as error:
        return None, str(error)


def _why(path: str, known: dict[str, float]) -> str:
    name = path.split("/")[0]
    if name in PARTED and name != path and name in known:
        parts = [one for one in known if one.startswith(f"{name}/")]
        return f"nothing was measured there{near(path, parts)} There are {', '.join(parts)}"
    if name in RESULTS:
        return RESULTS[name][1]
    if name.startswith(SPLIT_METRICS):
        return "this run has no such split"
    return VOICE_TAKES if name.startswith(VOICE) else "this run does not publish what it is of"
