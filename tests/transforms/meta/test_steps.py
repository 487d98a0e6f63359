"""Scorers of steps: the first error, single steps and solutions, by hand and beside slow ways to count."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from schemas.arrow import JUDGEMENT
from transforms.meta.judge_steps import RIGHT, UNKNOWN, Steps, best_threshold, bounds, judge
from transforms.meta.lines import STEPS, step_lines
from transforms.meta.scope import Settings

SETTINGS = Settings(resamples=100)


def solutions(labels, whole=None, groups=None, steps=None, alone=None):
    counts = np.array([len(one) for one in labels])
    return Steps(
        counts,
        np.concatenate([np.asarray(one, dtype=float) for one in labels]),
        np.ones(len(labels), bool) if whole is None else np.array(whole),
        np.arange(len(labels)).astype(np.uint64) if groups is None else np.array(groups, dtype=np.uint64),
        {
            name: np.concatenate([np.asarray(one, dtype=float) for one in found])
            for name, found in (steps or {}).items()
        },
        {name: np.asarray(found, dtype=float) for name, found in (alone or {}).items()},
    )


def drawn(rows=300, seed=0, noise=0.3):
    """Solutions of one to seven steps, each wrong in one of six; a scorer that sees labels through noise."""
    rng = np.random.default_rng(seed)
    labels = [(rng.random(rng.integers(1, 8)) > 1 / 6).astype(float) for _ in range(rows)]
    good = [np.clip(one * 0.6 + 0.2 + rng.normal(0, noise, len(one)), 0.01, 0.99) for one in labels]
    blind = [rng.random(len(one)) for one in labels]
    return labels, good, blind


def test_the_first_error_is_the_first_wrong_step_and_unknown_where_it_may_come_later():
    found = solutions([[1, 1, 0, 0], [1, 1], [1, 0.5], [0], [1, 1]], whole=[True, True, True, False, False]).first
    assert found.tolist() == [2, RIGHT, RIGHT, 0, UNKNOWN]


def slow_f1(labels, scores, t):
    """As ProcessBench counts: the first step under the threshold, or -1."""
    hits = {True: [], False: []}
    for own, said in zip(labels, scores, strict=True):
        truth = next((i for i, one in enumerate(own) if one < 0.5), -1)
        named = next((i for i, one in enumerate(said) if one < t), -1)
        hits[truth >= 0].append(named == truth)
    wrong, right = np.mean(hits[True]), np.mean(hits[False])
    return 2 * wrong * right / (wrong + right) if wrong + right else 0.0


def test_the_best_threshold_is_the_best_of_all():
    labels, good, _ = drawn(60)
    steps = solutions(labels, steps={"good": good})
    first = steps.first
    low, high = bounds(steps, first, steps.steps["good"])
    found = best_threshold(low, high, first >= 0)
    every = [*np.unique(np.concatenate(good)), np.inf]
    scores = [slow_f1(labels, good, t) for t in every]
    assert slow_f1(labels, good, found) == pytest.approx(max(scores), abs=1e-12)
    for t in every[:: len(every) // 20]:
        right = (low < t) & (t <= high)
        mean = [right[some].mean() for some in (first >= 0, first == RIGHT)]
        assert 2 * mean[0] * mean[1] / max(sum(mean), 1e-12) == pytest.approx(slow_f1(labels, good, t), abs=1e-12)


def test_thresholds_are_of_the_other_half():
    labels, good, blind = drawn()
    found = judge(solutions(labels, steps={"good": good, "blind": blind}), SETTINGS)
    one = found["scorers"]["good"]
    assert found["solutions"] == 300
    assert found["right"] == sum(min(own) == 1 for own in labels)
    assert one["low"] < one["f1"] < one["high"]
    assert one["f1"] == pytest.approx(slow_f1(labels, good, one["threshold"]), abs=0.05)
    assert one["f1"] <= slow_f1(labels, good, one["threshold"]) + 1e-12
    assert one["f1"] > found["scorers"]["blind"]["f1"] + 0.2
    assert (one["cluster"], found["scorers"]["blind"]["cluster"]) == (1, 2)
    both = one["error_accuracy"], one["right_accuracy"]
    assert one["f1"] == pytest.approx(2 * both[0] * both[1] / sum(both))


def test_steps_and_solutions_by_another_auroc():
    labels, good, _ = drawn()
    one = judge(solutions(labels, steps={"good": good}), SETTINGS)["scorers"]["good"]
    flat, said = np.concatenate(labels), np.concatenate(good)
    assert one["step_auroc"] == pytest.approx(roc_auc_score(flat, said), abs=1e-9)
    right = [min(own) == 1 for own in labels]
    for way, put in (("product", np.prod), ("minimum", np.min), ("mean", np.mean), ("last", lambda s: s[-1]),
                     ("length_normalised", lambda s: np.prod(s) ** (1 / len(s)))):  # fmt: skip
        together = np.round([put(one) for one in good], 9)
        assert one["solutions"][way] == pytest.approx(roc_auc_score(right, together), abs=1e-9)


def test_a_scorer_that_knows_is_never_wrong_and_one_that_says_the_same_finds_nothing():
    labels, _, _ = drawn()
    same = [np.zeros(len(one)) for one in labels]
    found = judge(solutions(labels, steps={"oracle": labels, "same": same}), SETTINGS)["scorers"]
    assert [found["oracle"][name] for name in ("f1", "step_auroc", "step_accuracy")] == [1, 1, 1]
    assert found["oracle"]["solutions"]["minimum"] == 1
    assert (found["same"]["f1"], found["same"]["step_auroc"]) == (0, 0.5)


def test_numbers_that_are_no_probabilities_have_no_product():
    labels, good, _ = drawn()
    logits = [np.log(one / (1 - one)) for one in good]
    found = judge(solutions(labels, steps={"p": good, "logit": logits}), SETTINGS)["scorers"]
    assert set(found["logit"]["solutions"]) == {"minimum", "mean", "last"}
    assert found["logit"]["f1"] == pytest.approx(found["p"]["f1"])  # thresholds know order alone
    assert found["logit"]["solutions"]["minimum"] == pytest.approx(found["p"]["solutions"]["minimum"])


def test_neutral_steps_are_no_errors_and_not_judged():
    labels = [[1, 0.5, 1], [1, 0], [1, 1], [0, 1]]
    said = [[0.9, 0.1, 0.9], [0.9, 0.1], [0.8, 0.9], [0.2, 0.5]]
    found = judge(solutions(labels, groups=[1, 2, 3, 4], steps={"s": said}), SETTINGS)
    assert (found["right"], found["neither"]) == (2, 1)
    flat = [one for own in labels for one in own]
    scores = [one for own in said for one in own]
    sided = [i for i, one in enumerate(flat) if one != 0.5]
    expected = roc_auc_score([flat[i] for i in sided], [scores[i] for i in sided])
    assert found["scorers"]["s"]["step_auroc"] == pytest.approx(expected)


def test_who_scores_responses_is_judged_on_solutions_alone_and_all_on_the_same():
    labels, good, _ = drawn()
    own = np.array([min(one) for one in labels], dtype=float)
    own[0], gaps = np.nan, [one.copy() for one in good]
    gaps[1][0] = np.nan
    found = judge(solutions(labels, steps={"steps": gaps}, alone={"response": own}), SETTINGS)
    assert found["left_out"] == 2
    assert found["missing"] == {"steps": 1, "response": 1}
    assert found["scorers"]["response"] == {"solutions": {"own": 1.0}}


def test_without_right_solutions_there_is_no_f1():
    labels = [[1, 0], [0], [1, 1, 0], [0, 1]] * 5
    said = [[0.9, 0.1], [0.1], [0.9, 0.8, 0.2], [0.1, 0.9]] * 5
    one = judge(solutions(labels, steps={"s": said}), SETTINGS)["scorers"]["s"]
    assert np.isnan([one["f1"], one["right_accuracy"], one["solutions"]["minimum"]]).all()
    assert (one["cluster"], one["step_auroc"]) == (0, 1)


def test_order_of_solutions_changes_nothing():
    labels, good, blind = drawn()
    order = np.random.default_rng(1).permutation(300).tolist()
    plain = judge(solutions(labels, steps={"a": good, "b": blind}), SETTINGS)
    moved = judge(
        solutions([labels[i] for i in order], groups=order,
                  steps={"a": [good[i] for i in order], "b": [blind[i] for i in order]}), SETTINGS
    )  # fmt: skip
    assert moved == plain


def row(number, values, steps):
    """A stepwise row: `values` of its first steps by two raters, on -1 to 1."""
    said = [
        {"step": i, "value": one, "normalised": (one + 1) / 2, "count": 1, "dimension": "correctness", "rater": who}
        for i, pair in enumerate(values)
        for who, one in zip("ab", pair, strict=True)
    ]
    return {"row": number, "kind": "stepwise", "content_id": f"{number + 1:08x}" * 4, "prompt_id": "7" * 32,
            "steps": [f"step {'x' * i}" for i in range(steps)], "judgements": said}  # fmt: skip


def test_lines_of_a_block():
    rows = pl.DataFrame(
        [
            row(0, [(1.0, 1.0), (1.0, -1.0), (-1.0, 0.0)], 3),
            row(1, [(1.0, 1.0)], 2),
            {"row": 2, "kind": "pair"},
            row(3, [], 1),
        ],
        schema={"row": pl.Int64, "kind": pl.String, "content_id": pl.String, "prompt_id": pl.String,
                "steps": pl.List(pl.String), "judgements": pl.List(JUDGEMENT)},
        strict=False,
    )  # fmt: skip
    found = step_lines(rows)
    assert found.schema == STEPS
    assert found["row"].to_list() == [0, 1]  # what nobody judged is not there
    assert found["labels"].to_list() == [[1.0, 0.5, 0.0], [1.0]]
    assert found["characters"].to_list() == [[5.0, 6.0, 7.0], [5.0]]
    assert found["whole"].to_list() == [True, False]
    draws = found["draws"].explode().to_list()
    assert len(set(draws)) == 4
    assert all(0 <= one < 1 for one in draws)
    assert step_lines(rows.reverse()).sort("row")["draws"].to_list() == found["draws"].to_list()
