"""Pairs as arrays: what detectors are given of them, and in which units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from transforms.strength.folds import uniform

#: Hidden units over the surface, and how much wider than one column of an embedding each surface column is: there are
#: few of them, and one penalty is for all.
_HIDDEN, _SURFACE_SIZE = 128, 3.0
#: Votes that a trusted judgement is worth.
_SURE = 8.0
#: Standard deviations that a feature counts at most.
_CLIP = 4.0


@dataclass(frozen=True)
class Pairs:
    """Pairs, side by side; all arrays have one line a pair.

    Attributes:
        keys: uint64, a hash of the content.
        groups: uint64, a hash of the group.
        labels: preference for the first response in [0, 1]; NaN where nobody judged.
        votes: what was said for each response, added up: 0.9 and 0.1 where one judge is that sure [rows, 2].
        voices: how many raters took each response's side; who called it even took none [rows, 2].
        trusted: preference for the first response by trusted raters; NaN where they did not judge.
        surface: float32 [rows, 2, features], scaled surface features of both responses.
        prompts: float32 [rows, dimensions], or no dimensions without embeddings.
        responses: float32 [rows, 2, dimensions].
        likeness: how alike the texts are, 1 for the same [rows].
        external: margins of the user's own voices; NaN where one has none [rows, voices].
        counted: whether voices that agree were counted, too; else that there are several only says that they differ.
    """

    keys: np.ndarray
    groups: np.ndarray
    labels: np.ndarray
    votes: np.ndarray
    voices: np.ndarray
    trusted: np.ndarray
    surface: np.ndarray
    prompts: np.ndarray
    responses: np.ndarray
    likeness: np.ndarray
    external: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    counted: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __post_init__(self) -> None:
        if len(self.external) != len(self.keys):  # nobody was asked
            object.__setattr__(self, "external", np.zeros((len(self.keys), 0)))
        if len(self.counted) != len(self.keys):
            object.__setattr__(self, "counted", np.ones(len(self.keys), dtype=bool))

    def __len__(self) -> int:
        return len(self.keys)

    def at(self, places: np.ndarray) -> Pairs:
        """Some of the pairs."""
        return Pairs(**{one.name: getattr(self, one.name)[places] for one in fields(self)})

    @property
    def sided(self) -> np.ndarray:
        """Which pairs have a label that is no tie."""
        return np.asarray(np.nan_to_num(self.labels, nan=0.5) != 0.5)

    @classmethod
    def together(cls, parts: Sequence[Pairs]) -> Pairs:
        """Several lots of pairs as one."""
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    def closeness(self) -> np.ndarray:
        """How close the responses are: the cosine of their embeddings; without embeddings how alike the texts are."""
        if not self.responses.shape[2]:
            return self.likeness
        first, second = (self.responses[:, side].astype(np.float32) for side in (0, 1))
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        cosine = np.einsum("rd,rd->r", first, second)
        return np.divide(cosine, lengths, out=np.zeros_like(cosine), where=lengths > 0)

    @property
    def net(self) -> np.ndarray:
        """Votes for the first response less those for the second."""
        return np.asarray(self.votes[:, 0] - self.votes[:, 1])

    @property
    def telling(self) -> np.ndarray:
        """`voices` where their number is evidence of how often raters agree; none elsewhere."""
        return np.where(self.counted[:, None], self.voices, 0)

    def believed(self) -> Pairs:
        """The same pairs with what trusted raters said in place of what others did, and beyond doubt."""
        known = ~np.isnan(self.trusted)
        sure = _SURE * np.stack([self.trusted, 1 - self.trusted], axis=1)
        return replace(
            self,
            labels=np.where(known, self.trusted, self.labels),
            votes=np.where(known[:, None], sure, self.votes),
        )

    def turned(self, where: np.ndarray) -> Pairs:
        """The same pairs with the judgements of some turned round."""
        labels, trusted = (np.where(where, 1 - one, one) for one in (self.labels, self.trusted))
        votes, voices = (np.where(where[:, None], one[:, ::-1], one) for one in (self.votes, self.voices))
        return replace(self, labels=labels, votes=votes, voices=voices, trusted=trusted)

    def swapped(self, where: np.ndarray) -> Pairs:
        """The same pairs with the sides of some the other way round."""
        sides = {
            name: np.where(where.reshape(-1, *[1] * (one.ndim - 1)), one[:, ::-1], one)
            for name, one in vars(self).items()
            if name in ("votes", "voices", "surface", "responses")
        }
        labels = {
            name: np.where(where, 1 - one, one) for name, one in vars(self).items() if name in ("labels", "trusted")
        }
        return replace(self, **sides, **labels, external=np.where(where[:, None], -self.external, self.external))


@dataclass(frozen=True)
class Views:
    """Differences of pairs' sides, each block of columns of one size.

    Attributes:
        surface: of surface features [rows, features].
        whole: of surface features, hidden units over them, embeddings, and nearness to the prompt [rows, columns].
        direction: surface and embeddings with even weight, for neighbours [rows, features + dimensions].
    """

    surface: np.ndarray
    whole: np.ndarray
    direction: np.ndarray


@dataclass(frozen=True)
class Scaling:
    """The units of features, measured on a sample of pairs, for all.

    Attributes:
        mean: of surface features over responses [features].
        spread: their standard deviation; 0 for a feature that never varies [features].
        surface: the root mean square of their differences [features].
        hidden: that of the hidden units' differences [hidden].
        embedding: that of all embedding differences together.
        relevance: that of differences of nearness to the prompt.
    """

    mean: np.ndarray
    spread: np.ndarray
    surface: np.ndarray
    hidden: np.ndarray
    embedding: float
    relevance: float

    def views(self, pairs: Pairs) -> Views:
        """Differences in these units."""
        surface = _over(pairs.surface[:, 0] - pairs.surface[:, 1], self.surface)
        embedded = _over(pairs.responses[:, 0] - pairs.responses[:, 1], np.float32(self.embedding))
        whole = [
            surface * np.float32(_SURFACE_SIZE),
            _over(_hidden(pairs.surface, self.mean, self.spread), self.hidden),
            embedded,
            _over(_relevance(pairs), np.float32(self.relevance)) * np.float32(_SURFACE_SIZE),
        ]
        even = [part / np.float32(np.sqrt(max(part.shape[1], 1))) for part in (surface, embedded)]
        return Views(surface, np.hstack(whole).astype(np.float32), np.hstack(even).astype(np.float32))


def measure_scaling(pairs: Pairs) -> Scaling:
    """Measure features' units on these pairs."""
    flat = pairs.surface.reshape(-1, pairs.surface.shape[2]).astype(np.float64)
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    return Scaling(
        mean.astype(np.float32),
        spread.astype(np.float32),
        _size(pairs.surface[:, 0] - pairs.surface[:, 1]),
        _size(_hidden(pairs.surface, mean, spread)),
        float(np.sqrt((_size(pairs.responses[:, 0] - pairs.responses[:, 1]).astype(np.float64) ** 2).mean()))
        if pairs.responses.shape[2]
        else 0.0,
        float(_size(_relevance(pairs))[0]) if pairs.responses.shape[2] else 0.0,
    )


