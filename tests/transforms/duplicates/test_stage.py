"""The stage as Beam runs it: what it finds, against brute force, and the same from any order and any blocks."""

from __future__ import annotations

import random
import time
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl
import pytest

from schemas.arrow import JUDGEMENT, ROW_SCHEMA
from transforms import blocks
from transforms.blocks import Block
from transforms.duplicates.members import Member
from transforms.duplicates.sketch import UNITS
from transforms.duplicates.stage import FindCandidates, FindNear, Likeness, pairs_files, passes, sketch_block
from transforms.duplicates.template import FindTemplate
from transforms.groups import Group
from transforms.hashing import as_nodes
from transforms.identity.keys import identify
from transforms.markers import finished, total
from transforms.tasks import RunTasks

THRESHOLD = 0.7
WORDS = [f"word{i}" for i in range(400)]


def pair(prompt: str, chosen: str, rejected: str) -> dict[str, Any]:
    turns = [[{"role": "user", "content": prompt}] if prompt else []]
    turns += [[{"role": "assistant", "content": text}] for text in (chosen, rejected)]
    base = {"row_id": "", "content_id": "", "source": "s", "file": "f", "line": 1, "kind": "pair"}
    return base | {
        "prompt": turns[0],
        "responses": turns[1:],
        "judgements": [{"value": 1.0, "dimension": "overall", "count": 1}],
    }


def corpus(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs of distinct texts, near-copies of them in chains, sides swapped, and prompts that are nearly the same."""
    rng = random.Random(seed)

    def text(size: int) -> str:
        return " ".join(rng.choices(WORDS, k=size))

    def edited(said: str) -> str:
        words = said.split()
        words[rng.randrange(len(words))] = rng.choice(WORDS)
        return " ".join(words)

    out = [pair(text(rng.randint(1, 40)), text(rng.randint(30, 60)), text(rng.randint(30, 60))) for _ in range(count)]
    for one in out[: count // 4]:
        said = [one["prompt"][0]["content"], *(side[0]["content"] for side in one["responses"])]
        for _ in range(rng.randint(1, 4)):
            said = [said[0], edited(said[1]), said[2]] if rng.random() < 0.5 else [said[0], said[2], edited(said[1])]
            out.append(pair(*said))
    for one in out[count // 4 : count // 3]:
        out.append(pair(edited(one["prompt"][0]["content"]), text(30), text(30)))
    return out


def lay(rows: list[dict[str, Any]], folder: Path, sizes: list[int]) -> list[Member]:
    """Rows as blocks of these sizes, with the sidecars that the stage reads."""
    frame = identify(pl.DataFrame(rows, schema=ROW_SCHEMA, strict=False)).with_columns(row_id="content_id")
    members, start = [], 0
    for index, size in enumerate(sizes):
        part = frame[start : start + size]
        start += size
        block = Block(index, f"{folder}/rows/{index}.parquet", part.height)
        blocks.write_frame(part, block.path)
        copies = pl.DataFrame({"copy_of": [None] * part.height, "judgements": [None] * part.height},
                              schema={"copy_of": pl.String, "judgements": pl.List(JUDGEMENT)})  # fmt: skip
        blocks.write_frame(copies, f"{folder}/identity/{block.sidecar}")
        lengths = part["responses"].list.eval(pl.element().list.first().struct.field("content").str.len_chars())
        signals = pl.DataFrame({"characters": lengths.cast(pl.List(pl.Int64))}).with_columns(
            empty_response=False, pii=pl.lit([], dtype=pl.List(pl.String))
        )
        blocks.write_frame(signals, f"{folder}/signals/{block.sidecar}")
        members.append(Member(block, f"{folder}/identity", f"{folder}/signals"))
    assert start == frame.height
    return members


def run(transform: beam.PTransform) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        pipeline | transform


def find(rows: list[dict[str, Any]], folder: Path, sizes: list[int] | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is said of each row, in the order of their hashes; and all pairs of rows and prompts."""
    members = lay(rows, folder, sizes or [len(rows)])
    every = [member.block for member in members]
    run(FindTemplate(members, 5, 0.01, f"{folder}/template"))
    near(members, folder)
    files = {unit: list(pairs_files(f"{folder}/near", unit, len(rows)).values()) for unit in UNITS}
    run(Group(every, files["row"] + files["prompt"], [], f"{folder}/groups"))
    said = [
        pl.concat([blocks.read_frame(f"{folder}/{name}/{block.sidecar}") for block in every])
        for name in ("near", "groups")
    ]
    named = pl.concat([blocks.read_frame(block.path, ["row_id", "prompt_id"]) for block in every])
    pairs = [
        blocks.read_frame(path).select(pl.lit(unit).alias("unit"), "node_a", "node_b", "score", "copies")
        for unit, paths in files.items()
        for path in paths
    ] or [pl.DataFrame({"unit": [], "node_a": [], "node_b": []})]
    return pl.concat([named, *said], how="horizontal").sort("row_id"), pl.concat(pairs).sort("unit", "node_a", "node_b")


def near(members: list[Member], folder: Path) -> int:
    """Sketches, candidates and near-copies; returns in how many passes."""
    every = [member.block for member in members]
    likeness = Likeness(THRESHOLD, 5, f"{folder}/template")
    work = [{"member": asdict(member), "likeness": asdict(likeness)} for member in members]
    run(RunTasks(work, sketch_block, f"{folder}/sketch"))
    found = passes(total(list(finished(f"{folder}/sketch").values()))["texts"], likeness.shapes())
    folders = [f"{folder}/candidates{number}" for number in range(len(found))]
    for mine, place in zip(found, folders, strict=True):
        run(FindCandidates(every, f"{folder}/sketch", mine, place))
    run(FindNear(members, every, folders, likeness, None, f"{folder}/near"))
    return len(found)


def grams(text: str) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)} or {text}


