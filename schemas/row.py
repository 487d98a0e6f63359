"""The canonical row: one supervised unit, with every judgement anybody made of it.

These pydantic models are the source of truth. `schemas.arrow` generates the Arrow and polars schemas from them,
`trenchcoat schema` prints their JSON Schema, and `schemas.rules` holds the same constraints as vectorised expressions
(a test feeds both the same faulty rows).

Orientation: every value of a pair is a preference for `responses[0]`. Nothing inside the pipeline says "chosen".
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["pair", "rating", "ranking", "stepwise"]
Role = Literal["system", "developer", "user", "assistant", "tool"]

KINDS: tuple[str, ...] = ("pair", "rating", "ranking", "stepwise")
ROLES: tuple[str, ...] = ("system", "developer", "user", "assistant", "tool")

Index = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """A model that takes no unknown field and converts no type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Image(Strict):
    """An image a message refers to: where it is and what it hashes to."""

    uri: str | None = None
    sha256: str | None = None


class ToolCall(Strict):
    """A function the assistant called; `arguments` is a JSON text."""

    id: str | None = None
    name: str
    arguments: str | None = None


class Message(Strict):
    """One turn of a dialogue."""

    role: Role
    content: str | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning: str | None = None
    images: list[Image] | None = None


class Scale(Strict):
    """The declared scale of one dimension of ratings or rankings."""

    dimension: str
    minimum: float
    maximum: float
    higher_is_better: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Scale:
        if not self.minimum < self.maximum:
            raise ValueError(f"scale of {self.dimension!r}: minimum {self.minimum} is not below maximum {self.maximum}")
        return self


class Judgement(Strict):
    """One rater's value for a row on one dimension.

    `value` is as recorded: for a pair a preference for `responses[0]` in [0, 1] (0.5 a tie), for a rating or a ranking
    a number on the dimension's scale, for a step its label. `normalised` is the same in [0, 1], higher is better.
    `strength` is how far apart the sides were, in the source's own units (margin, rating gap), towards the better one.
    """

    rater: str | None = None
    dimension: str = "overall"
    value: float
    normalised: Annotated[float, Field(ge=0, le=1)] | None = None
    response: Index | None = None
    step: Index | None = None
    strength: Annotated[float, Field(ge=0)] | None = None
    count: Annotated[int, Field(ge=1)] = 1
    reason: str | None = None
    timestamp: str | None = None


class Row(Strict):
    """One supervised unit: a pair, a rating, a ranking or a stepwise response."""

    row_id: str
    content_id: str
    source: str
    file: str
    line: Annotated[int, Field(ge=1)]
    kind: Kind
    prompt: list[Message]
    responses: list[list[Message]]
    tools: str | None = None
    steps: list[str] | None = None
    references: list[str] | None = None
    judgements: list[Judgement]
    scales: list[Scale] | None = None
    generators: list[str | None] | None = None
    language: str | None = None
    licence: str | None = None
    timestamp: str | None = None
    metadata: str | None = None
    parents: list[str] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Row:
        """Constraints that span fields; the same codes and order as `schemas.rules.RULES`."""
        n = len(self.responses)
        if self.kind == "pair" and n != 2:
            raise ValueError(f"wrong_response_count: a pair has 2 responses, this has {n}")
        if self.kind in ("rating", "stepwise") and n != 1:
            raise ValueError(f"wrong_response_count: a {self.kind} has 1 response, this has {n}")
        if self.kind == "ranking" and n < 2:
            raise ValueError(f"wrong_response_count: a ranking has 2 responses or more, this has {n}")
        if self.kind == "stepwise" and not self.steps:
            raise ValueError("no_steps: a stepwise row has at least one step")
        if any(not response for response in self.responses):
            raise ValueError("no_message: each response has at least one message")
        if self.generators is not None and len(self.generators) != n:
            raise ValueError(f"wrong_generator_count: {len(self.generators)} generators for {n} responses")
        for judgement in self.judgements:
            self._check(judgement, n)
        return self

    def _check(self, judgement: Judgement, n: int) -> None:
        value = judgement.value
        if not math.isfinite(value):
            raise ValueError(f"value_out_of_range: {value} is not a finite number")
        if self.kind == "pair" and not 0 <= value <= 1:
            raise ValueError(f"value_out_of_range: a pair's value is in [0, 1], this is {value}")
        for scale in self.scales or []:
            if self.kind != "pair" and scale.dimension == judgement.dimension:
                if not scale.minimum <= value <= scale.maximum:
                    raise ValueError(f"value_out_of_range: {value} is not in [{scale.minimum}, {scale.maximum}]")
        if judgement.response is not None and judgement.response >= n:
            raise ValueError(f"no_such_response: a judgement speaks of response {judgement.response} of {n}")
        if judgement.step is not None and judgement.step >= len(self.steps or []):
            raise ValueError(f"no_such_step: a judgement speaks of step {judgement.step} of {len(self.steps or [])}")
