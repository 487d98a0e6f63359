from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from transforms.ratings.aggregate import noise_variance, together
from transforms.ratings.error import borders, errors, latent
from transforms.ratings.fit import Settings, choose, fit
from transforms.ratings.harmonise import HOWS, harmonise, offsets
from transforms.ratings.head import out_of_fold


def drawn(each=3, rows=1_500, seed=0, wrong=0.08):
    """Ratings of five points by thirty raters, some stricter than others; the first of a few rows says nothing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (rows, 12))
    truth = 3 + features @ rng.normal(0, 0.3, 12) + rng.normal(0, 0.3, rows)
    units, raters = np.repeat(np.arange(rows), each), rng.integers(0, 30, rows * each)
    bias = rng.normal(0, 0.5, 30)
    meant = truth[units] + bias[raters] + rng.normal(0, 0.4, len(units))
    bad = np.zeros(len(units), dtype=bool)
    bad[::each] = rng.random(rows) < wrong
    values = np.clip(np.round(np.where(bad, rng.integers(1, 6, len(units)), meant)), 1, 5)
    return features, truth, units, raters, bias, values, bad, np.abs(values - meant) > 1.5


def frame(units, raters, values):
    names = pl.Series([None if r < 0 else f"r{r}" for r in raters.tolist()], dtype=pl.String)
    return pl.DataFrame({"line": units, "rater": names, "value": values}).with_columns(
        source=pl.lit("s"), dimension=pl.lit("d")
    )


def groups(rows):
    return np.arange(rows).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def rank_auc(scores, truth):
    from scipy.stats import rankdata

    ranks, some = rankdata(scores), truth.sum()
    return (ranks[truth].sum() - some * (some + 1) / 2) / (some * (~truth).sum())


def test_a_strict_rater_is_told_from_one_with_bad_items():
    _, _, units, raters, bias, values, _, _ = drawn(wrong=0)
    shift = offsets(units, raters, values)
    found = np.array([shift[raters == r].mean() for r in range(30)])
    assert np.corrcoef(found, bias)[0, 1] > 0.98
    # Two raters, one of whom saw only items that are two better: their values differ, they do not.
    items, who = np.repeat(np.arange(200), 2), np.tile([0, 1], 200)
    good = np.where(np.arange(200) < 100, 5.0, 3.0)
    same = good[items] + np.random.default_rng(0).normal(0, 0.1, 400)
    alone = np.where((items >= 100) & (who == 0), -1, who)
    assert np.abs(offsets(items, alone, same)).max() < 0.1
    z = harmonise(items, alone, same, "z")
    assert z[(alone == 0)].mean() < same[(alone == 0)].mean() - 0.4


@pytest.mark.parametrize("how", ["z", "rank", "mixed"])
def test_normalised_raters_agree_more(how):
    _, truth, units, raters, _, values, _, _ = drawn(wrong=0)
    raw, even = (np.corrcoef(one, truth[units])[0, 1] for one in (values, harmonise(units, raters, values, how)))
    assert even > raw + 0.04
    assert (harmonise(units, np.full(len(units), -1), values, how) == values).all()


def test_ranks_take_the_quantiles_of_all():
    values = np.concatenate([np.arange(1.0, 21), np.arange(1.0, 21) / 10])
    even = harmonise(np.arange(40), np.repeat([0, 1], 20), values, "rank")
    assert even[:20] == pytest.approx(even[20:])
    assert (np.diff(even[:20]) >= 0).all()


def test_together_by_hand():
    found = together(np.array([0, 0, 1]), np.array([1.0, 4.0, 2.0]), np.array([1.0, 2.0, 4.0]), 3)
    assert found.score[:2] == pytest.approx([2.0, 2.0])
    assert found.stderr[:2] == pytest.approx([np.sqrt(2 / 3), 2.0])
    assert found.raters.tolist() == [2, 1, 0]
    # (1 - 2)² + (4 - 2)² / 2 = 3 on one degree of freedom.
    assert found.p_ambiguous[0] == pytest.approx(0.9167, abs=1e-4)
    assert np.isnan(found.p_ambiguous[1:]).all()


def test_standard_errors_are_those_of_repeated_ratings():
    rng = np.random.default_rng(1)
    units = np.repeat(np.arange(4_000), 4)
    values = rng.normal(0, 0.7, len(units))
    variance = noise_variance(units, values)
    found = together(units, values, np.full(len(units), variance), 4_000)
    assert found.score.std() == pytest.approx(found.stderr[0], rel=0.05)
    assert (found.p_ambiguous > 0.9).mean() == pytest.approx(0.1, abs=0.02)


def test_the_head_sees_nothing_of_its_own_group():
    rng = np.random.default_rng(2)
    features = rng.normal(0, 1, (600, 30))
    noise = rng.normal(0, 1, 600)
    predicted, explained = out_of_fold(features, noise, np.ones(600), groups(600), 5, 0)
    assert explained < 0.05
    target = features @ rng.normal(0, 1, 30) + noise
    predicted, explained = out_of_fold(features, target, np.ones(600), groups(600), 5, 0)
    assert explained == pytest.approx(1 - np.mean((predicted - target) ** 2) / target.var(), abs=0.01)
    assert explained > 0.9
    # Copies in one group do not help each other: 300 pairs of twins with the same noise.
    twin, own = np.repeat(rng.normal(0, 1, (300, 200)), 2, axis=0), np.repeat(rng.normal(0, 1, 300), 2)
    _, together_ = out_of_fold(twin, own, np.ones(600), np.repeat(groups(300), 2), 5, 0)
    assert together_ < 0.05


def test_borders_share_the_scale():
    values = np.repeat([1.0, 2, 3, 4, 5], [10, 20, 40, 20, 10])
    lower, upper = borders(values, np.zeros(100))
    from scipy.special import ndtr

    share = ndtr(upper) - ndtr(lower)
    assert share[[0, 10, 30, 70, 90]] == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.1])
    assert np.isneginf(lower[0])
    assert np.isposinf(upper[-1])
    assert latent(values)[50] == pytest.approx(0)


@pytest.mark.parametrize(("each", "low", "high"), [(1, 0.9, 1.01), (3, 0.92, 1.01)])
def test_values_that_say_nothing_are_found_where_they_are_far_off(each, low, high):
    features, _, units, raters, _, values, bad, far = drawn(each)
    found, told = fit(frame(units, raters, values), features, groups(1_500), Settings("auto", 5, 0))
    told = told[0]
    planted = bad[::each] & far[::each]
    assert low < rank_auc(found["p_worst"].to_numpy(), planted) < high
    flagged = found["p_worst"].to_numpy() > 0.6
    assert flagged.sum() >= 5
    assert bad[::each][flagged].mean() > 0.9
    assert told["normalised_by"] == ("z" if each == 1 else "mixed")
    assert told["explained"] > 0.4
    assert 0 < told["wrong_share"] < 0.1


def test_wrong_values_count_less_in_the_score():
    features, truth, units, raters, _, values, bad, _ = drawn(3, wrong=0.2)
    found, _ = fit(frame(units, raters, values), features, groups(1_500), Settings("mixed", 5, 0))
    some = bad[::3]
    mean, score = (np.abs(found[name].to_numpy() - truth)[some].mean() for name in ("mean", "score"))
    assert score < 0.85 * mean


def test_nobody_is_accused_where_nothing_is_known():
    rng = np.random.default_rng(3)
    units, values = np.arange(1_000), rng.integers(1, 6, 1_000).astype(float)
    for features in (None, rng.normal(0, 1, (1_000, 10))):
        found, told = fit(frame(units, np.full(1_000, -1), values), features, groups(1_000), Settings("auto", 5, 0))
        assert found["p_error"].max() < 0.4
        assert told[0]["normalised_by"] == "raw"
        assert found["p_ambiguous"].null_count() == 1_000
    skewed = np.clip(100 - rng.exponential(10, 3_000), 0, 100).round()
    found, told = fit(
        frame(np.repeat(units, 3), np.full(3_000, -1), skewed), None, groups(1_000), Settings("raw", 5, 0)
    )
    assert told[0]["wrong_share"] < 0.2


def test_raters_who_are_divided_make_a_row_ambiguous_and_not_wrong():
    features, _, units, raters, _, values, _, _ = drawn(4, wrong=0)
    values[:4] = [1, 1, 5, 5]
    found, _ = fit(frame(units, raters, values), features, groups(1_500), Settings("auto", 5, 0))
    assert found["p_ambiguous"][0] > 0.99
    assert (found["p_ambiguous"] > 0.99).mean() < 0.1


def test_the_order_of_values_changes_no_bit():
    features, _, units, raters, _, values, _, _ = drawn(3, 300)
    order = np.random.default_rng(4).permutation(len(units))
    settings = Settings("auto", 5, 0)
    first, told = fit(frame(units, raters, values), features, groups(300), settings)
    again, same = fit(frame(units[order], raters[order], values[order]), features, groups(300), settings)
    assert first.equals(again)
    assert told == same


def test_how_raters_are_made_comparable():
    named, nobody = np.repeat(np.arange(10), 30), np.full(300, -1)
    assert choose("auto", np.arange(300), named) == "z"
    assert choose("auto", np.arange(300) // 3, named) == "mixed"
    assert choose("auto", np.arange(300) // 3, nobody) == "raw"
    assert choose("auto", np.arange(300) // 3, np.arange(300)) == "raw"
    assert [choose(how, np.arange(300), nobody) for how in HOWS] == list(HOWS)


def test_errors_of_one_value():
    one = errors(np.zeros(1, int), np.full(1, -1), np.zeros(1), np.full(1, -1.0), np.ones(1), np.zeros(1))
    assert np.isfinite(one.p_error).all()
