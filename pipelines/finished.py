"""A finished run's output folder, opened to be read: its figures, its ledger, its rows and what is known of them.

Only files are read, and no Beam is needed. A row's place is its line in the ledger, which has the rows of all blocks
one after another, and behind them the records that are part of a row (`transforms.publish.stage.joined_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import polars as pl

from pipelines.errors import UserError
from schemas.config import Config
from schemas.tables import TABLES
from transforms import blocks, markers
from transforms.blocks import Block
from transforms.hashing import digest_json

_DEAD = pl.Schema({name: pl.String() for name in ("source", "file", "code", "message", "raw")} | {"line": pl.Int64()})
#: What a run leaves: every column of every table, and a number to raise where its JSON is read otherwise than before.
FORMAT = digest_json([1, [[table.path, sorted(table.columns)] for table in TABLES]])
#: What comes of reading files that are not as this version would have made them.
_MISREAD = (LookupError, ValueError, TypeError, AttributeError, RuntimeError, pl.exceptions.PolarsError)
#: Stages that write blocks of the run.
_INGEST, _DERIVE = "ingest", "derive-"


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        out: its folder.
        manifest: what it says of itself.
    """

    out: str
    manifest: dict[str, Any]

    @classmethod
    def at(cls, out: str) -> Finished:
        """The run in a folder; raises UserError where there is none."""
        out = out.rstrip("/")
        if not blocks.exists(f"{out}/manifest.json"):
            raise UserError(f"{out} has no manifest.json: it is not the output of a finished run")
        return cls(out, blocks.read_json(f"{out}/manifest.json"))

    @classmethod
    def about_to_be(cls, out: str, manifest: dict[str, Any]) -> Finished:
        """A run whose manifest is about to be written, as it will be read."""
        return cls(out, orjson.loads(orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)))

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Reading a run that another version made: what is then not as it should be is no fault, and is said so.

        Raises:
            UserError: in place of what went wrong, where the run's `format` is not this version's.
        """
        try:
            yield
        except _MISREAD as error:
            if self.manifest.get("format") == FORMAT:
                raise
            raise UserError(
                f"{self.out} was made by another version of trenchcoat, whose files this one cannot read "
                f"({_what(error)}): run the same curate command again, which makes anew what differs"
            ) from error

    @cached_property
    def config(self) -> Config:
        return Config.model_validate(self.manifest["config"])

    def folder(self, stage: str) -> str | None:
        """The folder of a stage (the last of that name); None where it did not run.

        Raises:
            UserError: it ran, and its files are gone.
        """
        keys = [one["lineage"] for one in self.manifest["stages"] if one["stage"] == stage]
        return self._of(stage, keys[-1]) if keys else None

    def needed(self, stage: str) -> str:
        """The folder of a stage; raises UserError where there is none."""
        found = self.folder(stage)
        if found is None:
            raise UserError(f"{self.out}: the stage {stage} did not run in this run")
        return found

    def left(self, stage: str) -> str | None:
        """The folder of a stage; None where it did not run, and where its files are gone."""
        try:
            return self.folder(stage)
        except UserError:
            return None

    def blocks(self) -> list[Block]:
        """All blocks, with the numbers that they had in the run; raises UserError where they are gone."""
        written: list[tuple[str, int]] = []
        for stage in self.manifest["stages"]:
            if stage["stage"] == _INGEST or stage["stage"].startswith(_DERIVE):
                folder = self._of(stage["stage"], stage["lineage"])
                for _, stats in sorted(markers.finished(folder).items()):
                    written += [(f"{folder}/blocks/{block['name']}", block["rows"]) for block in stats["blocks"]]
        return [Block(index, path, rows) for index, (path, rows) in enumerate(written)]

    def _of(self, stage: str, lineage: str) -> str:
        folder = f"{self.out}/work/{stage}-{lineage[:12]}"
        if not blocks.exists(f"{folder}/done.json"):
            raise UserError(f"{folder} is gone: run the same curate command again, which makes it anew")
        return folder

    @cached_property
    def every(self) -> list[Block]:
        """All blocks; none where they are gone."""
        try:
            return self.blocks()
        except UserError:
            return []

    def table(self, name: str) -> pl.LazyFrame:
        """A Parquet file of the output folder, read as far as it is needed."""
        return _scan(f"{self.out}/{name}")

    def columns(self, stage: str) -> list[str]:
        """What a stage says of rows; nothing where it did not run or is gone."""
        folder = self.left(stage)
        path = f"{folder}/{self.every[0].sidecar}" if folder and self.every else None
        if path is None or not blocks.exists(path):
            return []
        return blocks.read_frame(path).columns if blocks.is_remote(path) else list(pl.read_parquet_schema(path))

    def dead_letters(self) -> pl.LazyFrame:
        """The records that could not be used, with each one's `place` in their file."""
        path = f"{self.out}/dead_letters.jsonl"
        source: Any = blocks.read_bytes(path) if blocks.is_remote(path) else path
        return pl.scan_ndjson(source, schema=_DEAD).with_row_index("place")

    def ledger(self) -> pl.LazyFrame:
        """The ledger, with each line's `place`."""
        return self.table("ledger.parquet").with_row_index("place")

    def sidecars(self, stage: str) -> pl.LazyFrame | None:
        """What a stage says of each row, with the row's `place`; None where it did not run or is gone."""
        folder = self.left(stage)
        if folder is None or not self.every:
            return None
        return pl.concat([_scan(f"{folder}/{block.sidecar}") for block in self.every]).with_row_index("place")

    @cached_property
    def starts(self) -> np.ndarray:
        """The place of each block's first row, and behind them how many rows there are."""
        return np.cumsum([0, *(block.rows for block in self.every)])

    def where(self, place: int) -> tuple[Block, int] | None:
        """The block and the row in it; None for a record that is part of a row, or where the blocks are gone."""
        if not self.every or place >= self.starts[-1]:
            return None
        index = int(np.searchsorted(self.starts, place, side="right")) - 1
        return self.every[index], int(place - self.starts[index])

    def rows(self, places: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """Columns of rows as their blocks have them, with `place`; only these rows' blocks are read, one at a time."""
        return self._gather(places, columns, lambda block: block.path)

    def said(self, stage: str, places: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """What a stage says of rows, with `place`; empty where it did not run or is gone."""
        folder = self.left(stage)
        if folder is None:
            return pl.DataFrame(schema={"place": pl.Int64})
        return self._gather(places, columns, lambda block: f"{folder}/{block.sidecar}")

    def _gather(self, places: Sequence[int], columns: Sequence[str], path: Any) -> pl.DataFrame:
        found = [(place, *there) for place in sorted(set(places)) if (there := self.where(place))]
        parts = []
        for block in dict.fromkeys(block for _, block, _ in found):
            mine = [(place, row) for place, owner, row in found if owner == block]
            part = _alone(blocks.read_frame(path(block), columns)[[row for _, row in mine]])
            parts.append(part.with_columns(place=pl.Series([place for place, _ in mine], dtype=pl.Int64)))
        return pl.concat(parts) if parts else pl.DataFrame(schema={"place": pl.Int64})

    def find(self, row_ids: Sequence[str]) -> dict[str, int]:
        """The places of rows by their names; those that are not there are left out."""
        wanted = pl.Series(sorted(set(row_ids)), dtype=pl.String)
        found = self.ledger().select("place", "row_id").filter(pl.col("row_id").is_in(wanted.implode())).collect()
        return dict(zip(found["row_id"].to_list(), found["place"].to_list(), strict=True))


def _what(error: Exception) -> str:
    """What went wrong, in a line; what workers of other processes raise comes as the text of a traceback."""
    first, *rest = str(error).splitlines() or [""]
    told = [line for line in rest if re.match(r"[\w.]+(Error|Exception)\b", line)] if "Traceback" in first else []
    return told[-1] if told else f"{type(error).__name__}: {first}"


def _alone(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with texts of their own: rows taken out of a block hold all of its texts as long as they are there."""
    return pl.DataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))


def _scan(path: str) -> pl.LazyFrame:
    """A Parquet file; what lies on this machine is read as far as it is needed."""
    return blocks.read_frame(path).lazy() if blocks.is_remote(path) else pl.scan_parquet(path, glob=False)
