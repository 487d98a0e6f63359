"""All formats in one run, each recognised by its fields: both accounting equations, and what reaches the dataset."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import yaml

from pipelines.commands import Request, run_curate
from transforms.ingest.adapters import ADAPTERS

#: Fields whose texts are made different from record to record.
_TEXTS = {"content", "full_text", "history", "input", "instruction", "original", "post", "prompt", "question", "text"}


def varied(value: Any, number: int, name: str = "") -> Any:
    """A record whose texts are its own; an object or a list is varied all through."""
    if isinstance(value, dict):
        return {key: varied(part, number, key) for key, part in value.items()}
    if isinstance(value, list):
        return [varied(part, number, name) for part in value]
    plain = isinstance(value, str) and name in _TEXTS and not value.startswith("[")  # lists written as text stay whole
    return f"{value} {number}" if plain else value


def as_uri(data: bytes) -> str:
    """Bytes as JSON may hold them."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def battle(number: int) -> dict[str, Any]:
    """Two conversations with a system prompt that call tools and part at the second answer."""
    call = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": {"zone": "UTC"}}}
    shared = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"What time is it, {number}?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "noon", "tool_call_id": "c1"},
    ]
    a, b = ([*shared, {"role": "assistant", "content": text}] for text in ("Noon.", "Go away."))
    return {"model_a": "m1", "model_b": "m2", "winner": "model_b", "conversation_a": a, "conversation_b": b}


def test_every_format_in_one_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        f"{known.name}{place}": [varied(example, number) for number in range(10)]
        for known in ADAPTERS
        if known.name != "mapping"
        for place, example in enumerate((known.example, *known.variants))
    } | {"battles": [battle(number) for number in range(10)]}
    for name, items in files.items():
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(orjson.dumps(item, default=as_uri) for item in items))
    config = {
        "name": "all",
        "sources": [{"name": name, "input": [f"{name}.jsonl"]} for name in files],
        "derive": [{"make": "pairs_from_rankings"}],
        # Records that are alike but for a number are what this test is made of.
        "duplicates": {"near": False},
        "embed": {"model": "off"},
    }
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(config))
    assert run_curate(Request("all.yaml", "out")) == 0
    manifest = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())
    counts = manifest["counts"]
    assert counts["records_in"] == 10 * len(files)
    assert counts["dead_letters"] == 0
    assert counts["records_in"] == counts["rows_in"] + counts["merged_records"]
    assert counts["rows_in"] + counts["derived_rows"] == counts["kept"] + counts["dropped"] + counts["review"]

    published = pl.read_parquet("out/dataset/preference/*.parquet").filter(pl.col("source") == "battles")
    assert published.height == 10
    row = published.row(0, named=True)
    assert [message["role"] for message in row["prompt"]] == ["system", "user", "assistant", "tool"]
    assert row["prompt"][2]["tool_calls"][0]["function"] == {"name": "clock", "arguments": '{"zone":"UTC"}'}
    assert [message["content"] for message in row["chosen"]] == ["Go away."]
    assert [message["content"] for message in row["rejected"]] == ["Noon."]
