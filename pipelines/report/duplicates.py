"""Duplicates on the page: how many copies things have, the largest sets, and the groups that stay in one split."""

from __future__ import annotations

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.parts import Chart, Link, Sample, Section, Table, key_of, many, share

#: Sets of which members are shown, and how many of each; groups that are listed.
SETS, MEMBERS, GROUPS = 5, 4, 8
#: Reasons that make a duplicate set, and what its members are called.
_KINDS = {
    "exact_duplicate": "exact copies",
    "merged_judgement": "further judgements of the same",
    "near_duplicate": "near-copies",
    "near_images": "near-copies with near-copies of images",
    "semantic_duplicate": "alike by their embeddings",
}
#: Of these, what need be no copy, and what is said of it.
_NO_COPY = {
    "merged_judgement": "are further judgements of the same",
    "semantic_duplicate": "are alike by their embeddings, which is no proof",
}
_COLOURS = (charts.BLUE, charts.SKY, charts.ORANGE, charts.GREEN, charts.PURPLE)
#: Sizes of sets, and what they are called.
SIZES = ((2, "2"), (3, "3"), (4, "4"), (5, "5–8"), (9, "9–16"), (17, "17–64"), (65, "65 and more"))


def duplicates(run: Finished) -> Section | None:
    """Copies, near-copies and groups; None where nothing is like anything else."""
    sets = _sets(run)
    counts, groups = run.manifest["counts"], run.manifest["groups"]
    rows = counts["rows_in"] + counts["merged_records"] + counts["derived_rows"]
    copies = int(sets["members"].sum())
    by = {kind: int(sets.filter(pl.col("reason") == kind)["members"].sum()) for kind in _KINDS}
    copies -= sum(by[kind] for kind in _NO_COPY)
    said = ", ".join(f"{by[kind]:,} {what}" for kind, what in _KINDS.items() if by[kind] and kind not in _NO_COPY)
    lead = f"{many(copies, 'row is', 'rows are')} a copy of another, {share(copies, rows)} of them" + (
        f": {said}." if said else "."
    )
    lead += "".join(f" {by[kind]:,} more {what}." for kind, what in _NO_COPY.items() if by[kind])
    tables, samples = _largest(run, sets)
    chart = [_chart(sets)] if sets.height else []
    listed, shown = _groups(run)
    words = [
        f"{many(groups['groups'], 'group')} of rows that must stay in one split; the largest has "
        f"{many(groups['largest'], 'row')}. Likeness, beside a common prompt, made {groups['linked']:,} of them, with "
        f"{many(groups['rows_in_linked'], 'row')}."
    ]
    return Section("duplicates", "Duplicates", lead, "", words, chart, [*tables, *listed], [*samples, *shown])


def _sets(run: Finished) -> pl.DataFrame:
    """Duplicate sets by their representative and kind: how many others are in it, and some of them by hash."""
    return (
        run.ledger()
        .filter(pl.col("reasons").list.len() > 0)
        .select("place", "details", chance=CHANCE)
        .explode("details")
        .select("place", "chance", pl.col("details").struct.field("reason", "counterpart"))
        .filter(pl.col("reason").is_in(list(_KINDS)) & pl.col("counterpart").is_not_null())
        .group_by("counterpart", "reason")
        .agg(members=pl.len(), places=pl.col("place").bottom_k_by("chance", MEMBERS))
        .sort("members", "counterpart", "reason", descending=[True, False, False])
        .collect(engine="streaming")
    )


def sized(whole: pl.Expr) -> pl.Expr:
    """What sets of so many members are called (`SIZES`)."""
    least = pl.lit(SIZES[0][1])
    for size, name in SIZES:
        least = pl.when(whole >= size).then(pl.lit(name)).otherwise(least)
    return least


def _chart(sets: pl.DataFrame) -> Chart:
    found = sets.group_by("reason", size=sized(pl.col("members") + 1)).agg(sets=pl.len())
    by = {(line["size"], line["reason"]): line["sets"] for line in found.to_dicts()}
    values = [
        (name, what, by.get((name, kind), 0))
        for _, name in SIZES
        for kind, what in _KINDS.items()
        if (name, kind) in by
    ]
    used = [kind for kind in _KINDS if any(kind == reason for _, reason in by)]
    colours = [(_KINDS[kind], _COLOURS[list(_KINDS).index(kind)]) for kind in used]
    return charts.bars(
        values, "duplicate sets", "Duplicate sets by how many rows they have, representative included.", colours
    )


def _largest(run: Finished, sets: pl.DataFrame) -> tuple[list[Table], list[Sample]]:
    """The largest sets, with their representative and some members."""
    if sets.is_empty():
        return [], []
    places = run.find(sets["counterpart"].head(SETS).to_list())
    lines, samples = [], []
    for line in sets.head(SETS).to_dicts():
        name = line["counterpart"]
        sample = Sample(
            key_of("set", name, line["reason"]),
            f"copies of {name}",
            line["members"] + 1,
            places=[*([places[name]] if name in places else []), *sorted(line["places"])],
            about={places[name]: "The representative."} if name in places else {},
        )
        samples.append(sample)
        lines.append([name, _KINDS[line["reason"]], Link(line["members"] + 1, sample.key)])
    return [Table(["representative", "its set is of", "rows"], lines, "The largest duplicate sets")], samples


def _groups(run: Finished) -> tuple[list[Table], list[Sample]]:
    """The largest groups of kept rows."""
    found = (
        run.ledger()
        .filter(pl.col("split").is_not_null())
        .select("group_id", "split", "place", chance=CHANCE)
        .group_by("group_id", "split")
        .agg(rows=pl.len(), places=pl.col("place").bottom_k_by("chance", MEMBERS))
        .filter(pl.col("rows") > 1)
        .sort("rows", "group_id", "split", descending=[True, False, False])
        .head(GROUPS)
        .collect(engine="streaming")
    )
    lines, samples = [], []
    for line in found.to_dicts():
        sample = Sample(
            key_of("group", line["group_id"]), f"group {line['group_id']}", line["rows"], places=sorted(line["places"])
        )
        samples.append(sample)
        lines.append([line["group_id"], line["split"], Link(line["rows"], sample.key)])
    return ([Table(["group", "split", "kept rows"], lines, "The largest groups")] if lines else []), samples
