"""The user's own reward models, and scores that the data has already."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.config.section import Section

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class RewardModel(Section):
    """A sequence-classification model that scores a response to a prompt; higher is better."""

    name: _Name = Field(description="How its columns are called: external_NAME.")
    base: str = Field(description="A local folder or a hub name that transformers loads.", min_length=1)
    label: int | str | None = Field(
        None, description="Which of its outputs is the score, by place or name; needed where it has more than one."
    )
    input: Literal["auto", "chat", "pair", "plain"] = Field(
        "auto",
        description="`chat`: prompt and response under the tokenizer's chat template; `pair`: as two texts; `plain`: "
        "as one text with a line end between; `auto`: chat where the tokenizer has a template, else pair.",
    )
    max_tokens: Annotated[int, Field(ge=8)] | None = Field(
        None, description="Longer inputs are cut; to the tokenizer's own length when absent."
    )


class ResponseScores(Section):
    """Scores of both responses that a row's metadata has."""

    name: _Name = Field(description="How its column is called: external_NAME.")
    fields: Annotated[list[str], Field(min_length=2, max_length=2)] | str = Field(
        description="Of the metadata (what a format does not read of a record): the score of the first and of the "
        "second response, as dotted paths; or one that holds a list of both."
    )
    source: str | None = Field(None, description="Only rows of this source; of all when absent.")
    higher_is_better: bool = Field(True, description="False for costs and ranks.")


class External(Section):
    """Other voices on which response is better: not out of fold, since nobody knows what they have seen."""

    models: list[RewardModel] = Field([], description="Reward models to run.")
    scores: list[ResponseScores] = Field(
        [], description="Scores in the data; a mapping's `response_scores` are taken without being named here."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="As `embed.device`.")
    cache: str | None = Field(
        None, description="Folder of scores that runs share; that of the output folder's work/ when absent."
    )

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [*(one.name for one in self.models), *(one.name for one in self.scores)]
        twice = sorted({name for name in names if names.count(name) > 1} | ({"mu", "sigma"} & set(names)))
        if twice:
            raise ValueError(f"{twice[0]!r} is taken; each model and score needs a name of its own, not mu or sigma")
        return self
