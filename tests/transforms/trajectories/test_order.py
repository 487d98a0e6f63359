"""Value-order correlation: against SciPy, on known answers, and on random walks with wrong labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from transforms.trajectories.order import pair_order, value_order, values_of_pairs


def test_each_trajectory_as_scipy_has_it() -> None:
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(200), rng.integers(3, 40, 200))
    times = np.concatenate([rng.permutation((owners == one).sum()) for one in range(200)]).astype(float)
    values = np.round(rng.normal(size=len(owners)), 1)  # with ties
    found = value_order(owners, times, values)
    for one, frames, voc, why in found.iter_rows():
        mine = owners == one
        assert (frames, why) == (mine.sum(), None)
        assert voc == pytest.approx(stats.spearmanr(values[mine], times[mine]).statistic, abs=1e-12)


def test_in_order_and_reversed() -> None:
    times = np.arange(50.0)
    owners = np.zeros(50, dtype=np.int64)
    for values in (times, np.exp(times / 9), times**3):
        assert value_order(owners, times, values)["voc"].to_list() == [1.0]
        assert value_order(owners, times, -values)["voc"].to_list() == [-1.0]


def test_where_there_is_no_correlation_it_is_said_why() -> None:
    owners = np.array([3, 5, 5, 5, 7, 7, 9, 9])
    values = np.array([1.0, 2.0, 2.0, 2.0, np.nan, 1.0, 0.0, 1.0])
    found = value_order(owners, np.arange(8.0), values)
    assert found.select("owner", "frames", "why").rows() == [
        (3, 1, "short"), (5, 3, "constant"), (7, 1, "short"), (9, 2, None),
    ]  # fmt: skip
    assert np.isnan(found["voc"].to_numpy()).tolist() == [True, True, True, False]
    assert value_order(np.empty(0, np.int64), np.empty(0), np.empty(0)).height == 0


def test_differences_give_the_values_back() -> None:
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(size=60), 1)
    right = np.concatenate([np.arange(60 - k) for k in (1, 2, 4)])
    left = np.concatenate([np.arange(k, 60) for k in (1, 2, 4)])
    found, part = values_of_pairs(left, right, values[left] - values[right])
    assert set(part.tolist()) == {0}
    np.testing.assert_allclose(found, values - values.mean(), atol=1e-7)
    # What is tied stays tied.
    assert len(np.unique(found)) == len(np.unique(values))


def test_parts_that_no_pair_connects_are_not_compared() -> None:
    # Even frames rise, odd ones fall, and nobody compared the two.
    left, right = np.arange(2, 10), np.arange(8)
    margins = np.where(left % 2 == 0, 1.0, -1.0)
    found = pair_order(np.zeros(10, np.int64), left, right, margins, np.arange(10.0))
    assert found.rows() == [(0, 10, 0.0, None)]
    found = pair_order(np.zeros(11, np.int64), *(np.append(x, y) for x, y in ((left, 10), (right, 8))),
                       np.append(margins, 1.0), np.arange(11.0))  # fmt: skip
    assert found["voc"].to_list() == [pytest.approx((6 - 5) / 11)]
    nothing = pair_order(np.zeros(2, np.int64), np.array([1]), np.array([0]), np.array([0.0]), np.arange(2.0))
    assert nothing.select("frames", "why").rows() == [(2, "constant")]
    assert pair_order(*(np.empty(0, np.int64),) * 3, np.empty(0), np.empty(0)).height == 0


# Random walks ---------------------------------------------------------------------------------------------------------


def walks(seed: int, drift: float, count: int = 40, frames: int = 60) -> tuple[np.ndarray, ...]:
    """Walks in the plane from afar towards a goal: owners, times, and progress (nearness to the goal)."""
    rng = np.random.default_rng(seed)
    way = rng.normal(size=(count, 1, 2))
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    place = -way * (drift * frames + 20)
    steps = drift * way + rng.normal(size=(count, frames, 2)) * 0.6  # with steps back: retries
    at = place + np.cumsum(steps, axis=1)
    progress = -np.linalg.norm(at, axis=2).ravel()
    return np.repeat(np.arange(count), frames), np.tile(np.arange(float(frames)), count), progress


def pairs(owners: np.ndarray, gaps: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Frames so far apart, the later one first."""
    found = [np.flatnonzero(owners[gap:] == owners[:-gap]) for gap in gaps]
    return np.concatenate([one + gap for one, gap in zip(found, gaps, strict=True)]), np.concatenate(found)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cleaned_labels_follow_time_better_than_raw_ones(seed: int) -> None:
    """A fifth of an expert's labels by time are reversed; those that progress contradicts are left out."""
    owners, times, progress = walks(seed, drift=1.0)
    left, right = pairs(owners, (1, 2, 4))
    rng = np.random.default_rng(seed)
    label = np.where(rng.random(len(left)) < 0.2, -1.0, 1.0)
    contradicted = np.sign(progress[left] - progress[right]) * label < 0
    raw = pair_order(owners, left, right, label, times)
    kept = pair_order(owners, left[~contradicted], right[~contradicted], label[~contradicted], times)
    better = np.mean(kept["voc"].to_numpy() > raw["voc"].to_numpy())
    assert kept["voc"].mean() > raw["voc"].mean()
    assert better > 0.7
    # As many left out at random do not help.
    drawn = rng.permutation(contradicted)
    control = pair_order(owners, left[~drawn], right[~drawn], label[~drawn], times)
    assert control["voc"].mean() < kept["voc"].mean()


def test_where_who_acts_goes_back_often_progress_follows_time_less_than_labels_by_time_do() -> None:
    """VOC is agreement with time: of labels by time it says nothing but how many are reversed."""
    owners, times, progress = walks(0, drift=0.1)
    left, right = pairs(owners, (1, 2, 4))
    by_time = pair_order(owners, left, right, np.ones(len(left)), times)
    assert by_time["voc"].to_list() == [1.0] * 40
    assert value_order(owners, times, progress)["voc"].mean() < 0.95


def test_a_larger_gap_makes_labels_by_time_truer() -> None:
    owners, _, progress = walks(5, drift=0.35, count=200)
    agreement = []
    for gap in (1, 2, 4, 8, 16, 32):
        left, right = pairs(owners, (gap,))
        agreement.append(float(np.mean(progress[left] > progress[right])))
    assert agreement == sorted(agreement)
    assert agreement[0] < 0.75
    assert agreement[-1] > 0.95
