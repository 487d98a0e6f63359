"""Every shape back to rows: what a row is recognised by comes back as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.arrow import ROW_SCHEMA
from schemas.config import SHAPES
from transforms import blocks
from transforms.hashing import as_nodes
from transforms.identity.keys import identify
from transforms.publish.shapes import OPTIONAL_FIELDS, Facts, shape
from transforms.published.rows import CONFIGURATIONS, published_rows
from transforms.published.stage import known, read_published

CALL = {"id": "1", "name": "f", "arguments": "{}"}


def turn(content: str | None, role: str = "assistant", **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def row(place: int, kind: str, responses: list[Any], prompt: list[Any], **other: Any) -> dict[str, Any]:
    said = [response if isinstance(response, list) else [turn(response)] for response in responses]
    judgements = [
        {"value": 1.0, "normalised": 1.0, "dimension": "d", "count": 1, "response": i} for i in range(len(said))
    ]
    base = {"row_id": f"r{place}", "content_id": "", "source": "s", "file": "f", "line": 1, "judgements": judgements}
    return base | {"kind": kind, "prompt": prompt, "responses": said, "references": ["ref"]} | other


def given(kind: str) -> pl.DataFrame:
    """Rows as they are published: shapes read a few columns more than a block has."""
    ask = [
        turn("be kind", "system"),
        turn("first question", "user"),
        turn("first answer"),
        turn("a second one", "user"),
    ]
    if kind == "pair":
        some = [
            row(0, kind, ["yes", "no"], ask),
            row(1, kind, ["the same", "the same but more"], [turn("q", "user", name="jo", images=[{"uri": "u"}])]),
            row(
                2, kind, [[turn(None, tool_calls=[CALL]), turn("out", "tool", tool_call_id="1")], "no"], ask, tools="[]"
            ),
            row(3, kind, [[turn("so", reasoning="because")], [turn("a"), turn("b")]], ask),
        ]
    elif kind == "rating":
        some = [row(i, kind, [f"answer {i}"], [turn(f"question {i}", "user")]) for i in range(3)]
    elif kind == "ranking":
        some = [row(0, kind, ["a", "b", "c"], ask), row(1, kind, ["d", "e"], [turn("q", "user")])]
    else:
        some = [row(0, kind, ["step one\nstep two"], [turn("q", "user")], steps=["step one", "step two"])]
        some[0]["judgements"] = [
            {"value": 1.0, "normalised": 1.0, "step": i, "dimension": "d", "count": 1} for i in (0, 1)
        ]
    frame = identify(pl.DataFrame(some, schema=ROW_SCHEMA, strict=False))
    return frame.with_columns(
        id="content_id", soft_label=pl.lit(1.0), margin=pl.lit(None, pl.Float64), weight=pl.lit(1.0)
    )


def facts(kind: str) -> Facts:
    return Facts(message_fields=tuple(sorted(OPTIONAL_FIELDS)) if kind == "pair" else (), tools=kind == "pair")


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_row_is_recognised_by_comes_back(name: str) -> None:
    (kind,) = shape(name).kinds
    rows = given(kind)
    if name == "preference_full":  # whole dialogues: where both sides begin alike is the prompt
        rows = rows.filter(pl.col("row_id") != "r3")
    back = published_rows(shape(name).build(rows, facts(kind)), name)
    assert back.schema == ROW_SCHEMA
    keyed = identify(back)
    assert back["content_id"].to_list() == rows["id"].to_list()
    assert keyed["prompt_id"].to_list() == rows["prompt_id"].to_list()
    assert keyed["response_ids"].list.sort().to_list() == rows["response_ids"].list.sort().to_list()
    assert keyed["content_id"].to_list() == rows["id"].to_list()


def test_every_shape_can_be_read_and_those_with_most_come_first() -> None:
    assert sorted(name for names in CONFIGURATIONS.values() for name in names) == sorted(SHAPES)
    for kind, names in CONFIGURATIONS.items():
        assert all(kind in shape(name).kinds for name in names)
    assert shape(CONFIGURATIONS["pair"][0]).ties


@pytest.mark.parametrize("name", ["kto", "ratings", "preference_soft"])
def test_files_become_blocks_with_names_groups_and_splits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kind,) = shape(name).kinds
    rows = given(kind)
    file = f"{tmp_path}/train-00000-of-00001.parquet"
    blocks.write_frame(shape(name).build(rows, facts(kind)), file, row_group_size=1)  # lines of a row apart
    monkeypatch.setattr("transforms.gate.BATCH_ROWS", 1)
    ids = rows["content_id"].to_list()
    ledger = pl.DataFrame({
        "row_id": ["old:0", "old:1", "copy"], "content_id": [ids[0], ids[1], ids[0]],
        "group_id": ["00000000000000ff"] * 3, "source": ["s", "t", "s"], "published_in": [[name], [name], []],
    })  # fmt: skip
    blocks.write_frame(ledger, f"{tmp_path}/ledger.parquet")
    task = {"number": 3, "path": file, "configuration": name, "split": "train", "ledger": f"{tmp_path}/ledger.parquet"}
    told = read_published(task, f"{tmp_path}/out")
    made = pl.concat([blocks.read_frame(f"{tmp_path}/out/blocks/{one['name']}") for one in told["blocks"]])
    assert told["rows"] == made.height == rows.height
    assert made["row_id"].to_list() == ["old:0", "old:1", *ids[2:]]
    assert made["source"].to_list() == ["s", "t", *[None] * (rows.height - 2)]
    assert made["response_ids"].list.len().to_list() == rows["responses"].list.len().to_list()
    links = blocks.read_frame(f"{tmp_path}/out/groups/000003.parquet")
    assert set(links["group_a"]) == set(as_nodes(rows["prompt_id"][:2]).tolist())
    assert set(links["group_b"]) == {255}
    settled = blocks.read_frame(f"{tmp_path}/out/settled/000003.parquet")
    assert settled["split"].unique().to_list() == ["train"]
    assert settled["rows"].sum() == rows.height
    without = read_published(task | {"ledger": None}, f"{tmp_path}/alone")
    named = [blocks.read_frame(f"{tmp_path}/alone/blocks/{one['name']}", ["row_id"]) for one in without["blocks"]]
    assert pl.concat(named)["row_id"].to_list() == ids


def test_known_rows_have_the_first_published_name() -> None:
    frame = pl.DataFrame(
        {
            "content_id": ["a", "a", "a", "b", "c"], "published_of": [None, "z", "y", None, "x"],
            "block": [0, 5, 6, 1, 5], "row": [7, 0, 0, 8, 1],
        }
    )  # fmt: skip
    assert known(frame).rows() == [(0, 7, "y")]
