"""Distillation beside the same recipe written plainly, and vectors by looking tokens up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from tests.transforms.embed.support import sentences, tokenizer
from transforms.embed import distil
from transforms.embed.models import ModelError
from transforms.embed.static import StaticEncoder


def make(base: Path, target: Path, dimensions: int = 16) -> Path:
    parts = [
        distil._distiller(str(base), "cpu").vectors(
            distil._distiller(str(base), "cpu").tokens()[task["start"] : task["start"] + distil.TOKENS_A_TASK]
        )
        for task in distil.tasks(str(base), "cpu")
    ]
    distil.finish(str(base), "cpu", parts, dimensions, str(target))
    return target


@pytest.fixture(scope="module")
def static(transformer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(transformer, tmp_path_factory.mktemp("static") / "model")


def test_vectors_of_tokens_are_the_recipe(transformer: Path, static: Path) -> None:
    words = tokenizer()
    model = SentenceTransformer(str(transformer), device="cpu")
    ids = [i for token, i in sorted(words.get_vocab().items(), key=lambda pair: pair[1]) if not token.startswith("[")]
    alone = []
    for i in ids:  # one after the other through the whole model but for its last module, which scales to length 1
        features = model.preprocess(["a"])
        features["input_ids"][0, 1] = i
        alone.append(model[1](model[0](features))["sentence_embedding"][0].detach().numpy())
    vectors = np.array(alone, dtype=np.float64)
    left, scale, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    expected = (left * scale)[:, :16]
    probability = 1 / np.arange(2, len(ids) + 2)
    probability /= probability.sum()
    expected *= (1e-4 / (1e-4 + probability))[:, None]
    table = StaticEncoder(str(static)).table.numpy()
    assert table.shape == (len(words), 16)
    signs = np.sign((expected * table[ids]).sum(axis=0))
    np.testing.assert_allclose(table[ids], expected * signs, atol=1e-5)
    assert not table[[i for i in range(len(words)) if i not in ids]].any()


def test_it_opens_in_sentence_transformers_with_the_same_vectors(static: Path) -> None:
    texts = sentences(50)
    opened = SentenceTransformer(str(static), device="cpu").encode(texts)
    np.testing.assert_allclose(StaticEncoder(str(static)).encode(texts), opened, atol=1e-6)


def test_a_text_has_the_same_bits_in_any_company(static: Path) -> None:
    encoder, texts = StaticEncoder(str(static)), sentences(200)
    whole = encoder.encode(texts)
    order = np.random.default_rng(1).permutation(len(texts))
    np.testing.assert_array_equal(encoder.encode([texts[i] for i in order]), whole[order])
    np.testing.assert_array_equal(encoder.encode(texts[5:6]), whole[5:6])


def test_a_text_without_a_known_token_has_no_vector(static: Path) -> None:
    vectors = StaticEncoder(str(static)).encode(["the", "§ §§", "", "of"])
    assert vectors.any(axis=1).tolist() == [True, False, False, True]
    assert StaticEncoder(str(static)).encode([]).shape == (0, 16)


def test_texts_are_cut_only_where_asked(static: Path) -> None:
    long = ["the of and " * 400 + "you", "the of and " * 400]
    assert not np.array_equal(*StaticEncoder(str(static)).encode(long))
    np.testing.assert_array_equal(*StaticEncoder(str(static), max_tokens=20).encode(long))


def test_a_static_model_is_taken_as_it_is(static: Path, tmp_path: Path) -> None:
    assert distil.tasks(str(static), "cpu") == []
    again = make(static, tmp_path / "again")
    texts = sentences(30)
    np.testing.assert_allclose(
        StaticEncoder(str(again)).encode(texts), StaticEncoder(str(static)).encode(texts), atol=1e-6
    )


def test_the_name_tells_everything_it_depends_on() -> None:
    names = {
        distil.name_of(weights, dimensions, device)
        for weights in ("a", "b")
        for dimensions in (16, 32)
        for device in ("cpu", "cuda")
    }
    assert len(names) == 8


def test_two_may_write_the_same_distillation(transformer: Path, static: Path) -> None:
    before = {path.name: path.read_bytes() for path in static.iterdir() if path.is_file()}
    make(transformer, static)
    assert {path.name: path.read_bytes() for path in static.iterdir() if path.is_file()} == before
    assert [path for path in static.parent.iterdir() if path.name.startswith(".")] == []


def test_a_folder_without_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no static model"):
        StaticEncoder(str(tmp_path))
