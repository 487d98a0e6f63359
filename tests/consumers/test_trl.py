"""TRL's trainers take steps on published data as `load_dataset` gives it, without a change in between."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines.card import make_card
from schemas.arrow import ROW_SCHEMA
from schemas.config import Config
from tests.consumers.conftest import as_text, needs
from tests.consumers.tiny import snippet
from transforms.parquet import plain
from transforms.publish.shapes import Facts, shape

pytestmark = [pytest.mark.consumers, needs("trl")]

CONFIGURATIONS = ("preference", "preference_full", "preference_soft", "kto")


def turn(role: str, content: str | None, **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def pairs() -> pl.DataFrame:
    """Twelve pairs, as `publish` hands them to a shape: plain, with a system prompt and turns, with a tool call."""
    call = {"id": "1", "name": "weather", "arguments": '{"city": "Bonn"}'}
    rows = []
    for i in range(12):
        prompt = [turn("user", f"What is {i} and {i}?")]
        good, bad = [turn("assistant", f"It is {2 * i}.")], [turn("assistant", "I would rather not say that.")]
        if i % 3 == 1:
            prompt = [turn("system", "Be brief."), turn("user", "Hi"), turn("assistant", "Hello!"), *prompt]
        if i % 3 == 2:
            good = [turn("assistant", None, tool_calls=[call]), turn("tool", "9", tool_call_id="1"), *good]
        row = {"row_id": f"r{i}", "content_id": f"c{i}", "source": "s", "file": "f", "line": i + 1, "kind": "pair"}
        tools = '[{"type": "function", "function": {"name": "weather"}}]' if i % 3 == 2 else None
        rows.append(row | {"prompt": prompt, "responses": [bad, good], "judgements": [], "tools": tools})
    decided = {"soft_label": pl.lit(0.0), "margin": pl.lit(1.5), "weight": pl.lit(1.0)}
    return pl.DataFrame(rows, schema=ROW_SCHEMA).rename({"content_id": "id"}).with_columns(**decided)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    facts = Facts(message_fields=("tool_call_id", "tool_calls"), tools=True, margins=True)
    for name in CONFIGURATIONS:
        (folder / name).mkdir()
        table = plain(shape(name).build(pairs(), facts))
        pq.write_table(table, folder / name / "train-00000-of-00001.parquet")
    config = Config(sources=[{"input": ["pairs.jsonl"]}])
    (folder / "README.md").write_bytes(make_card(str(folder), config, {}, {}, {}, {}, [], "0"))
    return folder


def took_steps(job: dict[str, Any]) -> bool:
    return job["steps"] == 2 == len(job["losses"]) and all(map(math.isfinite, job["losses"])) and job["moved"]


def train(consumer: Callable[..., Any], jobs: list[tuple[str, str]], folder: Path) -> list[dict[str, Any]]:
    """Two steps of each trainer on a configuration, by the card's code for its own, with the other's name."""
    codes = []
    for trainer, name in jobs:
        code, own = snippet(folder, f"TRL's {trainer}"), "kto" if trainer == "KTOTrainer" else "preference"
        assert code.count(f'"{own}"') == 1
        codes.append((trainer, code.replace(f'"{own}"', f'"{name}"'), str(folder)))
    said = consumer("trl", json.dumps(codes))
    assert all(map(took_steps, said))
    return said


def test_what_curate_leaves(dataset: Path, consumer: Callable[..., Any]) -> None:
    jobs = [("RewardTrainer", "preference"), ("DPOTrainer", "preference"), ("KTOTrainer", "kto")]
    reward, dpo, kto = train(consumer, jobs, dataset)
    rows = pl.read_parquet(dataset / "preference" / "train-*.parquet").rows(named=True)
    assert len(rows) > 40
    begun = [as_text(row["prompt"]) + "<|assistant|>" for row in rows]
    assert dpo["texts"]["prompt"] == begun
    for side in ("chosen", "rejected"):
        assert reward["texts"][side] == [as_text(row["prompt"] + row[side]) for row in rows]
        assert [a + b for a, b in zip(begun, dpo["texts"][side], strict=True)] == reward["texts"][side]
    assert kto["texts"]["prompt"] == [text for text in begun for _ in range(2)]
    assert kto["texts"]["completion"][::2] == dpo["texts"]["chosen"]
    assert kto["texts"]["completion"][1::2] == dpo["texts"]["rejected"]
    assert kto["label"] == [True, False] * len(rows)


def test_tools_and_margins(published: Path, consumer: Callable[..., Any]) -> None:
    whole = ("preference", "preference_full", "preference_soft")
    jobs = [*(("RewardTrainer", name) for name in whole), ("DPOTrainer", "preference"), ("KTOTrainer", "kto")]
    *rewards, dpo, kto = train(consumer, jobs, published)
    for name, reward in zip(whole, rewards, strict=True):
        # All of it is read: the prompt, the tool's call and answer, and the tools on offer.
        sides = reward["texts"]
        assert sides["chosen"][0].startswith("<|user|>What is 0 and 0?<|end|><|assistant|>It is 0.<|end|>")
        assert sides["rejected"][1].startswith("<|system|>Be brief.<|end|><|user|>Hi<|end|>")
        assert '<|assistant|>weather{"city": "Bonn"}<|end|><|tool|>9<|end|>' in sides["chosen"][2]
        assert all('"name": "weather"' in side[2] for side in sides.values())
        assert reward.get("margin") == ([1.5] * 12 if name == "preference_soft" else None)
    assert dpo["texts"]["prompt"][0] == "<|user|>What is 0 and 0?<|end|><|assistant|>"
    assert '"name": "weather"' in dpo["texts"]["prompt"][2]
    assert dpo["texts"]["chosen"][0].startswith("It is 0.<|end|>")
    assert dpo["texts"]["rejected"][0].startswith("I would rather not say that.<|end|>")
    assert kto["label"] == [True, False] * 12
