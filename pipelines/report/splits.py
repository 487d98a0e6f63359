"""Splits and published shapes on the page, and what the run took."""

from __future__ import annotations

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import Fates
from pipelines.report.parts import SHOWN, Link, Sample, Section, Table, key_of, many, share


def splits(run: Finished, fates: Fates) -> Section:
    """How kept rows are spread over splits, and which shapes they are published in."""
    counts, asked = run.manifest["splits"], run.config.split.fractions
    whole = sum(counts.values())
    names = [*asked, *(name for name in counts if name not in asked)]
    samples = {
        name: Sample(key_of("split", name), f"in {name}", group.rows, places=group.places[: SHOWN // 2])
        for name, group in fates.kept.items()
    }
    lines = [
        [name, Link(counts.get(name, 0), samples[name].key) if name in samples else 0,
         share(counts.get(name, 0), whole), share(asked.get(name, 0), 1)]
        for name in names
    ]  # fmt: skip
    published = run.manifest["published"]
    shapes = [[*name.split("/", 1), rows] for name, rows in sorted(published.items())]
    largest = run.manifest["largest_group_share"]
    return Section(
        "splits",
        "Splits",
        f"{many(whole, 'kept row')} in {many(len(counts), 'split')}.",
        words=[f"Rows of one group stay together; the largest is {share(largest, 1)} of the kept rows."],
        charts=[charts.bars([(name, "", counts.get(name, 0)) for name in names], "kept rows", "Kept rows by split.")],
        tables=[
            Table(["split", "kept rows", "share", "asked for"], lines, "Splits"),
            Table(["configuration", "split", "published lines"], shapes, "Published"),
        ],
        samples=[samples[name] for name in names if name in samples],
    )


def cost(run: Finished) -> Section:
    """Seconds and memory of each stage."""
    stages = run.manifest["stages"]
    took = [stage for stage in stages if not stage["skipped"]]
    seconds = sum(stage["seconds"] for stage in took)
    again = f" {many(len(stages) - len(took), 'stage was', 'stages were')} taken from an earlier run."
    lines = [
        [stage["stage"], f"{stage['seconds']:.2f}", f"{stage['peak_bytes'] / 2**20:,.0f}",
         "taken from an earlier run" if stage["skipped"] else "ran"]
        for stage in stages
    ]  # fmt: skip
    lines.append(["gate", f"{run.manifest['gate']['seconds']:.2f}", "–", "ran"])
    peak = max((stage["peak_bytes"] for stage in stages), default=0)
    versions = [[name, version] for name, version in sorted(run.manifest["versions"].items())]
    return Section(
        "cost",
        "Time and memory",
        f"Stages took {seconds:,.1f} s, with at most {peak / 2**20:,.0f} MiB of memory."
        + (again if len(took) < len(stages) else ""),
        words=[f"Run as `{run.manifest['command']}` on {run.manifest['runner']}."],
        charts=[
            charts.bars(
                [(s["stage"], "", s["seconds"]) for s in stages], "seconds", "Seconds of each stage.", form=".3~r"
            ),
            charts.bars(
                [(s["stage"], "", s["peak_bytes"] / 2**20) for s in stages], "MiB", "Peak memory of each stage."
            ),
        ],
        tables=[
            Table(["stage", "seconds", "peak MiB", ""], lines, "Stages", folded=True),
            Table(["library", "version"], versions, "Versions", folded=True),
        ],
    )
