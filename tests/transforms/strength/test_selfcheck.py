"""The self-check: its arithmetic by hand, its bound against what is so, what it says of clear and of noisy pairs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.transforms.strength.support import made
from transforms.strength.model import Settings, fit
from transforms.strength.noise import label_rate
from transforms.strength.selfcheck import attainable, auroc, least_ratio, precision, self_check


def test_auroc_and_what_is_attainable_by_hand() -> None:
    assert auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert auroc(np.array([1.0, 1.0]), np.array([True, False])) == 0.5
    assert attainable(np.array([1.0, -0.5])) == 0.75  # of four sums 2, 0.5, 0.5, -1


def test_precision_follows_the_rate() -> None:
    # Ten of a hundred are wrong, eight of them and five of the ninety others are flipped; of what was turned round, ten
    # in a hundred were wrong before.
    over, found = 0.13, 0.9 * 0.8 + 0.1 * 5 / 90
    assert precision(0.1, found / over) == pytest.approx(8 / 13)
    assert precision(0.0, found / over) == 0
    assert precision(0.1, 100) == 1  # fewer are flipped than would be right
    assert precision(0.1, 0.0) == 0


def test_the_self_check_finds_what_it_planted_and_says_no_more_than_is_so() -> None:
    pairs, truth = made(4000, size=6, eta=0.1, groups=400)
    settings = Settings(members=3, folds=3, noise_rate=0.1)
    found = fit(pairs, settings)
    before = found.scores.p_error.copy()
    checks = [check for check in self_check(pairs, found, settings) if check.threshold == 0.8]
    assert {check.place for check in checks} == {"uniform", "close"}
    assert (found.scores.p_error == before).all()
    scores = found.model.score(pairs)
    flagged = scores.p_error >= 0.8
    real = ((pairs.labels > 0.5) != truth)[flagged].mean()
    for check in checks:
        assert 0.07 < check.planted / (4000 if check.place == "uniform" else 4000 / 3) < 0.13
        assert check.auroc > 0.85
        assert check.lower(0.1) < min(check.precision(0.1), real)
        assert check.precision(0.1) == pytest.approx(real, abs=0.15)


@pytest.mark.slow
def test_where_the_signal_is_clear_and_rows_are_enough_flips_are_right_by_the_bound_too() -> None:
    settings = Settings(members=3, folds=3, noise_rate=0.15, references=1000, neighbours=50)
    for size, clear in ((25, True), (1, False)):
        pairs, truth = made(8000, size=size, eta=0.15)
        found = fit(pairs, settings)
        at = 0.9 if clear else 0.5
        right = ((pairs.labels > 0.5) != truth)[found.model.score(pairs).p_error >= at].mean()
        checks = [one for one in self_check(pairs, found, settings) if one.threshold == at and not one.spared]
        bounds = [check.lower(0.15) for check in checks]
        assert len(bounds) == 2
        assert right > 0.95 if clear else right < 0.7
        assert min(bounds) > 0.8 if clear else max(bounds) < right


@pytest.mark.parametrize("size", [1, 20])
def test_the_bound_holds_as_often_as_it_says(size: int) -> None:
    """Flags of planted and of other rows, drawn in groups that share half of what decides them."""
    rng = np.random.default_rng(2)
    rate, tpr, fpr, held = 0.15, 0.6, 0.02, 0
    right = rate * tpr / (rate * tpr + (1 - rate) * fpr)

    def flags(rows: int, wrong: float) -> tuple[np.ndarray, np.ndarray]:
        groups = np.arange(rows) // size
        shared = rng.random(rows // size)[groups]
        draw = np.where(rng.random(rows) < 0.5 * (size > 1), shared, rng.random(rows))
        return draw < np.where(rng.random(rows) < wrong, tpr, fpr), groups

    for _ in range(400):
        least = least_ratio(*flags(300, 1 - rate), *flags(2700, rate))
        held += precision(rate, least) <= right
    assert 0.92 <= held / 400 < 0.995


def test_labels_of_several_votes_are_wrong_less_often_than_votes() -> None:
    assert label_rate(np.array([1.0, -1.0]), 0.2) == pytest.approx(0.2)
    assert label_rate(np.array([3.0]), 0.2) == pytest.approx(0.2**3 / (0.2**3 + 0.8**3))
    assert label_rate(np.array([1.0]), 0.0) == 0
