"""Runs on votes and ratings of named raters: consensus, reliability, pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import random
from pathlib import Path

import polars as pl
import pytest

from tests.pipelines.test_end_to_end import balanced, curate, manifest, write
from transforms.hashing import digest_json

RATED = """
sources:
  - input: [{path}]
    format: mapping
    mapping:
      kind: pair
      prompt: q
      responses: [a, b]
      label: {{field: vote, values: {{a: 1, b: 0, tie: 0.5}}}}
      rater: who
"""


def rated(count: int, seed: int = 0) -> list[dict]:
    """A vote a record: five raters, the fifth always wrong; in the last prompt their preferences go in a circle."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        best = rng.choice("ab")
        for who in "vwxyz":
            right = who != "z" and rng.random() < 0.85
            rows.append(
                {
                    "q": f"q{i}",
                    "a": f"one {i}",
                    "b": f"two {i}",
                    "who": who,
                    "vote": best if right else "ab"[best == "a"],
                }
            )
    rows += [{"q": "q0", "a": "lone a", "b": "lone b", "who": "z", "vote": "a"}]
    for first, second in ("rs", "st", "tr"):
        rows += [
            {"q": "circle", "a": first, "b": second, "who": who, "vote": "a"}
            for who in ("vwx" if first != "t" else "v")
        ]
    return rows


def labels(out: Path) -> dict[tuple[str, ...], tuple]:
    """What was published of each pair, by its texts."""
    parts = [pl.read_parquet(path) for path in (out / "dataset" / "preference_soft").glob("*.parquet")]
    return {
        tuple(sorted(one[side][0]["content"] for side in ("chosen", "rejected"))): (
            one["chosen"][0]["content"] if one["soft_label"] > 0.5 else None,
            one["soft_label"],
        )
        for part in parts
        for one in part.to_dicts()
    }


def test_raters(tmp_path: Path) -> None:
    rows = rated(120)
    write(tmp_path / "in.jsonl", rows)
    (tmp_path / "c.yaml").write_text(RATED.format(path=tmp_path / "in.jsonl"))
    out = tmp_path / "out"
    assert curate(out, config=str(tmp_path / "c.yaml")) == 0
    told = balanced(out)
    (figure,) = told["raters"]["figures"]
    assert (figure["raters"], figure["shared"], figure["consensus"], figure["left_out"]) == (5, 122, "dawid_skene", 1)
    assert told["raters"]["on_cycles"] == 3
    assert told["raters"]["reversals"] == 1
    assert told["reasons"]["unreliable_rater"] == 121
    assert told["reasons"]["in_cycle"] == 1
    assert told["counts"]["review"] == 1  # nobody else judged the pair that z did
    assert told["counts"]["softened"] >= 1
    table = pl.read_parquet(out / "raters.parquet").sort("reliability")
    assert table["worse_than_chance"].to_list() == [True, False, False, False, False]
    assert table["votes"].sum() == len(rows)
    assert pl.read_parquet(out / "rater_pairs.parquet").height == 10
    card = (out / "dataset" / "README.md").read_text()
    assert "## Raters" in card
    assert "Dawid-Skene" in card
    # Another order of rows and of sides, the same labels.
    random.Random(1).shuffle(rows)
    other = {"a": "b", "b": "a"}
    rows = [
        row | {"a": row["b"], "b": row["a"], "vote": other[row["vote"]]} if i % 2 else row for i, row in enumerate(rows)
    ]
    write(tmp_path / "in.jsonl", rows)
    assert curate(tmp_path / "again", config=str(tmp_path / "c.yaml")) == 0
    wanted, again = labels(out), labels(tmp_path / "again")
    assert wanted.keys() == again.keys()
    assert len(wanted) == 123
    for pair, (chosen, soft) in wanted.items():
        assert again[pair][0] == chosen
        assert again[pair][1] == pytest.approx(soft, abs=1e-6)


