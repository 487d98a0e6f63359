"""What the gate looks at in published files: figures over all of them, and a view of each without its texts.

Files are read some row groups at a time and only hashes of prompts are kept, so memory does not grow with the files.
"""

from __future__ import annotations

import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import fsspec
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from schemas.expectations import SIDES
from transforms.blocks import is_remote, read_bytes

#: About so many rows are read at once: a block's.
BATCH_ROWS = 16_384
#: Text columns that are names, not texts.
_NAMES = ("id", "source", "dimension")
#: Text columns that are what a response is to, in the configurations without a `prompt`.
_PROMPT_TEXTS = ("src", "source")
_FILE = re.compile(r"([a-z][a-z0-9_]*)-(\d{5,})-of-(\d{5,})\.parquet")


@dataclass(frozen=True)
class Shard:
    """A published file.

    Attributes:
        configuration: of the dataset.
        split: whose rows it holds.
        path: where it lies.
        name: its path inside the dataset.
    """

    configuration: str
    split: str
    path: str
    name: str


def shards(dataset: str, configuration: str, splits: Sequence[str]) -> tuple[list[Shard], int]:
    """The files of a configuration, and how many are missing from, or no part of, the numbered series of its splits."""
    fs, root = fsspec.core.url_to_fs(f"{dataset}/{configuration}")
    fs.invalidate_cache()
    try:
        listed = sorted(path.rsplit("/", 1)[-1] for path in fs.ls(root, detail=False))
    except FileNotFoundError:  # a folder is only made for a file, and a file only for rows
        return [], 0
    found, amiss = [], 0
    series: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for name in listed:
        match = _FILE.fullmatch(name)
        if match is None or match[1] not in splits:
            amiss += name.endswith(".parquet")
            continue
        series[match[1]].add((int(match[2]), int(match[3])))
        found.append(Shard(configuration, match[1], f"{dataset}/{configuration}/{name}", f"{configuration}/{name}"))
    for numbers in series.values():
        total = max(of for _, of in numbers)
        amiss += len(numbers ^ {(number, total) for number in range(total)})
    return found, amiss


def batches(path: str) -> Iterator[pl.DataFrame]:
    """A published file's rows, some row groups at a time; one empty frame for a file without rows."""
    source = read_bytes(path) if is_remote(path) else path
    footer = pq.read_metadata(io.BytesIO(source) if isinstance(source, bytes) else source)
    rows = pl.scan_parquet(source, glob=False, hive_partitioning=False)  # decodes in a third of pyarrow's time
    start = size = 0
    for group in range(footer.num_row_groups):
        more = footer.row_group(group).num_rows
        if size and size + more > BATCH_ROWS:
            yield rows.slice(start, size).collect()
            start, size = start + size, 0
        size += more
    if size or not start:
        yield rows.slice(start, size).collect()


def kind(dtype: pl.DataType) -> str:
    """What a column of this type holds: text, number, messages …; the type's own name where it is none of ours."""
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        assert isinstance(inner, pl.DataType)
        if isinstance(inner, pl.Struct) and {"role", "content"} <= set(inner.to_schema()):
            return "messages"
        within = kind(inner)
        plural = {"messages": "lists of messages", "text": "texts", "number": "numbers", "boolean": "booleans"}
        return plural.get(within, str(dtype))
    return "text" if dtype == pl.String else "boolean" if dtype == pl.Boolean else str(dtype)


def empty(columns: dict[str, str]) -> pl.DataFrame:
    """A frame without rows whose columns hold these kinds of things."""
    message = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    types = {"text": pl.String(), "number": pl.Float64(), "boolean": pl.Boolean(), "messages": message}
    lists = {"texts": "text", "numbers": "number", "booleans": "boolean", "lists of messages": "messages"}
    every = types | {plural: pl.List(types[one]) for plural, one in lists.items()}
    return pl.DataFrame(schema={name: every[what] for name, what in columns.items()})


