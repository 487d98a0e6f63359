"""Personal data hidden in every place that a published row has, and what rows are once it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from schemas.arrow import ROW_SCHEMA
from transforms import blocks
from transforms.decide.stage import as_masked
from transforms.groups import group_nodes, masked_links
from transforms.identity.keys import identify
from transforms.signals.masking import mask_json, mask_rows
from transforms.signals.rows import row_signals

Raw = dict[str, Any]
MAIL, PHONE, CARD = "jo@mail.example", "+49 171 2345678", "4111 1111 1111 1111"
CALL = {"name": "f", "arguments": json.dumps({"to": MAIL})}


def turn(content: str | None, role: str = "assistant", **other: Any) -> Raw:
    return {"role": role, "content": content} | other


def rows(*given: Raw) -> pl.DataFrame:
    base = {"source": "s", "file": "f", "line": 1, "kind": "pair", "prompt": [turn("Q", "user")], "judgements": []}
    base |= {"responses": [[turn("A")], [turn("B")]]}
    made = [base | {"row_id": str(i), "content_id": ""} | row for i, row in enumerate(given)]
    return identify(pl.DataFrame(made, schema=ROW_SCHEMA))


#: A row with something to hide, for every place that has any.
PLACES: dict[str, Raw] = {
    "prompt": {"prompt": [turn(f"write to {MAIL}", "user")]},
    "response": {"responses": [[turn("A")], [turn("B"), turn(f"call {PHONE}")]]},
    "reasoning": {"responses": [[turn("A", reasoning=f"his number is {PHONE}")], [turn("B")]]},
    "arguments": {"responses": [[turn(None, tool_calls=[CALL])], [turn("B")]]},
    "prompt's arguments": {"prompt": [turn(None, tool_calls=[CALL])]},
    "tools": {"tools": json.dumps([{"name": "mail", "default": MAIL}])},
    "steps": {"kind": "stepwise", "responses": [[turn("A")]], "steps": ["one", f"two: {CARD}"]},
    "references": {"kind": "rating", "responses": [[turn("A")]], "references": [f"mail {MAIL}", "other"]},
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_what_is_hidden_is_found_and_the_other_way_round(place: str) -> None:
    block = rows(PLACES[place], {})
    found = row_signals(block, language=False, pii=True, counter=None)["pii"].list.len().to_list()
    assert found == [1, 0]
    hidden = mask_rows(block)
    said = str(hidden.row(0))
    assert not any(secret in said for secret in (MAIL, PHONE, CARD))
    assert any(mark in said for mark in ("[EMAIL]", "[PHONE]", "[CARD]"))
    assert hidden.schema == block.schema
    assert hidden.row(1) == block.row(1)


def test_only_texts_change() -> None:
    call = {"id": "c1", "name": "f", "arguments": f'{{"to": "{MAIL}", "n": 1}}'}
    other = {"id": "c2", "name": "g", "arguments": None}
    row = {"responses": [[turn(None, tool_calls=[call, other]), turn("B", name="n")], [turn("C")]]}
    (first, second), _ = mask_rows(rows(row))["responses"][0].to_list()
    assert [(c["id"], c["name"], c["arguments"]) for c in first["tool_calls"]] == [
        ("c1", "f", '{"to": "[EMAIL]", "n": 1}'),
        ("c2", "g", None),
    ]
    assert (second["name"], second["tool_calls"]) == ("n", None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ('{"a": 1}', '{"a": 1}'),
        (f'{{"a":  "{MAIL}"}}', '{"a":  "[EMAIL]"}'),  # as it was written, but for what is hidden
        ('{"card": 4111111111111111, "n": 2, "on": true}', '{"card":"[CARD]","n":2,"on":true}'),
        ('[{"card": 4111111111111111, "of": "jo@mail.example"}, null]', '[{"card":"[CARD]","of":"[EMAIL]"},null]'),
        ('{"jo@mail.example": 4111111111111111}', '{"[EMAIL]":"[CARD]"}'),
        ("no json, jo@mail.example", "no json, [EMAIL]"),
    ],
)
def test_json_stays_json(text: str | None, wanted: str | None) -> None:
    assert mask_json(pl.Series([text], dtype=pl.String))[0] == wanted


def told(block: pl.DataFrame) -> pl.DataFrame:
    signals = row_signals(block, language=False, pii=True, counter=None)
    ids = pl.col("response_ids").list
    same = block.select(identical_responses=(pl.col("kind") == "pair") & (ids.first() == ids.last()))
    return as_masked(block.hstack(same).hstack(signals.select("pii")), lambda found: block[found])


def linked(block: pl.DataFrame, folder: Path) -> list[int]:
    """The group of each row, by the links that masking makes alone."""
    signals = row_signals(block, language=False, pii=True, counter=None)
    blocks.write_frame(block, f"{folder}/block.parquet")
    blocks.write_frame(signals, f"{folder}/signals/0.parquet")
    task = {"path": f"{folder}/block.parquet", "name": "0.parquet", "signals": f"{folder}/signals"}
    masked_links(task, f"{folder}/masked")
    links = blocks.read_frame(f"{folder}/masked/links/0.parquet")
    nodes = group_nodes(block)
    every = np.unique(np.concatenate([nodes, *links.to_numpy().T]))
    ends = np.searchsorted(every, links.to_numpy())
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(every), len(every)))
    return list(connected_components(graph, directed=False)[1][np.searchsorted(every, nodes)])


def test_prompts_that_are_one_once_they_are_masked(tmp_path: Path) -> None:
    prompts = ["mail jo@mail.example", "mail bo@mail.example", "mail [EMAIL]", "mail her", "mail jo@mail.example "]
    made = linked(rows(*({"prompt": [turn(text, "user")]} for text in prompts)), tmp_path)
    assert len(set(made)) == 2
    assert made[3] not in made[:3]
    tools = [{"tools": json.dumps({"to": f"{name}@mail.example"})} for name in ("jo", "bo")]
    assert len(set(linked(rows(*tools), tmp_path))) == 1


def test_sides_that_are_one_once_they_are_masked() -> None:
    made = told(
        rows(
            {"responses": [[turn("jo@mail.example")], [turn("bo@mail.example")]]},
            {"responses": [[turn("jo@mail.example")], [turn("+49 171 2345678")]]},
            {"responses": [[turn("A")], [turn("A")]]},
            {"kind": "rating", "responses": [[turn("jo@mail.example")]]},
        )
    )
    assert made["identical_responses"].to_list() == [True, False, True, False]


def test_rows_without_personal_data_are_not_read() -> None:
    def never(found: pl.Series) -> pl.DataFrame:
        raise AssertionError("texts were asked for")

    block = rows({}).with_columns(identical_responses=pl.lit(False), pii=pl.lit([], dtype=pl.List(pl.String)))
    assert as_masked(block, never) is block
