"""What came in and what came out: every record, and every row that did not stay with its reason."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import Fates, Group
from pipelines.report.page import left_out
from pipelines.report.parts import SHOWN, Chart, Entry, Link, Piece, Sample, Section, Table, key_of, many, share
from schemas.verdict import DEAD_LETTERS, MERGED, REASONS

#: Lines of tables of what the user named: sources, files.
LINES = 30
#: What became of rows, in the order in which it is told, with the colour it has in pictures.
_BECAME = {
    MERGED: ("merged into another", charts.SKY),
    "drop": ("dropped", charts.RED),
    "review": ("set aside for review", charts.PURPLE),
    "flip": ("label turned round", charts.ORANGE),
    "soften": ("label softened", charts.ORANGE),
    "keep": ("kept", charts.GREEN),
}


def flow(run: Finished, fates: Fates) -> Section:
    """The first section: the flow, the reasons, the sources."""
    counts = run.manifest["counts"]
    derived = f" + {counts['derived_rows']:,} derived" if counts["derived_rows"] else ""
    review = f" + {counts['review']:,} for review" if counts["review"] else ""
    lead = (
        f"{counts['records_in']:,} records = {counts['rows_in']:,} rows + {counts['merged_records']:,} merged into "
        f"others + {counts['dead_letters']:,} dead letters"
    )
    words = [f"{counts['rows_in']:,} rows{derived} = {counts['kept']:,} kept + {counts['dropped']:,} dropped{review}."]
    changed = [
        f"{counts[name]:,} {said}"
        for name, said in (("flipped", "turned round"), ("softened", "softened"))
        if counts[name]
    ]
    if changed:
        words.append(
            f"Of the labels of kept rows, {' and '.join(changed)}; {many(counts['ties'], 'is a tie', 'are ties')}."
        )
    if not run.every:
        words.append("Rows are shown without their texts: the run's work/ is gone.")
    dead, letters = _dead_letters(run)
    reasons, samples = _reasons(fates)
    caption = (
        "From top to bottom: what was read, what left it and why (each row for the reason that decided), and what "
        "is published or set aside."
    )
    sources = _sources(run)
    return Section(
        "flow",
        "What came in, what came out",
        f"{lead}.",
        words=[*words, *left_out(len(run.manifest["sources"]) - LINES, "source")],
        charts=[charts.flow(_steps(run, fates), caption) if run.config.policy.act else _ailing(fates)],
        notes=run.manifest["notes"],
        tables=[reasons, *dead, sources],
        samples=[*samples, *letters, *_kept(fates)],
    )


def _steps(run: Finished, fates: Fates) -> list[tuple[str, int, int, str]]:
    """The bars of the flow: name, begin, end, colour."""
    counts = run.manifest["counts"]
    left = counts["records_in"]
    out = [("records read", 0, left, charts.GREY)]
    for code, count in sorted(run.manifest["dead_letter_codes"].items(), key=lambda item: -item[1]):
        out.append((f"unusable: {code}", left - count, left, charts.RED))
        left -= count
    if counts["derived_rows"] or counts["merged_derived_rows"]:
        more = counts["derived_rows"] + counts["merged_derived_rows"]
        out.append(("derived from these", left, left + more, charts.SKY))
        left += more
    for action, name in ((MERGED, "merged"), ("drop", "dropped"), ("review", "set aside")):
        colour = _BECAME[action][1]
        for (what, reason), count in sorted(fates.deciding.items(), key=lambda item: (-item[1], item[0])):
            if what == action:
                out.append((f"{name}: {reason}", left - count, left, colour))
                left -= count
    turned, softened = fates.actions["flip"], fates.actions["soften"]
    out.append(("kept", 0, left, charts.GREEN))
    for said, count in (("turned round", turned), ("softened", softened)):
        if count:
            out.append((f"of these, {said}", 0, count, charts.ORANGE))
    return out


def _ailing(fates: Fates) -> Chart:
    """Where nothing becomes of rows: how many have what."""
    rows: dict[str, int] = {}
    for (_, reason), group in fates.reasons.items():
        rows[reason] = rows.get(reason, 0) + group.rows
    values = [
        (reason, "", float(count)) for reason, count in sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    ]
    return charts.bars(values, "rows", "Rows with each reason; a row counts for each of its own.")


def _reasons(fates: Fates) -> tuple[Table, list[Sample]]:
    """Each reason with how many rows it has by what became of them, and those rows."""
    names = [name for name in REASONS if any(reason == name for _, reason in fates.reasons)]
    actions = [action for action in _BECAME if any(what == action for what, _ in fates.reasons)]
    lines, samples = [], []
    for reason in names:
        cells: list[Any] = []
        for action in actions:
            group = fates.reasons.get((action, reason), Group())
            sample = Sample(
                key_of("reason", action, reason),
                f"{_BECAME[action][0]}: {reason}",
                group.rows,
                places=group.places,
            )
            if group.rows:
                samples.append(sample)
            cells.append(Link(group.rows, sample.key) if group.rows else 0)
        lines.append([reason, REASONS[reason], *cells])
    title = "Reasons; a row counts for each of its own, and each number leads to rows"
    return Table(["reason", "what it means", *(_BECAME[action][0] for action in actions)], lines, title), samples


def _kept(fates: Fates) -> list[Sample]:
    if not fates.clean.rows:
        return []
    return [Sample("kept-clean", "kept as they were", fates.clean.rows, places=fates.clean.places)]


def _sources(run: Finished) -> Table:
    lines = [
        [name, one["format"], one["files"], one["records"], one["kept"], share(one["kept"], one["records"]),
         one["licence"] or "not stated"]
        for name, one in list(run.manifest["sources"].items())[:LINES]
    ]  # fmt: skip
    return Table(["source", "format", "files", "records", "kept rows", "kept of records", "licence"], lines, "Sources")


def _dead_letters(run: Finished) -> tuple[list[Table], list[Sample]]:
    """Records that could not be used, by code, and some of each as they were."""
    codes = run.manifest["dead_letter_codes"]
    if not codes:
        return [], []
    # A line of the file is as long as its record: no more than the chosen ones are held.
    letters = run.dead_letters()
    chance = pl.concat_str("file", pl.col("line").cast(pl.String), separator=":").nchash.xxh3_64()  # type: ignore[attr-defined]
    chosen = (
        letters.select("place", "code", chance=chance)
        .group_by("code")
        .agg(pl.col("place").bottom_k_by("chance", SHOWN))
        .explode("place")
        .select("place")
        .collect(engine="streaming")["place"]
    )
    found = letters.filter(pl.col("place").is_in(chosen.implode())).collect(engine="streaming").sort("place")
    lines, samples = [], []
    for code, count in sorted(codes.items(), key=lambda item: (-item[1], item[0])):
        entries = [
            Entry(
                f"{one['file']}, line {one['line']}", [("message", one["message"])], [Piece("record", one["raw"] or "")]
            )
            for one in found.filter(pl.col("code") == code).to_dicts()
        ]
        sample = Sample(key_of("dead", code), f"could not be used: {code}", count, entries=entries)
        samples.append(sample)
        lines.append([code, DEAD_LETTERS.get(code, ""), Link(count, sample.key)])
    return [Table(["dead letter", "what it means", "records"], lines, "Records that could not be used")], samples