def view(shard: pl.DataFrame) -> pl.DataFrame:
    """The scalar view of published rows: what can be judged of them without their texts.

    Numbers, booleans and names stay as they are. Any other column `x` becomes `x_is_null` and what can be counted of
    it, 0 where it is null: `x_characters` of a text; `x_messages`, `x_characters` and `x_is_empty` (no text, tool call
    or image) of messages; `x_count` of a list, with the `x_characters` of texts, `x_empty` ones of responses, `x_nulls`
    of numbers and booleans, and `x_minimum` and `x_maximum` of numbers.
    """
    out: list[pl.Expr] = []
    for name, dtype in shard.schema.items():
        what, column = kind(dtype), pl.col(name)
        # MetricX calls the text to translate `source`, which elsewhere is the name of where a row comes from.
        text = name == "source" and "hypothesis" in shard.columns
        if what in ("number", "boolean") or (name in _NAMES and what == "text" and not text):
            out.append(column)
        else:
            facts = {"is_null": column.is_null(), **_facts(column, what, dtype)}
            out += [fact.alias(f"{name}_{suffix}") for suffix, fact in facts.items()]
    return shard.select(out)


def _facts(column: pl.Expr, what: str, dtype: pl.DataType) -> dict[str, pl.Expr]:
    each, size = pl.element(), _count(column.list.len())
    match what:
        case "text":
            return {"characters": _count(column.str.len_chars())}
        case "messages":
            return {"messages": size, "characters": _characters(column), "is_empty": ~_says(column, dtype)}
        case "lists of messages":
            inner = dtype.inner  # type: ignore[attr-defined]
            return {
                "count": size,
                "characters": _count(column.list.eval(_characters(each)).list.sum()),
                "empty": _count(column.list.eval(~_says(each, inner)).list.sum()),
            }
        case "texts":
            return {"count": size, "characters": _count(column.list.eval(each.str.len_chars()).list.sum())}
        case "booleans" | "numbers":
            facts = {"count": size, "nulls": _count(column.list.eval(each.is_null()).list.sum())}
            return facts if what == "booleans" else facts | {"minimum": column.list.min(), "maximum": column.list.max()}
    return {}


def _count(counted: pl.Expr) -> pl.Expr:
    return counted.fill_null(0).cast(pl.Int64)


def _characters(dialogue: pl.Expr) -> pl.Expr:
    return _count(dialogue.list.eval(pl.element().struct.field("content").str.len_chars()).list.sum())


