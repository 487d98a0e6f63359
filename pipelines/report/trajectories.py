"""Trajectories on the page: how far frames are apart, where values contradict time, and what goes with time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.parts import Chart, Link, Sample, Section, Table, key_of, many, number, share
from pipelines.report.samples import highest
from transforms.trajectories.voices import FINAL, RECORDED, VALUE

#: The key of rows whose values contradict time.
CONTRADICTED = "time-contradicted"
#: Trajectories that are listed as the worst, rows shown of each and of each gap, and voices that have a column.
_WORST, _ROWS, _VOICES = 8, 4, 4
_VOICE = "external_"
_CALLED = {VALUE: "the frames' values", RECORDED: "labels as recorded", FINAL: "labels as kept"}
#: What values say of a pair's later frame, with its colour.
_SAID = {"higher": charts.BLUE, "equal": charts.GREY, "lower": charts.RED, "no values": charts.SKY}
_COLUMNS = ("place", "chance", "source", "trajectory", "gap", "said", "contradicted_by")


def trajectories(run: Finished) -> Section | None:
    """What was found of frames; None where no row shows one."""
    told = run.manifest.get("trajectories")
    if told is None or not told["rows"]:
        return None
    orders = run.table("trajectories.parquet").collect()
    known = _shown(run)
    pairs = known.drop_nulls("gap") if known.height else known
    against = sum(one["pairs"] - one["higher"] for one in told["later_is_higher"])
    lead = (
        f"{many(told['rows'], 'row shows', 'rows show')} frames of "
        f"{many(orders.select('source', 'trajectory').n_unique(), 'trajectory', 'trajectories')}, "
        f"{told['pairs']:,} of them pairs"
    )
    if told["valued"]:
        lead += (
            f"; in {against:,} of {told['valued']:,} pairs with values ({share(against, told['valued'])}) the later "
            "frame has the lower one"
        )
    worst, rows_of_worst = _worst(orders, known)
    gaps, rows_of_gaps = _gaps(pairs)
    return Section(
        "trajectories",
        "Trajectories",
        f"{lead}.",
        words=_words(told),
        charts=[*_apart(pairs), *_rising(told["later_is_higher"]), *_orders(told["value_order"]), *_spread(orders)],
        tables=[*gaps, _figures(told["value_order"]), *worst],
        samples=[
            *highest(
                pairs, "contradicted_by", 1e-9, CONTRADICTED, "in which values contradict time", "Values differ by"
            ),
            *rows_of_gaps,
            *rows_of_worst,
        ],
    )


def _words(told: dict[str, Any]) -> list[str]:
    out = []
    if told["contradicted"]:
        out.append(
            f"In {many(told['contradicted'], 'pair')} judgements on time take one side and the values the other "
            "(contradicted_by)."
        )
    if told["even"]:
        out.append(f"In {many(told['even'], 'pair')} both frames have the same value, which says nothing of the label.")
    out.append(
        "Value-order correlation (VOC) is 1 where what is said of a trajectory's frames rises throughout, 0 where it "
        "does not go with time, and -1 where it falls. Labels that were made of time have 1, right or wrong."
    )
    return out


def _shown(run: Finished) -> pl.DataFrame:
    """Every row that shows frames and is no copy: `_COLUMNS`; none where they are gone."""
    said, identity = run.sidecars("trajectories"), run.sidecars("identity")
    if said is None or identity is None:
        return pl.DataFrame(schema=dict.fromkeys(_COLUMNS, pl.Null))
    # A gap of 2^n frames and more, and less than the double; two of one frame are 0 apart.
    gap = pl.when(pl.col("frame_gap") > 0).then(2 ** pl.col("frame_gap").log(2).floor()).otherwise(pl.col("frame_gap"))
    late = (pl.col("frame") - pl.col("earlier_frame")).sign() * pl.col("value_gap")
    in_words = (
        pl.when(late > 0).then(pl.lit("higher")).when(late < 0).then(pl.lit("lower")).when(pl.col("value_gap") == 0)
    )
    alone = identity.filter(pl.col("copy_of").is_null()).select("place")
    ledger = run.ledger().select("place", "source", chance=CHANCE)
    return (
        said.filter(pl.col("trajectory").is_not_null())
        .with_columns(
            gap=gap.cast(pl.Int64),
            said=in_words.then(pl.lit("equal")).otherwise(pl.lit("no values")),
        )
        .join(alone, on="place")
        .join(ledger, on="place")
        .select(_COLUMNS)
        .collect(engine="streaming")
    )


def _name(gap: int) -> str:
    """Gaps from this one to less than the double."""
    return many(gap, "frame") if gap < 2 else f"{gap:,}–{2 * gap - 1:,} frames"


def _apart(pairs: pl.DataFrame) -> list[Chart]:
    """Pairs by how many frames are between theirs, and which has the higher value."""
    if pairs.is_empty():
        return []
    counted = pairs.group_by("gap", "said").len()
    by = {(gap, said): rows for gap, said, rows in counted.rows()}
    used = [said for said in _SAID if any(said == one for _, one in by)]
    values = [(_name(gap), said, by[gap, said]) for gap in sorted({gap for gap, _ in by}) for said in used
              if (gap, said) in by]  # fmt: skip
    return [
        charts.bars(
            values,
            "pairs",
            "Pairs by how many frames theirs are apart, and by the value of the later one beside that of the earlier.",
            [(said, _SAID[said]) for said in used],
        )
    ]


def _rising(found: Sequence[dict[str, Any]]) -> list[Chart]:
    """How often the later frame has the higher value, by how far apart the two are."""
    values = [(_name(one["frames"]), "", one["share"]) for one in found]
    said = (
        "How often the later of two frames has the higher value, of those that differ, by how many frames they are "
        "apart. Where it levels off is the gap to ask for (policy.minimum_frame_gap); dashed is chance."
    )
    title = "later has the higher value"
    return [charts.bars(values, title, said, form=".0%", reach=(0.0, 1.0), rule=0.5)] if values else []


def _called(scorer: str) -> str:
    return _CALLED.get(scorer) or scorer.removeprefix(_VOICE)


def _of(scorer: str) -> str:
    return {VALUE: "values", RECORDED: "labels", FINAL: "labels"}.get(scorer, "voices of your own")


def _in_order(scorers: Sequence[str]) -> list[str]:
    """Values first, labels before and after, then the user's own voices."""
    first = list(_CALLED)
    return sorted(scorers, key=lambda name: (first.index(name) if name in first else len(first), name))


