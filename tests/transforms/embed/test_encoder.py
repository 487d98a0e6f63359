"""Batches of texts and their vectors, beside what sentence-transformers makes of the same texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from tests.transforms.embed.support import sentences
from transforms.embed.encoder import STEP, SentenceEncoder, batches, halving, unit
from transforms.embed.models import ModelError


@pytest.fixture(scope="module")
def encoder(transformer: Path) -> SentenceEncoder:
    return SentenceEncoder(str(transformer), "cpu")


def test_vectors_are_those_of_sentence_transformers(encoder: SentenceEncoder, transformer: Path) -> None:
    texts = sentences(200)
    expected = SentenceTransformer(str(transformer), device="cpu").encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), expected, atol=2e-6)
    assert encoder.fast


def test_a_text_has_the_same_bits_in_any_company(encoder: SentenceEncoder) -> None:
    texts = sentences(300)
    whole = encoder.encode(texts)
    order = np.random.default_rng(0).permutation(len(texts))
    np.testing.assert_array_equal(encoder.encode([texts[i] for i in order]), whole[order])
    np.testing.assert_array_equal(encoder.encode(texts[:7]), whole[:7])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        np.testing.assert_array_equal(encoder.encode(texts), whole)
    finally:
        torch.set_num_threads(threads)


def test_texts_are_cut_to_the_tokens_allowed(transformer: Path) -> None:
    cutting = SentenceEncoder(str(transformer), "cpu", max_tokens=10)
    start = "the a an of to and in is"  # 8 words, with the marks 10 tokens
    np.testing.assert_array_equal(cutting.encode([f"{start} it you that"]), cutting.encode([start]))
    assert not np.allclose(cutting.encode([f"{start}"]), cutting.encode(["the a an of to and in it"]))


def test_a_model_that_puts_a_prompt_before_texts_still_does(transformer: Path, tmp_path: Path) -> None:
    model = SentenceTransformer(
        str(transformer), device="cpu", prompts={"it": "that he was "}, default_prompt_name="it"
    )
    model.save(str(tmp_path / "prompted"), create_model_card=False)
    texts = sentences(20)
    prompted = SentenceEncoder(str(tmp_path / "prompted"), "cpu").encode(texts)
    np.testing.assert_allclose(prompted, model.encode(texts), atol=2e-6)
    assert not np.allclose(prompted, SentenceEncoder(str(transformer), "cpu").encode(texts), atol=1e-3)


def test_batches_hold_one_length_and_no_more_tokens_than_allowed() -> None:
    padded = np.random.default_rng(0).integers(1, 20, 500) * STEP
    seen = list(batches(padded, 400))
    assert sorted(np.concatenate(seen).tolist()) == list(range(500))
    for batch in seen:
        assert len(set(padded[batch].tolist())) == 1
        assert padded[batch].sum() <= 400
    assert [len(batch) for batch in batches(np.array([900, 900]), 400)] == [1, 1]
    assert list(batches(np.zeros(0, dtype=np.int64), 400)) == []


def test_where_memory_ends_the_batch_is_halved_and_work_goes_on(
    encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = sentences(100)
    expected = encoder.encode(texts)
    forward, sizes = encoder._forward, []

    def small(encoded: object, places: np.ndarray, width: int) -> np.ndarray:
        sizes.append(len(places))
        if len(places) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(encoded, places, width)

    monkeypatch.setattr(encoder, "_forward", small)
    np.testing.assert_array_equal(encoder.encode(texts), expected)
    assert max(sizes) > 3


def test_one_text_that_does_not_fit_is_told() -> None:
    def never(places: np.ndarray) -> np.ndarray:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(ModelError, match=r"embed\.max_tokens"):
        list(halving(np.arange(4), never))


def test_unit_vectors() -> None:
    made = unit(np.array([[3.0, 4.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 0.0]]))
    np.testing.assert_allclose(made, [[0.6, 0.8], [0, 0], [0, 0], [0, 0]], atol=1e-7)


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded"):
        SentenceEncoder(str(tmp_path), "cpu")
