"""`ablate`: what it is asked for. The work is in `pipelines.ablation`, which takes seconds to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.answer import answer


@dataclass(frozen=True)
class AblateRequest:
    """What `ablate` was asked for."""

    config: str | None
    out: str | None
    inputs: Sequence[str] = ()
    format: str | None = None
    sets: Sequence[str] = ()
    gold: Sequence[str] = ()
    held_out: float = 0.25
    seeds: int = 5
    seed: int = 0
    resamples: int = 2000
    flags: Sequence[str] = ()
    json: bool = False
    command: Sequence[str] = ()


def run_ablate(request: AblateRequest) -> int:
    """Train arms, judge them, and write OUT/ablation.json."""

    def work() -> int:
        from pipelines.ablation import ablate

        return ablate(request)

    return answer(work, request.json)
