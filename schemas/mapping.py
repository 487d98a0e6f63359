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


def _texts(values: Any) -> Any:
    return [label_text(value) for value in values] if isinstance(values, list) else values


Preference = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Label(_Strict):
    """Where a pair's label is, and what its values mean as a preference for the first response.

    `always` is for records whose fields' names say it all, such as `preferred` and `dispreferred`.
    """

    field: str | None = Field(None, description="The field that says which response is better.")
    values: Annotated[dict[str, Preference | None], BeforeValidator(_by_text)] | None = Field(
        None,
        description="What its values mean as a preference for the first response: 1, 0, 0.5 a tie, null that nobody "
        "judged. Without them the field holds a number in 0 to 1. Any other value makes a dead letter.",
    )
    always: Preference | None = Field(None, description="The preference of every record, instead of a field.")
    strength: str | None = Field(None, description="A field that says by how much; it becomes the margin.")
    first_wrong: Literal[0, 1] | None = Field(
        None,
        description="For stepwise, where the field holds the number of the first wrong step instead of a list: which "
        "number the first step has, 0 or 1. Steps before the wrong one are right; those behind it nobody judged.",
    )
    none: int | None = Field(
        -1,
        description="With `first_wrong`: what the field holds where no step is wrong; null where it holds nothing "
        "then. Else nothing means that nobody judged. A number that is neither this nor a step's makes a dead letter.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Label:
        if self.first_wrong is None and "none" in self.model_fields_set and self.none != -1:
            raise ValueError("none belongs to `first_wrong`: it is what the field holds where no step is wrong")
        if self.first_wrong is not None and (self.field is None or self.values is not None):
            raise ValueError("first_wrong needs the field with the number of the first wrong step, and no values")
        if self.first_wrong is not None and self.none is not None and self.none >= self.first_wrong:
            raise ValueError(f"none is {self.none}, which is a step's number: the first has {self.first_wrong}")
        if (self.field is None) == (self.always is None):
            raise ValueError("a label names either its field, or what it is always")
        if self.always is not None and self.values is not None:
            raise ValueError("values belong to a field; a label that is always the same has none")
        return self


class Score(_Strict):
    """A field with a number on a declared scale."""

    field: str = Field(description="The field that holds the number.")
    minimum: float = Field(description="Of the scale; a number below it makes a dead letter.")
    maximum: float = Field(description="Of the scale; a number above it makes a dead letter.")
    dimension: str | None = Field(
        None,
        description="What was rated; when absent the field's name, or `dimension` where there is one score.",
    )
    higher_is_better: bool = Field(True, description="False where a small number is the better one.")
    rater: str | None = Field(None, description="The field with who gave this score, where each score has its own.")
    given_by: str | None = Field(
        None, description="Who gave this score, where the field is one person's own: the name, not a field."
    )
    missing: Annotated[list[str], BeforeValidator(_texts)] = Field(
        [], description="What the field holds, beside nothing, where nobody gave a score: N/A, -."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Score:
        if not self.minimum < self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        if self.rater is not None and self.given_by is not None:
            raise ValueError("rater names a field, and given_by a person: a score has one of the two")
        return self


class Mapping(_Strict):
    """Which field of a record is what."""

    kind: Literal["pair", "rating", "ranking", "stepwise"] = Field(
        description="Two responses with one label, one response with numbers, a list of responses with ranks, or a "
        "solution as a list of steps with a list of labels."
    )
    prompt: str | None = Field(None, description="The field with the prompt: a text, or a list of messages.")
    system: str | None = Field(None, description="The field with a system message.")
    responses: list[str] | str = Field(
        description="The fields of the responses; for a ranking also one field that holds a list of texts; for "
        "stepwise the field that holds the list of steps."
    )
    images: list[str] = Field(
        [],
        description="The fields with images that the prompt shows: where one is (a path or URL), its bytes, an object "
        "with either, or a list of those. A record may lack them.",
    )
    label: Label | None = Field(
        None,
        description="For a pair: which response is better. For stepwise: the field with a list of labels, one a step, "
        "and how right a step is by them: 1 right, 0 wrong, null that nobody judged it; or with the number of the "
        "`first_wrong` step.",
    )
    scores: list[Score] = Field([], description="For a rating: its numbers.")
    ranks: str | None = Field(None, description="For a ranking: the field with a list of ranks, 1 the best.")
    values: str | None = Field(None, description="For a ranking, instead of ranks: the field with a list of scores.")
    minimum: float | None = Field(None, description="Of the scale of `values`.")
    maximum: float | None = Field(None, description="Of the scale of `values`.")
    higher_is_better: bool = Field(True, description="Of `values`.")
    dimension: str = Field("overall", description="What the label or the ranking is about.")
    rater: str | None = Field(None, description="The field with who judged.")
    generators: list[str] | str | None = Field(
        None,
        description="The fields with who wrote each response, or one that holds a list; of a single response one with "
        "a text, too.",
    )
    response_scores: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")],
        Annotated[list[str], Field(min_length=2, max_length=2)] | str,
    ] = Field(
        {},
        description="For a pair: scores of both responses by name, as two fields or one that holds a list of both; "
        "they are voices beside the detectors (`external.scores`).",
    )
    references: list[str] = Field([], description="The fields with reference texts.")
    language: str | None = Field(None, description="The field with the language, as an ISO 639-1 code.")
    licence: str | None = Field(None, description="The field with the record's own licence.")
    timestamp: str | None = Field(None, description="The field with when it was judged.")

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
        if self.kind == "stepwise":
            if not isinstance(self.responses, str):
                raise ValueError("responses: stepwise names one field, which holds the list of steps")
            if self.label is None or self.label.field is None or self.label.strength is not None:
                raise ValueError(
                    "label: stepwise needs the field with a list of labels, one a step (or with the number of the "
                    "first wrong one: `first_wrong`), and has no strength"
                )
            if self.dimension != type(self).model_fields["dimension"].default:
                raise ValueError("dimension: what is said of steps is whether they are right; leave it out")
        elif self.label is not None and self.label.first_wrong is not None:
            raise ValueError(f"label: first_wrong is about steps; a {self.kind} has none")
        if self.kind == "ranking":
            if (self.ranks is None) == (self.values is None):
                raise ValueError("a ranking names either ranks (1 is the best) or values")
            if self.values is not None and (self.minimum is None or self.maximum is None):
                raise ValueError("values need their scale: minimum and maximum")
            if self.minimum is not None and self.maximum is not None and not self.minimum < self.maximum:
                raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self
