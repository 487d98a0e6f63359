"""The relabel loop in whole runs: wrong labels planted, rows exported, answered with the truth, curated again."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from pipelines.relabel import run_export, run_import

_WORDS = ["stone", "river", "cloud", "lamp", "window", "garden", "music", "paper", "bridge", "winter", "summer"]
#: Rows, and the share of the labels that are turned round.
ROWS, FLIPPED = 900, 0.15


def good(text: str) -> bool:
    return "gladly" in text


def records() -> list[dict[str, Any]]:
    """Pairs whose better side says `gladly`, which one in four says where nothing tells it."""
    rng = np.random.default_rng(7)
    out = []
    for i in range(ROWS):
        words = [" ".join(rng.choice(_WORDS, rng.integers(5, 12))) for _ in range(3)]
        better, worse = f"{words[0]} gladly, {words[1]}", f"{words[2]} {words[1]}"
        wrong = rng.random() < FLIPPED
        sides = (worse, better) if wrong else (better, worse)
        out.append({"prompt": f"{i} {words[0]}", "chosen": sides[0], "rejected": sides[1]})
    return out


def curate(folder: Path, *sets: str, out: str = "run") -> dict[str, Any]:
    asked = ["embed.model=off", "strength.members=3", "strength.folds=3", "duplicates.near=false", *sets]
    assert run_curate(Request(None, str(folder / out), [str(folder / "data.jsonl")], None, asked)) == 0
    return dict(json.loads((folder / out / "manifest.json").read_text()))


def chosen(out: Path) -> pl.Series:
    published = pl.concat([pl.read_parquet(path) for path in sorted((out / "dataset/preference").glob("*.parquet"))])
    return published["chosen"].list.last().struct.field("content")


def answers(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "relabel/rows.csv").read_text("utf-8-sig"), newline="")))


def answer(out: Path, to: Path, given: list[dict[str, str]]) -> None:
    with to.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(given[0]))
        writer.writeheader()
        writer.writerows(given)
    assert run_import(str(out), [str(to)], "ann", False, True) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("relabel")
    (made / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records()))
    return made


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, Any]:
    return curate(folder)


@pytest.fixture(scope="module")
def asked(folder: Path, first: dict[str, Any]) -> list[dict[str, str]]:
    """What was exported, as it was answered and taken back: but for two, and one that nobody can tell."""
    out = folder / "run"
    assert run_export(str(out), 240, None, True) == 0
    lines = answers(out)
    for one in lines[:-3]:
        one["answer"] = "A" if good(one["response_a"]) else "B"
    lines[-3]["answer"] = "cannot tell"
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        answer(out, folder / "back.csv", lines)
    told = json.loads(said.getvalue().splitlines()[-1])
    assert (told["answers"], told["empty"]) == (238, 2)
    return lines


def test_the_loop(
    folder: Path, first: dict[str, Any], asked: list[dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "run"
    assert first["strength"]["eta_identified"] is False
    assert first["trusted"] is None
    came = chosen(out)
    assert len(asked) == 240
    assert list(asked[0]) == ["row_id", "content_id", "prompt", "response_a", "response_b", "answer"]
    # Blind: the side that was recorded as the better one is A about as often as B.
    ledger = pl.read_parquet(out / "ledger.parquet")
    lines = dict(zip(ledger["row_id"], ledger["line"], strict=True))
    data = records()
    as_a = [data[lines[one["row_id"]] - 1]["chosen"] == one["response_a"] for one in asked]
    assert 0.35 < np.mean(as_a) < 0.65
    wrong = [not good(data[lines[one["row_id"]] - 1]["chosen"]) for one in asked]
    assert np.mean(wrong) > 1.5 * FLIPPED  # asked where it is worth most

    again = curate(folder)
    ran = [stage["stage"] for stage in again["stages"] if not stage["skipped"]]
    assert ran[:4] == ["trusted", "pairs", "fit", "strength"]
    assert not {"ingest", "identity", "signals", "groups", "raters"} & set(ran)
    strength = again["strength"]
    assert (strength["eta_identified"], strength["eta_source"], strength["eta_rows"]) == (True, "trusted", 237)
    assert strength["eta_low"] <= np.mean([not good(one["chosen"]) for one in data]) <= strength["eta_high"]
    turned = sum(wrong[:-3])
    counts = {name: again["trusted"][name] for name in ("judged", "confirmed", "turned", "tied", "unsure")}
    assert counts == {"judged": 237, "confirmed": 237 - turned, "turned": turned, "tied": 0, "unsure": 1}
    assert again["counts"]["flipped"] == turned
    card = (out / "dataset/README.md").read_text()
    assert f"237 pairs have a trusted judgement, which is their label: {237 - turned} as they had been" in card
    ledger = pl.read_parquet(out / "ledger.parquet").filter(pl.col("action") == "flip")
    assert ledger["reasons"].list.first().to_list() == ["relabelled"] * turned
    # Every answered row is published as it was answered, and the others better than they came.
    published = chosen(out)
    assert came.str.contains("gladly").mean() < 1 - 0.9 * FLIPPED
    assert published.str.contains("gladly").mean() > 0.97

    # Nothing is asked twice, and what cannot be taken changes nothing.
    assert run_export(str(out), 50, str(folder / "more"), True) == 0
    more = [json.loads(line)["row_id"] for line in (folder / "more/rows.jsonl").read_text().splitlines()]
    assert len(more) == 50
    assert not set(more) & {one["row_id"] for one in asked[:-2]}
    before = (out / "relabels.jsonl").read_bytes()
    wrongly = [{"row_id": asked[0]["row_id"], "answer": "Q"}, {"row_id": "?", "answer": "A"}]
    (folder / "bad.jsonl").write_text("".join(json.dumps(one) + "\n" for one in wrongly))
    assert run_import(str(out), [str(folder / "bad.jsonl")], "ann", False, False) == 2
    said = capsys.readouterr().err
    assert "bad.jsonl line 1: the answer 'Q' is none of A, B, tie, cannot tell" in said
    assert "bad.jsonl line 2: the row_id '?' was not exported" in said
    assert (out / "relabels.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("asked")
def test_answers_of_another_folder_and_rows_in_another_order(folder: Path) -> None:
    """Answers are to texts: they hold in another run whose rows stand elsewhere, by `relabels`."""
    other = folder / "turned"
    other.mkdir()
    (other / "data.jsonl").write_text("".join(json.dumps(record) + "\n" for record in reversed(records())))
    kept = folder / "run/relabels.jsonl"
    made = curate(other, f"relabels=[{kept}]", "strength.find=false")
    assert made["trusted"]["judged"] == 237
    assert made["config"]["relabels"] == [str(kept)]
    assert str(folder) not in (other / "run/dataset/README.md").read_text()
    again = curate(other, f"relabels=[{kept}]", "strength.find=false", "policy.dimension=overall")
    assert again["trusted"]["judged"] == 0  # they were asked which is better, not which is better in this


def test_what_is_not_there_is_named(folder: Path, first: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    data = folder / "data.jsonl"
    assert run_curate(Request(None, str(folder / "x"), [str(data)], None, ["relabels=[no.jsonl]"])) == 2
    assert "relabels: there is no file 'no.jsonl'" in capsys.readouterr().err
    assert run_curate(Request(None, str(folder / "x"), [str(data)], None, [f"relabels=[{data}]"])) == 2
    assert "has no 'row_id'; `trenchcoat relabel import` writes such files" in capsys.readouterr().err
    assert run_export(str(folder), 1, None, False) == 2
    assert "has no manifest.json" in capsys.readouterr().err