def _orders(found: dict[str, Any]) -> list[Chart]:
    """The mean of each scorer with its interval."""
    values = []
    for name in _in_order(list(found)):
        one = found[name]
        if one["mean"] is not None:
            off = 1.96 * (one["error"] or 0.0)
            values.append((_called(name), _of(name), one["mean"], max(-1.0, one["mean"] - off),
                           min(1.0, one["mean"] + off)))  # fmt: skip
    said = "Value-order correlation of what is said of frames, mean of the trajectories with 95 % intervals."
    return [charts.dots(values, "VOC", said)] if values else []


def _main(orders: pl.DataFrame) -> str | None:
    """Whose order trajectories are held against: the values', else a voice's, else that of labels as recorded."""
    there = set(orders.filter(pl.col("why").is_null())["scorer"])
    voices = sorted(name for name in there if name.startswith(_VOICE))
    return next((name for name in (VALUE, *voices, RECORDED) if name in there), None)


def _spread(orders: pl.DataFrame) -> list[Chart]:
    main = _main(orders)
    if main is None:
        return []
    voc = orders.filter((pl.col("scorer") == main) & pl.col("why").is_null())["voc"].to_numpy()
    said = f"Trajectories by the value-order correlation of {_called(main)}; heights grow by powers."
    return [charts.histogram(voc, (-1.0, 1.0), "VOC", "trajectories (by powers)", said, rare=True)]


def _gaps(pairs: pl.DataFrame) -> tuple[list[Table], list[Sample]]:
    """How far frames are apart in figures, with some of the pairs whose later frame has the lower value."""
    lines, samples = [], []
    for (gap,), mine in sorted(pairs.partition_by("gap", as_dict=True).items()):
        counted = dict(mine["said"].value_counts().rows())
        lower: Any = counted.get("lower", 0)
        if lower:
            some = mine.filter(pl.col("said") == "lower").bottom_k(_ROWS, by="chance")["place"].sort().to_list()
            title = f"{_name(gap)} apart, the later with the lower value"
            samples.append(Sample(key_of("gap", str(gap)), title, lower, places=some))
            lower = Link(lower, samples[-1].key)
        known = mine.height - counted.get("no values", 0)
        higher = counted.get("higher", 0)
        lines.append([_name(gap), mine.height, higher, counted.get("equal", 0), lower, known, share(higher, known)])
    columns = ["apart", "pairs", "later higher", "equal", "later lower", "with values", "later higher, share"]
    return ([Table(columns, lines, "Pairs by how far apart their frames are")] if lines else []), samples


def _figures(found: dict[str, Any]) -> Table:
    lines = [
        [_called(name), _of(name), found[name]["trajectories"], found[name]["defined"], found[name]["short"],
         found[name]["constant"], number(found[name]["mean"]), number(found[name]["error"])]
        for name in _in_order(list(found))
    ]  # fmt: skip
    columns = ["of", "which are", "trajectories", "with a VOC", "too short", "all the same", "mean VOC", "s.e."]
    return Table(columns, lines, "Value-order correlation")


def _worst(orders: pl.DataFrame, known: pl.DataFrame) -> tuple[list[Table], list[Sample]]:
    """The trajectories that go least with time, and rows of each."""
    main = _main(orders)
    if main is None:
        return [], []
    mine = orders.filter((pl.col("scorer") == main) & pl.col("why").is_null())
    first = mine.sort("voc", "source", "trajectory").head(_WORST)
    there = _in_order(orders["scorer"].unique().to_list())
    shown = [name for name in there if not name.startswith(_VOICE)]
    shown += [name for name in there if name.startswith(_VOICE)][:_VOICES]
    lines, samples = [], []
    for source, name, frames in first.select("source", "trajectory", "frames").rows():
        its = (pl.col("source") == source) & (pl.col("trajectory") == name)
        vocs = dict(orders.filter(its & pl.col("why").is_null()).select("scorer", "voc").rows())
        rows = known.filter(its) if known.height else known
        told: Any = name
        if rows.height:
            # Those that contradict time most are the first to be shown.
            some = rows.sort(pl.col("contradicted_by").fill_null(0.0), "chance", descending=[True, False]).head(_ROWS)
            key = key_of("trajectory", source, name)
            samples.append(Sample(key, f"of trajectory {name}", rows.height, places=some["place"].to_list()))
            told = Link(name, key)
        lines.append([told, source, frames, *(number(vocs.get(one)) for one in shown)])
    columns = ["trajectory", "source", "frames", *(name.removeprefix(_VOICE) for name in shown)]
    return [Table(columns, lines, f"VOC of those that go least with time by {_called(main)}")], samples