def _size(differences: np.ndarray) -> np.ndarray:
    """The root mean square of each column; not a standard deviation, since a mean of differences is chance."""
    return np.sqrt((differences.astype(np.float64) ** 2).mean(axis=0)).astype(np.float32)


def _over(differences: np.ndarray, size: np.ndarray | np.float32) -> np.ndarray:
    wide = np.broadcast_to(size, differences.shape)
    return np.divide(differences, wide, out=np.zeros_like(differences, dtype=np.float32), where=wide > 1e-6)


def _hidden(surface: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Differences of a fixed random layer over surface features: that more words help only up to some is no line.

    Units are max(0, w . z + b) of the standardised features z (random features: Rahimi and Recht 2008); w and b come
    from hashes of their places.
    """
    width = surface.shape[2]
    numbers = np.arange(_HIDDEN * (width + 1), dtype=np.uint64)
    # The sum of four uniform draws is as good as normal.
    normal = (sum(uniform(numbers, salt) for salt in (31, 37, 41, 43)) - 2) * np.sqrt(3)
    w = (normal[: _HIDDEN * width].reshape(width, _HIDDEN) / np.sqrt(width)).astype(np.float32)
    b = (0.7 * normal[_HIDDEN * width :]).astype(np.float32)
    out = np.zeros((len(surface), _HIDDEN), dtype=np.float32)
    for side, sign in ((0, 1), (1, -1)):
        z = _over(surface[:, side] - mean.astype(np.float32), spread.astype(np.float32)).clip(-_CLIP, _CLIP)
        out += np.float32(sign) * np.maximum(z @ w + b, 0)
    return out


def _relevance(pairs: Pairs) -> np.ndarray:
    """How much nearer to the prompt the first response is than the second [rows, 1, or 0 without embeddings]."""
    if not pairs.responses.shape[2]:
        return np.zeros((len(pairs), 0), dtype=np.float32)
    near = [np.einsum("rd,rd->r", pairs.responses[:, side], pairs.prompts) for side in (0, 1)]
    return np.asarray((near[0] - near[1])[:, None], dtype=np.float32)
