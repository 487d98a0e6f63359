"""What becomes of rows with a signal."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.config.section import Section, Share
from schemas.config.trajectories import OfFrames

Recipe = Literal["conservative", "secrets2", "drop-only", "relabel"]


class Policy(OfFrames, Section):
    """What becomes of rows with a signal."""

    act: bool = Field(
        True, description="Whether anything becomes of rows; false only says what is wrong with them, as `audit` does."
    )
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
    counterexample: Literal["judge", "keep"] = Field(
        "judge",
        description="Pairs whose label contradicts what surface features alone say, where these are seen to lead "
        "(`counterexample` over 0.5). `keep` calls none of them mislabelled or doubtful: for labels known to be biased "
        "by length or layout. Where length does make answers better, most wrong labels are among them.",
    )
    ambiguous: Literal["soften", "drop", "review", "keep"] = Field(
        "keep", description="Pairs whose sides can hardly be told apart."
    )
    ambiguous_at: Share = Field(0.8, description="`p_ambiguous` from which they are.")
    ambiguous_weight: Share = Field(1.0, description="Weight of ambiguous pairs that are kept.")
    misrated: Literal["report", "drop", "review"] = Field(
        "report", description="Rows whose rating is probably wrong, by its text and by other raters of it."
    )
    misrated_at: Share = Field(0.9, description="`rating_error` from which a rating is.")
    flip_precision: Share = Field(
        0.8, description="The share of flips that must be right, by the lower bound of the self-check."
    )
    flip_otherwise: Literal["drop", "soften", "review"] = Field(
        "drop", description="What becomes of wrong labels where flips would not be right that often."
    )
    margin: Literal["recorded", "strength"] = Field(
        "recorded", description="Whose margin is published: the judgements', or the ensemble's for the label."
    )

    score: Literal["recorded", "harmonised"] = Field(
        "recorded",
        description="Whose score of a rating is published: the mean of what its raters said, or that of `ratings`, "
        "raters made comparable and weighed by how precise and how probably right they are.",
    )
    dimension: str | None = Field(
        None, description="The dimension that makes a pair's label; the mean of all when absent."
    )
    near_duplicate: Literal["drop", "review", "keep"] = Field("drop", description="Near-copies of a better row.")
    near_images: Literal["drop", "review", "keep"] = Field(
        "drop", description="Near-copies of a better row whose images are near-copies of its images."
    )
    conflict: Literal["soften", "drop", "review", "keep"] = Field(
        "soften",
        description="Copies with contradicting labels, on `dimension` where it is given and on any where not.",
    )
    near_conflict: Literal["soften", "drop", "review", "keep"] = Field(
        "keep",
        description="Rows whose near-copies name the other side, on `dimension` likewise. Where what differs decided, "
        "the label is right: `keep` only says it. `soften` is for labels that many would have given otherwise.",
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
    error_slice: Literal["review", "drop", "keep"] = Field(
        "keep", description="Rows of a slice in which detectors contradict more labels than elsewhere."
    )
