"""What is read: sources of rows, benchmarks, and rows made from other rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from schemas.config.section import Section
from schemas.mapping import Mapping


class Files(Section):
    """Raw files of one origin and how to read them."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        "data", description="How ledgers and cards call it."
    )
    input: list[str] = Field(description="Files: paths, globs, fsspec URLs, hf://datasets/org/name.", min_length=1)
    format: str = Field(
        "auto", description="An adapter's name (`trenchcoat formats`), or auto to recognise it by its fields."
    )
    mapping: Mapping | None = Field(None, description="For `format: mapping`: which field is what.")
    reader: Literal["jsonl", "json", "csv", "tsv", "xml", "parquet", "arrow"] | None = Field(
        None, description="How the files are laid out, where their names do not say."
    )
    quoting: bool | None = Field(None, description="CSV and TSV: whether quotes mean something; found out when absent.")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        None, description="CSV and TSV: what stands between fields; found out when absent."
    )
    columns: list[str] | None = Field(None, description="CSV and TSV without a header: the names of the columns.")
    record: str | None = Field(None, description="XML: the tag of a record.")
    options: dict[str, Any] = Field({}, description="Switches of the adapter; `trenchcoat formats` lists them.")

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        if (self.format == "mapping") != (self.mapping is not None):
            raise ValueError("`format: mapping` and the key `mapping` belong together")
        # The order in which files are named changes nothing, so it must not show either.
        self.input = sorted(set(self.input))
        return self


class Source(Files):
    """Raw files that rows are made of."""

    images: str | None = Field(
        None,
        description="The folder, or fsspec address of one, that relative paths of images count from; that of the file "
        "which names them when absent.",
    )
    licence: str | None = Field(None, description="Licence of the data; goes into the card.")
    anonymous_copies: Literal["collapse", "votes"] = Field(
        "collapse", description="Whether equal judgements without a rater on copies of a row are one judgement or many."
    )
    pseudonymise: bool = Field(
        True,
        description="Replace raters' names by hashes under the key in TRENCHCOAT_RATER_KEY, or without one under a key "
        "made of the files.",
    )


Part = Literal["prompt", "response", "reference"]


class Benchmark(Files):
    """A benchmark that no row may overlap with. It is read, and never changed."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        "benchmark", description="How ledgers and cards call it."
    )
    format: str = Field(
        "auto",
        description="An adapter's name; auto to recognise it; or text: a text a line, or a JSON list of texts.",
    )
    fields: list[str] | None = Field(
        None,
        description="Instead of a format: the columns (or dotted paths) that hold texts, dialogues or lists of texts; "
        "all are taken for prompts.",
        min_length=1,
    )
    parts: list[Part] = Field(
        ["prompt", "response", "reference"], description="What of its rows is looked for.", min_length=1
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.fields is not None and self.format != "auto":
            raise ValueError(f"`fields` stands instead of a format; `format: {self.format}` cannot be said beside it")
        return self


def named_apart(key: str, named: Sequence[Files]) -> None:
    """See that each has a name of its own; raises ValueError for the first that has not."""
    names = [one.name for one in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{key}: {twice[0]!r} names two {key}; each needs a name of its own")


class Derive(Section):
    """Rows made from other rows."""

    make: Literal["pairs_from_rankings", "pairs_from_ratings", "ratings_from_rankings", "pairs_from_steps"] = Field(
        description="What is made of what; the rows it is made of are inputs then, and stay what they are."
    )
    dimensions: list[str] | None = Field(None, description="Only these dimensions; all when absent.")
    raters: Literal["same", "normalised", "unknown"] = Field(
        "same",
        description="Whose ratings may be compared: one rater's own; any raters' after z-normalising each; "
        "or any raters' as they are, which the card then says.",
    )
    minimum_gap: Annotated[float, Field(ge=0)] = Field(
        0.0, description="A smaller gap is a tie, in units of the scale (z-units when normalised)."
    )
    ties: Literal["keep", "drop"] = Field("keep", description="Whether ties become pairs with the label 0.5.")
    aggregators: list[Literal["product", "minimum", "mean", "last", "length_normalised", "log_odds"]] = Field(
        ["product", "minimum", "mean", "last", "length_normalised", "log_odds"],
        description="For pairs_from_steps: what makes one value of a solution's steps. Each is a dimension of the "
        "pairs, `steps.product` and so on, so that the label is the share of them that are for a side; "
        "`policy.dimension` takes one.",
        min_length=1,
    )
    pairs_per_response: Annotated[int, Field(ge=1)] = Field(
        10, description="At most this many partners for a response, chosen by hash."
    )
