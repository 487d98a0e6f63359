"""The search over partitions and blocks, beside comparing each with each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import polars as pl
import pytest
from apache_beam.testing.test_pipeline import TestPipeline

from schemas.arrow import ROW_SCHEMA
from tests.transforms.duplicates.test_semantic import components, plain
from transforms import blocks
from transforms.arrays import write_array
from transforms.blocks import Block
from transforms.duplicates import semantic_stage
from transforms.duplicates.semantic import Parts
from transforms.duplicates.semantic_members import Search
from transforms.duplicates.semantic_stage import FindAlike, partitions_at_most
from transforms.hashing import digest
from transforms.lists import of_counts
from transforms.markers import finished

DIMENSIONS = 8


class Row:
    """A row with made-up vectors: its name, kind, prompt (a name and its vector) and responses' vectors."""

    def __init__(self, name: str, kind: str, prompt: tuple[str, np.ndarray] | None, responses: np.ndarray) -> None:
        self.name, self.kind, self.prompt, self.responses = name, kind, prompt, responses


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float16)


def rows(count: int, seed: int = 0) -> list[Row]:
    """Pairs, ratings and rankings in clouds; some share a prompt, some have none."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, DIMENSIONS))
    made = []
    for i in range(count):
        kind = ("pair", "pair", "rating", "ranking")[i % 4]
        places = {"pair": 2, "rating": 1, "ranking": 3}[kind]
        cloud = centres[rng.integers(12)]
        prompt = int(rng.integers(count // 3))
        asked = unit(centres[prompt % 12] + 0.15 * np.random.default_rng(prompt).normal(size=DIMENSIONS))
        answers = unit(cloud + 0.12 * rng.normal(size=(places, DIMENSIONS)))
        made.append(Row(f"r{i}", kind, None if i % 7 == 0 else (f"p{prompt}", asked), answers))
    return made


def lay(
    folder: Path, parts: Sequence[Sequence[Row]], copies: Sequence[str] = (), showing: Sequence[str] = ()
) -> list[Block]:
    """Blocks, identity and vectors of rows, as the stages before leave them; some show an image, pairs in an answer."""
    every = []
    for index, part in enumerate(parts):
        content = digest(pl.Series([row.name for row in part]))
        asked = pl.Series([row.prompt[0] if row.prompt else None for row in part], dtype=pl.String)
        seen = [{"images": [{"uri": row.name}]} if row.name in showing else {} for row in part]
        said = [
            [{"role": "user", "content": row.prompt[0], **({} if row.kind == "pair" else image)}] if row.prompt else []
            for row, image in zip(part, seen, strict=True)
        ]
        answers = [
            [[{"role": "assistant", "content": "t", **image}]] * len(row.responses)
            for row, image in zip(part, seen, strict=True)
        ]
        frame = pl.DataFrame(
            {
                "row_id": [row.name for row in part],
                "content_id": content,
                "prompt_id": digest(asked.fill_null("")),
                "kind": [row.kind for row in part],
                "prompt": pl.Series(said, dtype=ROW_SCHEMA["prompt"], strict=False),
                "responses": pl.Series(answers, dtype=ROW_SCHEMA["responses"], strict=False),
                "tools": pl.Series([None] * len(part), dtype=pl.String),
            }
        )
        block = Block(index, f"{folder}/blocks/{index}.parquet", len(part))
        blocks.write_frame(frame, block.path)
        gone = pl.Series("copy_of", ["x" if row.name in copies else None for row in part], dtype=pl.String)
        blocks.write_frame(gone.to_frame(), f"{folder}/identity/{block.sidecar}")
        counts = np.array([len(row.responses) for row in part])
        none = np.zeros(DIMENSIONS, dtype=np.float16)
        prompts = np.array([row.prompt[1] if row.prompt else none for row in part])
        vectors = np.concatenate([prompts, *(row.responses for row in part)])
        write_array(vectors, f"{folder}/vectors/{index:06d}.npy")
        listed = of_counts(pl.Series("responses", ["t"] * int(counts.sum())), counts).alias("responses")
        blocks.write_frame(pl.DataFrame([asked.alias("prompt"), listed]), f"{folder}/vectors/{block.sidecar}")
        every.append(block)
    return every


def find(
    folder: Path, every: Sequence[Block], probes: int = 50, threshold: float = 0.9, images: bool = False
) -> dict[str, Any]:
    search = Search(f"{folder}/identity", f"{folder}/vectors", threshold, 0.95, probes, "cpu", images)
    out = f"{folder}/out{probes}"
    with TestPipeline(runner="FnApiRunner") as pipeline:
        assert isinstance(pipeline, beam.Pipeline)
        _ = pipeline | FindAlike(every, search, out)
    stats = finished(out)
    assert len(stats) == 2 * partitions_at_most(every) + 1
    signals = [blocks.read_frame(f"{out}/{block.sidecar}") for block in every]
    return {**stats[max(stats)], "signals": pl.concat(signals), "edges": blocks.read_frame(f"{out}/edges.parquet")}


def like(a: Row, b: Row) -> float:
    if a.kind != b.kind:
        return 0
    none = np.zeros(DIMENSIONS, dtype=np.float16)
    one, other = (Parts(np.array([row.prompt[1] if row.prompt else none]), row.responses[None]) for row in (a, b))
    return plain(one, 0, other, 0)


@pytest.fixture(autouse=True)
def _small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic_stage, "ROWS", 20)


def test_with_all_partitions_probed_everything_is_found(tmp_path: Path) -> None:
    made = rows(240)
    found = find(tmp_path, lay(tmp_path, [made[:100], made[100:]], copies=["r5", "r150"]))
    assert found["partitions"]["rows"] == 12
    names = [row.name for row in made]
    true: dict[str, dict[str, float]] = {}
    for a, b in itertools.permutations([row for row in made if row.name not in ("r5", "r150")], 2):
        if (value := round(like(a, b), 5)) >= 0.9:
            true.setdefault(a.name, {})[b.name] = value
    assert len(true) > 50
    signals = dict(zip(names, found["signals"].to_dicts(), strict=True))
    for name in names:
        said = signals[name]
        if name not in true:
            assert set(said.values()) == {None}
            continue
        assert said["semantic_cosine"] == pytest.approx(max(true[name].values()), abs=2e-5)
        assert true[name][said["semantic_neighbour"]] == pytest.approx(said["semantic_cosine"], abs=2e-5)
        if said["semantic_of"] is not None:
            assert true[name][said["semantic_of"]] == pytest.approx(said["semantic_of_cosine"], abs=2e-5)
            assert signals[said["semantic_of"]]["semantic_of"] is None  # no chains
    stand = [name for name in true if signals[name]["semantic_of"] is None]
    assert not any(b in true[a] for a, b in itertools.permutations(stand, 2))
    assert found["recall"]["rows"]["recall"] == found["recall"]["prompts"]["recall"] == 1.0


def test_rows_that_show_images_are_like_none(tmp_path: Path) -> None:
    made = rows(240)
    showing = [row.name for row in made[::3] if row.kind in ("pair", "rating") and row.prompt]
    found = find(tmp_path, lay(tmp_path, [made[:100], made[100:]], showing=showing), images=True)
    told = dict(zip((row.name for row in made), found["signals"].to_dicts(), strict=True))
    assert all(set(told[name].values()) == {None} for name in showing)
    others = [row for row in made if row.name not in showing]
    true = {a.name for a, b in itertools.permutations(others, 2) if round(like(a, b), 5) >= 0.9}
    assert {name for name, said in told.items() if said["semantic_neighbour"] is not None} == true
    assert true
    assert found["left_out"] == {"rows": len(showing)}
    # A prompt takes part unless it shows an image itself: here those of ratings do.
    prompts = {row.prompt[0] for row in made if row.prompt and not (row.kind == "rating" and row.name in showing)}
    assert found["members"]["prompts"] == len(prompts)


def test_edges_connect_prompts_and_rows_that_belong_together(tmp_path: Path) -> None:
    made = rows(150, seed=4)
    every = lay(tmp_path, [made[:40], made[40:]])
    edges = find(tmp_path, every)["edges"]
    place = {(0 if i < 40 else 1, i if i < 40 else i - 40): i for i in range(150)}
    ends = [[place[pair] for pair in edges.select(f"block_{side}", f"row_{side}").rows()] for side in "ab"]
    same = [(i, j) for i, j in itertools.combinations(range(150), 2) if _one_prompt(made[i], made[j])]
    alike = [
        (i, j)
        for i, j in itertools.combinations(range(150), 2)
        if like(made[i], made[j]) >= 0.9 or _prompts_alike(made[i], made[j])
    ]
    mine = np.array([*zip(*ends, strict=True), *same])
    true = np.array([*alike, *same])
    assert components(mine[:, 0], mine[:, 1], 150) == components(true[:, 0], true[:, 1], 150)
    assert edges.height < 150 + len({row.prompt[0] for row in made if row.prompt})


def _one_prompt(a: Row, b: Row) -> bool:
    return a.prompt is not None and b.prompt is not None and a.prompt[0] == b.prompt[0]


def _prompts_alike(a: Row, b: Row) -> bool:
    if a.prompt is None or b.prompt is None:
        return False
    x, y = a.prompt[1].astype(np.float64), b.prompt[1].astype(np.float64)
    return bool(x @ y / np.sqrt((x @ x) * (y @ y)) >= 0.95)


def test_few_probes_find_most_and_say_how_much(tmp_path: Path) -> None:
    made = rows(600, seed=2)
    every = lay(tmp_path, [made])
    whole, some = find(tmp_path, every), find(tmp_path, every, probes=2)
    best, found = (one["signals"]["semantic_cosine"] for one in (whole, some))
    hits = int((best == found).sum())
    assert some["recall"]["rows"] == {
        "sampled": 600, "true": best.count(), "found": hits, "recall": round(hits / best.count(), 5)
    }  # fmt: skip
    assert 0.8 < some["recall"]["rows"]["recall"] <= 1


def test_neither_order_nor_blocks_show(tmp_path: Path) -> None:
    made = rows(200, seed=3)
    turned = made[::-1]
    one = find(tmp_path / "a", lay(tmp_path / "a", [made]), probes=3)
    two = find(tmp_path / "b", lay(tmp_path / "b", [turned[:30], turned[30:31], turned[31:]]), probes=3)
    assert one["signals"].equals(two["signals"].reverse())
    keys = ["key_a", "key_b", "cosine"]
    assert one["edges"].select(keys).sort(keys).equals(two["edges"].select(keys).sort(keys))
    assert one["recall"] == two["recall"]


def test_nothing_to_compare(tmp_path: Path) -> None:
    nothing = np.zeros((2, DIMENSIONS), dtype=np.float16)
    found = find(tmp_path, lay(tmp_path, [[Row("r0", "pair", None, nothing)]]))
    assert found["recall"]["rows"] == {"sampled": 0, "true": 0, "found": 0}
    assert found["signals"]["semantic_neighbour"].to_list() == [None]
    assert found["edges"].is_empty()
