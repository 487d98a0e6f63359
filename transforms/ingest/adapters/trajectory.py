"""Trajectories for vision-language reward models: frames of a task with progress or reward, as pairs of frames.

    {"trajectory_id": "t1", "instruction": "open the door", "frames": [IMAGE, …], "progress": [0.0, 0.2, …]}

`progress`, `reward` or `rewards` says how far each frame is. A pair is two frames of one trajectory, the later one
first, that lie one minimum gap apart, or two, four and so on; the better one has the larger value, and the difference
is the strength. Without values nobody knows, unless `options: {expert: true}` says that later is better, as it is where
experts act; a pair then has both judgements, on the dimensions `time` and `progress` or `reward`. The prompt is the
instruction. An image is a URI, bytes, or an object with either. A trajectory that is too short for a pair is a rating
of its last frame.

The metadata names the trajectory, both frames, their values, and what `options.seconds` and `options.scores` ask for:

    {"trajectory": "t1", "frame": 1, "value": 0.2, "earlier_frame": 0, "earlier_value": 0.0, "record": {…}, …}
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
from transforms.ingest.records import Records
from transforms.ingest.values import described
from transforms.lists import side_by_side

_VALUES = ("progress", "reward", "rewards")


class Pairing(Switches):
    """Which frames are compared."""

    minimum_gap: int = Field(1, ge=1, description="How many frames apart two that are compared are, at least.")
    pairs_per_frame: int = Field(3, ge=1, description="With how many earlier frames each is compared, at most.")
    expert: bool = Field(False, description="Whether later frames are better: a judgement of its own beside values.")
    seconds: str | None = Field(None, description="The field that says when a frame was, in seconds.")
    scores: list[str] = Field([], description="Fields with a number for each frame that other scorers gave it.")

    @property
    def numbers(self) -> dict[str, str]:
        """Fields with a number for each frame that are read, by what they are called here."""
        seconds = {"seconds": self.seconds} if self.seconds else {}
        return {**seconds, **{f"score.{name}": name for name in self.scores}}


def value_field(records: Records) -> str:
    """The field that says how far frames are."""
    return next(filter(records.has, _VALUES), _VALUES[0])


def frame_rows(records: Records, frames: pl.DataFrame, options: Options, taken: tuple[str, ...]) -> pl.DataFrame:
    """A pair for each two frames that are compared; a rating of the last frame where there are none.

    Args:
        records: the batch.
        frames: unit (the record that stands for the trajectory), record, number, image, value, and what
            `Pairing.numbers` names; in the order of time.
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
    later = pl.when(pair & pl.lit(said.expert)).then(1.0)
    made = [
        judgement(value, dimension=named.replace("rewards", "reward"), strength=gap.abs()),
        # A margin is in one unit: where there are values, theirs.
        judgement(later, dimension="time", strength=pl.when(gap.is_null()).then("step")),
    ]
    left = rest(records, ("instruction", named, *taken, *said.numbers.values())).fill_null("{}")
    sides = [image_turn(every[name], "assistant") for name in ("image", "image_early")]
    told = every.with_columns(
        records.keys(("trajectory_id",))["trajectory_id"][every["unit"]].alias("trajectory"),
        later=left[every["record"]],
        early=left[every["record_early"].fill_null(every["record"])],
    )
    return pl.DataFrame(
        {
            "kind": every["kind"],
            "record": every["unit"],
            "prompt": prompt_turns(records.column("instruction", pl.String))[every["unit"]],
            "responses": side_by_side(sides, [every["kind"].is_not_null(), every["kind"] == "pair"]),
            "judgements": judgements(every, made),
            "metadata": told.select(m=_metadata(said))["m"],
        }
    )


def _metadata(said: Pairing) -> pl.Expr:
    """What a row says of its frames, as a JSON object; what is not known is not there."""
    name = pl.struct(trajectory="trajectory").struct.json_encode().str.slice(1).str.strip_suffix("}")
    earlier = pl.concat_str(pl.lit(',"earlier_frame":'), "number_early", pl.lit(',"earlier_record":'), "early")
    pair = pl.col("kind") == "pair"
    parts = [
        pl.lit("{"),
        pl.when(pl.col("trajectory").is_not_null()).then(name + ",").otherwise(pl.lit("")),
        pl.lit('"frame":'),
        pl.col("number").cast(pl.String),
        _number("value", "value"),
        _number("earlier_value", "value_early"),
        *([_number("seconds", "seconds"), _number("earlier_seconds", "seconds_early")] if said.seconds else []),
        *([_scores(said.scores)] if said.scores else []),
        pl.lit(',"record":'),
        "later",
        pl.when(pair).then(earlier).otherwise(pl.lit("")),
        pl.lit("}"),
    ]
    return pl.concat_str(parts)


def _number(key: str, column: str) -> pl.Expr:
    known = pl.when(pl.col(column).is_finite()).then(column)
    return pl.concat_str(pl.lit(f',"{key}":'), known).fill_null("")


def _scores(names: list[str]) -> pl.Expr:
    """Each scorer's numbers for the later and the earlier frame, as a list of both."""
    each = [pl.concat_list(f"score.{name}", f"score.{name}_early").alias(name) for name in names]
    return pl.concat_str(pl.lit(',"scores":'), pl.struct(each).struct.json_encode())


def rows(records: Records, options: Options) -> pl.DataFrame:
    """Pairs of frames, trajectory by trajectory."""
    lists = [value if isinstance(value, list) else [] for value in records.values("frames")]
    for index, value in enumerate(records.values("frames")):
        if value is None or value == []:
            records.problem(index, "missing_field", "field 'frames' is missing, null or empty")
        elif not lists[index]:
            records.problem(index, "wrong_type", f"field 'frames' is {described(value)}; a list of images is expected")
    items = Places(np.array([len(frames) for frames in lists], np.int64))
    numbers = {"value": value_field(records), **Pairing.model_validate(options).numbers}
    per_frame = {name: _each_frame(records, field, items) for name, field in numbers.items()}
    owners = items.owners.tolist()
    shown = images(records, [frame for one in lists for frame in one], owners, "frames")
    frames = pl.DataFrame({"unit": items.owners, "record": items.owners, "number": items.places, "image": shown})
    return frame_rows(records, frames.with_columns(**per_frame), options, ("frames",))


def _each_frame(records: Records, field: str, frames: Places) -> pl.Series:
    """The numbers of a field that has one for each frame; a list of another length makes a dead letter."""
    values = records.column(field, pl.List(pl.Float64), required=False)
    short = values.list.len() != pl.Series(frames.counts)
    records.reject(short, "wrong_type", f"{field!r} does not hold one number for each of 'frames'")
    each = pl.DataFrame({"v": values[frames.owners], "at": frames.places})
    return each.select(pl.col("v").list.get(pl.col("at"), null_on_oob=True)).to_series()


ADAPTER = Adapter(
    name="trajectory",
    kinds=("pair", "rating"),
    about="Trajectories, one a record: frames of a task with progress or reward, as pairs of frames.",
    keeps="images by URI and SHA-256, the gap in value, the trajectory, frames and their values; the rest as metadata",
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
