"""Arms, frozen rows, training lines and controls: small frames with known answers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from schemas.config import Policy
from transforms.ablate.arms import Arm, arms_of, controls_of, switched
from transforms.ablate.freeze import hidden, roles
from transforms.ablate.lines import dropped, flipped, lines_of, same, touched
from transforms.hashing import digest
from transforms.identity.copies import SIGNALS


def test_each_set_of_stages_is_one_arm() -> None:
    assert [arm.name for arm in arms_of([])] == ["raw"]
    assert [arm.name for arm in arms_of(["dedup"])] == ["raw", "all"]
    assert [arm.name for arm in arms_of(["dedup", "noise"])] == ["raw", "dedup alone", "noise alone", "all"]
    three = arms_of(["dedup", "noise", "balance"])
    assert [arm.name for arm in three][4:] == ["without dedup", "without noise", "without balance", "all"]
    assert three[4].on == ("noise", "balance")
    assert len({frozenset(arm.on) for arm in three}) == len(three)


def test_stages_that_act_are_those_that_ran_and_that_policy_heeds() -> None:
    ran = {"strength": True, "consensus": True, "contamination": False, "slices": True}
    assert switched(Policy(), ran, False) == ["dedup", "raters", "noise"]
    assert switched(Policy(mislabelled="keep", doubtful="keep", ambiguous="drop"), ran, True) == [
        "dedup", "raters", "ambiguity", "balance",
    ]  # fmt: skip
    assert "slices" in switched(Policy(error_slice="drop"), ran, False)
    assert switched(Policy(), {}, False) == ["dedup"]


def test_an_arm_hides_what_its_stages_do_not_look_at() -> None:
    asked = Policy(mislabelled="flip", near_duplicate="drop", ambiguous="drop", contaminated="train_only")
    arm = Arm("noise alone", ("noise",))
    policy = arm.policy(asked)
    assert (policy.mislabelled, policy.near_duplicate, policy.ambiguous) == ("flip", "keep", "keep")
    assert policy.contaminated == "keep"
    assert Arm("c", ("contamination",)).policy(asked).contaminated == "drop"  # all rows are for training
    facts = arm.facts({"near": "n", "consensus": "c", "trusted": "t", "strength": "s"})
    assert facts == {"near": None, "consensus": None, "trusted": "t", "strength": "s"}


def test_controls_are_of_arms_that_drop_and_of_noise() -> None:
    arms = arms_of(["dedup", "noise", "balance"])
    rows = {arm.name: 100 for arm in arms} | {"all": 80, "noise alone": 90, "without dedup": 70}
    found = {one.name: (one.control, one.of) for one in controls_of(arms, rows)}
    assert found == {
        "noise alone: random drop": ("drop", "noise alone"),
        "all: random drop": ("drop", "all"),
        "random flips": ("flips", "noise alone"),
    }
    assert [one.of for one in controls_of(arms_of(["noise"]), {"raw": 9, "all": 9})] == ["all"]
    assert controls_of(arms_of(["dedup"]), {"raw": 9, "all": 9}) == []


def known(groups: list[int], sources: list[str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source": sources or ["a"] * len(groups),
            "group_id": digest(pl.Series([str(one) for one in groups])),
            "copy_of": pl.Series([None] * len(groups), dtype=pl.String),
        }
    )


def test_groups_are_held_out_whole_whatever_the_order_of_rows() -> None:
    rows = known([i // 3 for i in range(3000)])
    found = roles(rows, [], 0.25, 7)
    sides = rows.with_columns(role=found).group_by("group_id").agg(pl.col("role").n_unique())
    assert sides["role"].max() == 1
    assert (found == "evaluate").mean() == pytest.approx(0.25, abs=0.05)
    assert roles(rows.reverse(), [], 0.25, 7).reverse().to_list() == found.to_list()
    assert roles(rows, [], 0.25, 8).to_list() != found.to_list()


def test_gold_rows_evaluate_and_their_groups_do_not_train() -> None:
    rows = known([1, 1, 2, 3], ["gold", "a", "a", "gold"])
    assert roles(rows, ["gold"], 0.25, 0).to_list() == ["evaluate", "apart", "train", "evaluate"]
    copied = rows.with_columns(copy_of=pl.Series([None, None, None, "other"]))
    assert roles(copied, ["gold"], 0.25, 0)[3] == "apart"  # once is enough


def test_hidden_rows_are_copies_and_others_as_they_were() -> None:
    rows = pl.DataFrame(
        {
            "copy_of": [None, "x", None], "copy_kind": [None, "exact_duplicate", None], "copies": [2, 2, 1],
            "conflict": [True, False, False], "conflict_on": [["overall"], None, None],
            "judgements": [None, None, None], "scales": [None, None, None], "role": ["train", "train", "evaluate"],
        }
    )  # fmt: skip
    found = hidden(rows)
    assert found.schema == SIGNALS
    assert found["copy_of"].to_list() == [None, "x", ""]
    assert found["copy_kind"].to_list() == [None, "exact_duplicate", "exact_duplicate"]


def rows_and_verdicts() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Originals a to d; e is a copy of a, the other way round, f one of b, g one of d; h evaluates."""
    rows = pl.DataFrame(
        {
            "row_id": list("abcdefgh"), "of": list("abcdabdh"), "role": ["train"] * 7 + ["evaluate"],
            "place": [0, 1, 2, 3, 0, 1, 3, 4], "turned": [False, False, False, False, True, False, False, False],
        }
    )  # fmt: skip
    decided = pl.DataFrame(
        {
            "row_id": list("abcdefgh"),
            "action": ["flip", "soften", "keep", "drop", "keep", "keep", "keep", "keep"],
            "soft_label": [0.9, 0.7, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0],
            "weight": [1.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            "margin": [None] * 8,
        },
        schema_overrides={"margin": pl.Float64},
    )
    return rows, decided


def test_copies_fare_as_their_originals() -> None:
    lines = lines_of(*rows_and_verdicts(), copies=True)
    told = {one[0]: one[1:4] for one in lines.iter_rows()}
    assert set(told) == set("abcef")  # d was dropped and its copy with it; h is not for training
    # e says 1 for its own first side, which is turned round with a, and is the second one of a.
    assert told["a"] == (0, 0.9, 1.0)
    assert told["e"] == (0, 1.0, 1.0)
    # f says the second side, as sure as b, with its weight.
    assert told["f"][1] == pytest.approx(0.3)
    assert told["f"][2] == 0.5
    assert lines_of(*rows_and_verdicts(), copies=False)["row_id"].to_list() == ["a", "b", "c"]


def raw(count: int) -> tuple[pl.DataFrame, pl.Series]:
    lines = pl.DataFrame(
        {
            "row_id": [f"r{i:04d}" for i in range(count)], "place": range(count), "label": [1.0, 0.0] * (count // 2),
            "weight": [1.0] * count, "margin": pl.Series([None] * count, dtype=pl.Float64),
        }
    )  # fmt: skip
    return lines, pl.Series(np.random.default_rng(0).integers(0, 2**63, count, dtype=np.uint64))


def test_controls_have_the_size_and_the_flips_that_were_asked_for() -> None:
    lines, draw = raw(1000)
    few = dropped(lines, draw, 640, 3)
    assert few.height == 640
    assert few.join(lines, on=["row_id", "label"], how="semi").height == 640
    assert not few.equals(dropped(lines, draw, 640, 4))
    turned = flipped(lines, draw, 150, 3)
    assert touched(lines, turned) == 150
    assert ((turned["label"] + lines["label"]) == 1).sum() == 150
    assert touched(lines, few) == 360
    assert touched(lines, lines) == 0
    ties = lines.with_columns(label=pl.when(pl.int_range(pl.len()) % 2 == 0).then(0.5).otherwise("label"))
    assert touched(ties, flipped(ties, draw, 150, 3)) == 150  # a tie turned round would be none


def test_the_same_lines_are_told_by_what_a_head_is_given() -> None:
    lines, _ = raw(10)
    assert same(lines) == same(lines.reverse())
    assert same(lines) != same(lines.with_columns(weight=pl.lit(0.5)))
