"""What the tests of contamination share: items from texts, and what each rule should find, in plain Python."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import polars as pl

from schemas.config import Contamination
from transforms.contamination.items import ITEMS, Items
from transforms.contamination.judge import judge
from transforms.contamination.letters import MESSAGE_END, Letters
from transforms.contamination.scan import Scanner


def items_of(texts: Sequence[str], part: str = "prompt", benchmark: str = "b", **settings: object) -> Items:
    rows = [(benchmark, f"{benchmark}:f:{i}", part, text) for i, text in enumerate(texts, 1)]
    return Items(pl.DataFrame(rows, schema=ITEMS, orient="row"), Contamination.model_validate(settings))


def letters(*texts: str) -> Letters:
    return Letters(pl.Series(texts, dtype=pl.String))


def found(items: Items, texts: Sequence[str], rows: int | None = None) -> dict[str, dict[str, float]]:
    """What counts: text -> item's text -> largest share."""
    scanner = Scanner(items)
    unique = pl.Series(list(dict.fromkeys(texts)), dtype=pl.String)
    seen, words, total = scanner.find(unique, np.ones(len(unique), np.int64))
    judged = judge(seen, items, scanner.vocabulary, words, total, rows or len(unique))
    out: dict[str, dict[str, float]] = {}
    for row in judged.filter(~pl.col("common")).to_dicts():
        mine = out.setdefault(unique[row["text"]], {})
        name = items.frame["text"][row["item"]]
        mine[name] = max(row["share"], mine.get(name, 0.0))
    return out


def words(text: str) -> list[str]:
    """The words of an alphabetic text."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\w)-(?=\w)", "", re.sub("['’`]", "", text))
    return re.findall(r"[^\W_]+", text)


def window_share(item: str, text: str, size: int = 5) -> float:
    """The largest share of an item's distinct runs of letters in one window of a text."""
    own = "".join(words(item))
    said = "".join(words(text))
    width = int(1.25 * len(own)) + 8
    runs = {own[i : i + size] for i in range(len(own) - size + 1)}
    places = [(i, said[i : i + size]) for i in range(len(said) - size + 1)]
    best = 0
    for start in range(len(places)):
        best = max(best, len({run for place, run in places[start : start + width] if run in runs}))
    return best / len(runs)


def coverage(item: str, text: str, size: int) -> float:
    """The share of an item's words in runs of `size` words that the text has too."""
    own, said = words(item), words(text)
    runs = {tuple(said[i : i + size]) for i in range(len(said) - size + 1)}
    covered = {
        i + j for i in range(len(own) - size + 1) if tuple(own[i : i + size]) in runs for j in range(size)
    }  # fmt: skip
    return len(covered) / len(own)


def jaccard(item: str, text: str, size: int = 5) -> float:
    shingles = [
        {tuple(said[i : i + size]) for i in range(len(said) - size + 1)} for said in (words(item), words(text))
    ]  # fmt: skip
    return len(shingles[0] & shingles[1]) / max(1, len(shingles[0] | shingles[1]))


def one_changed(item: str, text: str) -> set[int]:
    """Lengths of stretches of a text that have all words of an item but one, in their places; or all and one more."""
    own, said = words(item), words(text)
    count = len(own)
    out = set()
    for length in (count - 1, count, count + 1) if count >= 8 else (count,):
        for first in range(len(said) - length + 1):
            part = said[first : first + length]
            head = next((i for i in range(min(count, length)) if part[i] != own[i]), min(count, length))
            tail = next((i for i in range(min(count, length) - head) if part[-1 - i] != own[-1 - i]),
                        min(count, length) - head)  # fmt: skip
            if part == own or head + tail < count - 1:
                continue
            if (head == 0 and first > 0) or (tail == 0 and first + length < len(said)):
                continue
            if length < count and 0 in (head, tail):
                continue
            out.add(length)
    return out


def told(item: str, word: int, texts: Sequence[str]) -> float:
    """What an item tells without one of its words, when these texts and the item are all that is said."""
    said = [w for text in [*texts, item] for w in words(text)]
    weight = [math.log(len(said) / said.count(w)) ** 2 for w in words(item)]
    return 1 - weight[word] / sum(weight)


__all__ = ["MESSAGE_END", "coverage", "found", "items_of", "jaccard", "letters", "one_changed", "told", "window_share"]
