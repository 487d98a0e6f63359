"""What a run can be told, with its defaults: the whole configuration as models, and nothing that is not here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from schemas.config.attributes import Attributes
from schemas.config.balance import Balance, Shortcuts
from schemas.config.external import External, ResponseScores, RewardModel
from schemas.config.images import Images
from schemas.config.output import SHAPES, Expectation, Gate, Publish, Shape, Split
from schemas.config.policy import Policy, Recipe
from schemas.config.probes import Probes
from schemas.config.ratings import Ratings
from schemas.config.section import Section, Share
from schemas.config.signals import (
    DEFAULT_MODEL,
    Contamination,
    Duplicates,
    Embed,
    Length,
    Raters,
    Semantic,
    Signals,
    Strength,
)  # fmt: skip
from schemas.config.slices import Slices
from schemas.config.sources import Benchmark, Derive, Files, Part, Source, named_apart
from schemas.config.trajectories import Trajectories

__all__ = [
    "DEFAULT_MODEL", "SHAPES", "Attributes", "Balance", "Benchmark", "Config", "Contamination", "Derive", "Duplicates",
    "Embed", "Expectation", "External", "Files", "Gate", "Images", "Length", "Part", "Policy", "Probes", "Publish",
    "Raters", "Ratings", "Recipe", "ResponseScores", "RewardModel", "Section", "Semantic", "Shape", "Share",
    "Shortcuts", "Signals", "Slices", "Source", "Split", "Strength", "Trajectories",
]  # fmt: skip


class Config(Section):
    """A run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field("dataset", description="The dataset's name.")
    sources: list[Source] = Field(description="Where rows come from.", min_length=1)
    derive: list[Derive] = Field([], description="Rows made from other rows.")
    against: list[str] = Field(
        [], description="Output folders of earlier runs: what they published is not published again."
    )
    relabels: list[str] = Field(
        [],
        description="Files of trusted answers that `trenchcoat relabel import` wrote, beside the output folder's own.",
    )
    signals: Signals = Signals()
    duplicates: Duplicates = Duplicates()
    contamination: Contamination = Contamination()
    embed: Embed = Embed()
    semantic: Semantic = Semantic()
    images: Images = Images()
    trajectories: Trajectories = Trajectories()
    raters: Raters = Raters()
    external: External = External()
    probes: Probes = Probes()
    strength: Strength = Strength()
    slices: Slices = Slices()
    attributes: Attributes = Attributes()
    shortcuts: Shortcuts = Shortcuts()
    ratings: Ratings = Ratings()
    policy: Policy = Policy()
    split: Split = Split()
    balance: Balance = Balance()
    publish: Publish = Publish()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _named_apart(self) -> Config:
        named_apart("sources", self.sources)
        named_apart("probes.ratings", self.probes.ratings)
        unknown = sorted(set(self.policy.contaminated_splits) - set(self.split.fractions))
        if self.policy.contaminated == "train_only" and unknown:
            known = ", ".join(self.split.fractions)
            raise ValueError(f"policy.contaminated_splits: there is no split {unknown[0]!r}; there are {known}")
        return self

    @model_validator(mode="after")
    def _found_first(self) -> Config:
        if self.policy.pii != "report" and not self.signals.pii:
            raise ValueError(f"policy.pii: {self.policy.pii} acts on what signals.pii finds, which is false")
        if self.policy.score != "recorded" and not self.ratings.find:
            raise ValueError(f"policy.score: {self.policy.score} is what ratings.find finds, which is false")
        if self.balance.output != "off" and not self.shortcuts.find:
            raise ValueError(f"balance.output: {self.balance.output} needs shortcuts.find, which is false")
        return self
