"""`ablate`: does curation help? The same small head on what each part of it leaves, judged on rows set apart before."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson

from pipelines import config as configuration
from pipelines.ablate import AblateRequest
from pipelines.ablate_text import table_of
from pipelines.curate import curate
from pipelines.embedding import plan_models
from pipelines.engine import Done, Engine
from pipelines.errors import DONE, UserError
from pipelines.external import plan_external
from pipelines.plan import plan_benchmarks, plan_sources
from pipelines.progress import Reporter
from pipelines.report import rewrite
from pipelines.results import acts_of
from pipelines.runner import beam_options
from pipelines.spurious import VERSIONS as SHORTCUTS
from pipelines.spurious import count, count_own
from pipelines.strength import VERSIONS as DETECTORS
from pipelines.strength import Strength, gated, heard
from pipelines.trusted import plan_relabels
from pipelines.verdicts import VERSIONS as VERDICTS
from schemas.config import Config
from transforms import blocks
from transforms.ablate.arms import STAGES, Arm, arms_of, controls_of, switched
from transforms.ablate.compare import Outcome, outcome
from transforms.ablate.freeze import freeze
from transforms.ablate.lines import touched
from transforms.ablate.proxies import predicts
from transforms.ablate.rows import GROUPS, HELD, PAIRS, enough, evaluated, write_rows
from transforms.ablate.stage import make_arm, train
from transforms.arrays import read_array
from transforms.blocks import Block, read_frame
from transforms.decide.stage import FACTS
from transforms.spurious.given import names_of
from transforms.strength.inputs import write_inputs
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"freeze": 1, "ablate-rows": 1, "arms": 1, "ablate": 2}
#: The name of each fact's stage, where that is another.
_STAGES = {"known": "", "contamination": "contamination", "ratings": "", "steps": "steps", "mixture": "", "balance": ""}
#: Balance that makes no rows.
_BALANCES = ("weights", "subsample", "match")


@dataclass
class _Shared:
    """What stages before the arms left."""

    every: list[Block]
    identity: Done
    groups: Done
    frozen: Done


def ablate(request: AblateRequest) -> int:
    """Train every arm, judge all on the same rows, write `ablation.json`, and print it.

    Raises:
        UserError: a mistake in what was asked for, or too few pairs.
    """
    config, options = _plan(request), beam_options(list(request.flags))
    out = str(request.out).rstrip("/")
    engine = Engine(f"{out}/work", options, Reporter(request.json))
    config, shared = _curated(request, config, out, engine)
    rows = _rows(config, request, shared, engine)
    said = blocks.read_json(f"{rows.folder}/report.json")
    if not enough(said):
        raise UserError(
            f"{said['train']} pairs with a preference in {said['train_groups']} groups to train on, {said['evaluate']} "
            f"in {said['evaluate_groups']} to evaluate on: {PAIRS} and {HELD} are needed, in {GROUPS} groups each"
        )
    arms, made, idle = _arms(config, shared, rows, engine)
    every, sizes = _with_controls(arms, made)
    trained = _train(request, every, sizes, said["ridge"], rows, made, engine)
    report = {
        "trenchcoat": version("trenchcoat"),
        "command": shlex.join(request.command),
        "name": config.name,
        "run": {"groups": shared.groups.key, "acts": acts_of(config)},
        "settings": {
            "held_out": None if request.gold else request.held_out, "gold": list(request.gold),
            "seeds": request.seeds, "seed": request.seed, "resamples": request.resamples,
        },
        "rows": said,
        "stages": [stage for stage in STAGES if any(stage in arm.on for arm in arms)],
        "idle": idle,
        **_concluded(request, every, rows, trained),
    }  # fmt: skip
    blocks.write_json(report, f"{out}/ablation.json")
    rewrite(out)
    if request.json:
        print(orjson.dumps(report, option=orjson.OPT_SORT_KEYS).decode())
    else:
        print(table_of(report))
        print(f"\nablation      {out}/ablation.json    every arm, seed, proxy and interval")
    return DONE


def _plan(request: AblateRequest) -> Config:
    if request.out is None:
        raise UserError("--out: name the folder for the results")
    if not 0 < request.held_out < 1:
        raise UserError(f"--held-out {request.held_out:g}: is a share of the groups, between 0 and 1")
    config = configuration.load(request.config, list(request.inputs), request.format, list(request.sets), [])
    names = [source.name for source in config.sources]
    unknown = [name for name in request.gold if name not in names]
    if unknown:
        raise UserError(f"--gold {unknown[0]}: there is no source of that name; there are {', '.join(names)}")
    if set(request.gold) == set(names):
        raise UserError(f"--gold: {', '.join(names)} is every source, and none is left to train on")
    if config.balance.output not in ("off", *_BALANCES):
        raise UserError(
            f"balance.output: {config.balance.output} makes rows, which ablate does not; allowed are off, "
            f"{', '.join(_BALANCES)}"
        )
    return config.model_copy(update={"against": []})


def _curated(request: AblateRequest, config: Config, out: str, engine: Engine) -> tuple[Config, _Shared]:
    """Run the stages that all arms share, with the rows that evaluate hidden from all that learns from labels."""
    shared: list[_Shared] = []

    def hide(every: list[Block], identity: Done, groups: Done) -> Done:
        asked = {"gold": sorted(request.gold), "share": request.held_out, "seed": request.seed}
        task = {**asked, "blocks": _named(every), "identity": identity.folder, "groups": groups.folder}
        done = engine.run(
            "freeze",
            VERSIONS["freeze"],
            asked,
            [identity.key, groups.key],
            1,
            lambda p, folder: p | "freeze" >> RunTasks([task], freeze, folder),
        )
        shared.append(_Shared(every, identity, groups, done))
        return done

    sources, benchmarks = plan_sources(config), plan_benchmarks(config)
    relabels, voices = plan_relabels(config, out), plan_external(config)
    config, models = plan_models(config)
    asked = config.model_copy(
        update={
            "shortcuts": config.shortcuts.model_copy(update={"find": False}),
            "balance": config.balance.model_copy(update={"output": "off"}),
            "attributes": config.attributes.model_copy(update={"find": False, "target": {}}),
            "probes": config.probes.model_copy(update={"find": False}),
            "slices": config.slices.model_copy(
                update={"find": config.slices.find and config.policy.error_slice != "keep"}
            ),
        }
    )
    curate(asked, sources, [], benchmarks, [], models, relabels, voices, engine, hide)
    return config, shared[0]


def _named(every: Sequence[Block]) -> list[dict[str, Any]]:
    return [{"index": one.index, "path": one.path, "name": one.sidecar, "rows": one.rows} for one in every]


def _stage(engine: Engine, name: str) -> Done | None:
    """The last stage of that name in this run."""
    return next((done for done in reversed(engine.done) if done.name == name), None)


def _folder(done: Done | None) -> str | None:
    return done.folder if done else None


def _rows(config: Config, request: AblateRequest, shared: _Shared, engine: Engine) -> Done:
    """What heads are given of all pairs, whether they train or evaluate."""
    common = heard(config)
    folders = {"identity": shared.identity.folder, "groups": shared.groups.folder}
    surface = count(shared.every, shared.identity, engine)
    nothing = dict.fromkeys(("consensus", "judged", "external"))
    work = [
        {**common, **folders, **nothing, "surface": surface.folder, "path": one.path, "name": one.sidecar}
        for one in shared.every
    ]
    inputs = engine.run(
        "ablate-pairs",
        DETECTORS["pairs"],
        common,
        [shared.identity.key, shared.groups.key, surface.key],
        len(work),
        lambda p, folder: p | "pairs" >> RunTasks(work, write_inputs, folder),
    )
    texts, strength = _stage(engine, "embed"), _stage(engine, "strength")
    asked = {"ceiling": config.strength.ceiling, "seed": request.seed}
    beside = {"texts": texts, "strength": strength}
    task = {
        **asked, **folders, **{name: _folder(done) for name, done in beside.items()}, "frozen": shared.frozen.folder,
        "inputs": inputs.folder, "blocks": _named(shared.every),
    }  # fmt: skip
    return engine.run(
        "ablate-rows",
        VERSIONS["ablate-rows"],
        asked,
        [inputs.key, shared.frozen.key, *(done.key for done in beside.values() if done)],
        1,
        lambda p, folder: p | "rows" >> RunTasks([task], write_rows, folder),
    )


def _arms(config: Config, shared: _Shared, rows: Done, engine: Engine) -> tuple[list[Arm], Done, list[str]]:
    """The training lines of every arm of stages, each arm once; and the stages that change nothing."""
    facts = {name: _stage(engine, _STAGES.get(name, name)) for name in FACTS}
    facts |= {"identity": shared.frozen, "groups": shared.groups}
    scored = facts["strength"]
    policy = config.policy
    if scored and (fitted := _stage(engine, "fit")):
        report = blocks.read_json(f"{fitted.folder}/report.json")
        policy = gated(policy, Strength(fitted, scored, report))
    balanced = config.balance.output != "off"
    surface = None
    if balanced:
        counted = count(shared.every, shared.identity, engine)
        surface = count_own(config, shared.every, shared.identity, counted, engine)
    arms = arms_of(switched(policy, {name: done is not None for name, done in facts.items()}, balanced))
    length = config.signals.length
    thresholds = {
        "too_long": length.max_tokens or 0 if length else 0,
        "near_duplicate": config.duplicates.threshold,
        "semantic_duplicate": config.semantic.threshold,
    }
    everything = [{"split": "train", "below": 1.0}]
    deciding = {"thresholds": thresholds, "configurations": [], "cuts": everything, "seed": config.split.seed}
    balancing = {
        "signals": _folder(facts["signals"]), "surface": _folder(surface), "strength": None, "external": None,
        "voices": [], "texts": None, "cuts": everything, "seed": config.split.seed, "train": "train",
        "features": names_of(list(config.shortcuts.features)), "extra": config.shortcuts.features, "configurations": [],
        "dimension": policy.dimension, "within": config.balance.within, "balance": config.balance.model_dump(),
        "ceiling": config.shortcuts.ceiling, "shortcut_seed": config.shortcuts.seed,
    }  # fmt: skip
    common = {
        "blocks": _named(shared.every), "rows": rows.folder, "frozen": shared.frozen.folder,
        "facts": {name: _folder(done) for name, done in facts.items()}, "policy": policy.model_dump(),
        "deciding": deciding, "balancing": balancing,
    }  # fmt: skip
    work = [{**common, "arm": asdict(arm)} for arm in arms]
    made = engine.run(
        "arms",
        VERSIONS["arms"],
        [[asdict(arm) for arm in arms], policy.model_dump(), deciding, config.balance.model_dump(),
         config.shortcuts.model_dump(), VERDICTS["decide"], SHORTCUTS["shortcuts"]],
        [rows.key, *(done.key for done in facts.values() if done), *([surface.key] if surface else [])],
        len(work),
        lambda p, folder: p | "arms" >> RunTasks(work, make_arm, folder),
    )  # fmt: skip
    hashes = {arm.name: made.stats[i]["same"] for i, arm in enumerate(arms)}
    idle = [
        stage for stage in STAGES
        if any(stage in arm.on for arm in arms)
        and hashes.get(f"{stage} alone", hashes["all"]) == hashes["raw"]
        and hashes.get(f"without {stage}", hashes["raw"]) == hashes["all"]
    ]  # fmt: skip
    # What changes nothing has no arms of its own.
    quiet = {f"{stage} alone" for stage in idle} | {f"without {stage}" for stage in idle}
    return [arm for arm in arms if arm.name not in quiet], made, idle


def _with_controls(arms: Sequence[Arm], made: Done) -> tuple[list[Arm], dict[str, int]]:
    """The arms with their controls behind them, and how many lines each has, or a control of flips turns."""
    lines = {arm.name: read_frame(f"{made.folder}/{arm.file}.parquet") for arm in arms}
    sizes = {name: frame.height for name, frame in lines.items()}
    if empty := [name for name, size in sizes.items() if not size]:
        raise UserError(f"the arm {empty[0]!r} has no pairs left to train on: its stages drop everything")
    controls = controls_of(arms, sizes)
    for one in controls:
        of = str(one.of)
        sizes[one.name] = sizes[of] if one.control == "drop" else touched(lines["raw"], lines[of])
    return [*arms, *controls], sizes


def _train(
    request: AblateRequest, arms: Sequence[Arm], sizes: dict[str, int], ridge: float, rows: Done, made: Done,
    engine: Engine,
) -> Done:  # fmt: skip
    """A head for each arm and seed."""
    common = {"rows": rows.folder, "lines": made.folder, "ridge": ridge}
    work = [
        {**common, "arm": asdict(arm), "size": sizes[arm.name], "seed": request.seed + number}
        for arm in arms
        for number in range(request.seeds)
    ]
    told = [[task["arm"], task["size"], task["seed"]] for task in work]
    return engine.run(
        "ablate",
        VERSIONS["ablate"],
        told,
        [made.key],
        len(work),
        lambda p, folder: p | "ablate" >> RunTasks(work, train, folder),
    )


def _concluded(request: AblateRequest, arms: Sequence[Arm], rows: Done, trained: Done) -> dict[str, Any]:
    """Every arm's outcome, what it is held against, and which proxy tells it."""
    seeds = range(request.seed, request.seed + request.seeds)
    credits = np.stack(
        [np.stack([read_array(f"{trained.folder}/{arm.file}-{seed}.npy") for seed in seeds]) for arm in arms]
    )
    held = evaluated(read_frame(f"{rows.folder}/rows.parquet"))
    names = [arm.name for arm in arms]
    found = outcome(names, credits, held["group"].to_numpy(), request.resamples, request.seed)
    told = {}
    for place, arm in enumerate(arms):
        stats = [trained.stats[place * request.seeds + number] for number in range(request.seeds)]
        told[arm.name] = {
            "stages": list(arm.on), "control": arm.control, "of": arm.of, "lines": stats[0]["lines"],
            **found.alone(arm.name), "seeds": [round(float(one), 5) for one in found.by_seed[place]],
            "against": _against(arm, names, found), "proxies": _means([one["proxies"] for one in stats]),
        }  # fmt: skip
    return {"arms": told, "proxies": predicts(names, told)}


def _against(arm: Arm, names: Sequence[str], found: Outcome) -> list[dict[str, Any]]:
    """An arm beside the raw one, beside its size-matched control, and, where a stage is left out, beside all."""
    others = ["raw", f"{arm.name}: random drop", *(["all"] if arm.name.startswith("without ") else [])]
    return [found.less(arm.name, other) for other in others if other in names and other != arm.name]


def _means(parts: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    """The mean over seeds of each proxy that is defined for all."""
    out: dict[str, float | None] = {}
    for name in parts[0]:
        values = [value for one in parts if (value := one[name]) is not None]
        out[name] = round(float(np.mean(values)), 5) if len(values) == len(parts) else None
    return out
