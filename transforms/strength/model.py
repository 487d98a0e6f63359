"""All detectors of one run: fitted on a bounded sample of its pairs, applied to any of them out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.strength.ambiguity import Ambiguity, fit_ambiguity
from transforms.strength.balanced import balanced_weights
from transforms.strength.combine import Calibrator, fit_calibrator, sigmoid
from transforms.strength.counterexamples import Standing, counterexamples, standing
from transforms.strength.folds import fold_of, sample, spread
from transforms.strength.heads import Dynamics, Heads, fit_heads
from transforms.strength.neighbours import NEIGHBOURS, REFERENCES, Neighbours, nearest
from transforms.strength.noise import (
    Rate,
    configured,
    flip_rates,
    from_votes,
    p_error,
    unidentified,
    unshrink,
)
from transforms.strength.pairs import Pairs, Scaling, Views, measure_scaling
from transforms.strength.residual import Residualiser, fit_residualiser

#: Heads of the surface alone: there is less to vary.
_SURFACE_MEMBERS = 3


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes:
        members: heads a fold.
        folds: of groups.
        ceiling: pairs that are fitted on, at most; past it a sample by the content's hash.
        neighbours: of each pair.
        references: pairs that neighbours are taken from, at most.
        noise_rate: the user's word; None reads it off evidence.
        seed: of folds and members.
        device: of torch.
        balanced: columns of surface features that shall not pay where detectors learn; the ruler is of these alone.
            With none pairs are not weighed, and the ruler is of all.
    """

    members: int = 10
    folds: int = 5
    ceiling: int = 200_000
    neighbours: int = NEIGHBOURS
    references: int = REFERENCES
    noise_rate: float | None = None
    seed: int = 0
    device: str = "cpu"
    balanced: Sequence[int] = ()

    def ruled(self, surface: np.ndarray) -> np.ndarray:
        """Of differences of surface features what the ruler goes by [rows, features]."""
        return surface[:, list(self.balanced)] if self.balanced else surface


@dataclass(frozen=True)
class Scores:
    """What is known of pairs, one number a row; margins are for the first response.

    Attributes:
        mu: mean of the members' margins, in logits as they were learnt.
        sigma: their population standard deviation.
        surface: margin of the surface alone.
        neighbours: what similar comparisons say, in [-1, 1].
        residual: `mu` less what surface features explain of it.
        logit: all detectors together, of the right label.
        p_error: the probability that the recorded label is wrong; NaN without one that takes a side.
        p_ambiguous: the probability that the sides cannot be told apart.
        counterexample: that of the side which the label is not for, by the surface alone; 0 where that knows nothing.
        members: how many heads.
    """

    mu: np.ndarray
    sigma: np.ndarray
    surface: np.ndarray
    neighbours: np.ndarray
    residual: np.ndarray
    logit: np.ndarray
    p_error: np.ndarray
    p_ambiguous: np.ndarray
    counterexample: np.ndarray
    members: int


@dataclass(frozen=True)
class References:
    """The pairs that neighbours are taken from, and how much each one's word counts."""

    directions: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Model:
    """What was fitted; `score` applies it.

    The ruler is heads of surface features as they learn from the labels as recorded, whatever else is balanced.
    """

    settings: Settings
    scaling: Scaling
    heads: Heads
    surface: Heads
    ruler: Heads
    standing: Standing
    references: References
    calibrator: Calibrator
    residualiser: Residualiser
    ambiguity: Ambiguity
    scales: np.ndarray
    rate: Rate

    def score(self, pairs: Pairs) -> Scores:
        """Scores of pairs, whether the model was fitted on them or not; none saw a pair's own group."""
        views = self.scaling.views(pairs)
        theirs = self.references
        near = nearest(
            views.direction,
            pairs.groups,
            theirs.directions,
            theirs.groups,
            k=self.settings.neighbours,
            device=self.settings.device,
        )
        return self.score_from(pairs, views, near.agreement(theirs.labels, theirs.weights))

    def score_from(self, pairs: Pairs, views: Views, neighbours: np.ndarray) -> Scores:
        """The same, where the views and what the neighbours say are known already."""
        fold = fold_of(pairs.groups, self.heads.cuts, self.settings.seed)
        margins = self.heads.margins(views.whole, pairs.groups).astype(np.float64)
        mu, sigma = margins.mean(axis=1), margins.std(axis=1)
        surface = self.surface.margins(views.surface, pairs.groups).astype(np.float64).mean(axis=1)
        ruled = self.settings.ruled(views.surface)
        ruler = self.ruler.margins(ruled, pairs.groups).astype(np.float64).mean(axis=1)
        combined = self.calibrator.logits(_signals(pairs, mu, surface, neighbours), fold)
        logit = self.scales[fold] * combined
        flips = flip_rates(pairs.net, self.rate.value)
        wrong = p_error(logit * np.sign(np.nan_to_num(pairs.labels, nan=0.5) - 0.5), flips)
        return Scores(
            mu,
            sigma,
            surface,
            neighbours,
            self.residualiser.residuals(mu, views.surface, fold),
            logit,
            np.where(pairs.sided, wrong, np.nan),
            self.ambiguity.p_ambiguous(mu, pairs.likeness, pairs.votes, pairs.labels, fold),
            counterexamples(ruler, pairs.labels, self.standing),
            len(self.heads.weights),
        )


