"""`evaluate`: what it is asked for. The work is in `pipelines.evaluation`, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.answer import answer


@dataclass(frozen=True)
class EvaluateRequest:
    """What `evaluate` was asked for."""

    run: str
    scorers: Sequence[str]
    by: Sequence[str] = ()
    rows: str = "kept"
    split: str | None = None
    dimension: str | None = None
    segment: str | None = None
    resamples: int = 1000
    permutations: int = 1000
    seed: int = 0
    out: str | None = None
    flags: Sequence[str] = ()
    json: bool = False
    command: Sequence[str] = ()
    require: Sequence[str] = ()


def run_evaluate(request: EvaluateRequest) -> int:
    """Judge scorers and write OUT/evaluation.json."""

    def work() -> int:
        from pipelines.evaluation import evaluate

        return evaluate(request)

    return answer(work, request.json)
