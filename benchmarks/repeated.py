"""A finished run as if its data were there several times over, to time what reads runs of any size.

Every stage's files beside blocks are linked again under the numbers of further blocks, rows get names and groups of
their own in the ledger, and counts are multiplied. What was fitted, measured once or drawn stays as it was.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.finished import Finished
from transforms import blocks, markers
from transforms.parquet import RowGroups

_BESIDE = re.compile(r"(\d{6})(\.parquet|\.npy)")
#: Parts of the manifest that count rows.
_COUNTS = ("counts", "reasons", "kinds", "splits", "published", "languages", "pii")


def repeat(run: Path, out: Path, times: int) -> None:
    """Write the run to another folder so many times over.

    Raises:
        ValueError: rows were derived, or made of several records: their numbers do not go on like that.
    """
    done = Finished.at(str(run))
    every = done.blocks()
    ledger = pl.read_parquet(run / "ledger.parquet")
    if {Path(one.path).parents[1] for one in every} != {Path(str(done.folder("ingest")))}:
        raise ValueError(f"{run}: has rows that were derived")
    if ledger.height != sum(one.rows for one in every):
        raise ValueError(f"{run}: has rows that several records make")
    links = {"copy_function": os.link, "dirs_exist_ok": True, "ignore": shutil.ignore_patterns("manifest.json", "kept")}
    shutil.copytree(run, out, **links)  # type: ignore[arg-type]
    for stage in done.manifest["stages"]:
        folder = out / "work" / f"{stage['stage']}-{stage['lineage'][:12]}"
        for path in [*folder.iterdir(), *folder.glob("external/*")]:
            if named := _BESIDE.fullmatch(path.name):
                for again in range(1, times):
                    os.link(path, path.with_name(f"{int(named[1]) + again * len(every):06d}{named[2]}"))
        if stage["stage"] == "ingest":
            tasks = markers.finished(str(folder))
            for again in range(1, times):
                for number, stats in tasks.items():
                    markers.finish(str(folder), number + again * (max(tasks) + 1), stats)
    whole = RowGroups()
    for again in range(times):
        whole.add(_named(ledger, again))
    (out / "ledger.parquet").unlink()
    blocks.write_bytes(whole.close(), f"{out}/ledger.parquet")
    blocks.write_json(_counted(done.manifest, times), f"{out}/manifest.json")


def _named(ledger: pl.DataFrame, again: int) -> pl.DataFrame:
    """The ledger with names that no other time has."""
    mark = pl.lit("" if not again else f"#{again}")
    other = pl.element().struct.field("counterpart")
    return ledger.with_columns(
        pl.concat_str("row_id", mark),
        pl.concat_str("group_id", mark),
        pl.concat_str("counterpart", mark),
        pl.col("details").list.eval(pl.element().struct.with_fields(counterpart=pl.concat_str(other, mark))),
    )


def _counted(manifest: dict[str, Any], times: int) -> dict[str, Any]:
    out = manifest | {name: {key: times * count for key, count in manifest[name].items()} for name in _COUNTS}
    for one in out["sources"].values():
        one |= {name: times * one[name] for name in ("records", "kept")}
    if out["strength"] and out["strength"]["fitted"]:
        out["strength"]["bins"] = {name: times * count for name, count in out["strength"]["bins"].items()}
    return out