@pytest.mark.parametrize("consensus", ["off", "mean", "majority", "bradley_terry"])
def test_other_consensus(consensus: str, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", rated(40))
    (tmp_path / "c.yaml").write_text(RATED.format(path=tmp_path / "in.jsonl"))
    out = tmp_path / "out"
    assert curate(out, config=str(tmp_path / "c.yaml"), sets=(f"raters.consensus={consensus}",)) == 0
    told = balanced(out)
    assert (out / "raters.parquet").exists() is (consensus != "off")
    if consensus == "off":
        assert told["raters"] is None
        assert "in_cycle" not in told["reasons"]
        assert not any(stage["stage"] in ("raters", "consensus") for stage in told["stages"])
    else:
        assert told["raters"]["figures"][0]["consensus"] == consensus
        assert told["reasons"]["in_cycle"] == 1
        softs = {soft for _, soft in labels(out).values()}
        assert (softs <= {0.5, 1.0}) is (consensus == "majority")


def test_pairs_from_normalised_ratings(tmp_path: Path) -> None:
    rows = [{"q": f"q{i % 5}", "a": f"answer {i}", "score": i % 3 + 2 * (i % 2), "who": "ab"[i % 2]} for i in range(60)]
    (tmp_path / "c.yaml").write_text(
        f"""
sources:
  - input: [{write(tmp_path / "in.jsonl", rows)}]
    format: mapping
    mapping: {{kind: rating, prompt: q, responses: [a], scores: [{{field: score, minimum: 0, maximum: 6, rater: who}}]}}
derive:
  - {{make: pairs_from_ratings, raters: normalised, pairs_per_response: 20}}
"""
    )
    assert curate(tmp_path / "out", config=str(tmp_path / "c.yaml")) == 0
    told = balanced(tmp_path / "out")
    assert told["counts"]["derived_rows"] == 5 * 66  # five prompts of twelve answers
    assert "z-normalising" in " ".join(told["notes"])


def raters(out: Path) -> set[str]:
    found = [pl.read_parquet(path)["judgements"] for path in out.glob("work/ingest-*/blocks/*.parquet")]
    return set(pl.concat(found).explode().struct.field("rater").to_list())


def test_raters_are_pseudonyms_that_the_output_does_not_give_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"q": f"q{i}", "a": f"a{i}", "b": f"b{i}", "w": 1, "who": f"worker{i % 2}"} for i in range(20)]
    mapping = "{kind: pair, prompt: q, responses: [a, b], label: {field: w}, rater: who}"
    config = tmp_path / "c.yaml"
    config.write_text(
        f"sources: [{{input: [{write(tmp_path / 'in.jsonl', rows)}], format: mapping, mapping: {mapping}}}]"
    )
    monkeypatch.delenv("TRENCHCOAT_RATER_KEY", raising=False)
    assert curate(tmp_path / "a", config=str(config)) == 0
    plain = raters(tmp_path / "a")
    assert len(plain) == 2
    # What the manifest says of the files is no key.
    hashes = [one["hash"] for one in manifest(tmp_path / "a")["inputs"]]
    for key in (digest_json(hashes), hashes[0]):
        tried = hmac.new(key.encode(), b"data\x1fworker0", hashlib.sha256).hexdigest()[:16]
        assert tried not in plain
    # Another key: other pseudonyms, though all else is as it was.
    monkeypatch.setenv("TRENCHCOAT_RATER_KEY", "one")
    assert curate(tmp_path / "a", config=str(config)) == 0
    assert not {stage["stage"]: stage["skipped"] for stage in manifest(tmp_path / "a")["stages"]}["ingest"]
    keyed = raters(tmp_path / "a") - plain
    assert len(keyed) == 2
    everything = b"".join(path.read_bytes() for path in (tmp_path / "a").rglob("*.json"))
    assert b"worker0" not in everything
    # The same key and more files: the same pseudonyms.
    write(tmp_path / "in.jsonl", [*rows, rows[0] | {"q": "more"}])
    assert curate(tmp_path / "b", config=str(config)) == 0
    assert raters(tmp_path / "b") == keyed
