"""Whole runs on formats whose rows are made of several records or files: nothing lost, and told where it went."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from pipelines.commands import Request, run_curate
from tests.pipelines.test_end_to_end import balanced, tree

MQM = ("system", "doc", "doc_id", "seg_id", "rater", "source", "target", "category", "severity")


def mqm_lines(count: int = 60) -> list[str]:
    """Segments of three systems, each with two raters of one to three errors."""
    rng = random.Random(0)
    return [
        "\t".join((system, "d", str(i), str(i), rater, f"Satz {i}.", f"{system} says {i}.", "Style/Awkward", severity))
        for i in range(count)
        for system in ("s1", "s2", "s3")
        for rater in ("r1", "r2")
        for severity in rng.choices(("Major", "Minor", "Neutral"), k=rng.randint(1, 3))
    ]  # fmt: skip


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["\t".join(MQM), *lines]) + "\n")
    return path


def curate(out: Path, *inputs: Path, sets: tuple[str, ...] = (), form: str | None = None) -> int:
    return run_curate(Request(None, str(out), [str(path) for path in inputs], form, list(sets)))


def test_lines_that_make_a_row_together_are_in_the_ledger(tmp_path: Path) -> None:
    lines = mqm_lines()
    bad = "\t".join([*lines[0].split("\t")[:-1], "Wrong"])
    out = tmp_path / "out"
    assert curate(out, write(tmp_path / "mqm.tsv", ["too\tfew", *lines, bad]), sets=("gate.max_dead_letters=0.5",)) == 0
    counts = balanced(out)["counts"]
    lost = 1 + sum(line.split("\t")[:4] == lines[0].split("\t")[:4] for line in lines)  # a bad line and its segment's
    assert counts["records_in"] == len(lines) + 2
    assert counts["dead_letters"] == lost + 1
    assert counts["rows_in"] == counts["kept"] == 60 * 3 - 1
    ledger = pl.read_parquet(out / "ledger.parquet")
    part = ledger.filter(pl.col("reasons").list.contains("part_of_row"))
    assert part.height == counts["merged_records"] == len(lines) + 2 - counts["dead_letters"] - counts["rows_in"]
    assert set(part["action"]) == {"merged"}
    assert part["counterpart"].is_in(ledger.filter(pl.col("action") == "keep")["row_id"].implode()).all()
    assert (part["score"] > 1).all()
    codes = [json.loads(line)["code"] for line in (out / "dead_letters.jsonl").read_text().splitlines()]
    assert sorted(set(codes)) == ["incomplete_unit", "invalid_csv", "unknown_label"]


def test_the_order_of_lines_changes_no_rating(tmp_path: Path) -> None:
    lines = mqm_lines()
    shuffled = list(lines)
    random.Random(1).shuffle(shuffled)
    found = []
    for name, order in (("sorted", lines), ("shuffled", shuffled)):
        assert curate(tmp_path / name, write(tmp_path / f"{name}.tsv", order)) == 0
        balanced(tmp_path / name)
        files = sorted((tmp_path / name / "dataset" / "ratings").glob("*.parquet"))
        found.append(pl.concat(pl.read_parquet(file) for file in files).sort("id").drop("id"))
    assert found[0].equals(found[1])
    assert found[0].height == 180


def test_workers_change_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "mqm.tsv", mqm_lines(30))
    assert curate(tmp_path / "one", file) == 0
    request = Request(None, str(tmp_path / "two"), [str(file)], None, [], flags=["--direct_num_workers=2"])
    assert run_curate(request) == 0
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_records_of_several_rows(tmp_path: Path) -> None:
    segment = {"doc_id": "en-de_DE_#_news_#_1", "src_text": "Hello.", "tgt_text": {"A": "Hallo.", "B": "Guten Tag."}}
    scores = {name: [{"score": 80 + i, "annotator": "a1", "errors": []}] for i, name in enumerate("AB")}
    rows = [segment | {"src_text": f"Hello {i}.", "scores": scores} for i in range(50)]
    file = tmp_path / "humeval.jsonl"
    file.write_text("\n".join(map(json.dumps, [*rows, rows[0]])))
    assert curate(tmp_path / "out", file) == 0
    counts = balanced(tmp_path / "out")["counts"]
    assert (counts["records_in"], counts["rows_in"], counts["derived_rows"]) == (51, 51, 51)
    assert (counts["kept"], counts["dropped"]) == (100, 2)  # the last record is the first one again


def test_images_are_published(tmp_path: Path) -> None:
    """Frames of trajectories: the better image is the chosen one, and one trajectory's pairs are of one split."""
    walks = [
        {"trajectory_id": f"t{i}", "instruction": f"task {i}", "frames": [f"{i}-{j}.png" for j in range(4)],
         "rewards": [0.1, 0.4, 0.2, 0.8]}
        for i in range(30)
    ]  # fmt: skip
    file = tmp_path / "walks.jsonl"
    file.write_text("\n".join(map(json.dumps, walks)))
    assert curate(tmp_path / "out", file) == 0
    counts = balanced(tmp_path / "out")["counts"]
    assert (counts["records_in"], counts["derived_rows"], counts["kept"]) == (30, 30 * 5 - 30, 30 * 5)
    tasks: dict[str, set[str]] = {}
    for shard in (tmp_path / "out" / "dataset" / "preference").glob("*.parquet"):
        for row in pl.read_parquet(shard).to_dicts():
            better, worse = (row[side][0]["images"][0]["uri"] for side in ("chosen", "rejected"))
            reward = {f"{j}.png": value for j, value in enumerate((0.1, 0.4, 0.2, 0.8))}
            assert reward[better.split("-")[1]] > reward[worse.split("-")[1]]
            tasks.setdefault(row["prompt"][0]["content"], set()).add(shard.name.split("-")[0])
    assert len(tasks) == 30
    assert all(len(splits) == 1 for splits in tasks.values())


