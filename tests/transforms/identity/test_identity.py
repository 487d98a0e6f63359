"""Rows that are the same, and what becomes of their judgements; checked against a plain rewriting of the rules."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arrow import ROW_SCHEMA
from transforms.identity.copies import DEFAULTS, SIGNALS, keys, merge_copies
from transforms.identity.keys import BLOCK_SCHEMA, identify

Raw = dict[str, Any]


def turn(content: str | None, role: str = "assistant", **other: Any) -> Raw:
    return {"role": role, "content": content} | other


def judged(value: float, rater: str | None = None, **other: Any) -> Raw:
    return {"value": float(value), "rater": rater, "dimension": "overall", "count": 1} | other


def row(kind: str, *texts: Any, judgements: Sequence[Raw] = (), prompt: Any = "q", **other: Any) -> Raw:
    responses = [text if isinstance(text, list) else [turn(text)] for text in texts]
    dialogue = prompt if isinstance(prompt, list) else [turn(prompt, "user")]
    base = {"row_id": "r", "content_id": "", "source": "s", "file": "f", "line": 1, "kind": kind, "prompt": dialogue}
    return base | {"responses": responses, "judgements": list(judgements)} | other


def pair(a: Any, b: Any, *judgements: Raw, **other: Any) -> Raw:
    return row("pair", a, b, judgements=judgements, **other)


def identified(*rows: Raw) -> pl.DataFrame:
    return identify(pl.DataFrame(rows, schema=ROW_SCHEMA, strict=False))


def content(*rows: Raw) -> list[str]:
    return identified(*rows)["content_id"].to_list()


def merged(*rows: Raw, votes: Sequence[str] = ()) -> list[Raw]:
    """Signals of all rows in their order, with the defaults where a row has no copy."""
    block = identified(*({**one, "row_id": f"r{i}"} if one["row_id"] == "r" else one for i, one in enumerate(rows)))
    half = block.height // 2
    parts = [keys(part, i, pl.col("source").is_in(list(votes))) for i, part in enumerate((block[:half], block[half:]))]
    found = merge_copies(pl.concat(parts))
    assert found.schema == pl.Schema({"block": pl.Int64, "row": pl.Int64, **SIGNALS})
    by_place = {(one.pop("block"), one.pop("row")): one for one in found.to_dicts()}
    assert len(by_place) == found.height
    places = [(0, i) for i in range(half)] + [(1, i) for i in range(block.height - half)]
    return [by_place.get(place, dict(DEFAULTS)) for place in places]


def split(signals: list[Raw]) -> tuple[Raw, list[Raw]]:
    """The only representative and its copies."""
    (first,) = [one for one in signals if one["copy_of"] is None]
    return first, [one for one in signals if one["copy_of"] is not None]


def votes(one: Raw) -> list[tuple[str | None, float, int]]:
    return [(j["rater"], j["value"], j["count"]) for j in one["judgements"]]


# Keys -----------------------------------------------------------------------------------------------------------------


def test_empty_frame() -> None:
    assert identified().schema == BLOCK_SCHEMA
    assert merge_copies(keys(identified(), 0, pl.lit(False))).schema.names() == ["block", "row", *SIGNALS]


@pytest.mark.parametrize(
    "same",
    [
        pair("b", "a"),
        pair(" a\r\n", "\tb", prompt="  q\n"),
        pair("a", "b", judged(1), generators=["x", "y"], language="de", metadata="{}", source="other", line=9),
    ],
)
def test_what_does_not_make_another_row(same: Raw) -> None:
    assert content(pair("a", "b"))[0] == content(same)[0]


DIFFERENT = [
    pair("a", "c"),
    pair("a", "a"),
    pair("A", "b"),
    pair("a", None),
    pair("a", ""),
    pair("a", [turn("b", "user")]),
    pair("a", [turn("b"), turn("")]),
    pair("a", [turn("b", name="n")]),
    pair("a", [turn("b", reasoning="n")]),
    pair("a", [turn("b", tool_call_id="n")]),
    pair("a", [turn("b", tool_calls=[{"name": "f", "arguments": "1"}])]),
    pair("a", [turn("b", tool_calls=[{"name": "f", "arguments": "2"}])]),
    pair("a", [turn("b", images=[{"uri": "u"}])]),
    pair("a", "b", prompt=[]),
    pair("a", "b", prompt=[turn("q", "system")]),
    pair("a", "b", tools="[]"),
    row("ranking", "a", "b"),
    row("rating", "a"),
    row("stepwise", "a", steps=["a"]),
    row("stepwise", "a", steps=["a", "b"]),
    pair("a", "b"),
    pair("a  x", "b"),
    pair("a x", "b"),
]


def test_what_makes_another_row() -> None:
    ids = content(*DIFFERENT)
    assert [DIFFERENT[i] for i in range(len(ids)) if ids.count(ids[i]) > 1] == []


def test_composed_and_decomposed_accents_are_one() -> None:
    assert len(set(content(pair("caf\u00e9", "b"), pair("cafe\u0301", "b"), pair("b", "cafe\u0301")))) == 1
    assert len(set(content(pair("a", "b", prompt="\u00fc"), pair("a", "b", prompt="u\u0308")))) == 1


def test_version_tells_copies_apart_but_not_by_rater() -> None:
    rows = [pair("a", "b"), pair("b", "a"), pair("a ", "b"), pair("a", "b", source="t"), pair("a", "b", judged(1, "x"))]
    versions = identified(*rows, pair("a", "b", judged(1, "y")), pair("a", "b", line=7, file="g"))["version_id"]
    assert versions.n_unique() == 5
    assert versions[4] == versions[5]
    assert versions[0] == versions[6]


# Copies ---------------------------------------------------------------------------------------------------------------


def test_no_copies() -> None:
    assert all(one["copies"] == 1 for one in merged(pair("a", "b", judged(1)), pair("a", "c", judged(1))))


def test_swapped_copy_of_the_same_judgement_says_nothing_new() -> None:
    for value in (1.0, 0.1, 0.3, 1 / 3, 0.5, 0.123456789012345):
        first, (copy,) = split(merged(pair("a", "b", judged(value)), pair("b", "a", judged(1 - value))))
        assert copy["copy_kind"] == "exact_duplicate"
        assert first["copies"] == copy["copies"] == 2
        assert first["conflict"] is False
        assert len(first["judgements"]) == 1


def test_copy_with_another_rater_is_merged_in_the_representatives_orientation() -> None:
    rows = [pair("a", "b", judged(0.75, "x")), pair("b", "a", judged(0.0, "y"))]
    signals = merged(*rows)
    first, (copy,) = split(signals)
    assert copy["copy_kind"] == "merged_judgement"
    flipped = signals[0]["copy_of"] is not None
    assert votes(first) == [("x", 0.25, 1), ("y", 0.0, 1)] if flipped else [("x", 0.75, 1), ("y", 1.0, 1)]


def test_same_rater_counts_once_with_one_value_and_twice_with_two() -> None:
    first, copies = split(merged(*[pair("a", "b", judged(1, "x"), metadata=str(i)) for i in range(3)]))
    assert votes(first) == [("x", 1.0, 1)]
    assert [one["copy_kind"] for one in copies] == ["exact_duplicate"] * 2
    first, copies = split(merged(pair("a", "b", judged(1, "x")), pair("a", "b", judged(0, "x"))))
    assert votes(first) == [("x", 0.0, 1), ("x", 1.0, 1)]
    assert first["conflict"]


def test_anonymous_copies_collapse_or_vote_as_the_source_says() -> None:
    rows = [pair("a", "b", judged(1, count=2)), pair("b", "a", judged(0)), pair("a", "b", judged(0))]
    first, copies = split(merged(*rows))
    kinds = {one["copy_kind"] for one in copies}
    turned = merged(*rows)[1]["copy_of"] is None
    assert sorted(votes(first), key=lambda v: v[2]) == [(None, float(turned), 1), (None, float(not turned), 2)]
    assert kinds == {"merged_judgement", "exact_duplicate"} or kinds == {"merged_judgement"}
    first, copies = split(merged(*rows, votes=["s"]))
    assert sorted(v[2] for v in votes(first)) == [1, 3]
    assert {one["copy_kind"] for one in copies} == {"merged_judgement"}
    # A name is a name, votes or not.
    named = [pair("a", "b", judged(1, "x"))] * 2
    assert votes(split(merged(*named, votes=["s"]))[0]) == [("x", 1.0, 1)]


def test_anonymous_judgements_of_one_row_are_different_people() -> None:
    """Else a copy of a row would change what its raters say together."""
    votes_of_three = [judged(1), judged(1), judged(0)]
    first, _ = split(merged(pair("a", "b", *votes_of_three), pair("a", "b", *votes_of_three)))
    assert votes(first) == [(None, 0.0, 1), (None, 1.0, 2)]
    first, _ = split(merged(pair("a", "b", *votes_of_three), pair("a", "b", *votes_of_three), votes=["s"]))
    assert votes(first) == [(None, 0.0, 2), (None, 1.0, 4)]


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        ([judged(1)], [judged(0)], True),
        ([judged(1)], [judged(0.5)], False),
        ([judged(0.9)], [judged(0.6)], False),
        ([judged(1)], [judged(0, dimension="style")], False),
        ([judged(1), judged(0, dimension="style")], [judged(1), judged(1, dimension="style")], True),
        ([judged(1, "x"), judged(0, "y")], [judged(1, "z")], False),  # raters of one copy disagree: a tie
        ([judged(1, count=3), judged(0, count=2)], [judged(0)], True),
        # A tie, but for float dust.
        ([judged(0, "x"), judged(0.1, "y"), judged(0.8, "z", count=3)], [judged(0)], False),
        ([], [judged(0)], False),
    ],
)
def test_conflict(one: list[Raw], other: list[Raw], conflict: bool) -> None:
    swapped = [{**j, "value": 1 - j["value"]} for j in other]
    assert {s["conflict"] for s in merged(pair("a", "b", *one), pair("a", "b", *other))} == {conflict}
    assert {s["conflict"] for s in merged(pair("a", "b", *one), pair("b", "a", *swapped))} == {conflict}


def test_ratings_that_differ_are_no_conflict() -> None:
    rows = [row("rating", "a", judgements=[judged(v, r)]) for v, r in ((1, "x"), (5, "y"))]
    first, _ = split(merged(*rows))
    assert votes(first) == [("x", 1.0, 1), ("y", 5.0, 1)]
    assert not first["conflict"]


def test_permuted_ranking_merges_into_the_representatives_order() -> None:
    texts = ["a", "b", "c", "d"]
    score = dict(zip(texts, (1.0, 2.0, 3.0, 4.0), strict=True))
    for order in itertools.permutations(texts):
        rows = [
            row("ranking", *ranked, judgements=[judged(score[t], rater, response=i) for i, t in enumerate(ranked)])
            for ranked, rater in ((texts, "x"), (order, "y"))
        ]
        signals = merged(*rows)
        first, _ = split(signals)
        shown = texts if signals[0]["copy_of"] is None else order
        said = [(j["rater"], shown[j["response"]], j["value"]) for j in first["judgements"]]
        assert sorted(said) == [(rater, text, score[text]) for rater in "xy" for text in texts]


def test_repeated_response_in_a_ranking() -> None:
    one = [judged(v, response=i) for i, v in enumerate((1, 2, 3))]
    other = [judged(v, response=i) for i, v in enumerate((1, 3, 2))]
    first, (copy,) = split(
        merged(row("ranking", "a", "a", "b", judgements=one), row("ranking", "a", "b", "a", judgements=other))
    )
    assert copy["copy_kind"] == "exact_duplicate"
    assert len(first["judgements"]) == 3


def test_steps_keep_their_judgements_apart() -> None:
    one, other = ([judged(v, step=i) for i, v in enumerate(values)] for values in ((1, 1), (1, -1)))
    rows = [row("stepwise", "ab", steps=["a", "b"], judgements=js) for js in (one, other)]
    first, _ = split(merged(*rows))
    assert [(j["step"], j["value"]) for j in first["judgements"]] == [(0, 1.0), (1, -1.0), (1, 1.0)]


# Against a plain rewriting --------------------------------------------------------------------------------------------


def turned(rows: Raw, judgement: Raw) -> tuple[Any, ...]:
    """A judgement in words that do not depend on the order of responses."""
    texts = [response[0]["content"].strip() for response in rows["responses"]]
    value, about = judgement["value"], judgement.get("response")
    if rows["kind"] == "pair" and texts[0] > texts[1]:
        value = 1 - value
    spoken = None if about is None else texts[about]
    return judgement["rater"], judgement["dimension"], spoken, judgement.get("step"), round(value, 9)


def reference(rows: list[Raw], versions: list[str], voting: Sequence[str]) -> list[Raw]:
    """What `merge_copies` should say, row by row, with judgements as `turned` and their counts."""
    out: list[Raw] = [{} for _ in rows]
    sets: dict[Any, list[int]] = {}
    for i, one in enumerate(rows):
        texts = sorted(r[0]["content"].strip() for r in one["responses"])
        sets.setdefault((one["kind"], one["prompt"][0]["content"].strip(), *texts), []).append(i)
    for members in sets.values():
        members.sort(key=lambda i: versions[i])
        seen: dict[Any, tuple[bool, int]] = {}
        sides: dict[str, set[float]] = {}
        for i in members:
            own: dict[Any, int] = {}
            fresh = False
            for judgement in rows[i]["judgements"]:
                key = turned(rows[i], judgement)
                own[key] = own.get(key, 0) + judgement["count"] if key[0] is None else judgement["count"]
            for key, count in own.items():
                vote = key[0] is None and rows[i]["source"] in voting
                fresh |= vote or key not in seen
                voted, before = seen.get(key, (vote, 0))
                seen[key] = (voted, before + count if voted else max(before, count))
            for dimension in {key[1] for key in own}:
                said = [(k[4], rows[i]["judgements"][n]["count"]) for n, k in enumerate(
                    turned(rows[i], j) for j in rows[i]["judgements"]) if k[1] == dimension]  # fmt: skip
                mean = sum(v * c for v, c in said) / sum(c for _, c in said) - 0.5
                sides.setdefault(dimension, set()).add((mean > 1e-9) - (mean < -1e-9))
            copy = i != members[0]
            out[i] = {
                "copy_of": rows[members[0]]["row_id"] if copy else None,
                "copy_kind": ("merged_judgement" if fresh else "exact_duplicate") if copy else None,
                "copies": len(members),
            }
        conflict = rows[members[0]]["kind"] == "pair" and len(members) > 1 and any({1, -1} <= s for s in sides.values())
        for i in members:
            out[i] |= {"conflict": conflict, "scales": None}
            out[i]["conflict_on"] = sorted(name for name, s in sides.items() if {1, -1} <= s) if conflict else None
        if len(members) > 1 and seen:
            out[members[0]]["judgements"] = {key: count for key, (_, count) in seen.items()}
    return out


def some_rows(rng: random.Random) -> list[Raw]:
    rows = []
    for i in range(rng.randint(2, 14)):
        kind = rng.choice(["pair", "pair", "ranking", "rating"])
        texts = rng.sample("abc", {"pair": 2, "ranking": 3, "rating": 1}[kind])
        js = []
        for _ in range(rng.randint(0, 3)):
            rater, dimension = rng.choice([None, "x", "y"]), rng.choice(["overall", "style"])
            about = rng.randrange(3) if kind == "ranking" else None
            value = rng.choice([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])
            one = judged(value, rater, dimension=dimension, response=about, count=rng.choice([1, 1, 2]))
            # A rater who says the same twice in one row says it once: the rules name no count for it.
            if rater is None or all(j["rater"] != rater or j["dimension"] != dimension for j in js):
                js.append(one)
        padded = [text + rng.choice(["", " ", "\n"]) for text in texts]
        other = {"prompt": rng.choice("pq"), "source": rng.choice("st"), "metadata": f'{{"n":{i}}}'}
        rows.append(row(kind, *padded, judgements=js, row_id=f"r{i}", **other))
    return rows


@given(seed=st.integers(0, 10**9), voting=st.sampled_from([(), ("s",), ("s", "t")]))
@settings(max_examples=60, deadline=None)
def test_merging_agrees_with_the_reference_in_any_order(seed: int, voting: tuple[str, ...]) -> None:
    rng = random.Random(seed)
    rows = some_rows(rng)
    signals = merged(*rows, votes=voting)
    wanted = reference(rows, identified(*rows)["version_id"].to_list(), voting)
    for one, got, want in zip(rows, signals, wanted, strict=True):
        said = got.pop("judgements")
        kept = want.pop("judgements", None)
        assert got == want
        if said is None:
            assert kept is None
        else:
            again = {turned(one, judgement): judgement["count"] for judgement in said}
            assert len(again) == len(said)
            assert again == kept
    # The order of arrival, and which block a row is in, change nothing.
    order = list(range(len(rows)))
    rng.shuffle(order)
    again = merged(*(rows[i] for i in order), votes=voting)
    for place, i in enumerate(order):
        again[place].pop("judgements")
        assert again[place] == signals[i]


def test_other_fields_of_merged_judgements_come_from_the_first_version_in_any_order() -> None:
    rows = [
        pair("a", "b", judged(1, "x", reason=f"because {i}", strength=float(i)), metadata=str(i), row_id=f"r{i}")
        for i in range(6)
    ]
    wanted = identified(*rows).sort("version_id")["row_id"][0]
    for seed in range(5):
        shuffled = random.Random(seed).sample(rows, len(rows))
        first, copies = split(merged(*shuffled))
        assert {one["copy_of"] for one in copies} == {wanted}
        assert first["judgements"][0]["reason"] == f"because {wanted[1:]}"


def test_sides_that_say_the_same_have_one_id() -> None:
    sides = [("café au lait", "cafe\u0301 au lait \n"), ("a b", "a  b"), ("a", "A"), ("a\r\nb", "a\nb")]
    text = {"role": "assistant"}
    frame = pl.DataFrame(
        [
            {
                "row_id": str(i), "content_id": "", "source": "s", "file": "f", "line": 1, "kind": "pair", "prompt": [],
                "responses": [[text | {"content": one}] for one in pair], "judgements": [],
            }
            for i, pair in enumerate(sides)
        ],
        schema=ROW_SCHEMA,
    )  # fmt: skip
    ids = identify(frame)["response_ids"]
    assert (ids.list.first() == ids.list.last()).to_list() == [True, False, False, True]
