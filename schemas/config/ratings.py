"""How ratings are curated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.config.section import Section


class Ratings(Section):
    """How raters' values become one, and which of them look wrong."""

    find: bool = Field(True, description="Whether ratings are looked at.")
    raters: Literal["auto", "raw", "z", "rank", "mixed"] = Field(
        "auto",
        description="How raters are made comparable: `z` gives each the mean and the spread of all, `rank` their "
        "quantiles, `mixed` takes off what each gives more than others do to the same; `raw` leaves them. `auto`: "
        "mixed where most values are of items that several named raters judged, else z where most raters are named "
        "and have ten values or more, else raw.",
    )
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="Of groups; no row is judged by its own.")
    ceiling: Annotated[int, Field(ge=1000)] = Field(
        200_000, description="Rated rows that texts are looked at for (2 KiB each); with more, raters alone are."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of folds.")