def _says(dialogue: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether any message has visible text, a tool call or an image."""
    field = pl.element().struct.field
    says = field("content").str.contains(r"\S").fill_null(False)
    for name in {"tool_calls", "images"} & set(dtype.inner.to_schema()):  # type: ignore[attr-defined]
        says = says | (field(name).list.len() > 0).fill_null(False)
    return dialogue.list.eval(says).list.any().fill_null(False)


def prompt_hashes(rows: pl.DataFrame) -> np.ndarray:
    """A hash of the prompt (and the tools on offer) of each row that has one; the same within one process only."""
    if "prompt" in rows.columns:
        prompt = rows["prompt"]
    elif {"chosen", "rejected"} <= set(rows.columns):
        prompt = _shared(rows["chosen"], rows["rejected"])
    else:
        prompt = next((rows[name] for name in _PROMPT_TEXTS if name in rows.columns), pl.Series([], dtype=pl.String))
    frame = prompt.alias("prompt").to_frame()
    what = kind(prompt.dtype)
    if what == "messages":
        given = _says(pl.col("prompt"), prompt.dtype)
    elif what == "text":
        given = pl.col("prompt").str.contains(r"\S").fill_null(False)
    else:  # of the wrong type, which another check tells
        return np.empty(0, dtype=np.uint64)
    if "tools" in rows.columns:  # rows with other tools are rows with another prompt
        frame = frame.with_columns(rows["tools"])
    return frame.filter(given).select(pl.struct(pl.all()).hash()).to_series().to_numpy()


def _shared(first: pl.Series, second: pl.Series) -> pl.Series:
    """The messages that two dialogues begin with, at most all but the last of either."""
    if {kind(first.dtype), kind(second.dtype)} != {"messages"}:
        return pl.Series([], dtype=pl.String)
    rows = pl.DataFrame({"a": first, "b": second}).with_row_index("row")
    last = pl.max_horizontal(pl.min_horizontal(pl.col("a", "b").list.len()).cast(pl.Int64) - 1, 0)
    rows = rows.with_columns(last=last.fill_null(0))
    heads = [pl.col(side).list.head("last") for side in "ab"]
    # Nearly always the sides differ in their last message alone; only of the others each message is looked at.
    turns = rows.filter((pl.col("last") > 0) & (heads[0].hash() != heads[1].hash())).select(
        "row", *(head.list.eval(pl.element().hash()) for head in heads)
    )
    same = (pl.col("a") == pl.col("b")).cast(pl.Int64)
    lengths = turns.explode("a", "b").group_by("row", maintain_order=True).agg(shared=same.cum_prod().sum())
    found = rows.join(lengths, on="row", how="left", maintain_order="left")
    return found.select(pl.col("a").list.head(pl.coalesce("shared", "last"))).to_series()


class Tally:
    """Figures of published files, added up a batch of rows at a time."""

    def __init__(self, configurations: Sequence[str], splits: Sequence[str]) -> None:
        self.configurations, self.splits = tuple(configurations), tuple(splits)
        self.layouts: dict[str, dict[str, str]] = {}
        self._counts: Counter[str] = Counter()
        self._schemas: defaultdict[str, set[tuple[tuple[str, str], ...]]] = defaultdict(set)
        self._prompts: defaultdict[tuple[str, str], list[np.ndarray]] = defaultdict(list)

    def read(self, dataset: str, configuration: str) -> Iterator[tuple[Shard, Iterator[pl.DataFrame]]]:
        """The files of a configuration with their rows, which are added up as they are read."""
        found, amiss = shards(dataset, configuration, self.splits)
        self._counts[f"files_amiss_{configuration}"] += amiss
        for shard in found:
            yield shard, self._added(shard)

    def _added(self, shard: Shard) -> Iterator[pl.DataFrame]:
        for batch in batches(shard.path):
            self.add(shard, batch)
            yield batch

    def add(self, shard: Shard, rows: pl.DataFrame) -> None:
        name, counts = shard.configuration, self._counts
        self.layouts[shard.name] = {column: kind(dtype) for column, dtype in rows.schema.items()}
        self._schemas[name].add(tuple((column, str(dtype)) for column, dtype in rows.schema.items()))
        counts[f"rows_{name}"] += rows.height
        counts[f"rows_in_{shard.split}"] += rows.height
        self._prompts[name, shard.split].append(np.unique(prompt_hashes(rows)))
        kinds = self.layouts[shard.name]
        if name in SIDES and kinds.get("chosen") == kinds.get("rejected") == "messages":
            says = [_says(pl.col(side), rows.schema[side]) for side in ("chosen", "rejected")]
            counts[f"empty_sides_{name}"] += int((~rows.select(pl.all_horizontal(says)).to_series()).sum())
            counts[f"identical_sides_{name}"] += int((rows["chosen"].hash() == rows["rejected"].hash()).sum())
        if name == "preference_soft" and kinds.get("soft_label") == "number":
            counts["reversed_preference_soft"] += int((rows["soft_label"] < 0.5).sum())
        if name == "preference_soft" and "margin" in kinds:
            counts["margin_nulls"] += rows["margin"].null_count()

    def metrics(self) -> dict[str, float]:
        """The figures of what was added so far."""
        out: dict[str, float] = {"rows_in_files": sum(self._counts[f"rows_{name}"] for name in self.configurations)}
        for name in self.configurations:
            out[f"rows_{name}"] = self._counts[f"rows_{name}"]
            out[f"files_amiss_{name}"] = self._counts[f"files_amiss_{name}"]
            out[f"file_layouts_{name}"] = len(self._schemas[name])
            out[f"prompts_in_two_splits_{name}"] = self._in_two(name)
            if name in SIDES:
                for metric in (f"identical_sides_{name}", f"empty_sides_{name}"):
                    out[metric] = self._counts[metric]
        if "preference_soft" in self.configurations:
            for metric in ("reversed_preference_soft", "margin_nulls"):
                out[metric] = self._counts[metric]
        return out | {f"rows_in_{split}": self._counts[f"rows_in_{split}"] for split in self.splits}

    def _in_two(self, name: str) -> int:
        once = [np.unique(np.concatenate(self._prompts[key])) for key in self._prompts if key[0] == name]
        if not once:
            return 0
        return int((np.unique(np.concatenate(once), return_counts=True)[1] > 1).sum())


def published_metrics(dataset: str, configurations: list[str], splits: list[str]) -> dict[str, float]:
    """Figures of a published folder that only its files can tell.

    Args:
        dataset: folder of `CONFIGURATION/SPLIT-0000x-of-0000N.parquet`.
        configurations: those that were published.
        splits: names of the splits.

    Returns:
        For each configuration its rows, prompts that stand in two splits, files that are missing or do not belong,
        layouts of its files (1 is right), and of pairs identical and empty sides; for each split its rows.
    """
    tally = Tally(configurations, splits)
    for name in configurations:
        for _, rows in tally.read(dataset, name):
            for _ in rows:
                pass
    return tally.metrics()
