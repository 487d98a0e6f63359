"""How trajectories are curated: what is looked at, and what becomes of pairs of their frames."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.config.section import Section


class Trajectories(Section):
    """Rows that show frames of trajectories."""

    find: bool = Field(True, description="Whether such rows are looked for, by `trajectory` and `frame` in metadata.")
    group: bool = Field(True, description="Whether all rows of a trajectory are one group, whatever their prompts.")


class OfFrames(Section):
    """The part of the policy that is about pairs of frames."""

    frames_too_near: Literal["soften", "drop", "review", "keep"] = Field(
        "soften",
        description="Pairs whose frames lie nearer to each other than `minimum_frame_gap` or `minimum_seconds`.",
    )
    minimum_frame_gap: Annotated[int, Field(ge=0)] = Field(
        0, description="How many frames apart a pair's are to lie, as the data number them."
    )
    minimum_seconds: Annotated[float, Field(ge=0)] = Field(
        0, description="How many seconds apart a pair's frames are to lie, where the data say when they were."
    )
    values_too_near: Literal["soften", "drop", "review", "keep"] = Field(
        "soften", description="Pairs of frames whose values are no further apart than `minimum_value_gap`."
    )
    minimum_value_gap: Annotated[float, Field(ge=0)] = Field(
        0, description="Up to which difference the values of two frames, progress or reward, say nothing."
    )
    time_contradicted: Literal["drop", "soften", "review", "keep"] = Field(
        "drop", description="Pairs of frames where time names one side and the values, by more than that, the other."
    )
