"""Semantic likeness in a run: the stage that finds it, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from schemas.config import Config
from transforms.blocks import Block
from transforms.duplicates.semantic_members import Search
from transforms.duplicates.semantic_signals import EDGES
from transforms.duplicates.semantic_stage import FindAlike, partitions_at_most

#: Raised where the stage's code gives other results than before.
VERSION = 3


@dataclass(frozen=True)
class Semantic:
    """The stage, with the signals."""

    search: Search
    done: Done

    @property
    def edges(self) -> str:
        """The file of edges between prompts, and between rows, that belong into one group (frame of `PAIRS`)."""
        return f"{self.done.folder}/{EDGES}"

    def to_dict(self) -> dict[str, Any]:
        """What was found and how completely, for the manifest."""
        last = self.done.stats[max(self.done.stats)]
        return {
            "threshold": self.search.threshold,
            "group_threshold": self.search.group_threshold,
            "compared": last["members"],
            "left_out": last["left_out"]["rows"],
            **{name: last[name] for name in ("partitions", "with_neighbour", "duplicates", "edges", "recall")},
        }

    def note(self) -> str:
        """What was found and how completely, for the card."""
        told = self.to_dict()
        found, stand, shown = (told[name] for name in ("with_neighbour", "duplicates", "left_out"))
        left = f" {shown:,} rows show images and were left out: alike texts do not say that these are." if shown else ""
        if shown and not told["compared"]["rows"]:
            return f"No rows were compared by their embeddings:{left}"
        of = f"of {told['compared']['rows']:,} rows"
        like = f"like another in every part, prompt and responses, to a cosine of {self.search.threshold:g} or more"
        said = f"By their embeddings, none {of} is {like}."
        if found:
            said = f"By their embeddings, {found:,} {of} are {like}; for {stand:,} of them another row can stand."
        for what, is_found in (("rows", "nearest neighbours"), ("prompts", "pairs of prompts")):
            of = told["recall"][what]
            if of["true"]:
                said += (
                    f" Comparing {of['sampled']:,} {what} with all others found {of['true']:,} {is_found}; the search "
                    f"had {of['recall']:.1%} of them."
                )
        return said + left


def find_semantic(
    config: Config, every: Sequence[Block], identity: Done, texts: Vectors | None, shown: int, engine: Engine
) -> Semantic | None:
    """Rows and prompts that say the same; None where nothing is embedded or nobody wants to know.

    `shown` is how many messages have images: rows that show some are left out.
    """
    asked = config.semantic
    if texts is None or not asked.find:
        return None
    search = Search(
        identity.folder,
        texts.done.folder,
        asked.threshold,
        asked.group_threshold,
        asked.probes,
        texts.model.device,
        shown > 0,
    )
    done = engine.run(
        "semantic",
        VERSION,
        [search.threshold, search.group_threshold, search.probes, search.device],
        [texts.done.key],
        2 * partitions_at_most(every) + 1,
        lambda p, folder: p | "semantic" >> FindAlike(every, search, folder),
    )
    return Semantic(search, done)
