"""Trajectories in a run: what rows say of their frames; and, once verdicts are known, how well time is followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from pipelines.engine import Done, Engine
from pipelines.external import External
from schemas.config import Config
from transforms import blocks
from transforms.blocks import Block
from transforms.tasks import RunTasks
from transforms.trajectories.stage import MeasureOrder, find_frames, read_orders
from transforms.trajectories.voices import FINAL, RECORDED, VALUE

#: Raised where a stage's code gives other results than before.
VERSIONS = {"trajectories": 1, "orders": 1}


@dataclass(frozen=True)
class Frames:
    """The stages.

    Attributes:
        done: that says of each row which frames it shows.
        orders: that measured what follows time; None until verdicts are known.
    """

    done: Done
    orders: Done | None = None

    def table(self) -> pl.DataFrame:
        """Each trajectory's value-order correlation by each scorer."""
        assert self.orders is not None
        return read_orders(self.orders.folder)

    def to_dict(self) -> dict[str, Any]:
        """What was found, for the manifest."""
        total = self.done.total
        gaps = sorted(total["compared"], key=int)
        return {
            **{name: total[name] for name in ("rows", "pairs", "valued", "even", "contradicted")},
            # How often the later of two frames has the higher value, by how far apart they are at least.
            "later_is_higher": [
                {"frames": 2 ** int(gap), "pairs": total["compared"][gap], "higher": total["rising"].get(gap, 0),
                 "share": _share(total, gap)}
                for gap in gaps
            ],
            "value_order": _figures(self.table()),
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What a reader must know of them, for the card."""
        told = self.to_dict()
        out = []
        if told["contradicted"]:
            out.append(
                f"In {told['contradicted']:,} of {told['pairs']:,} pairs of frames the later one, better by time, has "
                "the lower value."
            )
        for name, words in ((VALUE, "the frames' values"), (RECORDED, "the recorded labels"), (FINAL, "kept labels")):
            one = told["value_order"].get(name)
            if one and one["mean"] is not None:
                out.append(
                    f"Value-order correlation of {words}: {one['mean']:.3f} on average of {one['defined']:,} of "
                    f"{one['trajectories']:,} trajectories."
                )
        return out


def _share(total: dict[str, Any], gap: str) -> float:
    return round(total["rising"].get(gap, 0) / total["compared"][gap], 5)


def _figures(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Of each scorer the mean over trajectories, its standard error, and how many have none and why."""
    known = pl.col("voc").filter(pl.col("why").is_null())
    found = table.group_by("scorer").agg(
        trajectories=pl.len(),
        defined=known.len(),
        short=(pl.col("why") == "short").sum(),
        constant=(pl.col("why") == "constant").sum(),
        mean=known.sort().mean().round(5),
        error=(known.sort().std() / known.len().sqrt()).round(5),
    )
    return {one.pop("scorer"): one for one in found.sort("scorer").to_dicts()}


def find_trajectories(
    config: Config, every: Sequence[Block], identity: Done, shown: int, engine: Engine
) -> Frames | None:
    """What rows say of the frames they show; None where nobody wants to know, or no row shows a frame.

    `shown` is how many messages have images: frames of trajectories are images.
    """
    if not config.trajectories.find or not shown:
        return None
    work = [{"path": block.path, "name": block.sidecar, "identity": identity.folder} for block in every]
    done = engine.run(
        "trajectories",
        VERSIONS["trajectories"],
        None,
        [identity.key],
        len(work),
        lambda p, folder: p | "trajectories" >> RunTasks(work, find_frames, folder),
    )
    return Frames(done) if done.total["rows"] else None


def measure_order(
    config: Config,
    every: Sequence[Block],
    identity: Done,
    frames: Frames | None,
    decided: Done,
    external: External | None,
    engine: Engine,
) -> Frames | None:
    """The frames with the value-order correlation of values, of labels as recorded and as kept, and of scorers."""
    if frames is None:
        return None
    folders = {
        "identity": identity.folder,
        "frames": frames.done.folder,
        "decided": decided.folder,
        "external": external.margins.folder if external else None,
    }
    dimension = config.policy.dimension
    orders = engine.run(
        "orders",
        VERSIONS["orders"],
        dimension,
        [frames.done.key, decided.key, *([external.margins.key] if external else [])],
        1,
        lambda p, folder: p | "orders" >> MeasureOrder(every, folders, dimension, folder),
    )
    return replace(frames, orders=orders)


def write_trajectories(out: str, frames: Frames | None) -> None:
    """Write `trajectories.parquet`, a line a trajectory and scorer; nothing of an older run."""
    target = f"{out}/trajectories.parquet"
    blocks.remove(target)
    if frames is not None:
        blocks.write_frame(frames.table(), target)