@dataclass(frozen=True)
class Fitted:
    """A model, and what only rows that it was fitted on have.

    Attributes:
        model: the fitted detectors.
        places: of the rows that it was fitted on.
        dynamics: of those rows.
        views: of those rows.
        chosen: which of those rows are the references.
        near: neighbours of those rows among the references.
        scores: of those rows.
    """

    model: Model
    places: np.ndarray
    dynamics: Dynamics
    views: Views
    chosen: np.ndarray
    near: Neighbours
    scores: Scores


def fit(
    pairs: Pairs,
    settings: Settings,
    known: Fitted | None = None,
    evidence: Rate | None = None,
    *,
    same_ridge: bool = True,
) -> Fitted:
    """Fit all detectors.

    Rows are taken in the order of their hashes, so their order of arrival changes nothing.

    Args:
        pairs: of the whole run, or a sample of it.
        settings: how.
        known: an earlier fit of the same pairs with other labels for the same ones: their neighbours and units are
            taken over, which no label has a part in.
        evidence: the noise rate by trusted raters' judgements of all pairs; None without enough of them.
        same_ridge: whether its penalties are as well; if not they are found again.

    Raises:
        ValueError: fewer groups with a label than folds.
    """
    if known is None:
        places = sample(pairs.keys, settings.ceiling, salt=11)
        mine = pairs.at(places).believed()
        scaling = measure_scaling(mine)
        views = scaling.views(mine)
        candidates = np.flatnonzero(mine.sided)
        chosen = candidates[sample(mine.keys[candidates], settings.references, salt=17)]
        near = nearest(
            views.direction,
            mine.groups,
            views.direction[chosen],
            mine.groups[chosen],
            k=settings.neighbours,
            device=settings.device,
        )
    else:
        places, chosen, scaling, views, near = (
            known.places, known.chosen, known.model.scaling, known.views, known.near
        )  # fmt: skip
        mine = pairs.at(places).believed()
    sided = mine.sided
    labels, groups = mine.labels[sided], mine.groups[sided]
    weights = own = None
    if settings.balanced:
        _, parts = spread(groups, settings.folds, settings.seed)
        weights = balanced_weights(settings.ruled(views.surface[sided]), labels, parts, settings.folds)
        own = weights[np.arange(len(parts)), parts]  # of each pair that of the fit that did not see it
    words = np.ones(len(mine))
    words[sided] = 1.0 if own is None else own

    def heads(
        x: np.ndarray, members: int, before: Heads | None, weights: np.ndarray | None = weights
    ) -> tuple[Heads, Dynamics]:
        return fit_heads(
            x[sided],
            labels,
            groups,
            members=members,
            folds=settings.folds,
            seed=settings.seed,
            ridge=before.ridge if before else None,
            device=settings.device,
            weights=weights,
        )

    whole, dynamics = heads(views.whole, settings.members, known.model.heads if known and same_ridge else None)
    few, before = min(_SURFACE_MEMBERS, settings.members), known.model if known and same_ridge else None
    surface, _ = heads(views.surface, few, before.surface if before else None)
    ruler, ruled = surface, settings.ruled(views.surface)
    if settings.balanced:
        ruler, _ = heads(ruled, few, before.ruler if before else None, None)
    said = ruler.margins(ruled, mine.groups).astype(np.float64).mean(axis=1)
    agreement = near.agreement(mine.labels[chosen], words[chosen])
    margins = whole.margins(views.whole, mine.groups).astype(np.float64)
    mu = margins.mean(axis=1)
    alone = surface.margins(views.surface, mine.groups).astype(np.float64).mean(axis=1)
    signals = _signals(mine, mu, alone, agreement)
    fold = fold_of(mine.groups, whole.cuts, settings.seed)
    calibrator = fit_calibrator(signals[sided], labels, fold[sided], settings.folds, own)
    logits = calibrator.logits(signals, fold)
    rate = rate_of(mine, logits, settings.noise_rate, evidence)
    flips = flip_rates(mine.net[sided], rate.value)
    model = Model(
        settings,
        scaling,
        whole,
        surface,
        ruler,
        standing(said[sided], labels, groups),
        References(views.direction[chosen], mine.groups[chosen], mine.labels[chosen], words[chosen]),
        calibrator,
        fit_residualiser(mu, views.surface, fold, settings.folds),
        fit_ambiguity(mu, mine.likeness, mine.telling, fold, settings.folds),
        unshrink(logits[sided], (labels > 0.5).astype(float), flips, fold[sided], settings.folds),
        rate,
    )
    every = np.full((3, len(mine)), np.nan)
    every[:, sided] = [dynamics.confidence, dynamics.variability, dynamics.aum]
    scores = model.score_from(mine, views, agreement)
    return Fitted(model, places, Dynamics(*every), views, chosen, near, scores)


def rate_of(pairs: Pairs, logits: np.ndarray, said: float | None, evidence: Rate | None = None) -> Rate:
    """The noise rate from the best evidence there is: the user's word, trusted relabels, votes, or a range."""
    if said is not None:
        return configured(said)
    found = evidence or from_votes(pairs.telling[:, 0], pairs.telling[:, 1], pairs.groups)
    sided = pairs.sided
    return found or unidentified(sigmoid(logits[sided] * np.sign(pairs.labels[sided] - 0.5)))


def _signals(pairs: Pairs, mu: np.ndarray, surface: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """What the calibrator is given: each detector's margin, and the user's own voices', 0 where one is silent."""
    return np.column_stack([mu, surface, neighbours, np.nan_to_num(pairs.external, nan=0.0)])