def similarity(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame]:
    rows = corpus(400)
    return rows, *find(rows, tmp_path_factory.mktemp("near"))


def test_near_copies_against_brute_force(found: tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame]) -> None:
    rows, said, pairs = found
    ids = identify(pl.DataFrame(rows, schema=ROW_SCHEMA, strict=False))["content_id"]
    texts = [[row["prompt"][0]["content"], *(side[0]["content"] for side in row["responses"])] for row in rows]
    sets = [[grams(text) for text in parts] for parts in texts]
    whole = [set.union(*parts) for parts in sets]
    wanted = {}
    for i, j in combinations(range(len(rows)), 2):
        if (score := similarity(whole[i], whole[j])) >= THRESHOLD:
            wanted[frozenset((ids[i], ids[j]))] = round(score, 5)
    node = dict(zip(as_nodes(ids).tolist(), ids.to_list(), strict=True))
    got = {
        frozenset((node[a], node[b])): score
        for a, b, score in pairs.filter(pl.col("unit") == "row").select("node_a", "node_b", "score").iter_rows()
    }
    assert len(wanted) > 150
    assert {pair: score for pair, score in wanted.items() if pair in got} == got  # exact, and nothing else
    # A star does not link all of a bucket, but whatever is linked must come out linked.
    assert linked(got) == linked(wanted)
    copies = dict(said.filter(pl.col("near_of").is_not_null()).select("row_id", "near_of").iter_rows())
    assert len(copies) > 80
    assert not set(copies) & set(copies.values())
    assert {frozenset(pair) for pair in copies.items()} <= set(wanted)
    scores = said.filter(pl.col("near_of").is_not_null()).select("row_id", "near_of", "near_score").iter_rows()
    assert all(wanted[frozenset((copy, kept))] == score for copy, kept, score in scores)


def linked(pairs: Any) -> set[frozenset[str]]:
    groups: list[set[str]] = []
    for pair in pairs:
        near = [group for group in groups if group & pair]
        groups = [group for group in groups if group not in near] + [set(pair).union(*near)]
    return {frozenset(group) for group in groups}


def test_prompts_that_are_alike_are_in_one_group(
    found: tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame],
) -> None:
    rows, said, _ = found
    keyed = identify(pl.DataFrame(rows, schema=ROW_SCHEMA, strict=False))
    group = dict(said.select("row_id", "group_id").iter_rows())
    prompts = {p: grams(row["prompt"][0]["content"]) for p, row in zip(keyed["prompt_id"], rows, strict=True)}
    of_prompt: dict[str, set[str]] = {}
    for row_id, prompt_id in keyed.select("content_id", "prompt_id").iter_rows():
        of_prompt.setdefault(prompt_id, set()).add(group[row_id])
    assert all(len(groups) == 1 for groups in of_prompt.values())
    alike = [(a, b) for a, b in combinations(prompts, 2) if similarity(prompts[a], prompts[b]) >= THRESHOLD]
    assert len(alike) > 10
    assert all(of_prompt[a] == of_prompt[b] for a, b in alike)
    assert said.filter("linked")["group_id"].n_unique() < len(of_prompt) / 2


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_from_any_order_and_any_blocks(
    seed: int, found: tuple[list[dict[str, Any]], pl.DataFrame, pl.DataFrame], tmp_path: Path
) -> None:
    rows, said, pairs = found
    shuffled = random.Random(seed).sample(rows, len(rows))
    third = len(rows) // 3
    again, pairs_again = find(shuffled, tmp_path, [third, 1, len(rows) - third - 1])
    assert again.equals(said)
    assert pairs_again.equals(pairs)


def test_nothing_alike(tmp_path: Path) -> None:
    said, pairs = find([pair(f"q{i}", f"a{i}", f"b{i}") for i in range(5)], tmp_path)
    assert pairs.height == 0
    assert said.height == said["near_of"].null_count() == said["group_id"].n_unique() == 5


@pytest.mark.slow
def test_100_000_rows_that_share_a_band_take_no_longer_for_it(tmp_path: Path) -> None:
    """All have one long sentence in common: they meet in many bands, and are alike in none of their own words."""
    shared = " ".join(WORDS[:40])
    took = {}
    for name, common in (("apart", ""), ("together", shared)):
        rng = np.random.default_rng(0)
        own = rng.integers(0, 400, (100_000, 60))
        rows = [pair("", f"{common} {' '.join(WORDS[i] for i in words)}", "no") for words in own]
        folder = tmp_path / name
        members = lay(rows, folder, [50_000, 50_000])
        run(FindTemplate(members, 5, 0.01, f"{folder}/template"))
        started = time.process_time()
        near(members, folder)
        took[name] = time.process_time() - started
    print(took)
    assert took["together"] < 5 * took["apart"]
