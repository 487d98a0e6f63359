"""Verdicts from signals: each reason with its number, what policy makes of them, and what labels become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from schemas.arrow import JUDGEMENT
from schemas.config import Policy
from schemas.verdict import ACTIONS, MERGED, REASONS
from tests.transforms.decide.support import Raw, concluded, judged
from transforms.decide.contested import contested
from transforms.decide.policy import VERDICTS, clauses, decide
from transforms.duplicates.representatives import SIGNALS as NEAR
from transforms.raters.conclude import CONSENSUS

# Labels ---------------------------------------------------------------------------------------------------------------


# Verdicts -------------------------------------------------------------------------------------------------------------

GOOD: Raw = {
    "kind": "pair", "judgements": [judged(1)], "copy_of": None, "copy_kind": None, "copies": 1, "conflict": False,
    "conflict_on": None,
    "empty_response": False, "identical_responses": False, "characters": [3, 4], "pii": [], "tokens": [5, 6],
    "too_long": False, "identical_after_truncation": False, "consensus": None, **dict.fromkeys(NEAR),
    "published_of": None,
    "semantic_of": None, "semantic_of_cosine": None, "benchmark_item": None, "overlap_share": None,
    "overlap_threshold": None, "split": None, "strength_mu": None, "strength_limit": None, "p_error": None,
    "p_ambiguous": None, "counterexample": None, "trusted": None, "unsure": None, "balance_weight": None,
    "balance_share": None, "balance_draw": None, "rating_error": None, "mixture_weight": None,
    "mixture_chance": None, "mixture_draw": None,
    "slice_id": None, "slice_rate": None, "slice_elsewhere": None, "frame_gap": None, "seconds_gap": None,
    "value_gap": None, "contradicted_by": None,
}  # fmt: skip
SCHEMA = {
    "kind": pl.String, "judgements": pl.List(JUDGEMENT), "copy_of": pl.String, "copy_kind": pl.String,
    "copies": pl.Int64, "conflict": pl.Boolean, "conflict_on": pl.List(pl.String),
    "empty_response": pl.Boolean, "identical_responses": pl.Boolean,
    "characters": pl.List(pl.Int64), "pii": pl.List(pl.String), "tokens": pl.List(pl.Int64), "too_long": pl.Boolean,
    "identical_after_truncation": pl.Boolean, **NEAR, "published_of": pl.String,
    "consensus": pl.List(CONSENSUS), "semantic_of": pl.String, "semantic_of_cosine": pl.Float64,
    "benchmark_item": pl.String, "overlap_share": pl.Float64, "overlap_threshold": pl.Float64, "split": pl.String,
    "strength_mu": pl.Float64, "strength_limit": pl.Float64, "p_error": pl.Float64, "p_ambiguous": pl.Float64,
    "counterexample": pl.Float64, "trusted": pl.Float64, "unsure": pl.Boolean,
    "balance_weight": pl.Float64, "balance_share": pl.Float64, "balance_draw": pl.Float64,
    "rating_error": pl.Float64, "mixture_weight": pl.Float64, "mixture_chance": pl.Float64, "mixture_draw": pl.Float64,
    "slice_id": pl.Int64, "slice_rate": pl.Float64, "slice_elsewhere": pl.Float64, "frame_gap": pl.Int64,
    "seconds_gap": pl.Float64, "value_gap": pl.Float64, "contradicted_by": pl.Float64,
}  # fmt: skip


def near_sides(dimension: str, agree: int, against: int) -> list[Raw]:
    return [{"dimension": dimension, "agree": agree, "against": against, "contrary": "r" if against else None}]


OVERLAP: Raw = {"benchmark_item": "b:f:1", "overlap_share": 0.9, "overlap_threshold": 0.8}
SHAPES = ("preference", "preference_soft", "ratings")
CIRCLE: Raw = {"component": 3, "reversal": True, "onward": "next"}
BOTH = ["preference", "preference_soft"]


def verdicts(*changes: Raw, shapes: Sequence[str] = SHAPES, max_tokens: int | None = 8, **policy: Any) -> list[Raw]:
    rows = pl.DataFrame([GOOD | change for change in changes], schema=SCHEMA)
    asked = Policy.model_validate(policy)
    rows = contested(rows, asked.dimension)
    made = decide(rows, asked, shapes, {"too_long": max_tokens or 0, "near_duplicate": 0.7})
    assert made.schema == VERDICTS
    for one in made.to_dicts():
        assert one["reasons"] == [detail["reason"] for detail in one["details"]]
        for detail in one["details"]:  # every reason has a number
            assert detail["reason"] in REASONS
            assert detail["score"] is not None
            assert detail["threshold"] is not None
        assert one["action"] in (*ACTIONS, MERGED)
        assert one["action"] == "keep" or one["reasons"]
        assert bool(one["published_in"]) <= (one["action"] in ("keep", "soften", "flip"))
    return made.to_dicts()


def verdict(change: Raw, **policy: Any) -> Raw:
    alone = verdicts(change, **policy)[0]
    assert verdicts({}, change, {}, **policy)[1] == alone
    return alone


def test_a_rating_that_looks_wrong_is_reported_unless_policy_says_more() -> None:
    wrong: Raw = {"kind": "rating", "judgements": [judged(5, normalised=0.5)], "rating_error": 0.95}
    assert verdict(wrong)["action"] == "keep"
    dropped = verdict(wrong, misrated="drop")
    assert (dropped["action"], dropped["reasons"], dropped["details"][0]["score"]) == ("drop", ["misrated"], 0.95)
    assert verdict(wrong, misrated="drop", misrated_at=0.96)["action"] == "keep"


def test_rows_of_a_slice_where_labels_go_wrong_are_set_aside_where_policy_says_so() -> None:
    inside: Raw = {"slice_id": 3, "slice_rate": 0.6, "slice_elsewhere": 0.2}
    assert verdict(inside)["action"] == "keep"
    made = verdict(inside, error_slice="review")
    assert made["action"] == "review"
    assert made["details"] == [{"reason": "error_slice", "score": 0.6, "threshold": 0.2, "counterpart": "slice 3"}]


def test_a_mixture_weighs_and_balancing_has_the_last_word() -> None:
    assert verdict({"mixture_weight": 1.5})["weight"] == 1.5
    assert verdict({"mixture_weight": 1.5, "balance_weight": 0.7})["weight"] == 0.7


def test_good_row_is_kept() -> None:
    assert verdict({}) == {
        "action": "keep", "label": 0, "soft_label": 1.0, "margin": None, "weight": 1.0, "masked": False,
        "published_in": BOTH, "reasons": [], "details": [],
    }  # fmt: skip


FAULTS: list[tuple[Raw, Raw, str, str, float, float]] = [
    ({"copy_kind": "merged_judgement", "copy_of": "r", "copies": 3}, {}, MERGED, "merged_judgement", 3, 1),
    ({"copy_kind": "exact_duplicate", "copy_of": "r", "copies": 2}, {}, "drop", "exact_duplicate", 2, 1),
    ({"published_of": "r", "copies": 1}, {}, "drop", "exact_duplicate", 2, 1),
    ({"near_of": "r", "near_score": 0.81}, {}, "drop", "near_duplicate", 0.81, 0.7),
    ({"near_of": "r", "near_score": 0.7}, {"near_duplicate": "review"}, "review", "near_duplicate", 0.7, 0.7),
    ({"near_of": "r", "near_score": 1.0, "near_looks": 0.99, "near_looks_at": 0.98}, {}, "drop", "near_images", 0.99,
     0.98),
    ({"near_sides": near_sides("overall", 2, 1)}, {}, "keep", "near_conflict", 0.75, 1),
    ({"near_sides": near_sides("overall", 2, 1)}, {"near_conflict": "soften"}, "soften", "near_conflict", 0.75, 1),
    ({"empty_response": True, "characters": [0, 4]}, {}, "drop", "empty_response", 0, 1),
    ({"empty_response": True, "characters": [0, 4]}, {"empty_response": "review"}, "review", "empty_response", 0, 1),
    ({"identical_responses": True}, {}, "drop", "identical_responses", 1, 1),
    ({"identical_responses": True}, {"identical_responses": "review"}, "review", "identical_responses", 1, 1),
    ({"judgements": []}, {}, "drop", "no_judgement", 0, 1),
    ({}, {"dimension": "style"}, "drop", "no_judgement", 0, 1),
    ({"conflict": True, "judgements": [judged(1), judged(1), judged(0)]}, {}, "soften", "conflict", 0.66667, 0.5),
    ({"conflict": True}, {"conflict": "drop"}, "drop", "conflict", 1, 0.5),
    ({"conflict": True}, {"conflict": "review"}, "review", "conflict", 1, 0.5),
    ({"pii": ["email", "phone"]}, {"pii": "drop"}, "drop", "pii", 2, 1),
    ({"too_long": True, "tokens": [5, 9]}, {}, "drop", "too_long", 9, 8),
    ({"identical_after_truncation": True}, {}, "drop", "identical_after_truncation", 1, 1),
    ({"consensus": [concluded(None, left_out=2, reliability=0.3)]}, {}, "review", "unreliable_rater", 0.3, 0.5),
    (
        {"consensus": [concluded(None, left_out=2, reliability=0.3)]}, {"unreliable_rater": "drop"}, "drop",
        "unreliable_rater", 0.3, 0.5,
    ),
    ({"consensus": [concluded(0.9, **CIRCLE)]}, {}, "soften", "in_cycle", 3, 1),
    ({"consensus": [concluded(0.9, **CIRCLE)]}, {"in_cycle": "drop"}, "drop", "in_cycle", 3, 1),
    ({"consensus": [concluded(0.9, **CIRCLE)]}, {"in_cycle": "review"}, "review", "in_cycle", 3, 1),
    (OVERLAP, {}, "drop", "contaminated", 0.9, 0.8),
    (OVERLAP, {"contaminated": "review"}, "review", "contaminated", 0.9, 0.8),
    (OVERLAP | {"split": "train"}, {"contaminated": "train_only"}, "drop", "contaminated", 0.9, 0.8),
    (OVERLAP | {"split": "train"}, {"contaminated": "keep"}, "keep", "overlap_kept", 0.9, 0.8),
    (OVERLAP | {"split": "test"}, {"contaminated": "train_only"}, "keep", "overlap_kept", 0.9, 0.8),
    (OVERLAP, {"contaminated": "train_only"}, "keep", "overlap_kept", 0.9, 0.8),
    (OVERLAP | {"split": "test"}, {"contaminated": "train_only", "contaminated_splits": ["validation", "test"]},
     "drop", "contaminated", 0.9, 0.8),
    ({"trusted": 0.0}, {}, "flip", "relabelled", 0, 0.5),
    ({"trusted": 1.0, "p_error": 0.95, "p_ambiguous": 1.0, "conflict": True}, {}, "keep", "relabelled", 1, 0.5),
    ({"p_error": 0.9}, {}, "drop", "likely_mislabelled", 0.9, 0.9),
    ({"p_error": 0.95}, {"mislabelled": "flip"}, "flip", "likely_mislabelled", 0.95, 0.9),
    ({"p_error": 0.89}, {}, "soften", "likely_mislabelled", 0.89, 0.6),
    ({"p_error": 0.6}, {"doubtful": "review"}, "review", "likely_mislabelled", 0.6, 0.6),
    ({"p_ambiguous": 0.8}, {"ambiguous": "review"}, "review", "ambiguous", 0.8, 0.8),
    ({"frame_gap": 3}, {"minimum_frame_gap": 4}, "soften", "frames_too_near", 3, 4),
    ({"value_gap": -0.1}, {"minimum_value_gap": 0.2}, "soften", "values_too_near", 0.1, 0.2),
    ({"contradicted_by": 0.3}, {}, "drop", "time_contradicted", 0.3, 0),
    ({"balance_share": 0.4, "balance_draw": 0.7}, {}, "drop", "balanced_out", 0.7, 0.4),
    ({"mixture_chance": 0.4, "mixture_draw": 0.7}, {}, "drop", "off_mixture", 0.7, 0.4),
]  # fmt: skip


@pytest.mark.parametrize(("change", "policy", "action", "reason", "score", "threshold"), FAULTS)
def test_each_reason_and_its_number(
    change: Raw, policy: Raw, action: str, reason: str, score: float, threshold: float
) -> None:
    made = verdict(change, **policy)
    assert made["action"] == action
    onward = (change.get("consensus") or [{}])[0].get("onward")
    change = change | {"near_contrary": (change.get("near_sides") or [{}])[0].get("contrary")}
    named = ("copy_of", "near_of", "published_of", "benchmark_item", "near_contrary")
    counterpart = next((change[of] for of in named if change.get(of)), onward)
    wanted = {"reason": reason, "score": score, "threshold": threshold, "counterpart": counterpart}
    assert made["details"][0] == wanted
    assert made["reasons"][1:] == (["tie_not_expressible"] if reason == "in_cycle" and action == "soften" else [])
    softened = ["preference_soft"] if reason == "in_cycle" else BOTH
    assert made["published_in"] == (softened if action in ("soften", "flip", "keep") else [])


def test_every_clause_is_tested() -> None:
    tested = {reason for _, _, action, reason, _, _ in FAULTS if action != "keep"}
    every = Policy(pii="drop", ambiguous="review", near_conflict="review")
    assert tested == {clause.reason for clause in clauses(every, {})}


@pytest.mark.parametrize(
    ("change", "policy"),
    [
        ({"conflict": True}, {"conflict": "keep"}),
        ({"pii": ["email"]}, {"pii": "report"}),
        ({"consensus": [concluded(0.9, **CIRCLE)]}, {"in_cycle": "keep"}),
        ({"consensus": [concluded(0.9, component=3)]}, {}),  # in a cycle, and not of the fewest to turn round
        ({"p_error": 0.59, "p_ambiguous": 1.0}, {}),
        ({"p_error": 1.0}, {"mislabelled": "keep"}),
        ({"too_long": True, "identical_after_truncation": True}, {"too_long": "keep"}),
        ({"pii": None, "tokens": None, "too_long": None, "identical_after_truncation": None}, {"pii": "drop"}),
    ],
)
def test_what_the_policy_lets_pass(change: Raw, policy: Raw) -> None:
    made = verdict(change, **policy)
    assert (made["action"], made["reasons"], made["masked"]) == ("keep", [], False)


@pytest.mark.parametrize("first", [True, False])
def test_what_becomes_of_doubtful_labels(first: bool) -> None:
    def softened(p_error: float, p_ambiguous: float = 0.0, value: float = 1.0, **policy: Any) -> Raw:
        given = [judged(value if first else 1 - value)]
        made = verdict({"judgements": given, "p_error": p_error, "p_ambiguous": p_ambiguous}, **policy)
        # Told of the recorded side, whichever it is.
        made["soft_label"] = made["soft_label"] if first else round(1 - made["soft_label"], 5)
        made["label"] = made["label"] if first else 1 - made["label"]
        return made

    low = {"doubtful_at": 0.2}
    assert (softened(0.3, **low)["soft_label"], softened(0.3, **low)["label"]) == (0.7, 0)
    assert softened(0.7)["soft_label"] == 0.55  # a softened label keeps its side
    assert softened(0.3, value=0.6, **low)["soft_label"] == 0.6  # and is made no surer
    assert softened(0.0, 0.9, ambiguous="soften")["soft_label"] == 0.55
    flipped = softened(0.95, mislabelled="flip")
    assert (flipped["action"], flipped["label"], flipped["soft_label"]) == ("flip", 1, 0.05)
    assert softened(0.95, mislabelled="soften")["soft_label"] == 0.55
    assert softened(0.0, 0.9, ambiguous_weight=0.5)["weight"] == 0.5


def test_a_trusted_judgement_is_the_label_whatever_else_speaks_of_it() -> None:
    doubts = {"p_error": 0.99, "conflict": True, "consensus": [concluded(None, left_out=2, reliability=0.3)]}
    turned, tied, judged_first, unsure, near = verdicts(
        doubts | {"trusted": 0.25, "judgements": [judged(1, strength=2.0)]},
        doubts | {"trusted": 0.5},
        doubts | {"trusted": 1.0, "judgements": []},
        {"unsure": True},
        {"trusted": 0.0, "near_of": "x", "near_score": 0.8},
        mislabelled="flip",
        ambiguous="drop",
    )
    assert (turned["action"], turned["label"], turned["soft_label"], turned["margin"]) == ("flip", 1, 0.25, 0.0)
    assert turned["reasons"] == ["relabelled"]
    assert (tied["action"], tied["label"], tied["soft_label"]) == ("soften", None, 0.5)
    assert (judged_first["action"], judged_first["label"], judged_first["reasons"]) == ("keep", 0, ["relabelled"])
    assert (unsure["action"], unsure["reasons"]) == ("drop", ["ambiguous"])
    assert (near["action"], near["reasons"]) == ("drop", ["near_duplicate", "relabelled"])


def test_a_tie_cannot_be_turned_round() -> None:
    tie = verdict({"judgements": [judged(0.5)], "p_ambiguous": 1.0}, ambiguous="soften", mislabelled="flip")
    assert (tie["action"], tie["label"], tie["soft_label"]) == ("soften", None, 0.5)


def test_strength_as_margin() -> None:
    made = verdicts(
        {"strength_mu": 1.5, "strength_limit": 2.0},
        {"strength_mu": -3.0, "strength_limit": 2.0, "judgements": [judged(0)]},
        {"strength_mu": -1.0, "strength_limit": 2.0},
        {},
        margin="strength",
    )
    assert [one["margin"] for one in made] == [1.5, 2.0, 0.0, 0.0]


def test_masking() -> None:
    masked, clean, unknown = verdicts({"pii": ["email"]}, {}, {"pii": None}, pii="mask")
    assert [one["masked"] for one in (masked, clean, unknown)] == [True, False, False]
    assert {one["action"] for one in (masked, clean, unknown)} == {"keep"}


def test_strongest_action_wins_and_all_reasons_are_given() -> None:
    change = {"conflict": True, "empty_response": True, "characters": [0, 0], "identical_responses": True}
    made = verdict(change, empty_response="review", identical_responses="drop")
    assert made["action"] == "drop"
    assert made["reasons"] == ["empty_response", "identical_responses", "conflict"]
    assert verdict(change, empty_response="review", identical_responses="review")["action"] == "review"


@pytest.mark.parametrize(("kind", "action"), [("merged_judgement", MERGED), ("exact_duplicate", "drop")])
def test_a_copy_goes_as_a_copy_whatever_else_is_wrong(kind: str, action: str) -> None:
    copy = {"copy_kind": kind, "copy_of": "r", "copies": 2, "conflict": True}
    made = verdict(copy | {"judgements": [], "empty_response": True, "characters": [0, 1]}, empty_response="review")
    assert made["action"] == action
    assert (made["reasons"][0], made["details"][0]["counterpart"]) == (kind, "r")
    assert "conflict" not in made["reasons"]  # that is said of the representative, which holds all votes
    assert made["published_in"] == []


def test_ties_are_kept_where_a_shape_can_say_them() -> None:
    tie = {"judgements": [judged(1), judged(0)]}
    made = verdict(tie)
    assert (made["action"], made["label"], made["soft_label"]) == ("keep", None, 0.5)
    assert made["published_in"] == ["preference_soft"]
    assert made["details"] == [
        {"reason": "tie_not_expressible", "score": 0.5, "threshold": 0.5, "counterpart": None}
    ]  # fmt: skip
    assert verdict(tie, shapes=("preference_soft",))["reasons"] == []
    assert verdict(tie, shapes=("preference",))["published_in"] == []


def test_kinds_that_no_shape_takes() -> None:
    rating = {"kind": "rating", "judgements": [judged(3, normalised=0.5)]}
    assert verdict(rating)["published_in"] == ["ratings"]
    made = verdict(rating, shapes=("preference",))
    assert (made["action"], made["reasons"], made["published_in"]) == ("keep", ["kind_not_published"], [])


# Consensus ------------------------------------------------------------------------------------------------------------


def test_the_consensus_takes_the_place_of_the_mean() -> None:
    made = verdict({"judgements": [judged(1), judged(1), judged(0)], "consensus": [concluded(0.9)]})
    assert (made["action"], made["label"], made["soft_label"], made["reasons"]) == ("keep", 0, 0.9, [])


def test_where_weighed_votes_say_otherwise_the_ledger_says_so() -> None:
    made = verdict({"judgements": [judged(1), judged(1), judged(0)], "consensus": [concluded(0.2)]})
    assert (made["action"], made["label"], made["published_in"]) == ("keep", 1, BOTH)
    assert made["details"] == [{"reason": "weighed_votes", "score": 0.2, "threshold": 0.5, "counterpart": None}]


@pytest.mark.parametrize(
    ("soft", "tied", "label"),
    [(0.55, 0.5, None), (0.45, 0.5, None), (0.6, 0.3, 0), (0.3, 0.3, 1), (0.5, 0.2, None), (0.5, 0.0, None)],
)
def test_a_tie_is_also_where_it_is_the_most_probable(soft: float, tied: float, label: int | None) -> None:
    made = verdict({"consensus": [concluded(soft, tied=tied)]})
    assert (made["label"], made["soft_label"]) == (label, soft)
    assert made["published_in"] == (["preference_soft"] if label is None else BOTH)


def test_votes_left_out_are_told_where_others_remain() -> None:
    made = verdict({"consensus": [concluded(0.8, left_out=1, reliability=0.31)]})
    assert (made["action"], made["soft_label"]) == ("keep", 0.8)
    assert made["details"] == [{"reason": "unreliable_rater", "score": 0.31, "threshold": 0.5, "counterpart": None}]


def test_consensus_of_the_dimension_asked_for_or_of_all() -> None:
    change = {
        "judgements": [judged(1, "a"), judged(1, "b")],
        "consensus": [concluded(0.9, "a", left_out=1, reliability=0.4), concluded(0.6, "b", **CIRCLE)],
    }
    assert verdict(change, dimension="a")["soft_label"] == 0.9
    assert verdict(change, dimension="b", in_cycle="keep")["soft_label"] == 0.6
    assert verdict(change, in_cycle="keep")["soft_label"] == 0.75
    assert verdict(change, dimension="a")["reasons"] == ["unreliable_rater"]
    assert verdict(change, dimension="b")["reasons"] == ["in_cycle", "tie_not_expressible"]


# Splits ---------------------------------------------------------------------------------------------------------------
