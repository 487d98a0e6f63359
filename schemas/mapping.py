"""Which field of a record is what: the key `mapping` of a source's configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def label_text(value: Any) -> str:
    """A scalar as the text by which labels and raters are compared: YAML and JSON have numbers and booleans too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _by_text(values: Any) -> Any:
    return {label_text(name): value for name, value in values.items()} if isinstance(values, dict) else values


Preference = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Label(_Strict):
    """Where a pair's label is, and what its values mean as a preference for the first response.

    `always` is for records whose fields' names say it all, such as `preferred` and `dispreferred`.
    """

    field: str | None = None
    values: Annotated[dict[str, Preference | None], BeforeValidator(_by_text)] | None = None
    always: Preference | None = None
    strength: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Label:
        if (self.field is None) == (self.always is None):
            raise ValueError("a label names either its field, or what it is always")
        if self.always is not None and self.values is not None:
            raise ValueError("values belong to a field; a label that is always the same has none")
        return self


class Score(_Strict):
    """A field with a number on a declared scale."""

    field: str
    minimum: float
    maximum: float
    dimension: str | None = None
    higher_is_better: bool = True
    rater: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Score:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self


class Mapping(_Strict):
    """Which field of a record is what."""

    kind: Literal["pair", "rating", "ranking"]
    prompt: str | None = None
    system: str | None = None
    responses: list[str] | str
    label: Label | None = None
    scores: list[Score] = []
    ranks: str | None = None
    values: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    higher_is_better: bool = True
    dimension: str = "overall"
    rater: str | None = None
    generators: list[str] | str | None = None
    response_scores: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")],
        Annotated[list[str], Field(min_length=2, max_length=2)] | str,
    ] = {}
    references: list[str] = []
    language: str | None = None
    licence: str | None = None
    timestamp: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Mapping:
        if self.kind == "pair" and (isinstance(self.responses, str) or len(self.responses) != 2):
            raise ValueError("responses: a pair names two fields, the first and the second response")
        if self.kind == "pair" and self.label is None:
            raise ValueError("label: a pair needs one; for chosen and rejected fields use `format: trl`")
        if self.response_scores and self.kind != "pair":
            raise ValueError("response_scores: only a pair has them, one score for each response")
        if self.kind == "rating" and (not self.scores or isinstance(self.responses, str) or len(self.responses) != 1):
            raise ValueError("a rating names one field in responses and at least one in scores")
        if self.kind == "ranking":
            if (self.ranks is None) == (self.values is None):
                raise ValueError("a ranking names either ranks (1 is the best) or values")
            if self.values is not None and (self.minimum is None or self.maximum is None):
                raise ValueError("values need their scale: minimum and maximum")
            if self.minimum is not None and self.maximum is not None and not self.minimum < self.maximum:
                raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self
