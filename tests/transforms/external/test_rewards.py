"""Reward models: scores as the model gives them one by one, whatever else is in the batch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests.transforms.embed.support import sentences
from tests.transforms.external.support import chat, two_texts
from transforms.embed.models import ModelError
from transforms.external.rewards import RewardEncoder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_texts(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat(tmp_path_factory.mktemp("llama"))


def dialogue(prompt: str, response: str, role: str = "assistant") -> str:
    blank = {"name": None, "tool_calls": None, "tool_call_id": None, "reasoning": None, "images": None}
    said = {"prompt": ("user", prompt), "response": (role, response)}
    return json.dumps({part: [{"role": who, "content": text} | blank] for part, (who, text) in said.items()})


PROMPTS, RESPONSES = sentences(40, 1, 20), sentences(40, 2, 60)
GIVEN = [dialogue(a, b) for a, b in zip(PROMPTS, RESPONSES, strict=True)]


def alone(folder: Path, texts: list[tuple[str, ...]], output: int, length: int, special: bool = True) -> np.ndarray:
    words = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    model.config.pad_token_id = words.pad_token_id
    out = []
    for text in texts:
        given = words(*text, return_tensors="pt", truncation=True, max_length=length, add_special_tokens=special)
        with torch.inference_mode():
            out.append(float(model(**given).logits[0, output]))
    return np.array(out)


def test_two_texts_and_one(bert: Path) -> None:
    pairs = list(zip(PROMPTS, RESPONSES, strict=True))
    made = RewardEncoder(str(bert), "cpu", None, "auto", None).encode(GIVEN)
    assert made.shape == (40, 1)
    assert made.dtype == np.float32
    assert np.std(made) > 0.05
    assert made[:, 0] == pytest.approx(alone(bert, pairs, 0, 64), abs=1e-4)
    plain = RewardEncoder(str(bert), "cpu", 0, "plain", 32).encode(GIVEN)[:, 0]
    assert plain == pytest.approx(alone(bert, [(f"{a}\n{b}",) for a, b in pairs], 0, 32), abs=1e-4)


def test_a_chat_template_and_a_named_output(llama: Path) -> None:
    made = RewardEncoder(str(llama), "cpu", "good", "auto", None)
    texts = [(f"user {a} [SEP]assistant {b} [SEP]",) for a, b in zip(PROMPTS, RESPONSES, strict=True)]
    assert made.encode(GIVEN)[:, 0] == pytest.approx(alone(llama, texts, 1, 128, special=False), abs=1e-4)
    refused = made.encode([dialogue("a", "b", role="tool"), GIVEN[0]])[:, 0]
    assert np.isnan(refused[0])
    assert refused[1] == pytest.approx(made.encode(GIVEN[:1])[0, 0], abs=1e-5)
    assert np.isnan(made.encode([dialogue("a", "b", role="tool")])).all()


def test_company_changes_nothing(bert: Path) -> None:
    made = RewardEncoder(str(bert), "cpu", None, "auto", None)
    together = made.encode(GIVEN)
    # Up to the last bits: how a matrix is multiplied depends on its height.
    assert made.encode(GIVEN[::-1])[::-1] == pytest.approx(together, abs=1e-5)
    assert np.concatenate([made.encode([one]) for one in GIVEN[:6]]) == pytest.approx(together[:6], abs=1e-5)


def test_where_memory_ends_batches_are_halved(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = RewardEncoder(str(bert), "cpu", None, "auto", None)
    wanted, forward, sizes = made.encode(GIVEN), made._forward, []

    def tight(encoded: object, places: np.ndarray, width: int) -> np.ndarray:
        sizes.append(len(places))
        if len(places) > 3:
            raise torch.OutOfMemoryError
        return forward(encoded, places, width)

    monkeypatch.setattr(made, "_forward", tight)
    assert made.encode(GIVEN) == pytest.approx(wanted, abs=1e-5)
    assert max(sizes) > 3 >= min(sizes)


def test_what_a_model_cannot_do_is_named(bert: Path, llama: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"several outputs, so its label has to be named; .*0 \(bad\), 1 \(good\)"):
        RewardEncoder(str(llama), "cpu", None, "auto", None)
    with pytest.raises(ModelError, match=r"has no label 'better'; it has 0 \(bad\), 1 \(good\)"):
        RewardEncoder(str(llama), "cpu", "better", "auto", None)
    with pytest.raises(ModelError, match="has no chat template; input may be pair or plain"):
        RewardEncoder(str(bert), "cpu", None, "chat", None)
    with pytest.raises(ModelError, match="cannot be loaded"):
        RewardEncoder(str(tmp_path), "cpu", None, "auto", None)


def test_a_model_without_a_head_for_scores_is_none(bert: Path, tmp_path: Path) -> None:
    """An encoder loads as well, with a head that is drawn by chance, another one in every process."""
    AutoModelForSequenceClassification.from_pretrained(bert).bert.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    with pytest.raises(
        ModelError, match=r"was not trained to score: it has no weights of classifier\.bias, classifier"
    ):
        RewardEncoder(str(tmp_path), "cpu", None, "auto", None)
