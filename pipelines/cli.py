"""The command line. Imports what a command needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(
    name="trenchcoat",
    help="Curate preference and rating data for reward models and metrics: every row accounted for, nothing lost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(context_settings=_PASS_ON)
def curate(
    ctx: typer.Context,
    config: Annotated[str | None, typer.Argument(help="A YAML file; without one, --input and defaults.")] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Output folder, local or an fsspec URL.")] = None,
    input: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="Files, globs (in quotes) or URLs. Repeatable.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", "-f", help="Their format; `trenchcoat formats` lists them.")
    ] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="Set a key: policy.pii=drop. Repeatable.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option("--against", help="Output of an earlier run to add to. Repeatable.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Say everything as JSON lines.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier stages and start over.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the resolved plan and stop.")] = False,
) -> None:
    """Turn raw files into a gated dataset: OUT/dataset, a ledger, dead letters, a manifest.

    Flags that are not listed here are Beam's: --runner, --direct_num_workers, --sdk_container_image and so on.
    Running again goes on where an earlier run stopped.
    """
    from pipelines.commands import Request, run_curate, take_config

    # What click does not know it takes for the argument; Beam's flags have to be told apart from it.
    config, flags = take_config([*([config] if config else []), *ctx.args])
    request = Request(
        config=config, out=out, inputs=input or [], format=format, sets=set or [], against=against or [], flags=flags,
        json=json, fresh=fresh, dry_run=dry_run, command=["trenchcoat", *sys.argv[1:]],
    )  # fmt: skip
    raise typer.Exit(run_curate(request))


@app.command(context_settings=_PASS_ON)
def audit(
    ctx: typer.Context,
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT… | CONFIG", help="Files, globs (in quotes), URLs; or a config.")
    ] = None,
    out: Annotated[str, typer.Option("--out", "-o", help="Output folder, local or an fsspec URL.")] = "audit",
    format: Annotated[
        str | None, typer.Option("--format", "-f", help="Their format; `trenchcoat formats` lists them.")
    ] = None,
    set: Annotated[list[str] | None, typer.Option("--set", "-s", help="Set a key. Repeatable.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Say everything as JSON lines.")] = False,
) -> None:
    """Say how bad data is, as it is: OUT/report.html, what to fix first, and OUT/suggested.yaml, which mends it.

    The stages are curate's; nothing is dropped, and nothing published. Other flags are Beam's.
    """
    from pipelines.commands import Request, run_curate, take_inputs

    named, flags = take_inputs([*(inputs or []), *ctx.args])
    config = named[0] if len(named) == 1 and named[0].endswith((".yaml", ".yml")) else None
    request = Request(
        config=config, out=out, inputs=[] if config else named, format=format, sets=set or [], flags=flags, json=json,
        audit=True, command=["trenchcoat", *sys.argv[1:]],
    )  # fmt: skip
    raise typer.Exit(run_curate(request))


@app.command()
def peek(
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="FILE…", help="Files, folders, globs (in quotes) or URLs.")
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", "-c", help="Look at a config's sources, or read the files as they are read."),
    ] = None,
    format: Annotated[str | None, typer.Option("--format", "-f", help="Read them as this format.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", "-s", help="Set a key, as for curate. Repeatable.")] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, max=100, help="How many rows and problems to show.")] = 3,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
) -> None:
    """Say what files are, which format fits, how rows would be read, and what is wrong with the first records.

    Reads no more than the beginning of each file, so it takes a second or two on any size.
    """
    from pipelines.peek import PeekRequest, run_peek

    raise typer.Exit(run_peek(PeekRequest(inputs or [], config, format, set or [], rows, json)))


@app.command()
def validate(
    out: Annotated[str, typer.Argument(help="Output folder of an earlier run.")],
    json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Run the gate again on what is in an output folder."""
    from pipelines.commands import run_validate

    raise typer.Exit(run_validate(out, json))


