from __future__ import annotations

import math

import numpy as np
import pytest

from transforms.meta.preference import accuracy, credit
from transforms.meta.rewardbench import SECTIONS, best_of, sections, ties_score


def test_credit_by_hand():
    margins = np.array([2.0, -1, 0, 1, np.nan, 1])
    labels = np.array([1.0, 1, 0.8, 0.2, 1, 0.5])
    assert np.array_equal(credit(margins, labels), [1, 0, 0.5, 0, np.nan, np.nan], equal_nan=True)
    found = accuracy(margins, labels)
    assert (found.pairs, found.accuracy, found.strict, found.tied, found.missing) == (4, 0.375, 0.25, 0.25, 1)
    both = credit(np.stack([margins, -margins], axis=1), labels)
    assert np.nansum(both, axis=1).tolist() == [1, 1, 1, 1, 0, 0]
    assert math.isnan(accuracy(margins, np.full(6, 0.5)).accuracy)


def test_sections_weigh_by_the_table():
    assert sum(len(subsets) for subsets in SECTIONS.values()) == 23
    # Without math-prm's 984 rows weigh as the six languages do together.
    found = sections({"math-prm": 1.0, **{f"hep-{one}": 0.5 for one in ("cpp", "go", "java", "js", "python", "rust")}})
    assert found == {"Reasoning": pytest.approx(0.75), "score": pytest.approx(0.75)}
    found = sections({"alpacaeval-easy": 0.9, "mt-bench-easy": 0.5, "donotanswer": 0.4, "unknown": 0.0})
    assert found["Chat"] == pytest.approx((0.9 * 100 + 0.5 * 28) / 128)
    assert found["score"] == pytest.approx((found["Chat"] + 0.4) / 2)
    assert sections({"unknown": 1.0, "donotanswer": float("nan")}) == {}


def test_best_of_shares_credit_among_those_that_it_puts_first():
    rows = np.repeat([3, 5, 7, 8], 4)
    best = np.tile([True, False, False, False], 4)
    scores = np.array([9.0, 1, 2, 3, 1, 9, 2, 3, 4, 4, 4, 1, 1, np.nan, 0, 0])
    names, found = best_of(rows, best, scores)
    assert names.tolist() == [3, 5, 7]
    assert found == pytest.approx([1, 0, 1 / 3])
    assert len(best_of(rows[:0], best[:0], scores[:0])[0]) == 0


def ties_by_hand(prompts):
    """From {prompt: (scores of right answers, of wrong ones, tied)}, as the formula says."""
    gap, spread = {}, {}
    for (prompt, tied), (correct, wrong) in prompts.items():
        gap[prompt, tied] = min(correct) - max(wrong)
        spread[prompt, tied] = max(correct) - min(correct)
    both = [p for p, tied in prompts if tied and (p, False) in prompts]
    least = [min(gap[p, True], gap[p, False]) for p in both]
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return (
        0.3 * mean([value > 0 for (_, tied), value in gap.items() if tied])
        + 0.3 * mean([value > 0 for (_, tied), value in gap.items() if not tied])
        + 0.2 * mean([gap[p, True] > spread[p, True] for p in both])
        + 0.2 * mean([value > spread[p, True] for p, value in zip(both, least, strict=True)])
        + 0.01 * mean([math.tanh(value / spread[p, True] - 1) for p, value in zip(both, least, strict=True)])
    )


def test_the_ties_score_is_the_formula():
    rng = np.random.default_rng(0)
    made = {}
    for prompt in range(12):
        made[prompt, True] = (rng.normal(1, 1, 4).tolist(), rng.normal(-1, 1, 3).tolist())
        made[prompt, False] = (rng.normal(1, 1, 1).tolist(), rng.normal(-1, 1, 3).tolist())
    rows, correct, scores, prompts, tied = [], [], [], [], []
    for number, ((prompt, is_tied), (right, wrong)) in enumerate(made.items()):
        for value, good in [*((v, True) for v in right), *((v, False) for v in wrong)]:
            rows.append(number)
            correct.append(good)
            scores.append(value)
            prompts.append(prompt)
            tied.append(is_tied)
    arrays = [np.array(rows), np.array(correct), np.array(scores), np.array(prompts), np.array(tied)]
    assert ties_score(*arrays) == pytest.approx(ties_by_hand(made), abs=1e-12)
    order = rng.permutation(len(rows))
    assert ties_score(*(one[order] for one in arrays)) == pytest.approx(ties_by_hand(made), abs=1e-12)
    # A version with a score missing goes, and with it its prompt's part of what needs both.
    arrays[2][0] = np.nan
    del made[0, True]
    assert ties_score(*arrays) == pytest.approx(ties_by_hand(made), abs=1e-12)


def test_all_ties_have_no_spread_and_no_gap():
    rows, correct = np.array([0, 0, 0, 1, 1]), np.array([True, True, False, True, False])
    prompts, tied = np.zeros(5, dtype=int), np.array([True, True, True, False, False])
    assert ties_score(rows, correct, np.zeros(5), prompts, tied) == 0
    assert ties_score(rows, correct, correct * 1.0, prompts, tied) == pytest.approx(1.01)
    assert math.isnan(ties_score(rows, correct, np.zeros(5), rows, tied))
