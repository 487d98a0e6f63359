"""What is done about images that rows have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.config.section import Section, Share


class Images(Section):
    """Images in messages."""

    group: bool = Field(
        True,
        description="Whether rows that show the same image are one group. An image that more than "
        "`duplicates.template_share` of the rows' prompts have groups nothing.",
    )
    near: bool = Field(
        False,
        description="Whether images that look the same are taken for one in groups. Each is opened where it lies; "
        "frames of trajectories, which look like their neighbours, are left out. Rows of which all is near-copies are "
        "duplicates.",
    )
    bits: Annotated[int, Field(ge=0, le=6)] = Field(
        6, description="In how many of the 64 bits of their perceptual hashes two images may differ."
    )
    likeness: Share = Field(
        0.98,
        description="Correlation of two images in 8 x 8 from which on they look the same; a twentieth of what it may "
        "lack where more than eight hang together.",
    )
    cosine: Share = Field(
        0.98,
        description="With `embed.images`: cosine of two images' vectors from which on they look the same, whatever "
        "their hashes. Not tuned on any model: look at what it finds.",
    )
