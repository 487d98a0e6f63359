"""A dataset as `curate` leaves it, and a way to hand it to a consumer in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from pipelines.commands import Request, run_curate
from tests.consumers.tiny import snippet

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFIGURATIONS = ["preference", "preference_full", "preference_soft", "kto", "ratings", "comet", "metricx", "stepwise"]
#: Translations that a reader of CSV must not take for something else.
AWKWARD = ["NA", "None", "null", "nan", 'He said "no", then\nleft.', "one\rtwo", "1.5", "007"]
#: Where a test is told what it may not have: the hub, a screen, a graphics card, an account to report to.
ALONE = {
    "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "WANDB_MODE": "disabled", "TOKENIZERS_PARALLELISM": "false",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "DO_NOT_TRACK": "1",
}  # fmt: skip


def environment(name: str) -> Path:
    return ROOT / ".venv-consumers" / name


def needs(name: str) -> pytest.MarkDecorator:
    """Skip where a consumer has no environment, before anything is made for it."""
    there = (environment(name) / ".installed").exists()
    return pytest.mark.skipif(not there, reason=f"{name} has no environment: make .venv-consumers/{name}/.installed")


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def as_text(messages: list[dict[str, str]]) -> str:
    """Under `tiny.TEMPLATE`."""
    return "".join(f"<|{one['role']}|>{one['content']}<|end|>" for one in messages)


def pairs(count: int) -> list[dict[str, Any]]:
    """Preferences as messages; some have a system prompt, turns before the question, turns in the better response."""
    out = []
    for i in range(count):
        asked = [turn("user", f"What is {i} and {i}?")]
        if i % 3 == 1:
            asked = [turn("system", "Be brief."), *asked]
        if i % 3 == 2:
            asked = [turn("user", f"Hello, I am number {i}."), turn("assistant", "Hello!"), *asked]
        good, bad = [turn("assistant", f"It is {2 * i}.")], [turn("assistant", f"I would rather not say {i} today.")]
        if i % 10 == 9:
            good = [turn("assistant", f"Shall I add {i} and {i}?"), turn("user", "Do."), *good]
        out.append({"prompt": asked, "chosen": good, "rejected": bad})
    return out


def translations(count: int) -> list[dict[str, Any]]:
    """Scored translations; one in five is without a reference, and the first are awkward."""
    out = []
    for i in range(count):
        said = AWKWARD[i] if i < len(AWKWARD) else f"The house number {i} is old."
        reference = "" if i % 5 == 4 else f"House {i} is an old one."
        out.append({"src": f"Das Haus Nummer {i} ist alt.", "mt": said, "ref": reference, "score": i % 11 / 10})
    return out


def solutions(count: int) -> list[dict[str, Any]]:
    return [
        {"prompt": f"What is {i} and {i}, twice?", "completions": [f"{i} and {i} is {2 * i}.", f"It is {5 * i}."],
         "labels": [True, False]}
        for i in range(1, count + 1)
    ]  # fmt: skip


def curated(folder: Path, sources: list[dict[str, Any]], configurations: list[str]) -> Path:
    """Run `curate` over files in a folder; gives where the dataset is."""
    config = {
        "sources": [{**one, "input": [str(folder / name) for name in one["input"]]} for one in sources],
        "publish": {"configurations": configurations},
        # What looks for likeness has nothing to do with shapes, and would find little else in rows like these.
        "duplicates": {"near": False}, "embed": {"model": "off"}, "strength": {"find": False},
        "shortcuts": {"find": False},
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert run_curate(Request(str(folder / "config.yaml"), str(folder / "out"), [], None, [])) == 0
    return folder / "out" / "dataset"


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the published configurations and their card, of one run over pairs, ratings and steps."""
    folder = tmp_path_factory.mktemp("curated")
    for name, rows in {"pairs": pairs(60), "steps": solutions(30)}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pl.DataFrame(translations(60)).write_csv(folder / "translations.csv", quote_style="non_numeric")
    sources = [
        {"name": "pairs", "input": ["pairs.jsonl"], "format": "trl"},
        {"name": "translations", "input": ["translations.csv"], "format": "comet",
         "options": {"minimum": 0, "maximum": 1}},
        {"name": "steps", "input": ["steps.jsonl"], "format": "axolotl"},
    ]  # fmt: skip
    return curated(folder, sources, CONFIGURATIONS)


def _run(command: list[str], folder: Path, path: str = os.environ["PATH"]) -> str:
    env = {**os.environ, **ALONE, "HF_HOME": str(folder / "hf"), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[Path, str], str]:
    """From a dataset and a trainer's name in its card to the code printed for it, which then has run in `tmp_path`."""

    def follow(folder: Path, who: str) -> str:
        code = snippet(folder, who)
        _run([sys.executable, "-c", f"DIR = {str(folder)!r}\n{code}"], tmp_path)
        return code

    return follow


@pytest.fixture
def consumer(tmp_path: Path) -> Callable[..., Any]:
    """From a consumer's name and arguments to what `run_NAME.py` said in its environment: JSON, its last line.

    It works in `tmp_path`. A test that calls it is marked with `needs`.
    """

    def run(name: str, *arguments: Path | str) -> Any:
        folder = environment(name) / "bin"
        command = [str(folder / "python"), str(HERE / f"run_{name}.py"), *map(str, arguments)]
        said = _run(command, tmp_path, f"{folder}{os.pathsep}{os.environ['PATH']}")
        return json.loads(said.splitlines()[-1])

    return run
