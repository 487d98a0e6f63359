"""Domains and skills of prompts, and the mixture of them that is wanted."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.config.section import Section, Share


class EndpointOf(Section):
    """An endpoint that speaks OpenAI's chat completions; beginnings of prompts are sent to it."""

    url: str = Field(description="Up to and with /v1.", pattern=r"^https?://")
    model: str = Field(description="The model's name there.")
    key: str | None = Field(None, description="Name of the environment variable that holds the key.")
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(4, description="Questions at once.")
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        4, description="After the first try, each after a longer pause."
    )
    timeout: Annotated[float, Field(gt=0)] = Field(60.0, description="Seconds for an answer.")
    answer_tokens: Annotated[int, Field(ge=8)] = Field(200, description="Tokens of an answer at most.")
    max_tokens: Annotated[int, Field(ge=0)] = Field(
        200_000, description="Tokens of all questions and answers; what could go over it is not asked."
    )
    price_in: Annotated[float, Field(ge=0)] = Field(0.0, description="Of a million tokens of questions.")
    price_out: Annotated[float, Field(ge=0)] = Field(0.0, description="Of a million tokens of answers.")
    max_cost: Annotated[float, Field(ge=0)] | None = Field(None, description="Of all, in the prices' currency.")
    cache: str | None = Field(None, description="Local folder of answers; one of the output folder's when absent.")


class Attributes(Section):
    """Domains and skills of prompts: each prompt is assigned to two of each; needs embeddings."""

    find: bool = Field(False, description="Whether to look for them.")
    domains: Annotated[int, Field(ge=2, le=100)] = Field(15, description="How many domains.")
    skills: Annotated[int, Field(ge=2, le=100)] = Field(10, description="How many skills.")
    quotas: Literal["affinity", "even"] = Field(
        "affinity",
        description="Share of the assignments that each attribute has: by the prompts' mean affinity, or even.",
    )
    slack: Share = Field(0.1, description="By what share of it a quota may be missed.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of the clusters.")
    endpoint: EndpointOf | None = Field(None, description="Names attributes; without one their words do.")
    target: dict[str, Share] = Field(
        {}, description="Share of each of these domains (or skills) in the training rows; the others keep theirs."
    )
    target_of: Literal["domains", "skills"] = Field("domains", description="What the target speaks of.")
    by: Literal["weights", "subsample"] = Field("weights", description="How the target is met.")
    cap: Annotated[float, Field(gt=1)] = Field(10.0, description="The greatest weight, where their mean is 1.")
    least: Share = Field(0.5, description="For `subsample`: the share of the rows that remains at least.", gt=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(self.target.values()) > 1 + 1e-9:
            raise ValueError(f"target: shares sum to {sum(self.target.values()):g}, more than 1")
        if self.target and not self.find:
            raise ValueError("target: asks for attributes, which find: false does not look for")
        return self
