"""Probes: what preferences express, by ratings on several dimensions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.config.section import Section
from schemas.config.sources import Source


class Probes(Section):
    """Linear probes on embeddings, fitted on ratings and applied to pairs."""

    find: bool = Field(True, description="Whether to fit them, where there are embeddings, ratings and pairs.")
    ratings: list[Source] = Field(
        [], description="Sources of ratings beside those of the run: probes learn from them, nothing else does."
    )
    dimensions: list[str] | None = Field(None, description="Only these dimensions; all that are rated when absent.")
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="Of groups; no row is judged by its own.")
    ceiling: Annotated[int, Field(ge=1000)] = Field(
        100_000, description="Ratings to fit on at most; past it a sample by content."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of folds.")
