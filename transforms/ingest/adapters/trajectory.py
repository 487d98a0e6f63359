"""Trajectories for vision-language reward models: frames of a task with progress or reward, as pairs of frames.

    {"trajectory_id": "t1", "instruction": "open the door", "frames": [IMAGE, …], "progress": [0.0, 0.2, …]}

`progress`, `reward` or `rewards` says how far each frame is. A pair is two frames of one trajectory, the later one
first, that lie one minimum gap apart, or two, four and so on; the better one has the larger value, and the difference
is the strength. Without values nobody knows, unless `options: {expert: true}` says that later is better, as it is where
experts act. The prompt is the instruction, so that a trajectory's pairs stay in one split. An image is a URI, bytes, or
an object with either. A trajectory that is too short for a pair is a rating of its last frame.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from pydantic import Field

from transforms.ingest.adapters.base import Adapter, Options, Switches, rest
from transforms.ingest.adapters.images import image_turn, images
from transforms.ingest.adapters.parts import towards_first
from transforms.ingest.canonical import judgement, judgements
from transforms.ingest.dialogue import prompt_turns
from transforms.ingest.listed import Places
from transforms.ingest.records import Records, described
from transforms.lists import side_by_side

_VALUES = ("progress", "reward", "rewards")


class Pairing(Switches):
    """Which frames are compared."""

    minimum_gap: int = Field(1, ge=1, description="How many frames apart two that are compared are, at least.")
    pairs_per_frame: int = Field(3, ge=1, description="With how many earlier frames each is compared, at most.")
    expert: bool = Field(False, description="Whether later frames are better where no value says which are.")


def value_field(records: Records) -> str:
    """The field that says how far frames are."""
    return next(filter(records.has, _VALUES), _VALUES[0])


def frame_rows(records: Records, frames: pl.DataFrame, options: Options, taken: tuple[str, ...]) -> pl.DataFrame:
    """A pair for each two frames that are compared; a rating of the last frame where there are none.

    Args:
        records: the batch.
        frames: unit (the record that stands for the trajectory), record, number, image, value; in the order of time.
        options: as `Pairing` has them.
        taken: fields that are no metadata.
    """
    said, named = Pairing.model_validate(options), value_field(records)
    frames = frames.with_columns(place=pl.int_range(pl.len()).over("unit"))
    parts = []
    for apart in (said.minimum_gap * 2**power for power in range(said.pairs_per_frame)):
        late = np.flatnonzero((frames["place"] >= apart).to_numpy())
        early = frames[late - apart].select(pl.all().name.suffix("_early"))
        parts.append(frames[late].hstack(early).with_columns(step=pl.lit(float(apart)), kind=pl.lit("pair")))
    pairs = pl.concat(parts)
    alone = frames.filter(~pl.col("unit").is_in(pairs["unit"].implode())).group_by("unit", maintain_order=True).last()
    every = pl.concat([pairs, alone.with_columns(kind=pl.lit("rating"))], how="diagonal").sort("unit", "place", "step")
    gap, pair = pl.col("value") - pl.col("value_early"), pl.col("kind") == "pair"
    value = pl.when(pair).then(towards_first(gap)).otherwise("value")
    later = pl.when(pair & gap.is_null() & pl.lit(said.expert)).then(1.0)
    made = [
        judgement(value, dimension=named.replace("rewards", "reward"), strength=gap.abs()),
        judgement(later, dimension="time", strength=pl.col("step")),
    ]
    left = rest(records, ("instruction", named, *taken))
    sides = [image_turn(every[name], "assistant") for name in ("image", "image_early")]
    told = every.select(
        "number",
        "number_early",
        later=left[every["record"]],
        early=left[every["record_early"].fill_null(every["record"])],
    )
    earlier = pl.concat_str(pl.lit(',"earlier_frame":'), "number_early", pl.lit(',"earlier_record":'), "early")
    shown = [pl.lit('{"frame":'), "number", pl.lit(',"record":'), "later", earlier.fill_null(""), pl.lit("}")]
    return pl.DataFrame(
        {
            "kind": every["kind"],
            "record": every["unit"],
            "prompt": prompt_turns(records.column("instruction", pl.String))[every["unit"]],
            "responses": side_by_side(sides, [every["kind"].is_not_null(), every["kind"] == "pair"]),
            "judgements": judgements(every, made),
            "metadata": told.select(m=pl.concat_str(shown))["m"],
        }
    )


def rows(records: Records, options: Options) -> pl.DataFrame:
    """Pairs of frames, trajectory by trajectory."""
    lists = [value if isinstance(value, list) else [] for value in records.values("frames")]
    for index, value in enumerate(records.values("frames")):
        if value is None or value == []:
            records.problem(index, "missing_field", "field 'frames' is missing, null or empty")
        elif not lists[index]:
            records.problem(index, "wrong_type", f"field 'frames' is {described(value)}; a list of images is expected")
    items = Places(np.array([len(frames) for frames in lists], np.int64))
    named = value_field(records)
    values = records.column(named, pl.List(pl.Float64), required=False)
    short = values.list.len() != pl.Series(items.counts)
    records.reject(short, "wrong_type", f"{named!r} does not hold one number for each of 'frames'")
    owners = items.owners.tolist()
    shown = images(records, [frame for one in lists for frame in one], owners, "frames")
    frames = pl.DataFrame({"unit": items.owners, "record": items.owners, "number": items.places, "image": shown})
    each = pl.DataFrame({"v": values[items.owners], "at": items.places})
    frames = frames.with_columns(each.select(value=pl.col("v").list.get(pl.col("at"), null_on_oob=True)))
    return frame_rows(records, frames, options, ("frames",))


ADAPTER = Adapter(
    name="trajectory",
    kinds=("pair", "rating"),
    about="Trajectories, one a record: frames of a task with progress or reward, as pairs of frames.",
    keeps="images by URI and SHA-256, the gap in value, frame numbers and the rest as metadata",
    unknown="which frame is better where there is no value, unless it is an expert's (`options.expert`)",
    fields=("trajectory_id", "instruction", "frames"),
    rows=rows,
    example={
        "trajectory_id": "t1",
        "instruction": "open the door",
        "frames": ["0.png", "1.png"],
        "progress": [0.0, 0.2],
    },
    options=Pairing,
)
