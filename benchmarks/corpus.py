"""A corpus with known duplicates, made of real sentences, and the score of what a tool keeps of it.

Of the rows 80 % are distinct texts put together from real sentences, 5 % exact copies, 10 % copies with 3 % of their
words changed, and 5 % replies of one to three words, no two alike, of which a fifth are there once more. Each row has
its gold cluster.
"""

from __future__ import annotations

import gzip
import random
import re
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import orjson


def write(path: Path, rows: int, hh: Path, *, short: bool = False, seed: int = 7) -> None:
    """Write a corpus as JSON lines: id, text, gold (the cluster), kind, score (a number that is the same on all rows).

    Args:
        path: of the file.
        rows: how many, but for the copies of short replies.
        hh: a file of HH-RLHF's dialogues, where sentences come from.
        short: texts of 5 to 25 words drawn at random, in place of 3 to 12 sentences.
        seed: another, another corpus.
    """
    rng = random.Random(seed)
    known = _sentences(hh)
    vocabulary = sorted({word for sentence in known for word in sentence.split()})
    pieces, least, most = (vocabulary, 5, 25) if short else (known, 3, 12)
    bases = [(" ".join(rng.sample(pieces, rng.randint(least, most))), i, "base") for i in range(int(rows * 0.8))]
    copies = [(*rng.choice(bases)[:2], "exact") for _ in range(int(rows * 0.05))]
    near = [(_edited(text, vocabulary, rng), i, "near") for text, i, _ in rng.choices(bases, k=int(rows * 0.1))]
    words = sorted({word.strip('.,?!"').lower() for word in vocabulary if word.isascii()} - {""})
    replies: dict[str, int] = {}
    while len(bases) + len(copies) + len(near) + len(replies) < rows:
        replies.setdefault(" ".join(rng.choices(words, k=rng.randint(1, 3))), len(bases) + len(replies))
    brief = [(text, i, "short") for text, i in replies.items()]
    again = [(text, i, "short copy") for text, i, _ in rng.sample(brief, len(brief) // 5)]
    every = [*bases, *copies, *near, *brief, *again]
    rng.shuffle(every)
    with path.open("wb") as file:
        for place, (text, gold, kind) in enumerate(every):
            row = {"id": f"d{place:07d}", "text": text, "gold": gold, "kind": kind, "score": 1}
            file.write(orjson.dumps(row) + b"\n")


def _sentences(hh: Path) -> list[str]:
    found = set()
    with gzip.open(hh, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = orjson.loads(line)
            for dialogue in (record["chosen"], record["rejected"]):
                for turn in re.split(r"\n\n(?:Human|Assistant): ", dialogue):
                    said = (sentence.strip() for sentence in re.split(r"(?<=[.?!])\s+", turn))
                    found.update(sentence for sentence in said if len(sentence.split()) >= 3)
    return sorted(found)


def _edited(text: str, vocabulary: list[str], rng: random.Random) -> str:
    words = text.split()
    for place in rng.sample(range(len(words)), max(1, int(len(words) * 0.03))):
        words[place] = rng.choice(vocabulary)
    return " ".join(words)


def score(path: Path, kept: set[str]) -> dict[str, Any]:
    """What was found and what was lost.

    A row is a duplicate when the Jaccard similarity of its word 5-grams to one of its cluster is at least 0.7, directly
    or through others. Of rows that are linked so one should be kept.

    Args:
        path: of the corpus.
        kept: ids of the rows that were not removed.

    Returns:
        recall of duplicates, distinct rows lost, short replies kept (of how many), their copies removed (of how many).
    """
    clusters: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    with path.open("rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            clusters[row["gold"]].append(row)
    duplicates = left = lost = 0
    short, copies = [0, 0], [0, 0]
    for rows in clusters.values():
        for linked in _linked([_grams(row["text"]) for row in rows]):
            stay = sum(rows[place]["id"] in kept for place in linked)
            if rows[0]["kind"].startswith("short"):
                short[0], short[1] = short[0] + (stay > 0), short[1] + 1
                copies[0], copies[1] = copies[0] + len(linked) - max(stay, 1), copies[1] + len(linked) - 1
            else:
                duplicates, left, lost = duplicates + len(linked) - 1, left + max(0, stay - 1), lost + (not stay)
    return {
        "recall": 1 - left / duplicates, "distinct lost": lost,
        "short kept": f"{short[0]:,}/{short[1]:,}", "short copies removed": f"{copies[0]:,}/{copies[1]:,}",
    }  # fmt: skip


def _grams(text: str, size: int = 5) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def _linked(sets: list[set[str]], threshold: float = 0.7) -> list[list[int]]:
    """Places of sets that are linked by similarity."""
    groups: list[list[int]] = []
    for place, grams in enumerate(sets):
        near = [group for group in groups if any(_jaccard(grams, sets[other]) >= threshold for other in group)]
        groups = [group for group in groups if group not in near] + [[*chain(*near), place]]
    return groups


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)
