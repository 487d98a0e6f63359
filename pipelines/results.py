"""A finished run's output folder, opened to be read: its figures, its ledger, its rows and what is known of them.

Only files are read, and no Beam is needed. A row's place is its line in the ledger, which has the rows of all blocks
one after another, and behind them the records that are part of a row (`transforms.publish.stage.joined_lines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import polars as pl

from pipelines.errors import UserError
from schemas.config import Config
from transforms import blocks, markers
from transforms.blocks import Block


@dataclass(frozen=True)
class Results:
    """A run's output folder and its manifest."""

    out: str
    manifest: dict[str, Any]

    @cached_property
    def config(self) -> Config:
        return Config.model_validate(self.manifest["config"])

    def stage(self, name: str) -> str | None:
        """The folder of a stage's files, of the last one where it ran twice; None where it did not run or is gone."""
        keys = [stage["lineage"] for stage in self.manifest["stages"] if stage["stage"] == name]
        folder = f"{self.out}/work/{name}-{keys[-1][:12]}" if keys else ""
        return folder if keys and blocks.exists(f"{folder}/done.json") else None

    @cached_property
    def blocks(self) -> list[Block]:
        """All blocks in their order; none where the working files are gone."""
        made = [self.stage(name) for name in self._makers]
        if not made or None in made:
            return []
        out: list[Block] = []
        for folder in made:
            stats = markers.finished(str(folder))
            written = [block for task in sorted(stats) for block in stats[task]["blocks"]]
            out += [
                Block(len(out) + place, f"{folder}/blocks/{block['name']}", block["rows"])
                for place, block in enumerate(written)
            ]
        return out

    @property
    def _makers(self) -> list[str]:
        """The stages that wrote blocks, in order."""
        names = [stage["stage"] for stage in self.manifest["stages"]]
        return list(dict.fromkeys(name for name in names if name == "ingest" or name.startswith("derive-")))

    def table(self, name: str) -> pl.LazyFrame:
        """A Parquet file of the output folder, read as far as it is needed."""
        return _scan([f"{self.out}/{name}"])

    def ledger(self) -> pl.LazyFrame:
        """The ledger, with each line's `place`."""
        return self.table("ledger.parquet").with_row_index("place")

    def sidecars(self, stage: str) -> pl.LazyFrame | None:
        """What a stage says of each row, with the row's `place`; None where it did not run or is gone."""
        folder = self.stage(stage)
        if folder is None or not self.blocks:
            return None
        return _scan([f"{folder}/{block.sidecar}" for block in self.blocks]).with_row_index("place")

    @cached_property
    def starts(self) -> np.ndarray:
        """The place of each block's first row, and behind them how many rows there are."""
        return np.cumsum([0, *(block.rows for block in self.blocks)])

    def where(self, place: int) -> tuple[Block, int] | None:
        """The block and the row in it; None for a record that is part of a row, or where the blocks are gone."""
        if not self.blocks or place >= self.starts[-1]:
            return None
        index = int(np.searchsorted(self.starts, place, side="right")) - 1
        return self.blocks[index], int(place - self.starts[index])

    def rows(self, places: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """Columns of rows as their blocks have them, with `place`; only these rows' blocks are read, one at a time."""
        return self._gather(places, columns, lambda block: block.path)

    def said(self, stage: str, places: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """What a stage says of rows, with `place`; empty where it did not run or is gone."""
        folder = self.stage(stage)
        if folder is None:
            return pl.DataFrame(schema={"place": pl.Int64})
        return self._gather(places, columns, lambda block: f"{folder}/{block.sidecar}")

    def _gather(self, places: Sequence[int], columns: Sequence[str], path: Any) -> pl.DataFrame:
        found = [(place, *there) for place in sorted(set(places)) if (there := self.where(place))]
        parts = []
        for block in dict.fromkeys(block for _, block, _ in found):
            mine = [(place, row) for place, owner, row in found if owner == block]
            part = blocks.read_frame(path(block), columns)[[row for _, row in mine]]
            parts.append(part.with_columns(place=pl.Series([place for place, _ in mine], dtype=pl.Int64)))
        return pl.concat(parts) if parts else pl.DataFrame(schema={"place": pl.Int64})

    def find(self, row_ids: Sequence[str]) -> dict[str, int]:
        """The places of rows by their names; those that are not there are left out."""
        wanted = pl.Series(sorted(set(row_ids)), dtype=pl.String)
        found = self.ledger().select("place", "row_id").filter(pl.col("row_id").is_in(wanted.implode())).collect()
        return dict(zip(found["row_id"].to_list(), found["place"].to_list(), strict=True))


def open_results(out: str) -> Results:
    """Open the output folder of a finished run; raises UserError where it is none."""
    out = out.rstrip("/")
    if not blocks.exists(f"{out}/manifest.json"):
        raise UserError(f"{out} has no manifest.json: it is not the output of a finished run")
    return Results(out, blocks.read_json(f"{out}/manifest.json"))


def results_of(out: str, manifest: dict[str, Any]) -> Results:
    """A run whose manifest is about to be written, as it will be read."""
    return Results(out, orjson.loads(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)))


def _scan(paths: Sequence[str]) -> pl.LazyFrame:
    """Parquet files one under the other; what lies on this machine is read as far as it is needed."""
    if any(blocks.is_remote(path) for path in paths):
        return pl.concat([blocks.read_frame(path) for path in paths]).lazy()
    return pl.concat([pl.scan_parquet(path, glob=False) for path in paths])
