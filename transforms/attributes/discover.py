"""Which attributes prompts have: what they are about (domains) and what they ask to be done (skills)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.attributes.endpoint import Endpoint
from transforms.keywords import keywords
from transforms.slices.families import clusters
from transforms.strength.folds import sample

#: Words with which a prompt opens, and dimensions that they are reduced to.
OPENING, _DIMENSIONS = 8, 64
#: Prompts that names are made of at most, words of a name, examples that an endpoint is shown, letters of each.
_NAMED, _WORDS, _EXAMPLES, _SHOWN = 10_000, 3, 5, 300
#: The kinds of attributes, and what an endpoint is told of each.
KINDS = {"domain": "subject matter that these prompts share", "skill": "kind of task that these prompts ask for"}


@dataclass(frozen=True)
class Attributes:
    """Attributes of one kind.

    Attributes:
        kind: domain or skill.
        names: distinct, one an attribute.
        words: of each attribute, the most telling first.
        affinity: of each prompt to each attribute, 1 to 5 [prompts, attributes].
    """

    kind: str
    names: list[str]
    words: list[list[str]]
    affinity: np.ndarray


class NothingKnown(ValueError):
    """Prompts of which no model says anything."""


def opening(texts: pl.Series) -> pl.Series:
    """The first words of texts, in lower case."""
    words = texts.fill_null("").str.to_lowercase().str.extract_all(r"[\p{L}\p{M}'\x{2019}]+")
    return words.list.head(OPENING).list.join(" ")


def discover(
    kind: str, vectors: np.ndarray, keys: np.ndarray, texts: pl.Series, count: int, seed: int, device: str = "cpu"
) -> Attributes:
    """Clusters of prompts as attributes, named by their words.

    Args:
        kind: domain or skill.
        vectors: of the prompts, of length 1 or 0 [prompts, dimensions].
        keys: uint64, a hash of each prompt; they rise.
        texts: what names are made of: whole prompts, or how they open.
        count: attributes asked for; fewer where fewer are different.
        seed: of the clustering.
        device: of torch.

    Raises:
        NothingKnown: no prompt has a vector.
    """
    cells = clusters("prompts", vectors, keys, min(count, len(keys)), seed, device)
    if cells is None:
        raise NothingKnown(f"the embedding model knows nothing of {len(keys)} prompts, so no {kind} is found in them")
    used = np.unique(cells.members[cells.members >= 0])
    renumbered = np.searchsorted(used, cells.members.clip(min=0))
    members = np.where(cells.members >= 0, renumbered, -1)
    middle = np.stack([vectors[members == one].mean(axis=0) for one in range(len(used))])
    middle /= np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-9)
    cosine = (vectors @ middle.T).astype(np.float64).round(4)
    low, high = cosine.min(), cosine.max()
    affinity = 1 + 4 * (cosine - low) / max(high - low, 1e-9)
    read = sample(keys, _NAMED, salt=31)
    words = keywords(texts[read], members[read], count=8)
    names = [", ".join(each[:_WORDS]) or f"{kind} {place}" for place, each in enumerate(words)]
    return Attributes(kind, _distinct(names), words, affinity)


def opening_vectors(openings: pl.Series, keys: np.ndarray) -> np.ndarray:
    """Openings as vectors of length 1: counts of words and of pairs of them, weighed and reduced (TF-IDF, SVD)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    fitted_on = sample(keys, _NAMED, salt=37)
    counter = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, max_features=5_000, token_pattern=r"\S+")
    try:
        some = counter.fit_transform(openings[fitted_on].to_list())
    except ValueError:  # no word is in three openings
        return np.zeros((len(openings), 1), dtype=np.float32)
    width = min(_DIMENSIONS, min(some.shape) - 1)
    if width < 1:
        return np.zeros((len(openings), 1), dtype=np.float32)
    reduced = TruncatedSVD(width, random_state=0).fit(some).transform(counter.transform(openings.to_list()))
    length = np.linalg.norm(reduced, axis=1, keepdims=True)
    return np.divide(reduced, length, out=np.zeros_like(reduced), where=length > 1e-6).astype(np.float32)


def rename(found: Attributes, texts: pl.Series, keys: np.ndarray, endpoint: Endpoint) -> Attributes:
    """The attributes under names that an endpoint gives them; the words remain where it may not be asked any more.

    It is shown the words of each and five of its prompts, those with the highest affinity.
    """
    questions = []
    for one, words in enumerate(found.words):
        best = np.lexsort((keys, -found.affinity[:, one].round(4)))[:_EXAMPLES]
        shown = "\n".join(f"- {text[:_SHOWN]}" for text in texts[best].to_list())
        asked = (
            f"Name the {KINDS[found.kind]}, in two to four words, without a full stop. Answer with the name only.\n"
            f"Words: {', '.join(words)}\nPrompts:\n{shown}"
        )
        questions.append([{"role": "user", "content": asked}])
    answers = endpoint.ask(questions)
    names = [
        " ".join((answer or "").split()).strip(" .\"'")[:80] or name
        for answer, name in zip(answers, found.names, strict=True)
    ]
    return Attributes(found.kind, _distinct(names), found.words, found.affinity)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that were there before."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out
