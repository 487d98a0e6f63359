"""The stages end to end on small blocks: every text once, vectors beside the rows, and nothing embedded twice."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.embedding import Vectors, embed
from pipelines.engine import Done, Engine
from pipelines.progress import Reporter
from pipelines.runner import beam_options
from schemas.arrow import ROW_SCHEMA
from tests.transforms.embed.support import picture, sentences
from transforms import blocks
from transforms.blocks import Block
from transforms.embed import cache, model_handler
from transforms.embed.encoder import SentenceEncoder
from transforms.embed.images import ImageEncoder
from transforms.embed.models import Model, ModelError, hash_of
from transforms.embed.sidecars import read_images, read_texts
from transforms.embed.stage import CHUNKS_A_SHARE, shares

Pair = tuple[str, str, str]


def message(role: str, content: str, *images: dict[str, str]) -> dict[str, Any]:
    return {"role": role, "content": content, "images": list(images) or None}


def row(prompt: list[dict[str, Any]], *responses: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "pair", "source": "s", "prompt": prompt, "responses": list(responses)}


def pairs(texts: Sequence[Pair]) -> list[dict[str, Any]]:
    return [row([message("user", p)], [message("assistant", a)], [message("assistant", b)]) for p, a, b in texts]


class Setup:
    """Blocks with an identity stage, as `curate` leaves them, in a folder."""

    def __init__(self, folder: Path, *parts: list[dict[str, Any]], copies: Sequence[tuple[int, int]] = ()) -> None:
        self.folder = folder
        self.every = []
        for index, rows in enumerate(parts):
            frame = pl.DataFrame(
                rows, schema={name: ROW_SCHEMA[name] for name in ("kind", "source", "prompt", "responses")}
            )
            path = f"{folder}/blocks/{index}.parquet"
            blocks.write_frame(frame, path)
            self.every.append(Block(index, path, len(rows)))
            gone = ["other" if (index, place) in copies else None for place in range(len(rows))]
            copy_of = pl.DataFrame({"copy_of": gone}, schema={"copy_of": pl.String})
            blocks.write_frame(copy_of, f"{folder}/identity/{self.every[-1].sidecar}")
        self.identity = Done("identity", str(parts), f"{folder}/identity", {}, 0, 0, False)

    def embed(self, model: Model, kept: Path | None = None, work: str = "work", flags: Sequence[str] = ()) -> Vectors:
        engine = Engine(f"{self.folder}/{work}", beam_options(list(flags)), Reporter())
        return embed(model, self.every, str(kept) if kept else None, self.identity, engine)


def transformer_model(folder: Path) -> Model:
    return Model("transformer", str(folder), hash_of(str(folder)), "cpu")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRENCHCOAT_CACHE", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(model_handler.INPUTS_A_CALL, "text", 8)
    monkeypatch.setitem(model_handler.INPUTS_A_CALL, "image", 2)


def some_texts(count: int) -> list[Pair]:
    texts = sentences(3 * count, longest=20)
    return [(texts[i % 5], texts[3 * i + 1], texts[3 * i + 2]) for i in range(count)]  # five prompts in all


def test_vectors_lie_beside_the_rows_and_each_text_is_embedded_once(tmp_path: Path, transformer: Path) -> None:
    texts = some_texts(30)
    texts[7] = (" \n", texts[7][1], "")  # neither prompt nor answer
    setup = Setup(tmp_path, pairs(texts[:20]), pairs(texts[20:]), copies=[(0, 3), (1, 2)])
    done = setup.embed(transformer_model(transformer))
    encoder = SentenceEncoder(str(transformer), "cpu")
    there: set[str] = set()
    for block, part, copy in zip(setup.every, (texts[:20], texts[20:]), (3, 2), strict=True):
        vectors = read_texts(done.done.folder, block.sidecar)
        assert vectors.prompts.dtype == vectors.responses.dtype == np.float16
        assert vectors.counts.tolist() == [2] * len(part)
        for place, (prompt, *answers) in enumerate(part):
            found = [vectors.prompts[place], *vectors.responses[2 * place : 2 * place + 2]]
            for text, vector in zip((prompt, *answers), found, strict=True):
                if place == copy or not text.strip():
                    assert not vector.any()
                else:
                    np.testing.assert_array_equal(vector, encoder.encode([text.strip()])[0].astype(np.float16))
                    there.add(text.strip())
    told = done.to_dict()
    assert (told["distinct"], told["embedded"], told["kept_before"]) == (len(there), len(there), 0)
    assert told["without_vector"] == 0


def test_only_what_is_new_is_embedded(tmp_path: Path, transformer: Path) -> None:
    texts, kept = some_texts(20), tmp_path / "kept"
    model = transformer_model(transformer)
    Setup(tmp_path / "first", pairs(texts[:12])).embed(model, kept)
    grown = Setup(tmp_path / "second", pairs(texts[5:]), pairs(texts[:9])).embed(model, kept).to_dict()
    before = {text for triple in texts[:12] for text in triple}
    every = {text for triple in texts for text in triple}
    assert (grown["kept_before"], grown["embedded"]) == (len(before), len(every - before))
    again = Setup(tmp_path / "third", pairs(texts)).embed(model, kept).to_dict()
    assert (again["kept_before"], again["embedded"]) == (len(every), 0)
    other = Setup(tmp_path / "fourth", pairs(texts)).embed(replace(model, max_tokens=16), kept).to_dict()
    assert (other["kept_before"], other["embedded"]) == (0, len(every))


def test_neither_the_order_of_rows_nor_that_of_blocks_shows(tmp_path: Path, transformer: Path) -> None:
    texts, model = some_texts(24), transformer_model(transformer)
    plain = Setup(tmp_path / "a", pairs(texts[:16]), pairs(texts[16:]))
    turned = Setup(tmp_path / "b", pairs(texts[::-1][:5]), pairs(texts[::-1][5:]))
    found = []
    for setup in (plain, turned):
        done = setup.embed(model)
        sides = [read_texts(done.done.folder, block.sidecar) for block in setup.every]
        found.append([np.concatenate([side.prompts for side in sides]), np.concatenate([s.responses for s in sides])])
    np.testing.assert_array_equal(found[0][0], found[1][0][::-1])
    np.testing.assert_array_equal(found[0][1].reshape(24, 2, -1), found[1][1].reshape(24, 2, -1)[::-1])


def test_a_run_that_was_killed_goes_on_with_the_chunks_that_are_missing(
    tmp_path: Path, transformer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, model = Setup(tmp_path, pairs(some_texts(30))), transformer_model(transformer)
    encode, calls = SentenceEncoder.encode, []

    def dying(self: SentenceEncoder, inputs: Sequence[str]) -> np.ndarray:
        calls.append(len(inputs))
        if len(calls) == 4:
            raise RuntimeError("lights out")
        return encode(self, inputs)

    monkeypatch.setattr(SentenceEncoder, "encode", dying)
    with pytest.raises(RuntimeError, match="lights out"):
        setup.embed(model)
    first = sum(calls[:3])
    done = setup.embed(model)
    assert sum(calls[4:]) == done.to_dict()["embedded"] - first > 0
    assert len(cache.segments(f"{tmp_path}/work/kept/{model.fingerprint}")) == len(done.done.stats) - 1


def test_a_static_model_is_distilled_once_and_shared(tmp_path: Path, transformer: Path) -> None:
    texts = some_texts(10)
    model = replace(transformer_model(transformer), kind="static", dimensions=16)
    first = Setup(tmp_path / "a", pairs(texts))
    done = first.embed(model)
    assert read_texts(done.done.folder, first.every[0].sidecar).prompts.shape == (10, 16)
    (folder,) = (tmp_path / "home").iterdir()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    second = Setup(tmp_path / "b", pairs(texts[::-1]))
    again = second.embed(model)
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    np.testing.assert_array_equal(
        read_texts(done.done.folder, first.every[0].sidecar).prompts,
        read_texts(again.done.folder, second.every[0].sidecar).prompts[::-1],
    )


@pytest.mark.slow
def test_two_processes_make_the_same_vectors(tmp_path: Path, transformer: Path) -> None:
    setup, model = Setup(tmp_path, pairs(some_texts(12)), pairs(some_texts(20)[12:])), transformer_model(transformer)
    one = setup.embed(model)
    flags = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    two = setup.embed(model, kept=tmp_path / "elsewhere", work="two", flags=flags)
    assert two.model.threads is not None
    for block in setup.every:
        name = block.sidecar.replace(".parquet", ".npy")
        assert Path(one.done.folder, name).read_bytes() == Path(two.done.folder, name).read_bytes()


def test_another_model_than_was_planned_with_is_refused(tmp_path: Path, transformer: Path) -> None:
    model = replace(transformer_model(transformer), weights="0" * 32)
    with pytest.raises(ModelError, match="not the same here"):
        model_handler.encoder_of(model)


def test_images_go_the_same_way(tmp_path: Path, clip: Path) -> None:
    red, green, blue = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    (tmp_path / "red.png").write_bytes(picture(red))
    (tmp_path / "again.png").write_bytes(picture(red))
    (tmp_path / "broken.png").write_bytes(b"no image")
    at = {name: {"uri": str(tmp_path / f"{name}.png")} for name in ("red", "again", "broken", "absent")}
    inline = {"uri": "data:image/png;base64," + base64.b64encode(picture(green)).decode()}
    stated = {"uri": f"file://{tmp_path}/blue.png", "sha256": "B" * 64}
    (tmp_path / "blue.png").write_bytes(picture(blue))
    rows = [
        row(
            [message("user", "x", at["red"], inline)], [message("assistant", "a")], [message("assistant", "b", stated)]
        ),
        row([message("user", "x")], [message("assistant", "a", at["broken"])], [message("assistant", "b")]),
        row(
            [message("user", "y", at["again"], at["absent"])], [message("assistant", "a")], [message("assistant", "c")]
        ),
        row([message("user", "x", at["red"])], [message("assistant", "a")], [message("assistant", "b")]),
    ]
    setup = Setup(tmp_path, rows, copies=[(0, 3)])
    done = setup.embed(Model("image", str(clip), hash_of(str(clip)), "cpu"))
    vectors, counts = read_images(done.done.folder, setup.every[0].sidecar)
    assert counts.tolist() == [3, 1, 2, 1]
    expected = ImageEncoder(str(clip), "cpu").encode([picture(red), picture(green), picture(blue)])
    found = {"red": 0, "green": 1, "blue": 2, "broken": 3, "again": 4, "absent": 5, "of a copy": 6}
    for name, place in (("red", 0), ("green", 1), ("blue", 2), ("again", 0)):
        np.testing.assert_allclose(vectors[found[name]], expected[place], atol=1e-3)
    assert not vectors[[found["broken"], found["absent"], found["of a copy"]]].any()
    told = done.to_dict()
    assert (told["distinct"], told["without_vector"]) == (4, 1)  # the red one is in two files, the broken one is read


def test_blocks_are_shared_out_in_runs_of_chunks() -> None:
    every = [Block(0, "a", 1), Block(1, "b", 1), Block(2, "c", 1)]
    made = shares(every, {"0": CHUNKS_A_SHARE + 3, "2": 2})
    covered = [(share.block.index, share.start + n) for share in made for n in range(share.chunks)]
    assert covered == [(0, n) for n in range(CHUNKS_A_SHARE + 3)] + [(2, 0), (2, 1)]
    assert [share.first + n for share in made for n in range(share.chunks)] == list(range(CHUNKS_A_SHARE + 5))
