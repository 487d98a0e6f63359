"""Regions where labels go wrong, or raters disagree."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.config.section import Section


class Slices(Section):
    """Regions of the data where labels go wrong, or raters disagree, more than elsewhere; needs embeddings."""

    find: bool = Field(True, description="Whether to look for them.")
    resolutions: list[Annotated[int, Field(ge=2, le=1000)]] = Field(
        [10, 20, 40],
        description="Numbers of clusters that prompts, rows and differences are cut into.",
        min_length=1,
    )
    seeds: Annotated[int, Field(ge=1, le=20)] = Field(
        3, description="Clusterings of each kind; they say what is stable."
    )
    permutations: Annotated[int, Field(ge=20)] = Field(200, description="Of the null.")
    level: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="The chance that a run finds any slice where there is none; at least 1 / (permutations + 1)."
    )
    smallest: Annotated[int, Field(ge=10)] = Field(
        50, description="Rows of a slice at least; a fifth of it are the groups that it must have."
    )
    most: Annotated[int, Field(ge=1)] = Field(10, description="Slices that are told, for each signal.")
    ceiling: Annotated[int, Field(ge=1000)] = Field(
        50_000,
        description="Rows to look at; past it a sample by content, and all rows are said to be in a slice or not.",
    )
