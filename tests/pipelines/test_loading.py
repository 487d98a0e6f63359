"""The card's recipes, run as they are printed: what they leave out, and what is in the files that trainers get."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest

from pipelines.loading import trainers
from schemas.config import SHAPES
from tests.pipelines.test_card import card, publish_rows, sample, turn

SIDES = ("prompt", "chosen", "rejected")
CALL = {"id": "1", "name": "weather", "arguments": "{}"}


def pair(i: int, **other: Any) -> dict[str, Any]:
    sides = {"responses": [[turn(f"good {i}")], [turn(f"bad {i}")]], "soft_label": 1.0}
    return {"kind": "pair", "prompt": [turn(f"Ask {i}", "user")]} | sides | other


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, which has a tool call and system prompts, and pairs that recipes have to tell apart."""
    talk = [turn("Hi", "user"), turn("Hello"), turn("Why?", "user")]
    longer = [turn("Shall I?"), turn("Do.", "user"), turn("good")]
    alike = [pair(i, prompt=[turn(f"Hi {i}", "user"), *talk[1:]]) for i in range(8)]
    other = [pair(8, responses=[longer, [turn("bad")]]), pair(9, responses=[[turn("", tool_calls=[CALL])], [turn("")]])]
    made = publish_rows([*sample(), *alike, *other], tmp_path_factory.mktemp("published"))
    card(made)
    return made


@pytest.fixture
def follow(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run a recipe in `tmp_path`; gives what it names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)

    def run(who: str) -> dict[str, Any]:
        (recipe,) = (one for one in trainers(SHAPES, None) if one.who.startswith(who))
        names: dict[str, Any] = {"DIR": str(folder)}
        exec(recipe.how, names)
        return names

    return run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def train(folder: Path, name: str, tmp_path: Path) -> list[dict[str, Any]]:
    return datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path / "cache")).to_list()


def test_address_is_in_every_recipe() -> None:
    for recipe in trainers(SHAPES, "org/name"):
        assert f'load_dataset("org/name", "{recipe.shape}"' in recipe.how
        assert "DATA" not in recipe.how


def calls(*dialogues: list[dict[str, Any]]) -> bool:
    return any(message["tool_calls"] for dialogue in dialogues for message in dialogue)


def test_openrlhf_gets_role_and_content_of_what_calls_no_tool(
    follow: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    follow("OpenRLHF")
    whole = train(folder, "preference", tmp_path)
    some = [row for row in whole if not calls(row["prompt"], row["chosen"], row["rejected"])]
    assert 0 < len(some) < len(whole)
    assert lines(tmp_path / "train.jsonl") == [
        {name: [{key: one[key] for key in ("role", "content")} for one in row[name]] for name in SIDES} for row in some
    ]


def test_rewardbench_gets_sides_that_share_turns_of_user_and_assistant(
    follow: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    follow("RewardBench")
    got = {row["id"] for row in lines(tmp_path / "pairs.jsonl")}
    whole = train(folder, "preference", tmp_path)
    assert got == {
        row["id"]
        for row in whole
        if len(row["chosen"]) == len(row["rejected"]) == 1
        and row["prompt"][0]["role"] == "user"
        and not calls(row["chosen"], row["rejected"])
    }
    assert 0 < len(got) < len(whole)


def test_llama_factory_gets_one_message_a_side(follow: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    follow("LLaMA-Factory")
    got = lines(tmp_path / "preference.jsonl")
    whole = train(folder, "preference", tmp_path)
    single = [
        row
        for row in whole
        if len(row["chosen"]) == len(row["rejected"]) == 1 and not calls(row["chosen"], row["rejected"])
    ]
    assert 0 < len(single) < len(whole)
    assert [(row["prompt"], [row["chosen"]], [row["rejected"]]) for row in got] == [
        (row["prompt"], row["chosen"], row["rejected"]) for row in single
    ]
    told = json.loads((tmp_path / "dataset_info.json").read_text())["preference"]
    assert told["file_name"] == "preference.jsonl"
    assert set(told["columns"].values()) == set(got[0])


@pytest.mark.parametrize(("who", "left"), [("COMET, on what has", []), ("COMET, without", ["ref"])])
def test_comet_gets_whole_lines(
    who: str, left: list[str], follow: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    follow(who)
    read = pd.read_csv(tmp_path / "train.csv")
    whole = train(folder, "comet", tmp_path)
    some = [row for row in whole if left or row["ref"]]
    assert 0 < len(some) <= len(whole)
    assert read.to_dict("records") == [
        {key: row[key] for key in ("src", "mt", "ref", "score") if key not in left} for row in some
    ]


def test_metricx_and_steps(follow: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    follow("MetricX")
    assert lines(tmp_path / "train.jsonl") == [
        {key: value for key, value in row.items() if key != "id"} for row in train(folder, "metricx", tmp_path)
    ]
    assert follow("Process reward models")["data"].column_names == ["prompt", "completions", "labels"]
