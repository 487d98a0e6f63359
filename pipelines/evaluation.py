"""`evaluate`: how well scorers, reward models and metrics alike, agree with the people of a finished run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import orjson

from pipelines.engine import Done, Engine
from pipelines.errors import DONE, FAILED_GATE, UserError
from pipelines.evaluate import EvaluateRequest
from pipelines.evaluate_text import table_of
from pipelines.finished import Finished
from pipelines.progress import Reporter
from pipelines.report import rewrite
from pipelines.require import judge, plan_requirements
from pipelines.runner import beam_options
from pipelines.scorers import Scorer, find_column, lineage_of, plan_scorers, score, starts_of
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.meta.named import Named
from transforms.meta.stage import BASELINES, find_lines, judge_all
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"lines": 4, "evaluate": 6}


def evaluate(request: EvaluateRequest) -> int:
    """Judge scorers, write `evaluation.json`, and print it.

    Raises:
        UserError: a mistake in what was asked for.
    """
    run = Finished.at(request.run)
    with run.understood():
        return _evaluate(request, run)


def _evaluate(request: EvaluateRequest, run: Finished) -> int:
    _check(request, run)
    requirements = plan_requirements(request.require)
    options = beam_options(request.flags)
    by = [find_column(name, run, "--by") for name in dict.fromkeys(request.by)]
    segment = [find_column(name, run, "--segment") for name in (request.segment or "").split(",") if name]
    scorers = plan_scorers(request.scorers, run)
    engine = Engine(f"{run.out}/work", options, Reporter(request.json))
    every = run.blocks()
    lines = _lines(request, run, by, segment, every, engine)
    if not lines.total["pairs"] + lines.total["rated"] + lines.total["steps"]:
        of = f" of the split {request.split!r}" if request.split else ""
        raise UserError(
            f"{run.out}: there are no judged pairs, ratings, rankings or steps{of} among its {request.rows} rows"
        )
    _check_lines(request, lines.total)
    scored = {one.name: score(one, every, run, engine) for one in scorers}
    done = _judge(request, by, lines, scorers, scored, run.left("trajectories"), every, engine)
    report = {
        "trenchcoat": version("trenchcoat"),
        "command": shlex.join(request.command),
        "run": {"name": run.manifest["name"], "out": run.out, "lineage": lineage_of(run)},
        "rows": request.rows,
        "split": request.split,
        "settings": _settings(request),
        "baselines": list(BASELINES),
        "scorers": [one.to_dict() | {"rows": scored[one.name].total["scored"]} for one in scorers],
        **blocks.read_json(f"{done.folder}/evaluation.json"),
    }
    report["requirements"] = judge(requirements, report)
    met = all(one["met"] for one in report["requirements"])
    out = (request.out or run.out).rstrip("/")
    blocks.write_json(report, f"{out}/evaluation.json")
    if out == run.out:
        rewrite(out)
    if request.json:
        print(orjson.dumps(report).decode())
        return DONE if met else FAILED_GATE
    print(table_of(report))
    print(f"\nevaluation    {out}/evaluation.json    intervals, calibration, slices, systems: every figure")
    for one in report["requirements"]:
        print(f"{'met' if one['met'] else 'NOT met'}: {one['required']}; it is {one['observed']}")
    return DONE if met else FAILED_GATE


def _settings(request: EvaluateRequest) -> dict[str, int]:
    return {"resamples": request.resamples, "permutations": request.permutations, "seed": request.seed}


def _check(request: EvaluateRequest, run: Finished) -> None:
    if request.rows not in ("kept", "all"):
        raise UserError(f"--rows {request.rows!r}: allowed are kept (as curated) and all (labels as recorded)")
    splits = list(run.manifest["splits"])
    if request.split is not None and request.split not in splits:
        raise UserError(f"--split {request.split!r}: the run has {', '.join(splits) or 'no splits'}")
    if request.rows == "all" and request.split is not None:
        raise UserError("--split: only kept rows are in splits; leave out --rows all")


def _check_lines(request: EvaluateRequest, found: dict[str, Any]) -> None:
    """See that what was asked for by name is there, now that the rows were looked at."""
    known = found["dimensions"]
    if request.dimension is not None and request.dimension not in known:
        there = f"there are {', '.join(known)}" if known else "there are none at all"
        raise UserError(f"--dimension {request.dimension!r}: there are no ratings or rankings on it; {there}")
    if request.segment and not found["segmented"]:
        raise UserError(f"--segment {request.segment!r}: no row has a value of each of these columns")


def _lines(
    request: EvaluateRequest,
    run: Finished,
    by: Sequence[Named],
    segment: Sequence[Named],
    every: Sequence[Block],
    engine: Engine,
) -> Done:
    """What is judged, block by block."""
    common = {
        "ledger": f"{run.out}/ledger.parquet",
        "identity": run.needed("identity"),
        "signals": run.needed("signals"),
        "decided": run.needed("decide"),
        "rows": request.rows,
        "split": request.split,
        "dimension": Config.model_validate(run.manifest["config"]).policy.dimension,
        "by": [asdict(one) for one in by],
        "segment": [asdict(one) for one in segment],
    }
    first = starts_of(every)
    work = [{**common, "path": one.path, "name": one.sidecar, "first": first[one.index]} for one in every]
    told = [request.rows, request.split, [one.name for one in by], request.segment]
    return engine.run(
        "lines",
        VERSIONS["lines"],
        told,
        [lineage_of(run)],
        len(work),
        lambda p, folder: p | "lines" >> RunTasks(work, find_lines, folder),
    )


def _judge(
    request: EvaluateRequest,
    by: Sequence[Named],
    lines: Done,
    scorers: Sequence[Scorer],
    scored: dict[str, Done],
    frames: str | None,
    every: Sequence[Block],
    engine: Engine,
) -> Done:
    """All scorers on all lines, in one place."""
    lower = [one.name for one in scorers if one.lower]
    told = {"by": [one.name for one in by], "dimension": request.dimension, "settings": _settings(request)}
    task = {
        **told,
        "names": [block.sidecar for block in every],
        "lines": lines.folder,
        "scores": {name: done.folder for name, done in scored.items()},
        "lower": lower,
        "frames": frames,
    }
    return engine.run(
        "evaluate",
        VERSIONS["evaluate"],
        [told, lower, list(scored)],
        [lines.key, *(done.key for done in scored.values())],
        1,
        lambda p, folder: p | "evaluate" >> RunTasks([task], judge_all, folder),
    )
