"""Pairs from ratings and rankings, ratings from rankings: which are made, which way round, and what they say."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.arrow import ROW_SCHEMA
from schemas.config import Derive
from schemas.row import Row
from schemas.rules import first_broken
from transforms.blocks import Block, write_frame
from transforms.derive import build
from transforms.derive.pairs import pair_up, units
from transforms.identity.keys import BLOCK_SCHEMA, identify
from transforms.raters.normalise import moments, normalise

Raw = dict[str, Any]
Make = Callable[..., list[Raw]]


def turn(content: str, role: str = "assistant") -> Raw:
    return {"role": role, "content": content}


def judged(value: float, rater: str | None = "x", dimension: str = "overall", **other: Any) -> Raw:
    return {"value": float(value), "rater": rater, "dimension": dimension, "count": 1} | other


def row(kind: str, texts: Sequence[str], judgements: Sequence[Raw], prompt: str | None = "q", **other: Any) -> Raw:
    scales = [
        {"dimension": name, "minimum": 0.0, "maximum": 10.0, "higher_is_better": name != "errors"}
        for name in sorted({j["dimension"] for j in judgements})
    ]
    return {
        "row_id": "-".join(texts), "content_id": "", "source": "s", "file": "f", "line": 1, "kind": kind,
        "prompt": [] if prompt is None else [turn(prompt, "user")], "responses": [[turn(text)] for text in texts],
        "judgements": list(judgements), "scales": scales,
    } | other  # fmt: skip


def rating(text: str, *judgements: Raw, **other: Any) -> Raw:
    return row("rating", [text], judgements, **other)


def ranking(texts: Sequence[str], values: Sequence[float], rater: str | None = "x", **other: Any) -> Raw:
    dimension = other.pop("dimension", "overall")
    js = [judged(value, rater, dimension, response=i) for i, value in enumerate(values)]
    return row("ranking", texts, js, **other)


def framed(rows: Sequence[Raw]) -> pl.DataFrame:
    return identify(pl.DataFrame(rows, schema=ROW_SCHEMA))


@pytest.fixture
def pairs(tmp_path: Path) -> Make:
    """Derived pairs of rows that lie in two blocks."""

    def make(rows: Sequence[Raw], make: str = "pairs_from_ratings", **settings: Any) -> list[Raw]:
        rule = Derive.model_validate({"make": make} | settings)
        half = len(rows) // 2
        frames = [framed(rows[:half]), framed(rows[half:])]
        blocks = []
        for i, frame in enumerate(frames):
            blocks.append(Block(i, str(tmp_path / f"{i}.parquet"), frame.height))
            write_frame(frame, blocks[i].path)
        flat = [units(frame, i, rule) for i, frame in enumerate(frames)]
        if rule.raters == "normalised":
            found = pl.concat([moments(part) for part in flat])
            flat = [normalise(part, found) for part in flat]
        found = pair_up(pl.concat(flat), rule)
        if found.is_empty():
            return []
        made = build.pairs(found, blocks)
        assert made.schema == BLOCK_SCHEMA
        assert first_broken(made).null_count() == made.height
        assert made["content_id"].is_unique().all()
        for one in made.select(ROW_SCHEMA.names()).to_dicts():
            Row.model_validate(one)
        return made.to_dicts()

    return make


def said(made: Sequence[Raw]) -> dict[tuple[str, str], list[tuple[str | None, str, float, float]]]:
    """Per pair of texts in alphabetical order: rater, dimension, preference for the first, strength."""
    out = {}
    for one in made:
        a, b = (response[0]["content"] for response in one["responses"])
        js = [(j["rater"], j["dimension"], j["value"], round(j["strength"], 9)) for j in one["judgements"]]
        out[min(a, b), max(a, b)] = [j if a < b else (*j[:2], 1 - j[2], j[3]) for j in js]
    assert len(out) == len(made)
    return out


# Pairs from ratings ---------------------------------------------------------------------------------------------------


def test_pairs_within_one_rater_with_parents_and_orientation(pairs: Make) -> None:
    rows = [
        rating("a", judged(9, "x"), judged(1, "y"), generators=["m"], tools="[]", licence="mit"),
        rating("b", judged(4, "x"), tools="[]"),
        rating("c", judged(5, "y"), judged(4, "x"), tools="[]"),
    ]
    made = pairs(rows)
    assert said(made) == {
        ("a", "b"): [("x", "overall", 1.0, 5.0)],
        ("a", "c"): [("x", "overall", 1.0, 5.0), ("y", "overall", 0.0, 4.0)],
        ("b", "c"): [("x", "overall", 0.5, 0.0)],
    }
    for one in made:
        texts = [response[0]["content"] for response in one["responses"]]
        assert one["parents"] == texts  # here rows are called what they say
        assert one["row_id"] == "+".join(texts)
        assert one["generators"] == ([("m" if text == "a" else None) for text in texts] if "a" in texts else None)
        assert (one["kind"], one["tools"], one["prompt"][0]["content"]) == ("pair", "[]", "q")
        assert one["response_ids"] == sorted(one["response_ids"])


def test_what_is_not_compared(pairs: Make) -> None:
    alone = [
        rating("a", judged(9)),
        rating("b", judged(4), prompt="other"),
        rating("c", judged(1), source="t"),  # a rater's name means nothing in another source
        rating("d", judged(1, dimension="style")),
        rating("e", judged(1, "y")),
        rating("f", judged(1), tools="[]"),
        rating("g"),
        ranking(["h", "i"], [1, 2]),
    ]
    assert pairs(alone) == []
    assert pairs([rating("a", judged(9), prompt=None), rating("b", judged(4), prompt=None)]) == []


def test_a_text_never_meets_itself(pairs: Make) -> None:
    rows = [rating("a", judged(9), row_id="1"), rating("a ", judged(1), row_id="2"), rating("b", judged(4), row_id="3")]
    assert pairs(rows[:2]) == []
    ((_, judgements),) = said([{**one, "responses": sorted(one["responses"], key=str)} for one in pairs(rows)]).items()
    assert judgements[0][3] == 1.0  # the mean of one rater's two values, 5, against 4


def test_dimensions_are_chosen_and_kept_apart(pairs: Make) -> None:
    rows = [
        rating("a", judged(9), judged(1, dimension="style")),
        rating("b", judged(4), judged(3, dimension="style")),
    ]
    both = [("x", "overall", 1.0, 5.0), ("x", "style", 0.0, 2.0)]
    assert said(pairs(rows)) == {("a", "b"): both}
    assert said(pairs(rows, dimensions=["style"])) == {("a", "b"): both[1:]}
    assert pairs(rows, dimensions=["none"]) == []


def test_lower_is_better(pairs: Make) -> None:
    rows = [rating("a", judged(9, dimension="errors")), rating("b", judged(4, dimension="errors"))]
    assert said(pairs(rows)) == {("a", "b"): [("x", "errors", 0.0, 5.0)]}


def test_ties_and_minimum_gap(pairs: Make) -> None:
    rows = [rating(text, judged(value)) for text, value in zip("abcd", (1, 1, 1.2, 3), strict=True)]

    def values(**settings: Any) -> list[float]:
        return [js[0][2] for _, js in sorted(said(pairs(rows, **settings)).items())]

    assert values() == [0.5, 0, 0, 0, 0, 0]
    assert values(ties="drop") == [0, 0, 0, 0, 0]
    assert values(minimum_gap=0.5) == [0.5, 0.5, 0, 0.5, 0, 0]
    assert values(minimum_gap=2, ties="drop") == [0, 0]
    assert values(minimum_gap=0.2) == [0.5, 0, 0, 0, 0, 0]  # 1.2 - 1 is a little less than 0.2


def test_a_gap_is_not_smaller_for_float_dust(pairs: Make) -> None:
    rows = [rating("a", judged(0.3)), rating("b", judged(0.1))]
    assert 0.3 - 0.1 < 0.2
    assert said(pairs(rows, minimum_gap=0.2))["a", "b"][0][2] == 1.0


def test_unknown_raters_are_compared_as_they_are(pairs: Make) -> None:
    rows = [rating("a", judged(9, "x"), judged(8, "y")), rating("b", judged(4, None)), rating("c", judged(1, "z"))]
    made = said(pairs(rows, raters="unknown"))
    assert made == {
        ("a", "b"): [(None, "overall", 1.0, 4.5)],
        ("a", "c"): [(None, "overall", 1.0, 7.5)],
        ("b", "c"): [(None, "overall", 1.0, 3.0)],
    }


def test_normalised_raters_are_compared_by_z_scores(pairs: Make) -> None:
    rng = np.random.default_rng(0)
    given = {rater: rng.uniform(0, 10, 6) for rater in ("x", "y", None)}
    prompts = ["p", "q", "q", "q", "p", "q"]
    rows = [
        rating(f"{rater}{i}", judged(value, rater), prompt=prompts[i])
        for rater, all_values in given.items()
        for i, value in enumerate(all_values)
    ]
    del given[None]  # nobody knows whether ratings without a rater are of one person
    # No spread, or a single value, is no measure.
    rows += [
        rating("flat1", judged(3, "f")),
        rating("flat2", judged(3, "f"), prompt="p"),
        rating("one", judged(9, "o")),
    ]
    random.Random(0).shuffle(rows)
    made = said(pairs(rows, raters="normalised"))
    z = {f"{r}{i}": (v[i] - v.mean()) / v.std() for r, v in given.items() for i in range(6)}
    prompt = {f"{rater}{i}": prompts[i] for rater in given for i in range(6)}
    wanted = {pair for pair in itertools.combinations(sorted(z), 2) if prompt[pair[0]] == prompt[pair[1]]}
    assert made.keys() == wanted
    for (a, b), ((rater, _, value, strength),) in made.items():
        assert rater is None
        assert value == float(z[a] > z[b])
        assert strength == pytest.approx(abs(z[a] - z[b]), abs=1e-8)


@pytest.mark.parametrize("k", [1, 2, 3, 10])
def test_all_pairs_once_in_small_groups_and_few_partners_in_large_ones(pairs: Make, k: int) -> None:
    for n in range(2, 24):
        rows = [rating(f"{n}-{i}", judged(i % 7)) for i in range(n)]
        made = said(pairs(rows, pairs_per_response=k))  # `said` finds a pair that comes twice
        partners = Counter(text for pair in made for text in pair)
        if n <= 2 * k + 1:
            assert len(made) == n * (n - 1) // 2
        else:
            assert len(partners) == n
            assert set(partners.values()) == {2 * k}


def test_pairs_do_not_depend_on_the_order_of_rows(pairs: Make) -> None:
    rows = [rating(f"t{i}", judged(i % 5, r), prompt=p) for i in range(20) for r in "xy" for p in "pq"]
    for i, one in enumerate(rows):
        one["row_id"] = f"r{i}"
    wanted = pairs(rows, pairs_per_response=2)
    for seed in range(3):
        assert pairs(random.Random(seed).sample(rows, len(rows)), pairs_per_response=2) == wanted


# Pairs and ratings from rankings --------------------------------------------------------------------------------------


def test_pairs_from_rankings(pairs: Make) -> None:
    rows = [
        ranking("abc", [1, 2, 2], dimension="errors", generators=["m1", None, "m3"], row_id="r1"),
        ranking("ad", [7, 3], "y", row_id="r2", prompt=None),
        rating("z", judged(1)),
    ]
    made = pairs(rows, "pairs_from_rankings")
    assert said(made) == {
        ("a", "b"): [("x", "errors", 1.0, 1.0)],
        ("a", "c"): [("x", "errors", 1.0, 1.0)],
        ("b", "c"): [("x", "errors", 0.5, 0.0)],
        ("a", "d"): [("y", "overall", 1.0, 4.0)],
    }
    names = dict(zip("abc", ("m1", None, "m3"), strict=True))
    for one in made:
        texts = [response[0]["content"] for response in one["responses"]]
        assert one["parents"] == (["r2"] if "d" in texts else ["r1"])
        if "d" not in texts:
            assert one["generators"] == [names[text] for text in texts]
    assert len({one["row_id"] for one in made}) == 4


def test_rankings_of_one_prompt_stay_apart(pairs: Make) -> None:
    rows = [ranking("ab", [2, 1], row_id="r1"), ranking("cd", [2, 1], row_id="r2")]
    assert said(pairs(rows, "pairs_from_rankings")).keys() == {("a", "b"), ("c", "d")}


def test_equal_texts_in_a_ranking_make_no_pair(pairs: Make) -> None:
    assert said(pairs([ranking("aab", [3, 3, 1])], "pairs_from_rankings")) == {("a", "b"): [("x", "overall", 1.0, 2.0)]}


def test_ratings_from_rankings() -> None:
    rows = [
        ranking("abc", [1, 2, 2], generators=["m1", None, "m3"], row_id="r1"),
        row("ranking", "de", [judged(5, "x", response=1), judged(6, "y", response=1), judged(1)], row_id="r2"),
        rating("z", judged(1)),
    ]
    made = build.ratings(framed(rows), None)
    assert made.schema == BLOCK_SCHEMA
    assert first_broken(made).null_count() == made.height
    got = [
        (one["row_id"], one["responses"][0][0]["content"], one["generators"], one["parents"],
         [(j["rater"], j["value"], j["response"]) for j in one["judgements"]])
        for one in made.to_dicts()
    ]  # fmt: skip
    assert got == [
        ("r1:0", "a", ["m1"], ["r1"], [("x", 1.0, None)]),
        ("r1:1", "b", [None], ["r1"], [("x", 2.0, None)]),
        ("r1:2", "c", ["m3"], ["r1"], [("x", 2.0, None)]),
        ("r2:1", "e", None, ["r2"], [("x", 5.0, None), ("y", 6.0, None)]),
    ]
    assert made["kind"].unique().to_list() == ["rating"]
    assert made["scales"].to_list()[0] == framed(rows)["scales"].to_list()[0]
    rated = framed([rating("a", judged(9), row_id="other")])
    assert made["content_id"][0] == rated["content_id"][0]  # the same as if it had come as a rating
    assert build.ratings(framed(rows), ["style"]).height == 0
