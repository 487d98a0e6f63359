"""What comes out: splits, published shapes, and when a run has failed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from schemas.config.section import Section, Share


class Split(Section):
    """How rows are spread over splits; rows of one prompt always stay together."""

    fractions: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Share] = Field(
        {"train": 0.9, "validation": 0.05, "test": 0.05}, description="Share of the rows for each split."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Another seed, other splits.")

    @model_validator(mode="after")
    def _whole(self) -> Split:
        if not self.fractions or abs(sum(self.fractions.values()) - 1) > 1e-9:
            raise ValueError(f"fractions: sum to {sum(self.fractions.values()):g}, not to 1")
        return self


Shape = Literal[
    "preference", "preference_full", "preference_soft", "listwise", "kto", "ratings", "comet", "metricx", "stepwise"
]
SHAPES: tuple[str, ...] = (
    "preference", "preference_full", "preference_soft", "listwise", "kto", "ratings", "comet", "metricx", "stepwise"
)  # fmt: skip


class Publish(Section):
    """What the published folder holds."""

    configurations: list[Shape] | Literal["auto"] = Field(
        "auto",
        description="Shapes to write, each a dataset configuration; auto takes those that the kinds of rows allow.",
    )
    title: str | None = Field(None, description="The card's title; the run's name when absent.")
    description: str | None = Field(None, description="A paragraph for the card.")
    rows_per_shard: Annotated[int, Field(ge=1)] = Field(
        200_000, description="A Parquet file holds about this many rows."
    )


class Expectation(Section):
    """One more Great Expectations expectation for the gate."""

    type: str = Field(description="Its name in snake case: expect_column_values_to_be_between.")
    on: str = Field("metrics", description="`metrics` (a column a metric), or a published configuration.")
    kwargs: dict[str, Any] = Field({}, description="Its arguments.")
    severity: Literal["critical", "warning"] = Field(
        "critical", description="A critical one that fails fails the run; a warning is only told."
    )

    @model_validator(mode="before")
    @classmethod
    def _on(cls, given: Any) -> Any:
        # YAML reads a bare `on` as true.
        return (
            {"on" if key is True else key: value for key, value in given.items()} if isinstance(given, dict) else given
        )


class Gate(Section):
    """When a run has failed."""

    max_dead_letters: Share = Field(0.05, description="The largest share of records that may be unusable.")
    split_tolerance: Share = Field(
        0.01, description="How far a split's share may be from its fraction; at least the largest group's."
    )
    expectations: list[Expectation] = Field([], description="More expectations.")
    require: list[str] = Field(
        [],
        description="Figures that the run must reach, such as `alpha>=0.4`, `surface_accuracy<=0.6`, "
        "`accuracy_NAME>=0.7` of a voice, or `evaluation/pairs/scorers/rm/low>=0.6` (`docs/gate.md`).",
    )