relabel = typer.Typer(name="relabel", help="Ask people about the rows where it is worth most.", no_args_is_help=True)
app.add_typer(relabel)


@relabel.command("export")
def relabel_export(
    run: Annotated[str, typer.Argument(help="Output folder of an earlier run.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many rows.")] = 200,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder for them; RUN/relabel when absent.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Say what was written as JSON.")] = False,
) -> None:
    """Write rows to judge again, blind: sides shuffled, labels and models hidden, as JSONL and CSV."""
    from pipelines.relabel import run_export

    raise typer.Exit(run_export(run, n, out, json))


@relabel.command("import")
def relabel_import(
    run: Annotated[str, typer.Argument(help="The run that they were exported from.")],
    answers: Annotated[list[str], typer.Argument(metavar="ANSWERS…", help="Answered files, CSV or JSONL.")],
    rater: Annotated[str, typer.Option("--rater", help="Who answered, where a file has no column rater.")] = "trusted",
    replace: Annotated[bool, typer.Option("--replace", help="New answers take the place of earlier ones.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Say what was taken as JSON.")] = False,
) -> None:
    """Take answers back, all or none; the next run of the same curate command uses them."""
    from pipelines.relabel import run_import

    raise typer.Exit(run_import(run, answers, rater, replace, json))


@app.command(context_settings=_PASS_ON)
def evaluate(
    ctx: typer.Context,
    run: Annotated[str, typer.Argument(help="Output folder of a finished run.")],
    scorer: Annotated[
        list[str] | None,
        typer.Option("--scorer", "-s", help="[NAME=]KIND[:VALUE][:lower]; docs/evaluate.md lists them. Repeatable."),
    ] = None,
    by: Annotated[list[str] | None, typer.Option("--by", "-b", help="A column to slice by. Repeatable.")] = None,
    rows: Annotated[str, typer.Option("--rows", help="kept: as curated; all: labels as recorded.")] = "kept",
    split: Annotated[str | None, typer.Option("--split", help="Rows of this split alone.")] = None,
    dimension: Annotated[str | None, typer.Option("--dimension", help="Ratings on this dimension alone.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Columns A,B of segments; else prompts.")] = None,
    require: Annotated[
        list[str] | None, typer.Option("--require", help="PATH>=NUMBER in evaluation.json, or exit 1. Repeatable.")
    ] = None,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap.")] = 1000,
    permutations: Annotated[int, typer.Option("--permutations", min=100, help="Of soft pairwise accuracy.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the resamples.")] = 0,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder for evaluation.json; the run's own.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the evaluation as JSON.")] = False,
) -> None:
    """Say how well scorers agree with people: reward models and metrics in one table, beside three baselines."""
    from pipelines.evaluate import EvaluateRequest, run_evaluate

    request = EvaluateRequest(
        run, scorer or [], by or [], rows, split, dimension, segment, resamples, permutations, seed, out,
        ctx.args, json, ["trenchcoat", *sys.argv[1:]], require or [],
    )  # fmt: skip
    raise typer.Exit(run_evaluate(request))


@app.command(context_settings=_PASS_ON)
def ablate(
    ctx: typer.Context,
    config: Annotated[str | None, typer.Argument(help="A YAML file, as for curate.")] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Output folder; a run's own shares its stages.")
    ] = None,
    input: Annotated[list[str] | None, typer.Option("--input", "-i", help="Files, as for curate. Repeatable.")] = None,
    format: Annotated[str | None, typer.Option("--format", "-f", help="Their format.")] = None,
    set: Annotated[list[str] | None, typer.Option("--set", "-s", help="Set a key. Repeatable.")] = None,
    gold: Annotated[
        list[str] | None, typer.Option("--gold", help="A source whose rows evaluate and never train. Repeatable.")
    ] = None,
    held_out: Annotated[float, typer.Option("--held-out", help="Without --gold: share of the groups.")] = 0.25,
    seeds: Annotated[int, typer.Option("--seeds", min=2, help="Heads an arm.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first of them, and of all draws.")] = 0,
    resamples: Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap.")] = 2000,
    json: Annotated[bool, typer.Option("--json", help="Say everything as JSON lines.")] = False,
) -> None:
    """Say whether curation helps: one small head on what each stage leaves, beside random drops and flips."""
    from pipelines.ablate import AblateRequest, run_ablate
    from pipelines.commands import take_config

    config, flags = take_config([*([config] if config else []), *ctx.args])
    request = AblateRequest(
        config, out, input or [], format, set or [], gold or [], held_out, seeds, seed, resamples, flags, json,
        ["trenchcoat", *sys.argv[1:]],
    )  # fmt: skip
    raise typer.Exit(run_ablate(request))