def test_calls_tools_and_turns_are_published(tmp_path: Path) -> None:
    call = json.dumps({"name": "weather", "arguments": {"city": "Oslo"}})
    talk = [{"from": "human", "value": "Weather?"}, {"from": "function_call", "value": call},
            {"from": "observation", "value": "5 degrees"}]  # fmt: skip
    rows = [
        {"conversations": [{"from": "system", "value": f"Be kind, {i}."}, *talk], "tools": '[{"name": "weather"}]',
         "chosen": {"from": "gpt", "value": "It is 5."}, "rejected": {"from": "gpt", "value": "No."}}
        for i in range(40)
    ]  # fmt: skip
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows))
    assert curate(tmp_path / "out", file) == 0
    balanced(tmp_path / "out")
    shards = sorted((tmp_path / "out" / "dataset" / "preference").glob("*.parquet"))
    row = pl.concat(pl.read_parquet(shard) for shard in shards).to_dicts()[0]
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user", "assistant", "tool"]
    assert row["prompt"][2]["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Oslo"}'}
    assert (row["tools"], row["chosen"][0]["content"]) == ('[{"name": "weather"}]', "It is 5.")


def companions(tmp_path: Path) -> Path:
    """Pairs without texts, and beside them their texts."""
    (tmp_path / "texts").mkdir()
    for system in ("sys1", "sys2", "ref"):
        lines = [f'<seg id="{i}"> {system} says {i}. </seg>' for i in range(1, 41)]
        (tmp_path / "texts" / f"cs-en.{system}.sgm").write_text("\n".join(lines))
    pairs = tmp_path / "cs-en.rank"
    pairs.write_text("\n".join(f"{i}\tcs-en\tsys1\tcs-en\tsys2" for i in range(1, 41)))
    return pairs


RANK = ("sources.0.reader=tsv", "sources.0.columns=[segment, pair, winner, pair_2, loser]")


def test_texts_in_other_files(tmp_path: Path) -> None:
    pairs, out = companions(tmp_path), tmp_path / "out"
    where = f"sources.0.options.texts=['{tmp_path}/texts/*.sgm']"
    assert curate(out, pairs, sets=(*RANK, where)) == 0
    first = balanced(out)
    assert first["counts"]["kept"] == first["counts"]["records_in"] == 40
    assert {one["file"] for one in first["inputs"]} == {
        "cs-en.rank",
        "cs-en.sys1.sgm",
        "cs-en.sys2.sgm",
        "cs-en.ref.sgm",
    }
    # What a companion says is part of what comes out: a changed one is read again, the same one is not.
    assert curate(out, pairs, sets=(*RANK, where)) == 0
    assert all(stage["skipped"] for stage in json.loads((out / "manifest.json").read_text())["stages"])
    file = tmp_path / "texts" / "cs-en.sys2.sgm"
    file.write_text(file.read_text().replace("sys2 says 7.", "sys2 is silent."))
    assert curate(out, pairs, sets=(*RANK, where)) == 0
    assert balanced(out)["counts"]["kept"] == 40
    published = pl.concat(pl.read_parquet(one) for one in sorted((out / "dataset" / "preference").glob("*.parquet")))
    losers = published["rejected"].list.first().struct.field("content")
    assert "sys2 is silent." in set(losers)


def test_texts_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs, out = companions(tmp_path), tmp_path / "out"
    file = tmp_path / "texts" / "cs-en.sys2.sgm"
    file.write_text("\n".join(file.read_text().splitlines()[:30]))
    assert curate(out, pairs, sets=(*RANK, f"sources.0.options.texts=['{tmp_path}/texts/*.sgm']")) == 0
    made = balanced(out)
    assert (made["counts"]["kept"], made["counts"]["dropped"], made["reasons"]) == (30, 10, {"empty_response": 10})
    assert curate(tmp_path / "no", pairs, sets=(*RANK, "sources.0.options.texts=[nowhere/*.sgm]")) == 2
    assert "'nowhere/*.sgm' matches nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("text=x", "text: Extra inputs are not permitted (options of mqm are weights)"),
        ("weights=5", "weights: Input should be a valid dictionary"),
        ("weights.major=much", "weights.major: Input should be a valid number"),
    ],
)
def test_options_that_an_adapter_does_not_have(
    option: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "mqm.tsv", mqm_lines(3))
    assert curate(tmp_path / "out", file, sets=(f"sources.0.options.{option}",)) == 2
    assert words in capsys.readouterr().err


def test_options_change_the_scores(tmp_path: Path) -> None:
    file = write(tmp_path / "mqm.tsv", mqm_lines(40))
    assert curate(tmp_path / "out", file, sets=("sources.0.options.weights={major: 0, minor: 0}",)) == 0
    files = sorted((tmp_path / "out" / "dataset" / "ratings").glob("*.parquet"))
    assert set(pl.concat(pl.read_parquet(file) for file in files)["score"]) == {0.0}
