"""What each command does: parse, work, answer with an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pipelines import config as configuration
from pipelines.answer import answer
from pipelines.errors import DONE, FAILED_GATE, UserError


@dataclass(frozen=True)
class Request:
    """What `curate` was asked for."""

    config: str | None
    out: str | None
    inputs: list[str] = field(default_factory=list)
    format: str | None = None
    sets: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    json: bool = False
    fresh: bool = False
    dry_run: bool = False
    audit: bool = False
    command: list[str] = field(default_factory=list)


def take_config(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The config file among arguments that are otherwise Beam's flags, and the rest in their order.

    A word behind a flag without `=` is that flag's value; any other is the config file, or one too many.
    """
    config, rest = None, []
    flag = False
    for argument in arguments:
        if config is None and not flag and not argument.startswith("-"):
            config = argument
        else:
            rest.append(argument)
        flag = argument.startswith("-") and "=" not in argument
    return config, rest


def take_inputs(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Files among arguments that are otherwise Beam's flags, and these; every word before the first flag is a file."""
    first = next((i for i, argument in enumerate(arguments) if argument.startswith("-")), len(arguments))
    return arguments[:first], arguments[first:]


def run_curate(request: Request) -> int:
    """Curate; 0 done, 1 the gate failed, 2 the user's mistake, 3 a fault of the system."""
    return answer(lambda: _curate(request), request.json)


def _curate(request: Request) -> int:
    if request.out is None:
        raise UserError("--out: name the folder for the results")
    before = ["", *request.flags]
    for word, flag in zip(request.flags, before, strict=False):
        if not word.startswith("-") and not (flag.startswith("-") and "=" not in flag):
            raise UserError(
                f"unexpected argument {word!r}; put glob patterns in quotes, and name further files with --input"
            )
    if request.config and not request.config.endswith((".yaml", ".yml")):
        raise UserError(f"{request.config!r} is not a YAML file; data files are named with --input")
    out = request.out.rstrip("/")
    config = asked = configuration.load(request.config, request.inputs, request.format, request.sets, request.against)

    from pipelines.runner import beam_options, describe

    options = beam_options(request.flags)

    from pipelines import audit, output
    from pipelines.against import plan_earlier
    from pipelines.curate import curate
    from pipelines.embedding import plan_models
    from pipelines.engine import Engine
    from pipelines.external import plan_external
    from pipelines.gate import check_expectations
    from pipelines.plan import Planned, plan_benchmarks, plan_ratings, plan_sources
    from pipelines.progress import Reporter
    from pipelines.required import check_required
    from pipelines.results import find_results
    from pipelines.run_card import conclude
    from pipelines.trusted import plan_relabels
    from schemas.config import SHAPES
    from transforms import blocks

    reporter = Reporter(request.json)
    if not request.dry_run:
        _writable(out)
    planned, benchmarks, earlier = plan_sources(config), plan_benchmarks(config), plan_earlier(config, out)
    examples = plan_ratings(config)
    relabels, voices = plan_relabels(config, out), plan_external(config)
    config, models = plan_models(config)
    if request.audit:
        config = audit.as_it_is(config)
    named = config.publish.configurations
    check_expectations(config.gate, list(SHAPES if named == "auto" else named))
    check_required(config, list(SHAPES if named == "auto" else named), voices.names)
    if request.dry_run:
        _show_plan(config, planned, benchmarks, models, describe(options), request.json)
        return DONE
    if request.fresh:
        blocks.remove(f"{out}/work")
    blocks.remove(f"{out}/manifest.json")
    every: list[Planned[Any]] = [*planned, *benchmarks]
    for one in every:
        if one.format not in ("fields", one.source.format):
            reporter.say(f"{one.source.name}: {one.refs[0].file} is read as `{one.format}`")
    for note in models.notes:
        reporter.say(note)
    engine = Engine(f"{out}/work", options, reporter)
    curated = curate(config, planned, examples, benchmarks, earlier, models, relabels, voices, engine)
    summary = output.assemble(out, config, curated)
    results = find_results(out, config, summary, [done.key for done in engine.done])
    verdict = audit.unjudged() if request.audit else output.judge(out, config, summary, results)
    conclude(out, config, summary, results, verdict)
    manifest = output.write_manifest(out, config, curated, engine, summary, verdict, request.command, describe(options))
    if request.audit:
        return _audited(out, audit.conclude(out, asked), reporter)
    _report(out, manifest, verdict, reporter)
    return DONE if verdict.passed else FAILED_GATE


def _writable(out: str) -> None:
    """Find out before any work whether the output folder can be written."""
    from transforms import blocks

    if blocks.is_remote(out):
        try:
            bucket = blocks.missing_bucket(out)
            if bucket is None:
                blocks.write_bytes(b"", f"{out}/.probe")
                blocks.remove(f"{out}/.probe")
        except Exception as error:  # each storage has exceptions of its own, and a missing package is one of them
            raise UserError(f"--out {out}: cannot be written: {str(error) or type(error).__name__}") from error
        if bucket:
            raise UserError(f"--out {out}: there is no bucket {bucket!r}; make it first")
        return
    probe = Path(out) / ".probe"
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {os.strerror(error.errno or 0)}") from error


def _show_plan(config: Any, planned: list[Any], benchmarks: list[Any], models: Any, runner: str, json: bool) -> None:
    read = {
        what: [
            {
                "name": one.source.name,
                "format": one.format,
                "files": [{"file": file.file, "bytes": file.bytes, "hash": file.hash} for file in one.files],
                "readings": len(one.refs),
            }
            for one in some
        ]
        for what, some in (("sources", planned), ("benchmarks", benchmarks))
    }
    plan = {
        "runner": runner,
        **read,
        "models": models.to_dict(),
        "notes": list(models.notes),
        "config": config.model_dump(),
    }
    if json:
        print(orjson.dumps(plan).decode())
        return
    import yaml

    print(yaml.safe_dump(plan, sort_keys=False, allow_unicode=True), end="")


def _report(out: str, manifest: dict[str, Any], verdict: Any, reporter: Any) -> None:
    """Say what came in, what came out, and where it is."""
    from pipelines.limits import unknown_labels

    counts = manifest["counts"]
    reporter.event("done", out=out, counts=counts, reasons=manifest["reasons"], gate=verdict.passed)
    say = reporter.say
    say("")
    say(
        f"{counts['records_in']:,} records = {counts['rows_in']:,} rows + {counts['merged_records']:,} merged into "
        f"others + {counts['dead_letters']:,} dead letters"
    )
    derived = f" + {counts['derived_rows']:,} derived" if counts["derived_rows"] else ""
    review = f" + {counts['review']:,} for review" if counts["review"] else ""
    say(f"{counts['rows_in']:,} rows{derived} = {counts['kept']:,} kept + {counts['dropped']:,} dropped{review}")
    _table(say, "why", manifest["reasons"])
    _table(say, "dead letters", manifest["dead_letter_codes"])
    _agreement(say, manifest["raters"])
    overlaps = manifest["contamination"]
    if overlaps:
        rows = {f"{name} ({one['items']:,} items)": one["rows"] for name, one in overlaps["benchmarks"].items()}
        _table(say, "rows that overlap with benchmarks", rows)
    _table(say, "splits", manifest["splits"])
    _table(say, "published rows", manifest["published"])
    for note in (*manifest["notes"], *unknown_labels(manifest)):
        say(f"note: {note}")
    say("")
    say(verdict.words())
    say("")
    stages = manifest["stages"]
    took = sum(stage["seconds"] for stage in stages if not stage["skipped"])
    again = sum(stage["skipped"] for stage in stages)
    peak = max(stage["peak_bytes"] for stage in stages) / 2**20
    skipped = f", {again} of {len(stages)} stages taken from an earlier run" if again else ""
    say(f"stages {took:.1f} s, gate {manifest['gate']['seconds']:.1f} s, peak memory {peak:,.0f} MiB{skipped}")
    configurations = [name for name in manifest["configurations"] if any(_of(name, manifest["published"]))]
    if not configurations:
        opened = ""
    elif "://" in out:  # a dataset is opened by its name only on disk and on the hub
        opened = f"load_dataset('parquet', data_files='{out}/dataset/{configurations[0]}/*.parquet')"
    else:
        opened = f"load_dataset({out + '/dataset'!r}, {configurations[0]!r})"
    say(f"dataset       {out}/dataset        {opened}".rstrip())
    for name, what in (
        ("ledger.parquet", "every row: where it went, and why"),
        ("dead_letters.jsonl", "records that could not be used"),
        *([("raters.parquet", "every rater: reliability, bias, consistency")] if manifest["raters"] else []),
        *([("contamination.jsonl", "what overlaps with benchmarks: the items and the passages")] if overlaps else []),
        *([("attributes.json", "domains and skills of prompts")] if manifest["attributes"] else []),
        *([("slices.json", "where labels go wrong, or raters disagree")] if manifest["slices"] else []),
        ("report.html", "all of this on one page, with rows behind the numbers"),
        ("gate.json", "every check"),
        ("manifest.json", "inputs, config, versions, counts"),
    ):
        say(f"{name.split('.')[0].replace('_', ' '):<13} {out}/{name:<20} {what}")


def _of(name: str, published: dict[str, int]) -> Iterator[int]:
    """How many rows each split of a configuration has; `published` has them by CONFIGURATION/SPLIT."""
    return (rows for path, rows in published.items() if path.split("/")[0] == name)


def _audited(out: str, found: list[str], reporter: Any) -> int:
    """Say what is wrong with the data, what to fix first, and where the rest is."""
    reporter.event("done", out=out, found=found)
    for line in ("", "what to fix first:", *found, ""):
        reporter.say(line)
    reporter.say(f"report        {out}/report.html          what is wrong, and the rows behind each number")
    reporter.say(f"settings      {out}/suggested.yaml       the configuration that mends it; curate takes it as it is")
    return DONE


def _table(say: Callable[[str], None], title: str, counts: dict[str, int]) -> None:
    if counts:
        say(f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


def _agreement(say: Callable[[str], None], raters: dict[str, Any] | None) -> None:
    """How well those agree who judged the same, source by source."""
    for one in [one for one in (raters or {}).get("figures", []) if one["shared"]][:8]:
        alpha = one["alpha_nominal" if one["kind"] == "pair" else "alpha_interval"]
        after = "" if one["alpha_normalised"] is None else f", {one['alpha_normalised']:.3f} of z-scores"
        by = f"; label by {one['consensus']}" if "consensus" in one else ""
        known = "nothing to compare" if alpha is None else f"alpha {alpha:.3f}{after}"
        where = f"{one['source']} {one['kind']} {one['dimension']}"
        say(f"raters of {where}: {one['raters']:,} on {one['shared']:,} shared, {known}{by}")


def run_validate(out: str, json: bool) -> int:
    """Run the gate on an output folder."""

    def work() -> int:
        from pipelines.validate import validate

        return validate(out, json)

    return answer(work, json)
