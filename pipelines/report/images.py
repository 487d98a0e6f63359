"""Images on the page: which could be opened, which look the same, which are so common that they link nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import polars as pl

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.duplicates import SIZES, sized
from pipelines.report.parts import Chart, Link, Sample, Section, Table, key_of, many
from transforms import blocks, markers
from transforms.belonging import IMAGE
from transforms.images.names import image_names
from transforms.images.stage import same_file

#: Sets and images that are listed, rows shown of each, and characters of an image's name.
_SETS, _LOST, _ROWS, _LONG = 8, 12, 3, 120


def images(run: Finished) -> Section | None:
    """What is known of images; None where rows have none in common and nobody opened them."""
    told, belonging = run.manifest.get("images"), run.manifest.get("belonging")
    links = belonging["links"].get(IMAGE, 0) if belonging else 0
    common = belonging["commonest"] if belonging else []
    if not links and not common and not (told and told["opened"] + told["unopened"]):
        return None
    words = []
    if links:
        words.append(f"Images in common made {many(links, 'link')} between rows: linked rows are in one group.")
    tables = _common(common, belonging["common_images"] if belonging else 0)
    pictures: list[Chart] = []
    samples: list[Sample] = []
    if told is None:
        lead = "Images were not opened (images.near), so which of them look the same is not known."
    else:
        sets, lost = _sets(run), _lost(run, told)
        rows = _showing(run, {*lost, *(name for members in sets.values() for name in members)})
        lead = (
            f"{many(told['opened'], 'distinct image was', 'distinct images were')} opened; {told['alike']:,} look like "
            f"another, in {many(told['sets'], 'set')} of near-copies; {told['unopened']:,} could not be opened."
        )
        words.append("Where rows are grouped by their images, near-copies count as one.")
        if by := told.get("by_vectors"):
            alone = by["alike_by_these_alone"]
            words.append(f"By their vectors alone (images.cosine), {alone:,} look like another: look at some.")
        pictures = [*_outcome(told), *_sizes(run)]
        named, samples = _named(sets, lost, told["unopened"], rows)
        tables = [*named, *tables]
    return Section(
        "images",
        "Images",
        lead,
        "failed" if told and told["unopened"] else "",
        words=words,
        charts=pictures,
        tables=tables,
        samples=samples,
    )


def _same(run: Finished) -> pl.DataFrame | None:
    """Every image that another stands for; None where that is gone."""
    folder = run.left("same-images")
    return blocks.read_frame(same_file(folder)) if folder else None


def _sets(run: Finished) -> dict[str, list[str]]:
    """The largest sets of near-copies, each by the image that stands for it, which is its first."""
    same = _same(run)
    if same is None:
        return {}
    found = same.group_by("stands").agg(pl.col("name").sort()).sort(pl.col("name").list.len(), "stands",
                                                                    descending=[True, False])  # fmt: skip
    return {stands: [stands, *others] for stands, others in found.head(_SETS).rows()}


def _lost(run: Finished, told: dict[str, Any]) -> list[str]:
    """Some of the images that could not be opened, by name."""
    folder = run.left("looks")
    every = markers.finished(folder).values() if folder else []
    named = {name for stats in every for name in stats["named"]} or set(told["unopened_named"])
    return sorted(named)[:_LOST]


def _showing(run: Finished, names: Collection[str]) -> dict[str, list[int]]:
    """The places of all rows that show each of these images; none where they are gone."""
    out: dict[str, list[int]] = {name: [] for name in names}
    wanted = pl.Series(sorted(names), dtype=pl.String)
    for block, start in zip(run.every if names else [], run.starts.tolist(), strict=False):
        found, counts = image_names(blocks.read_frame(block.path, ["source", "prompt", "responses"]))
        owners = np.repeat(np.arange(start, start + block.rows), counts)
        mine = pl.DataFrame({"name": found, "place": owners}).filter(pl.col("name").is_in(wanted.implode()))
        for name, place in mine.unique().sort("name", "place").rows():
            out[name].append(place)
    return out


def _outcome(told: dict[str, Any]) -> list[Chart]:
    values = [
        ("like no other", "", float(told["opened"] - told["alike"])),
        ("like another", "", float(told["alike"])),
        ("could not be opened", "", float(told["unopened"])),
    ]
    return [charts.bars(values, "distinct images", "What became of each distinct image.")]


def _sizes(run: Finished) -> list[Chart]:
    """Sets of near-copies by how many images they have."""
    same = _same(run)
    if same is None or same.is_empty():
        return []
    found = same.group_by("stands").agg(images=pl.len() + 1).group_by(size=sized(pl.col("images"))).agg(sets=pl.len())
    by = dict(found.rows())
    values = [(name, "", by[name]) for _, name in SIZES if name in by]
    return [charts.bars(values, "sets", "Sets of near-copies by how many images they have.")]


def _named(
    sets: dict[str, list[str]], lost: Sequence[str], unopened: int, rows: dict[str, list[int]]
) -> tuple[list[Table], list[Sample]]:
    """Images that could not be opened and sets of those that look the same, with rows that show them."""
    tables, samples = [], []

    def linked(name: str, title: str, places: list[int]) -> Any:
        if not places:
            return 0
        samples.append(Sample(key_of("image", name), title, len(places), places=places[:_ROWS]))
        return Link(len(places), samples[-1].key)

    if lost:
        lines = [[_short(name), linked(name, f"showing {_short(name)}, which could not be opened", rows.get(name, []))]
                 for name in lost]  # fmt: skip
        more = f" ({len(lost):,} of {unopened:,})" if unopened > len(lost) else ""
        tables.append(Table(["image", "rows that show it"], lines, f"Images that could not be opened{more}"))
    if sets:
        lines = []
        for stands, members in sets.items():
            places = sorted({place for name in members for place in rows.get(name, [])})
            others = ", ".join(_short(name) for name in members[1:4]) + (" …" if len(members) > 4 else "")
            showing = linked(stands, f"showing near-copies of {_short(stands)}", places)
            lines.append([_short(stands), others, len(members), showing])
        columns = ["image", "looks like", "images", "rows that show one"]
        tables.append(Table(columns, lines, "The largest sets of near-copies"))
    return tables, samples


def _common(common: Sequence[dict[str, Any]], whole: int) -> list[Table]:
    """Images that link nothing."""
    lines = [[_short(one["name"]), one["nodes"]] for one in common]
    title = f"Images in so many prompts that they link nothing ({len(lines):,} of {whole:,})"
    return [Table(["image", "prompts"], lines, title)] if lines else []


def _short(name: str) -> str:
    """An image's name, a source's own behind the source as rows have it; one that holds its bytes is cut."""
    name = name.removeprefix("in:")
    return name if len(name) <= _LONG else f"{name[:_LONG]}…"
