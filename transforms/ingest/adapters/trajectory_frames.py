"""Trajectories of which each record is a frame; the frames of one may be anywhere in their file.

    {"trajectory_id": "t1", "frame_index": 0, "instruction": "open the door", "frame": IMAGE, "reward": 0.0}

Pairs are made as of `trajectory`: `progress` or `reward` says how far a frame is, `frame_index` when it was.
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options
from transforms.ingest.adapters.images import images
from transforms.ingest.adapters.trajectory import Pairing, frame_rows, value_field
from transforms.ingest.records import Records

_UNIT = ("trajectory_id",)


def rows(records: Records, options: Options) -> pl.DataFrame:
    """Pairs of frames, trajectory by trajectory."""
    every = range(len(records))
    records.column("trajectory_id", pl.String)
    numbers = {"value": value_field(records), **Pairing.model_validate(options).numbers}
    frames = pl.DataFrame(
        {
            "unit": records.unite(_UNIT),
            "record": every,
            "number": records.column("frame_index", pl.Int64),
            "image": images(records, records.values("frame"), every, "frame"),
            **{name: records.column(field, pl.Float64, required=False) for name, field in numbers.items()},
        }
    )
    return frame_rows(records, frames.sort("unit", "number", "record"), options, ("frame", "frame_index"))


ADAPTER = Adapter(
    name="trajectory_frames",
    kinds=("pair", "rating"),
    about="Trajectories, a frame a record: frames of a task with progress or reward, as pairs of frames.",
    keeps="images by URI and SHA-256, the gap in value, the trajectory, frames and their values; the rest of both "
    "as metadata",
    unknown="which frame is better where there is no value, unless it is an expert's (`options.expert`)",
    fields=("trajectory_id", "frame_index", "instruction", "frame"),
    rows=rows,
    example={"trajectory_id": "t1", "frame_index": 0, "instruction": "open the door", "frame": "0.png", "reward": 0.0},
    options=Pairing,
    joins=_UNIT,
)