@app.command()
def report(out: Annotated[str, typer.Argument(help="Output folder of an earlier run.")]) -> None:
    """Write OUT/report.html again: the run on one page, with the rows behind its numbers."""
    from pipelines.report import run_report

    raise typer.Exit(run_report(out))


@app.command()
def explain(
    out: Annotated[str, typer.Argument(metavar="RUN", help="Output folder of an earlier run.")],
    row_id: Annotated[str | None, typer.Argument(help="A row's name, as the ledger has it.")] = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="Find the row by a text that stands in it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say everything that is known of a row: its verdict and why, and what would have to change for another."""
    from pipelines.explain import run_explain

    raise typer.Exit(run_explain(out, row_id, text, json))


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="RUN_A", help="Output folder of a run.")],
    second: Annotated[str, typer.Argument(metavar="RUN_B", help="Output folder of another.")],
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say which rows fared otherwise in a second run, by reason, with examples."""
    from pipelines.diff import run_diff

    raise typer.Exit(run_diff(first, second, json))


@app.command()
def publish(
    run: Annotated[str, typer.Argument(help="Output folder of a finished run.")],
    target: Annotated[str, typer.Argument(help="A folder, an fsspec URL (s3://…), or hf://datasets/ORG/NAME.")],
    public: Annotated[bool, typer.Option("--public", help="Anybody may read it; else a new one is private.")] = False,
    pull_request: Annotated[bool, typer.Option("--pull-request", help="On the hub: propose it instead.")] = False,
    despite_gate: Annotated[
        bool, typer.Option("--despite-gate", help="Though the gate failed; the card says so.")
    ] = False,
    confirm_licence: Annotated[
        bool, typer.Option("--confirm-licence", help="The licences are read, and allow a public dataset.")
    ] = False,
    redact: Annotated[
        str | None, typer.Option("--redact", help="Leave out raters, metadata, or raters,metadata.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Say everything as JSON lines.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
) -> None:
    """Put a run's dataset where others look for it: whole or not at all, checked after it arrived.

    Running again goes on where an earlier try stopped, and changes nothing where all is there.
    """
    from pipelines.publish import PublishRequest, run_publish

    request = PublishRequest(run, target, public, pull_request, despite_gate, confirm_licence, redact, json, dry_run)
    raise typer.Exit(run_publish(request))


@app.command()
def formats(
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print them as the page docs/formats.md.")] = False,
) -> None:
    """List what can be read."""
    from pipelines.formats import run_formats

    raise typer.Exit(run_formats(json, markdown))


@app.command()
def schema(
    what: Annotated[
        str, typer.Argument(help="row (the canonical row), config (the configuration) or signals (all tables).")
    ] = "row",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Of config and signals: the page docs/….md instead.")
    ] = False,
) -> None:
    """Print the canonical row or the configuration as JSON Schema, or every column of every table as JSON."""
    from pipelines.schema import run_schema

    raise typer.Exit(run_schema(what, markdown))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    print(installed("trenchcoat"))


def main() -> None:
    """The console command."""
    app()


if __name__ == "__main__":
    main()
