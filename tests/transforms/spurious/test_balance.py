"""Entropy balancing, what rows are kept by, and what a ruler makes of pairs afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from schemas.config import Balance
from transforms.spurious.balance import balance, cannot, draws, keep_shares, matched, moments
from transforms.spurious.entropy import effective, solve
from transforms.spurious.given import Sides
from transforms.spurious.measure import accuracy, competency, in_units, means, parts, right, shares, sizes
from transforms.spurious.rulers import fit_linear, linear, out_of_fold, trees


def sides(rows: int, pull: float = 1.0, features: int = 3, seed: int = 0, per_group: int = 2) -> Sides:
    """Pairs whose first feature goes with the label, the others by chance; a fifth are in another split."""
    rng = np.random.default_rng(seed)
    raw = rng.integers(-3, 4, (rows, features)).astype(np.float32)
    chosen = np.where(rng.random(rows) < 1 / (1 + np.exp(-pull * raw[:, 0])), 1.0, -1.0)
    keys = rng.permutation(rows).astype(np.uint64) + np.uint64(1)
    groups = np.arange(rows) // per_group
    return Sides(
        keys=keys,
        groups=groups.astype(np.uint64) + np.uint64(1),
        block=np.zeros(rows, dtype=np.int64),
        row=np.arange(rows),
        held=groups % 5 == 0,
        sides=chosen,
        weights=np.ones(rows),
        raw=raw,
        scaled=raw.copy(),
        generators=np.full((rows, 2), -1),
        within=np.array([""] * rows, dtype=object),
        scores=np.zeros((rows, 0)),
    )


# The solver -----------------------------------------------------------------------------------------------------------


def test_the_solution_is_the_one_that_a_general_solver_finds() -> None:
    rng = np.random.default_rng(1)
    f = (rng.standard_normal((40, 2)) + 0.3).astype(np.float32)
    q = rng.uniform(0.5, 2, 40)
    found = solve(f, q, penalty=1e-9)
    q = q / q.sum()
    exact = minimize(
        lambda w: float((w * np.log(w / q)).sum()),
        q,
        jac=lambda w: np.log(w / q) + 1,
        bounds=[(1e-9, 1)] * 40,
        constraints=[
            {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(40)},
            {"type": "eq", "fun": lambda w: f.T.astype(float) @ w, "jac": lambda w: f.T.astype(float)},
        ],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-13},
    )
    assert np.abs(found.weights / 40 - exact.x).max() < 1e-5
    assert np.abs(found.left).max() < 1e-4
    assert found.weights.mean() == pytest.approx(1)


def test_a_cap_holds_as_a_constraint() -> None:
    rng = np.random.default_rng(2)
    f = (rng.standard_normal((3000, 3)) + 0.5).astype(np.float32)
    free, capped = solve(f, penalty=1e-6), solve(f, penalty=1e-6, cap=2.5)
    assert free.weights.max() > 2.6
    assert capped.weights.max() <= 2.5 + 1e-9
    assert np.abs(capped.left).max() < 1e-4  # the moments are met all the same
    clipped = np.minimum(free.weights, 2.5)
    assert np.abs((clipped @ f) / clipped.sum()).max() > 10 * np.abs(capped.left).max()


def test_a_cap_that_cannot_be_met_leaves_means() -> None:
    f = np.where(np.arange(1000) < 900, 1.0, -1.0).astype(np.float32)[:, None]
    found = solve(f, penalty=1e-3, cap=2)  # 100 rows of weight 2 are a fifth, not a half
    assert found.left[0] == pytest.approx(0.6, abs=0.01)
    assert np.abs(solve(f, penalty=1e-6, cap=6).left[0]) < 1e-3


def test_weights_of_rows_that_the_fit_did_not_see_are_those_it_would_have_given() -> None:
    rng = np.random.default_rng(3)
    f, q = (rng.standard_normal((2000, 4)) + 0.2).astype(np.float32), rng.uniform(0.2, 1, 2000)
    found = solve(f, q, cap=3)
    assert np.abs(found.weigh(f, q / q.mean()) - found.weights).max() < 1e-6


def test_the_penalty_keeps_a_one_signed_moment_finite() -> None:
    found = solve(np.abs(np.random.default_rng(4).standard_normal((500, 1))).astype(np.float32), penalty=0.01)
    assert np.isfinite(found.coefficients).all()
    assert found.left[0] > 0


def test_rows_in_another_order_have_the_same_weights() -> None:
    rng = np.random.default_rng(5)
    f = (rng.standard_normal((1000, 3)) + 0.2).astype(np.float32)
    order = rng.permutation(1000)
    assert np.abs(solve(f).weights[order] - solve(f[order]).weights).max() < 1e-6


@pytest.mark.parametrize(
    ("start", "cap", "message"),
    [(None, 1.0, "must be above 1"), (np.zeros(5), 4.0, "not all 0"), (np.full(5, np.nan), 4.0, "finite")],
)
def test_what_cannot_be_solved_is_refused(start: np.ndarray | None, cap: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve(np.ones((5, 1), np.float32), start, cap=cap)
    with pytest.raises(ValueError, match="moments must be finite"):
        solve(np.full((5, 1), np.inf, np.float32))


# Pairs ----------------------------------------------------------------------------------------------------------------


def test_balanced_pairs_reward_no_feature_on_rows_seen_and_unseen() -> None:
    pairs = sides(6000)
    train, held = pairs.at(np.flatnonzero(~pairs.held)), pairs.at(np.flatnonzero(pairs.held))
    found = balance(train, [0, 1, 2], Balance(output="weights", penalty=0.001))
    for some in (train, held):
        weights = found.weigh(some)
        before = shares(some.raw, some.sides, some.weights, some.groups)
        after = shares(some.raw, some.sides, weights, some.groups)
        assert before.value[0] > 0.75
        assert after.low[0] < 0.5 < after.high[0]
        x = in_units(some.scaled, sizes(some.scaled))
        mean = means(some.sides[:, None] * x, weights, some.groups)
        assert ((mean.low < 0) & (mean.high > 0)).all()
    weights = found.weigh(train)
    assert weights.sum() == pytest.approx(train.weights.sum())
    x = in_units(train.scaled, sizes(train.scaled))
    for ruler, most in ((linear, 0.51), (trees, 0.54)):
        margins = out_of_fold(ruler, x, train.sides, train.weights, train.groups)
        assert accuracy(margins, train.sides, train.weights, train.groups).value[0] > 0.75
        margins = out_of_fold(ruler, x, train.sides, weights, train.groups)
        assert accuracy(margins, train.sides, weights, train.groups).value[0] < most


def test_what_only_trees_tell_is_balanced_too() -> None:
    pairs = replace(sides(4000, pull=0.0), held=np.arange(4000) // 2 % 4 == 0)
    # The first feature is for the label where the second hardly differs, and against it where that does: no mean tells.
    way = np.sign(pairs.raw[:, 0]) * np.where(np.abs(pairs.raw[:, 1]) > 1, 1, -1)
    sure = np.random.default_rng(10).random(4000) < 0.75
    label = np.where(sure, way, -way)
    pairs = replace(pairs, sides=np.where(label == 0, pairs.sides, label))
    train, held = pairs.at(np.flatnonzero(~pairs.held)), pairs.at(np.flatnonzero(pairs.held))

    def told(weights: np.ndarray) -> float:
        margins = out_of_fold(trees, train.scaled, train.sides, weights, train.groups)
        return float(accuracy(margins, train.sides, weights, train.groups).value[0])

    without, with_trees = (balance(train, [0, 1, 2], Balance(output="weights", trees=on)) for on in (False, True))
    assert told(train.weights) > 0.65
    assert told(without.weigh(train)) > 0.6
    assert told(with_trees.weigh(train)) < 0.54
    # The same weights on pairs that neither the solver nor the trees have seen.
    unseen = trees(train.scaled, train.sides, train.weights, held.scaled)
    got = [accuracy(unseen, held.sides, w, held.groups).value[0] for w in (held.weights, with_trees.weigh(held))]
    assert got[0] > 0.65
    assert got[1] < 0.56


def test_the_verdicts_weight_is_where_it_starts() -> None:
    pairs = sides(2000, pull=0.0)
    pairs = replace(pairs, weights=np.where(np.arange(2000) < 500, 0.1, 1.0), held=np.zeros(2000, dtype=bool))
    weights = balance(pairs, [0, 1, 2], Balance(output="weights")).weigh(pairs)
    assert weights[:500].mean() < 0.12
    assert weights[500:].mean() > 0.95


def test_what_has_no_balance_is_named() -> None:
    pairs = sides(1000)
    raw = pairs.raw.copy()
    raw[:, 1] = 0
    raw[:49, 1] = 1
    raw[:, 2] = pairs.sides  # only winners have it
    pairs = replace(pairs, raw=raw, scaled=raw.copy(), held=np.zeros(1000, dtype=bool))
    why = cannot(pairs, [0, 1, 2])
    assert sorted(why) == [1, 2]
    assert why[1].startswith("cannot_balance: 49 pairs")
    assert why[2] == "cannot_balance: 100.0% of its differences are for one side"
    assert balance(pairs, [0, 1, 2], Balance(output="weights")).columns.tolist() == [0]


def test_within_a_column_each_value_is_balanced_by_itself() -> None:
    one, other = sides(2000, pull=1.0, seed=1), sides(2000, pull=-1.0, seed=2)
    pairs = Sides(**{name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in vars(one)})
    value = np.array(["a"] * 2000 + ["b"] * 1900 + ["c"] * 100, dtype=object)
    pairs = replace(pairs, within=value, held=np.zeros(4000, dtype=bool))

    def longer(weights: np.ndarray, mine: np.ndarray) -> float:
        return float(shares(pairs.raw[mine], pairs.sides[mine], weights[mine], pairs.groups[mine]).value[0])

    together = balance(replace(pairs, within=np.array([""] * 4000, dtype=object)), [0, 1, 2], Balance())
    assert longer(together.weigh(pairs), value == "a") > 0.7  # both pulls cancel out
    apart = balance(pairs, [0, 1, 2], Balance(within="source"))
    assert [one.value for one in apart.strata] == ["a", "b", "(others)"]
    for lot in "ab":
        assert longer(apart.weigh(pairs), value == lot) == pytest.approx(0.5, abs=0.02)


def test_a_cap_that_is_too_low_is_named_with_one_that_would_do() -> None:
    pairs = replace(sides(2000, pull=2.0), held=np.zeros(2000, dtype=bool))
    (low,) = balance(pairs, [0, 1, 2], Balance(cap=1.3)).strata
    assert low.left == [0]
    assert low.cap is not None
    (enough,) = balance(pairs, [0, 1, 2], Balance(cap=low.cap)).strata
    assert enough.left == []


def test_shares_kept_lose_what_may_be_lost_and_no_more_than_is_needed() -> None:
    weights = np.random.default_rng(6).exponential(size=5000)
    share, most = keep_shares(weights, 0.4)
    assert share.mean() == pytest.approx(0.6, abs=1e-6)
    assert (share == np.minimum(1, weights / most)).all()
    even, most = keep_shares(np.array([1.0, 1.0, 0.5, 1.0]), 0.9)
    assert even.tolist() == [1.0, 1.0, 0.5, 1.0]  # in proportion already: nothing more need go
    assert most == 1.0


def test_draws_are_even_and_a_rows_own() -> None:
    keys = np.arange(1, 20_001).astype(np.uint64)
    drawn = draws(keys, 0)
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert (draws(keys[::-1], 0)[::-1] == drawn).all()
    assert (draws(keys, 1) != drawn).mean() > 0.99


def test_matched_pairs_have_as_many_on_either_side() -> None:
    pairs = replace(sides(4000), held=np.zeros(4000, dtype=bool))
    share, place = matched(pairs, [0], 0)
    kept = place < share
    f = pairs.raw[:, 0] * pairs.sides
    for size in (1, 2, 3):
        assert (f[kept] == size).sum() == (f[kept] == -size).sum() > 0
    assert kept[f == 0].all()
    order = np.random.default_rng(7).permutation(4000)
    again, placed = matched(pairs.at(order), [0], 0)
    assert ((placed < again) == kept[order]).all()
    both, place = matched(pairs, [0, 1], 0)
    kept = place < both
    other = pairs.raw[:, 1] * pairs.sides
    for a, b in ((1, 2), (2, -3), (3, 0)):
        assert ((f == a) & (other == b) & kept).sum() == ((f == -a) & (other == -b) & kept).sum()


# Measures -------------------------------------------------------------------------------------------------------------


def test_competency_of_a_count_by_hand() -> None:
    raw = np.array([[1, 0], [2, 1], [3, 0], [-1, 0], [0, 0]], dtype=np.float32)
    n, z, flagged = competency(raw, np.array([1.0, 1.0, 0.6, 1.0, 1.0]))
    assert n.tolist() == [4, 1]
    assert z.tolist() == [pytest.approx((2 * 3 - 4) / 2), 1.0]
    assert not flagged.any()


def test_a_small_effect_is_not_flagged_however_sure() -> None:
    sure = np.where(np.arange(100_000) % 100 < 53, 1.0, -1.0)
    _, z, flagged = competency(np.ones((100_000, 1), np.float32), sure)
    assert z[0] > 15
    assert not flagged[0]
    assert competency(np.ones((100_000, 1), np.float32), np.where(np.arange(100_000) % 100 < 56, 1.0, -1.0))[2][0]


def test_intervals_are_wider_where_rows_of_a_group_say_the_same() -> None:
    rng = np.random.default_rng(8)
    value = np.repeat(rng.random(200) < 0.5, 10).astype(float)
    apart = means(value, np.ones(2000), np.arange(2000))
    together = means(value, np.ones(2000), np.repeat(np.arange(200), 10))
    assert apart.value[0] == together.value[0]
    widths = [float(one.high[0] - one.low[0]) for one in (apart, together)]
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(10), rel=0.05)
    assert np.isnan(means(value, np.ones(2000), np.zeros(2000)).low[0])


def test_intervals_hold_what_they_promise() -> None:
    rng = np.random.default_rng(9)
    held = 0
    for _ in range(300):
        level = np.repeat(rng.normal(0, 0.2, 100), 5)
        weights = rng.uniform(0.5, 2, 500)
        found = means(level + rng.normal(0, 0.5, 500), weights, np.repeat(np.arange(100), 5))
        held += found.low[0] < 0 < found.high[0]
    assert 0.91 < held / 300 < 0.98


def test_parts_of_a_ruler_sum_to_one_and_name_what_it_goes_by() -> None:
    pairs = sides(4000)
    x = in_units(pairs.scaled, sizes(pairs.scaled))
    made = parts(x, fit_linear(x, pairs.sides, pairs.weights), pairs.sides, pairs.weights)
    assert made.sum() == pytest.approx(1)
    assert made[0] > 0.97


def test_right_says_nothing_of_ties_and_half_of_no_margin() -> None:
    assert right(np.array([2.0, -1.0, 0.0]), np.array([1.0, 1.0, -1.0])).tolist() == [1.0, 0.0, 0.5]
    assert np.isnan(right(np.array([1.0]), np.array([0.0]))[0])


def test_rulers_are_antisymmetric() -> None:
    pairs = sides(600)
    for ruler in (linear, trees):
        one = ruler(pairs.raw, pairs.sides, pairs.weights, pairs.raw[:50])
        assert np.allclose(one, -ruler(pairs.raw, pairs.sides, pairs.weights, -pairs.raw[:50]))
        assert np.allclose(one, ruler(-pairs.raw, -pairs.sides, pairs.weights, pairs.raw[:50]))


def test_effective_sizes() -> None:
    assert effective(np.ones(7)) == pytest.approx(1)
    assert effective(np.array([1.0, 0, 0, 0])) == pytest.approx(0.25)
    assert effective(np.zeros(3)) == 0


def test_moments_are_of_one_size_and_turn_with_the_label() -> None:
    pairs = sides(500)
    whole, size = moments(pairs, np.array([0, 2]))
    assert np.sqrt((whole.astype(float) ** 2).mean(axis=0)) == pytest.approx(1, abs=1e-5)
    turned, _ = moments(replace(pairs, sides=-pairs.sides), np.array([0, 2]), size)
    assert (turned == -whole).all()
