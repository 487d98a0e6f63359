"""Semantic likeness in a run: partitions fitted, searched, and what that says of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from schemas.config import Config
from transforms.blocks import Block
from transforms.duplicates.semantic_signals import EDGES, conclude
from transforms.duplicates.semantic_stage import FindAlike, Search, fit
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"partitions": 1, "alike": 1, "semantic": 1}


@dataclass(frozen=True)
class Semantic:
    """The stages, the last of which has the signals."""

    search: Search
    fitted: Done
    found: Done
    concluded: Done

    @property
    def edges(self) -> str:
        """The file of edges between prompts, and between rows, that belong into one group (frame of `PAIRS`)."""
        return f"{self.concluded.folder}/{EDGES}"

    def to_dict(self) -> dict[str, Any]:
        """What was found and how completely, for the manifest."""
        fitted, total = self.fitted.total, self.concluded.total
        return {
            "threshold": self.search.threshold,
            "group_threshold": self.search.group_threshold,
            "compared": fitted["members"],
            "partitions": fitted["partitions"],
            "pairs": self.found.total["pairs"],
            **{name: total[name] for name in ("with_neighbour", "duplicates", "edges", "recall")},
        }

    def note(self) -> str:
        """What was found and how completely, for the card."""
        told = self.to_dict()
        said = (
            f"By their embeddings, {told['with_neighbour']:,} of {told['compared']['rows']:,} rows are like another in "
            f"every part, prompt and responses, to a cosine of {self.search.threshold:g} or more; for "
            f"{told['duplicates']:,} of them another row can stand."
        )
        for what, is_found in (("rows", "nearest neighbours"), ("prompts", "pairs of prompts")):
            of = told["recall"][what]
            if of["true"]:
                said += (
                    f" Comparing {of['sampled']:,} {what} with all others found {of['true']:,} {is_found}; the search "
                    f"had {of['recall']:.1%} of them."
                )
        return said


def find_semantic(
    config: Config, every: Sequence[Block], identity: Done, texts: Vectors | None, engine: Engine
) -> Semantic | None:
    """Rows and prompts that say the same; None where nothing is embedded or nobody wants to know."""
    asked = config.semantic
    if texts is None or not asked.find:
        return None
    search = Search(
        identity.folder,
        texts.assembled.folder,
        asked.threshold,
        asked.group_threshold,
        asked.probes,
        texts.model.device,
    )
    common = {"blocks": [astuple(block) for block in every], "search": asdict(search)}
    fitted = engine.run(
        "partitions",
        VERSIONS["partitions"],
        search.device,
        [texts.assembled.key],
        1,
        lambda p, folder: p | "partitions" >> RunTasks([common], fit, folder),
    )
    counts = fitted.total["partitions"]
    partitions = (counts["prompts"], counts["rows"])
    found = engine.run(
        "alike",
        VERSIONS["alike"],
        [search.threshold, search.group_threshold, search.probes],
        [fitted.key],
        sum(partitions),
        lambda p, folder: p | "alike" >> FindAlike(every, search, fitted.folder, partitions, folder),
    )
    work = [{**common, "found": found.folder, "partitions": partitions}]
    concluded = engine.run(
        "semantic",
        VERSIONS["semantic"],
        None,
        [found.key],
        1,
        lambda p, folder: p | "semantic" >> RunTasks(work, conclude, folder),
    )
    return Semantic(search, fitted, found, concluded)
