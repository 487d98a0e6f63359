"""Ratings in a run: values of all raters as numbers, one look at all of them, signals beside every block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.embedding import Vectors
from pipelines.engine import Done, Engine
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.parquet import RowGroups
from transforms.ratings.inputs import write_inputs
from transforms.ratings.stage import judge_ratings
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"rated": 1, "ratings": 1}
_HOW = {
    "raw": "as they are",
    "z": "each with the mean and the spread of all",
    "rank": "by the quantiles of their ranks",
    "mixed": "less what each gives more than others do to the same",
}


@dataclass(frozen=True)
class Ratings:
    """The stages, the last of which has the signals."""

    inputs: Done
    done: Done
    every: Sequence[Block]

    def to_dict(self) -> dict[str, Any]:
        """What was found of each source and dimension, and systems' and languages' means, for the manifest."""
        by = self.inputs.total.get("by", {})
        out = []
        for one in self.done.total["told"]:
            sums = by.get(f"{one['source']}\x1f{one['dimension']}", {})
            means = {
                f"{what}s": {
                    name: {"rows": found["rows"], "mean": round(found["sum"] / found["rows"], 5)}
                    for name, found in sorted(sums.get(what, {}).items())
                }
                for what in ("system", "language")
            }
            out.append({**one, **means})
        return {"looked_at_texts": bool(self.done.total["looked"]), "figures": out}

    def notes(self, published: bool) -> list[str]:
        """What a reader must know of them, for the card; `published` says whether what they come to is."""
        hows = sorted({one["normalised_by"] for one in self.done.total["told"]})
        said = "so put together" if published else "the plain means of what raters said"
        return [
            f"Ratings of several raters were put together {'; '.join(_HOW[how] for how in hows)}. Published scores are "
            f"{said} (`policy.score`)."
        ]

    def write(self, out: str) -> None:
        """Write `ratings.parquet`: what is known of each rated row and dimension; no file where nobody rated any."""
        whole = RowGroups()
        for block in self.every:
            found = blocks.read_frame(f"{self.done.folder}/{block.sidecar}", ["ratings"])
            named = blocks.read_frame(block.path, ["row_id", "content_id", "source"]).hstack(found)
            lines = named.filter(pl.col("ratings").is_not_null()).explode("ratings").unnest("ratings")
            if lines.height:
                whole.add(lines)
        if whole.rows:
            blocks.write_bytes(whole.close(), f"{out}/ratings.parquet")


def find_ratings(
    config: Config,
    every: Sequence[Block],
    kinds: Sequence[str],
    identity: Done,
    signals: Done,
    groups: Done,
    texts: Vectors | None,
    engine: Engine,
) -> Ratings | None:
    """Look at all ratings; None where there are none or nobody asked."""
    asked = config.ratings
    if not asked.find or "rating" not in kinds:
        return None
    place = texts.done.folder if texts else None
    common = {"identity": identity.folder, "signals": signals.folder, "groups": groups.folder, "texts": place}
    work = [{**common, "path": block.path, "name": block.sidecar} for block in every]
    inputs = engine.run(
        "rated",
        VERSIONS["rated"],
        None,
        [identity.key, signals.key, groups.key, *([texts.done.key] if texts else [])],
        len(work),
        lambda p, folder: p | "rated" >> RunTasks(work, write_inputs, folder),
    )
    told = {"settings": {"raters": asked.raters, "folds": asked.folds, "seed": asked.seed}, "ceiling": asked.ceiling,
            "dimension": config.policy.dimension}  # fmt: skip
    named = [{"name": block.sidecar, "rows": block.rows} for block in every]
    task = {**told, "inputs": inputs.folder, "blocks": named}
    done = engine.run(
        "ratings",
        VERSIONS["ratings"],
        told,
        [inputs.key],
        1,
        lambda p, folder: p | "ratings" >> RunTasks([task], judge_ratings, folder),
    )
    return Ratings(inputs, done, every)
