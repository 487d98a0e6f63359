"""What the tests of adapters share: records in, rows and dead letters out."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from schemas.row import Row
from schemas.verdict import DEAD_LETTERS
from transforms.ingest.adapters import ADAPTERS, adapter, recognise
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.files import plan
from transforms.ingest.readers import sample
from transforms.ingest.records import Broken, Records
from transforms.ingest.stage import batches
from transforms.ingest.units import whole_files

Raw = dict[str, Any]
Data = Callable[[str], Path]
#: Format, the field that is changed, its value, the dead letter's code, and words of its message.
Wrong = tuple[str, str, Any, str, str]
MISSING = ...
EXAMPLES = {known.name: known.example for known in ADAPTERS}


def records(*items: Raw) -> Records:
    return Records(np.arange(1, len(items) + 1), items=list(copy.deepcopy(items)))


def adapt(name: str, *items: Raw, pseudonymise: bool = False, **options: Any) -> tuple[list[Raw], list[Broken]]:
    batch = records(*items)
    rows, dead = to_rows(batch, adapter(name).rows(batch, options), Origin("s", "f", pseudonymise=pseudonymise))
    for row in rows.to_dicts():
        Row.model_validate(row)
    return rows.to_dicts(), dead


def ingest(*paths: Path, options: Raw | None = None, **reading: Any) -> tuple[str, int, pl.DataFrame, list[Broken]]:
    """The format found out, how many records there are, their rows and dead letters."""
    refs, _ = plan("s", [str(path) for path in paths], **reading)
    known = recognise(sample(refs[0]), refs[0].file)
    count, rows, dead = 0, [], []
    for batch in batches(whole_files(refs) if known.joins else refs, known):
        count += len(batch) + len(batch.broken)
        made, broken = to_rows(batch, known.rows(batch, options or {}), Origin("s", ""))
        rows.append(made)
        dead += broken
    return known.name, count, pl.concat(rows), dead


def named_systems(folder: Path, into: Path) -> None:
    """The anonymous systems of WMT12's texts under their names: they were numbered in the order of those."""
    judged = pl.read_csv(folder / "wmt_data" / "wmt12-manual-evaluation" / "wmt12.RNK_results.csv", infer_schema=False)
    for language, code in {"Czech": "cs", "German": "de", "Spanish": "es", "French": "fr"}.items():
        mine = judged.filter((pl.col("srclang") == language) & (pl.col("trglang") == "English"))
        names = {name for i in range(1, 6) for name in mine[f"system{i}Id"]}
        for number, name in enumerate(sorted(names, key=str.lower), 1):
            (into / f"{code}-en.{name}.sgm").symlink_to(folder / "training_wmt12" / f"{code}-en.sys{number}.sgm")
        (into / f"{code}-en.ref.sgm").symlink_to(folder / "training_wmt12" / f"{code}-en.ref.sgm")


def values(rows: pl.DataFrame) -> Counter[float]:
    return Counter(rows["judgements"].explode(empty_as_null=False, keep_nulls=False).struct.field("value").to_list())


def said(dialogue: list[Raw]) -> list[tuple[str, str | None]]:
    return [(message["role"], message["content"]) for message in dialogue]


def check_wrong(
    name: str,
    field: str,
    value: Any,
    code: str,
    words: str,
    mapped: dict[str, tuple[Raw, Raw]] | None = None,
    variant: int | None = None,
) -> None:
    """One changed field makes one dead letter, among good records and alone.

    `mapped` names mappings with a record; `variant` says which of a format's other layouts is meant.
    """
    mapping, good = (mapped or {}).get(name, (None, EXAMPLES.get(name, {})))
    good = good if variant is None else adapter(name).variants[variant]
    bad = {key: item for key, item in good.items() if key != field} | ({} if value is MISSING else {field: value})
    # Where several records are one unit, good records are of other units than the bad one.
    unit = next((key for key in reversed(adapter("mapping" if mapping else name).joins) if key in good), None)
    before, after = (good | {unit: where} if unit else good for where in ("before", "after"))
    rows, dead = adapt("mapping" if mapping else name, before, bad, after, **({"mapping": mapping} if mapping else {}))
    assert {row["line"] for row in rows} == {1, 3}
    assert [(letter.line, letter.code) for letter in dead] == [(2, code)]
    assert words in dead[0].message
    assert code in DEAD_LETTERS
    assert all(key in dead[0].raw for key in bad)
    # A batch may hold nothing else.
    alone = adapt("mapping" if mapping else name, bad, **({"mapping": mapping} if mapping else {}))
    assert [(len(alone[0]), letter.code) for letter in alone[1]] == [(0, code)]


#: Mappings with a record each, by what they are of.
PAIR = {"kind": "pair", "prompt": "q", "responses": ["a", "b"], "label": {"field": "w", "values": {"a": 1, "b": 0}}}
RATING = {"kind": "rating", "prompt": "q", "responses": ["a"], "scores": [{"field": "x", "minimum": 1, "maximum": 5}]}
RANKS = {"kind": "ranking", "prompt": "q", "responses": "a", "ranks": "r"}
VALUES = {"kind": "ranking", "prompt": "q", "responses": "a", "values": "v", "minimum": 0, "maximum": 10}
STEPS = {"kind": "stepwise", "prompt": "q", "responses": "s", "label": {"field": "l"}}
MAPPED: dict[str, tuple[Raw, Raw]] = {
    "pair": (PAIR, {"q": "Q", "a": "A", "b": "B", "w": "a"}),
    "rating": (RATING, {"q": "Q", "a": "A", "x": 2}),
    "ranks": (RANKS, {"q": "Q", "a": ["A", "B", "C"], "r": [2, 1, 2]}),
    "values": (VALUES, {"q": "Q", "a": ["A", "B"], "v": [0, 2.5]}),
}
TALK = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]
TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi."}]
VARIANTS = {known.name: known.variants for known in ADAPTERS}


def changed(value: Any, *steps: Any) -> Any:
    """The top field of a record with one thing in it changed: names and places that lead there, and the new value."""
    *path, last, new = steps
    out = copy.deepcopy(value)
    inner = out
    for step in path:
        inner = inner[step]
    if new is MISSING:
        del inner[last]
    else:
        inner[last] = new
    return out


def talk(letters: str) -> list[Raw]:
    return [{"role": "assistant" if i % 2 else "user", "content": letter} for i, letter in enumerate(letters)]
