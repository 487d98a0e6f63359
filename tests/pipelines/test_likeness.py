"""Near-duplicates, groups and additions to a published dataset, in whole runs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import orjson
import polars as pl
import pytest

from pipelines.commands import Request, run_curate

ROOT = Path(__file__).parents[2]
WORDS = [f"word{i}" for i in range(300)]


#: Words drawn at random say nothing: their embeddings are all alike.
PLAIN = ("embed.model=off", "strength.find=false")


def curate(
    out: Path, *inputs: Path, against: tuple[Path, ...] = (), sets: tuple[str, ...] = (), form: str = "trl"
) -> int:
    return run_curate(
        Request(None, str(out), [str(i) for i in inputs], form, [*PLAIN, *sets], [str(a) for a in against])
    )


def write(path: Path, rows: list[dict]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def manifest(out: Path) -> dict:
    return json.loads((out / "manifest.json").read_text())


def ledger(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "ledger.parquet")


def text(rng: random.Random, size: int) -> str:
    return " ".join(rng.choices(WORDS, k=size))


def edited(rng: random.Random, said: str, count: int = 1) -> str:
    words = said.split()
    for place in rng.sample(range(len(words)), count):
        words[place] = f"{rng.choice(WORDS)}x"
    return " ".join(words)


def pairs(count: int, seed: int = 0) -> list[dict]:
    rng = random.Random(seed)
    return [{"prompt": text(rng, 25), "chosen": text(rng, 50), "rejected": text(rng, 50)} for _ in range(count)]


def near(rows: list[dict], seed: int = 9) -> list[dict]:
    """Copies with a word changed in one response, and the sides of half of them the other way round."""
    rng = random.Random(seed)
    out = []
    for place, row in enumerate(rows):
        chosen, rejected = edited(rng, row["chosen"]), row["rejected"]
        out.append(
            {
                "prompt": row["prompt"],
                "chosen": rejected if place % 2 else chosen,
                "rejected": chosen if place % 2 else rejected,
            }
        )
    return out


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    base = pairs(300)
    rng = random.Random(4)
    cousins = [{**pairs(1, 1000 + i)[0], "prompt": edited(rng, row["prompt"])} for i, row in enumerate(base[100:160])]
    every = [*base, *near(base[:80]), *cousins]
    rng.shuffle(every)
    return every


@pytest.fixture(scope="module")
def run(rows: list[dict], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("near")
    assert curate(folder / "out", write(folder / "in.jsonl", rows)) == 0
    return folder / "out"


def test_near_copies_are_dropped_with_their_numbers(run: Path) -> None:
    lines = ledger(run)
    copies = lines.filter(pl.col("reasons").list.contains("near_duplicate"))
    assert manifest(run)["reasons"] == {"near_duplicate": copies.height, "near_conflict": 40}
    assert copies.height == 80
    assert copies["action"].unique().to_list() == ["drop"]
    assert copies["score"].is_between(0.7, 1).all()
    assert copies["threshold"].unique().to_list() == [0.7]
    kept = lines.filter(pl.col("action") != "drop")
    assert copies["counterpart"].is_in(kept["row_id"].implode()).all()
    of = dict(kept.select("row_id", "group_id").iter_rows())
    assert all(of[kept_row] == group for kept_row, group in copies.select("counterpart", "group_id").iter_rows())


def test_near_copies_that_name_the_other_side_are_told_and_change_a_label_where_policy_says_so(
    run: Path, rows: list[dict], tmp_path: Path
) -> None:
    """Half of the copies have their sides, and so what was chosen, the other way round."""
    assert ledger(run).filter(pl.col("reasons").list.contains("near_conflict"))["action"].unique().to_list() == ["keep"]
    run = tmp_path / "out"
    assert curate(run, write(tmp_path / "in.jsonl", rows), sets=("policy.near_conflict=soften",)) == 0
    lines = ledger(run)
    contested = lines.filter(pl.col("reasons").list.contains("near_conflict"))
    assert contested["action"].unique().to_list() == ["soften"]
    assert contested.select("score", "threshold").unique().rows() == [(0.5, 1.0)]
    of = dict(lines.filter(pl.col("action") == "drop").select("row_id", "counterpart").iter_rows())
    assert all(of[copy] == row for row, copy in contested.select("row_id", "counterpart").iter_rows())
    assert manifest(run)["counts"]["conflicts"] == 40
    soft = pl.concat([pl.read_parquet(path) for path in (run / "dataset/preference_soft").glob("*.parquet")])
    assert soft.filter(pl.col("id").is_in(contested["content_id"].implode()))["soft_label"].to_list() == [0.55] * 40


def grams(said: str) -> set[str]:
    words = said.split()
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


def test_no_prompts_that_are_alike_stand_in_two_splits(run: Path) -> None:
    split: dict[str, set[str]] = {}
    for file in (run / "dataset" / "preference").glob("*.parquet"):
        for prompt in pl.read_parquet(file)["prompt"]:
            split.setdefault(prompt[0]["content"], set()).add(file.name.split("-")[0])
    assert all(len(splits) == 1 for splits in split.values())
    sets = {prompt: grams(prompt) for prompt in split}
    alike = [(a, b) for a, b in combinations(sets, 2) if len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= 0.7]
    assert len(alike) > 10
    assert all(split[a] == split[b] for a, b in alike)
    assert manifest(run)["groups"]["linked"] >= len(alike)


def test_policy_decides_what_becomes_of_them(run: Path, rows: list[dict], tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", rows)
    assert curate(tmp_path / "out", source, sets=("policy.near_duplicate=review",)) == 0
    assert manifest(tmp_path / "out")["counts"]["review"] == 80
    assert curate(tmp_path / "out", source, sets=("policy.near_duplicate=keep",)) == 0
    told = manifest(tmp_path / "out")
    assert told["reasons"] == {"near_conflict": 40}
    assert {s["stage"] for s in told["stages"] if not s["skipped"]} == {"decide", "shortcuts", "publish"}
    assert curate(tmp_path / "off", source, sets=("duplicates.near=false",)) == 0
    assert manifest(tmp_path / "off")["groups"]["linked"] == 0


def kept(out: Path) -> dict[str, tuple[str, str]]:
    """Split and group of the kept rows by their content."""
    lines = ledger(out).filter(pl.col("action") == "keep")
    return {c: (s, g) for c, s, g in lines.select("content_id", "split", "group_id").iter_rows()}


@pytest.mark.slow
def test_the_same_from_shuffled_rows_and_two_worker_processes(run: Path, rows: list[dict], tmp_path: Path) -> None:
    shuffled = random.Random(8).sample(rows, len(rows))
    write(tmp_path / "a.jsonl", shuffled[:37])
    write(tmp_path / "b.jsonl", shuffled[37:])
    flags = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    line = [sys.executable, "-m", "pipelines.cli", "curate", "--input", f"{tmp_path}/*.jsonl", "--format", "trl"]
    line += [f"--set={key}" for key in PLAIN]
    done = subprocess.run([*line, "--out", str(tmp_path / "out"), *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert kept(tmp_path / "out") == kept(run)
    content = dict(ledger(tmp_path / "out").select("row_id", "content_id").iter_rows())
    before = dict(ledger(run).select("row_id", "content_id").iter_rows())

    def counterparts(out: Path, names: dict[str, str]) -> set[tuple[str, str, float]]:
        some = ledger(out).filter(pl.col("counterpart").is_not_null())
        return {(c, names[o], s) for c, o, s in some.select("content_id", "counterpart", "score").iter_rows()}

    assert counterparts(tmp_path / "out", content) == counterparts(run, before)


def test_likeness_that_puts_too_much_together_stops_the_run(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rng = random.Random(1)
    base = text(rng, 60)
    # Each is like the one before, and none of their text is in more than one in a hundred.
    chain, words = [], base.split()
    for place in range(200):
        words[place * 3 % 60] = f"new{place}"
        chain.append(" ".join(words))
    alike = [{"prompt": prompt, "chosen": text(rng, 30), "rejected": text(rng, 30)} for prompt in chain]
    source = write(tmp_path / "in.jsonl", [*alike, *pairs(2000 // 4)])
    assert curate(tmp_path / "out", source) == 2
    said = capsys.readouterr().err
    for part in ("29% of the rows", "duplicates.largest_group", "duplicates.threshold", "template_share", "word"):
        assert part in said
    assert curate(tmp_path / "out", source, sets=("duplicates.largest_group=0.5", "gate.split_tolerance=0.3")) == 0


def test_template_text_makes_no_group(tmp_path: Path) -> None:
    rng = random.Random(1)
    frame = (
        "Translate the following sentence from English into German and give nothing but the translation of it please: "
    )
    every = [{"prompt": frame + text(rng, 3), "chosen": text(rng, 20), "rejected": text(rng, 20)} for _ in range(400)]
    assert curate(tmp_path / "out", write(tmp_path / "in.jsonl", every)) == 0
    told = manifest(tmp_path / "out")
    assert told["groups"]["linked"] == 0
    assert told["reasons"] == {}


# Additions ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    assert curate(folder / "out", write(folder / "old.jsonl", pairs(200, 1)), sets=("name=first",)) == 0
    return folder / "out"


def test_what_is_published_is_not_published_again(first: Path, tmp_path: Path) -> None:
    old, rng = pairs(200, 1), random.Random(2)
    swapped = [{"prompt": r["prompt"], "chosen": r["rejected"], "rejected": r["chosen"]} for r in old[:20]]
    cousins = [
        {"prompt": edited(rng, r["prompt"]), "chosen": text(rng, 40), "rejected": text(rng, 40)} for r in old[60:140]
    ]
    known = [{"prompt": r["prompt"], "chosen": text(rng, 40), "rejected": text(rng, 40)} for r in old[140:]]
    fresh = pairs(100, 3)
    every = [*swapped, *near(old[20:60]), *cousins, *known, *fresh]
    random.Random(0).shuffle(every)
    assert curate(tmp_path / "out", write(tmp_path / "new.jsonl", every), against=(first,)) == 0
    told, lines = manifest(tmp_path / "out"), ledger(tmp_path / "out")
    assert told["reasons"] == {"exact_duplicate": 20, "near_duplicate": 40}
    assert told["against"][0]["name"] == "first"
    assert told["against"][0]["rows"] == 200
    before = ledger(first)
    names = set(before["row_id"])
    dropped = lines.filter(pl.col("action") == "drop")
    assert set(dropped["counterpart"]) <= names
    assert dropped["counterpart"].n_unique() == 60
    # Known prompts, and prompts like them, go where theirs are.
    prompts: dict[str, str] = {}
    for out in (first, tmp_path / "out"):
        for file in (out / "dataset" / "preference").glob("*.parquet"):
            for prompt in pl.read_parquet(file)["prompt"]:
                prompts.setdefault(prompt[0]["content"], file.name.split("-")[0])
    old_splits = {r["prompt"]: prompts[r["prompt"]] for r in old}
    assert set(old_splits.values()) == {"train", "validation", "test"}
    placed = {}
    for file in (tmp_path / "out" / "dataset" / "preference").glob("*.parquet"):
        for prompt in pl.read_parquet(file)["prompt"]:
            placed[prompt[0]["content"]] = file.name.split("-")[0]
    assert all(placed[row["prompt"]] == old_splits[row["prompt"]] for row in known)
    alike = [
        (row["prompt"], r["prompt"]) for row, r in zip(cousins, old[60:140], strict=True)
        if len(grams(row["prompt"]) & grams(r["prompt"])) / len(grams(row["prompt"]) | grams(r["prompt"])) >= 0.7
    ]  # fmt: skip
    assert len(alike) > 10
    assert all(placed[mine] == old_splits[theirs] for mine, theirs in alike)
    assert len({placed[theirs] for theirs in (row["prompt"] for row in fresh)}) > 1
    assert "adds to first" in " ".join(told["notes"])


def test_all_of_it_again_leaves_nothing(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert curate(tmp_path / "out", write(tmp_path / "new.jsonl", pairs(200, 1)), against=(first,)) == 1
    told = manifest(tmp_path / "out")
    assert told["reasons"] == {"exact_duplicate": 200}
    assert told["counts"]["kept"] == 0


def test_added_to_twice(first: Path, tmp_path: Path) -> None:
    second = [*pairs(50, 5), *near(pairs(200, 1)[:10])]
    assert (
        curate(tmp_path / "second", write(tmp_path / "b.jsonl", second), against=(first,), sets=("name=second",)) == 0
    )
    third = [*near(pairs(50, 5)[:10], 3), *pairs(200, 1)[:5], *pairs(60, 6)]
    assert curate(tmp_path / "third", write(tmp_path / "c.jsonl", third), against=(first, tmp_path / "second")) == 0
    told = manifest(tmp_path / "third")
    assert told["reasons"] == {"exact_duplicate": 5, "near_duplicate": 10}
    assert [one["name"] for one in told["against"]] == ["first", "second"]


def test_a_folder_that_is_no_finished_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    source = write(tmp_path / "in.jsonl", pairs(3))
    assert curate(tmp_path / "out", source, against=(tmp_path,)) == 2
    assert "no manifest.json" in capsys.readouterr().err
    assert curate(tmp_path / "out", source, against=(tmp_path / "out",)) == 2
    assert "own results" in capsys.readouterr().err


# Real data ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_groups_of_hh_and_of_its_own_addition(data, tmp_path: Path) -> None:
    import gzip

    lines = gzip.decompress(next(data("hh_rlhf").rglob("test.jsonl.gz")).read_bytes()).splitlines(keepends=True)
    (tmp_path / "old.jsonl").write_bytes(b"".join(lines[:1500]))
    (tmp_path / "new.jsonl").write_bytes(b"".join(lines[1400:]))
    assert curate(tmp_path / "old", tmp_path / "old.jsonl", form="hh") == 0
    told = manifest(tmp_path / "old")
    assert told["reasons"].keys() == {"empty_response"}  # no false near-duplicate among 1,500 distinct comparisons
    assert told["groups"]["largest"] < 0.03 * told["counts"]["kept"]
    assert curate(tmp_path / "new", tmp_path / "new.jsonl", against=(tmp_path / "old",), form="hh") == 0
    again = manifest(tmp_path / "new")["reasons"]["exact_duplicate"]
    published = ledger(tmp_path / "old").filter(pl.col("published_in").list.len() > 0)
    assert again == published.filter(pl.col("line") > 1400).height
