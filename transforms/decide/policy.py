"""Verdicts: what the policy makes of the signals, with a number for every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.config import Policy
from schemas.verdict import DETAIL, MERGED
from transforms.decide.believed import EVENED, SETTLED, TURNED, settle
from transforms.decide.consensus import concluded, even
from transforms.decide.contested import AGREE
from transforms.decide.labels import labels
from transforms.lists import of_counts
from transforms.publish.shapes import KEPT, published_in, shape

VERDICTS = pl.Schema(
    {
        "action": pl.String(),
        "label": pl.Int64(),
        "soft_label": pl.Float64(),
        "margin": pl.Float64(),
        "weight": pl.Float64(),
        "masked": pl.Boolean(),
        "published_in": pl.List(pl.String()),
        "reasons": pl.List(pl.String()),
        "details": pl.List(DETAIL),
    }
)


@dataclass(frozen=True)
class Clause:
    """One line of policy: where it holds, what then happens, and the number it rests on.

    Attributes:
        reason: its code.
        holds: where.
        action: what happens; the strongest action of a row's clauses wins.
        score: the measured number.
        threshold: what it was held against.
        counterpart: the other row, or the benchmark's item, where there is one.
    """

    reason: str
    holds: pl.Expr
    action: str
    score: pl.Expr
    threshold: float | pl.Expr
    counterpart: pl.Expr = pl.lit(None, dtype=pl.String)  # noqa: RUF009 - an expression is immutable


#: Whether no vote is left when those of unreliable raters are not counted.
_SILENT = pl.col("concluded") & pl.col("consensus_label").is_null()
#: A softened label keeps its side, by this much at least.
_SIDED = 0.05
#: Strongest first.
_STRENGTH = (MERGED, "drop", "review", "flip", "soften", "keep")


def clauses(policy: Policy, thresholds: Mapping[str, float]) -> list[Clause]:
    """The policy as clauses, in the order in which their reasons are given; `thresholds` are those of measured ones."""
    copied, looks = pl.col("copy_kind"), pl.col("near_looks")
    soft = pl.col("soft_label")
    count = pl.col("copies").cast(pl.Float64)
    out = [
        Clause("merged_judgement", copied == "merged_judgement", MERGED, count, 1, pl.col("copy_of")),
        Clause("exact_duplicate", copied == "exact_duplicate", "drop", count, 1, pl.col("copy_of")),
        Clause("exact_duplicate", pl.col("published_of").is_not_null(), "drop", count + 1, 1, pl.col("published_of")),
        _contaminated(policy),
        Clause(
            "near_duplicate",
            pl.col("near_of").is_not_null() & looks.is_null(),
            policy.near_duplicate,
            pl.col("near_score"),
            thresholds.get("near_duplicate", 1.0),
            pl.col("near_of"),
        ),
        Clause(
            "near_images",
            looks.is_not_null(),
            policy.near_images,
            looks,
            pl.col("near_looks_at"),
            pl.col("near_of"),
        ),
        Clause(
            "empty_response",
            pl.col("empty_response"),
            policy.empty_response,
            pl.col("characters").list.min().cast(pl.Float64),
            1,
        ),
        Clause("identical_responses", pl.col("identical_responses"), policy.identical_responses, pl.lit(1.0), 1),
        Clause("no_judgement", ~pl.col("judged"), "drop", pl.lit(0.0), 1),
        Clause("conflict", pl.col("conflict") & pl.col("copy_of").is_null(), policy.conflict, soft, 0.5),
        _near_conflict(policy),
        Clause("unreliable_rater", _SILENT, policy.unreliable_rater, pl.col("reliability"), 0.5),
        Clause(
            "in_cycle", pl.col("reversal"), policy.in_cycle, pl.col("component").cast(pl.Float64), 1, pl.col("onward")
        ),
    ]
    if policy.pii != "mask":
        action = "drop" if policy.pii == "drop" else "keep"
        out.append(Clause("pii", pl.col("pii").list.len() > 0, action, pl.col("pii").list.len().cast(pl.Float64), 1))
    longest = pl.col("tokens").list.max().cast(pl.Float64)
    out.append(Clause("too_long", pl.col("too_long"), policy.too_long, longest, thresholds.get("too_long", 0)))
    out.append(
        Clause("identical_after_truncation", pl.col("identical_after_truncation"), policy.too_long, pl.lit(1.0), 1)
    )
    if policy.semantic_duplicate != "report":
        copy, score = pl.col("semantic_of"), pl.col("semantic_of_cosine")
        said = thresholds.get("semantic_duplicate", 1.0)
        out.append(Clause("semantic_duplicate", copy.is_not_null(), policy.semantic_duplicate, score, said, copy))
    wrong, even, drawn = pl.col("p_error"), pl.col("p_ambiguous"), pl.col("balance_draw")
    mixed = pl.col("mixture_draw")
    judged = ~_left_alone(policy)
    sure, doubted = judged & (wrong >= policy.mislabelled_at), judged & (wrong >= policy.doubtful_at)
    out += [
        Clause("relabelled", TURNED, "flip", soft, 0.5),
        Clause("relabelled", EVENED, "soften", soft, 0.5),
        Clause("likely_mislabelled", sure, policy.mislabelled, wrong, policy.mislabelled_at),
        Clause("likely_mislabelled", ~sure & doubted, policy.doubtful, wrong, policy.doubtful_at),
        Clause("ambiguous", even >= policy.ambiguous_at, policy.ambiguous, even, policy.ambiguous_at),
        Clause(
            "error_slice",
            pl.col("slice_id").is_not_null(),
            policy.error_slice,
            pl.col("slice_rate"),
            pl.col("slice_elsewhere"),
            pl.format("slice {}", "slice_id"),
        ),
        *_frames(policy),
        Clause("off_mixture", mixed >= pl.col("mixture_chance"), "drop", mixed, pl.col("mixture_chance")),
        Clause("balanced_out", drawn >= pl.col("balance_share"), "drop", drawn, pl.col("balance_share")),
    ]
    if policy.misrated != "report":
        misrated = pl.col("rating_error")
        out.append(Clause("misrated", misrated >= policy.misrated_at, policy.misrated, misrated, policy.misrated_at))
    return [clause for clause in out if clause.action != "keep"]


def _near_conflict(policy: Policy) -> Clause:
    """What becomes of rows whose near-copies name the other side."""
    return Clause("near_conflict", pl.col("near_against") > 0, policy.near_conflict, AGREE, 1, pl.col("near_contrary"))


def _frames(policy: Policy) -> list[Clause]:
    """What becomes of pairs of frames that time or value hardly tells apart, or tells apart in opposite ways."""
    frames, seconds = pl.col("frame_gap").cast(pl.Float64), pl.col("seconds_gap")
    values, against = pl.col("value_gap").abs(), pl.col("contradicted_by")
    near, least = policy.frames_too_near, policy.minimum_value_gap
    in_frames = frames < policy.minimum_frame_gap
    in_seconds = ~in_frames.fill_null(False) & (seconds < policy.minimum_seconds)
    return [
        Clause("frames_too_near", in_frames, near, frames, policy.minimum_frame_gap),
        Clause("frames_too_near", in_seconds, near, seconds, policy.minimum_seconds),
        Clause("values_too_near", values <= least, policy.values_too_near, values, least),
        Clause("time_contradicted", against > least, policy.time_contradicted, against, least),
    ]


def _left_alone(policy: Policy) -> pl.Expr:
    """Whether nobody is to call a label wrong, since it contradicts what the surface alone leads to expect."""
    return (pl.col("counterexample") > 0.5).fill_null(False) & pl.lit(policy.counterexample == "keep")


def _remarks(policy: Policy) -> list[Clause]:
    """What is said of a row without changing what becomes of it."""
    sure, doubted = (pl.col("p_error") >= at for at in (policy.mislabelled_at, policy.doubtful_at))
    suspected = pl.when(sure).then(policy.mislabelled != "keep").otherwise(doubted & (policy.doubtful != "keep"))
    outvoted = (pl.col("mean_label") - 0.5).sign() * (pl.col("consensus_label") - 0.5).sign() == -1
    near = [_near_conflict(policy)] if policy.near_conflict == "keep" else []
    return [
        *near,
        Clause("relabelled", SETTLED & ~TURNED & ~EVENED, "keep", pl.col("soft_label"), 0.5),
        Clause("unreliable_rater", (pl.col("left_out") > 0) & ~_SILENT, "keep", pl.col("reliability"), 0.5),
        Clause("weighed_votes", outvoted, "keep", pl.col("consensus_label"), 0.5),
        Clause("counterexample", _left_alone(policy) & suspected, "keep", pl.col("counterexample"), 0.5),
    ]


def _weighed(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Rows with their raters' consensus in place of the mean of the judgements, and softened where they are to be."""
    rows = rows.hstack(concluded(rows["consensus"], policy.dimension)).with_columns(mean_label=pl.col("soft_label"))
    soft = pl.when(pl.col("concluded")).then("consensus_label").otherwise("soft_label")
    if policy.in_cycle == "soften":
        soft = pl.when(pl.col("reversal")).then(0.5).otherwise(soft)
    rows = rows.with_columns(soft_label=soft)
    soft, tied = pl.col("soft_label"), pl.col("consensus_tied").fill_null(0)
    pair = (pl.col("kind") == "pair") & ~even(soft, tied)
    return rows.with_columns(
        label=pl.when(pair & (soft > 0.5)).then(0).when(pair & (soft < 0.5)).then(1).cast(pl.Int64)
    )


def _contaminated(policy: Policy) -> Clause:
    """What becomes of rows that overlap with a benchmark, in all splits or in some.

    Which split a row is in is known only once all other verdicts are: until then it is in none.
    """
    overlaps = pl.col("benchmark_item").is_not_null()
    if policy.contaminated == "train_only":
        overlaps &= pl.col("split").is_in(policy.contaminated_splits)
    action = "drop" if policy.contaminated == "train_only" else policy.contaminated
    return Clause("contaminated", overlaps, action, *_OVERLAP)


#: The share of a benchmark's item, what it was held against, and the item.
_OVERLAP = (pl.col("overlap_share"), pl.col("overlap_threshold"), pl.col("benchmark_item"))


def decide(
    rows: pl.DataFrame,
    policy: Policy,
    configurations: Sequence[str] = (),
    thresholds: Mapping[str, float] | None = None,
) -> pl.DataFrame:
    """Verdicts of rows from their signals.

    Args:
        rows: kind, judgements (merged), split where it is known, and all signals of the rows, one line a row; as
            `contested` says them on the policy's dimension.
        policy: what to do about what.
        configurations: published shapes, for where a kept row goes and what it is missing from.
        thresholds: what scores were held against, by reason, where the configuration says it.

    Returns:
        Frame of `VERDICTS`, one line a row, in the order of `rows`.
    """
    rows = pl.concat([rows, labels(rows["judgements"], rows["kind"], policy.dimension)], how="horizontal")
    rows = rows.with_columns(
        pl.col("identical_responses", "conflict", "empty_response", "too_long", "identical_after_truncation").fill_null(
            False
        ),
    )
    rows = settle(_weighed(rows, policy))
    found = clauses(policy, thresholds or {})
    rank = {action: place for place, action in enumerate(_STRENGTH)}
    strongest = pl.min_horizontal(
        *(pl.when(clause.holds.fill_null(False)).then(rank[clause.action]) for clause in found), pl.lit(rank["keep"])
    )
    if not policy.act:
        strongest = pl.lit(rank["keep"])
    rows = rows.with_columns(action=strongest.replace_strict(list(rank.values()), list(rank), return_dtype=pl.String))
    rows = _relabelled(rows, policy, found)
    rows = rows.with_columns(published_in(rows, configurations))
    carried_out = [_overlap_kept(), *_unpublished(configurations)] if policy.act else []
    listed = _details(rows, [*found, *_remarks(policy), *carried_out])
    masked = pl.lit(policy.pii == "mask") & (pl.col("pii").list.len() > 0).fill_null(False)
    out = rows.select(
        "action", "label", "soft_label", "margin", "published_in", weight=_weight(policy), masked=masked
    ).with_columns(listed.alias("details"), _reasons(listed))
    return out.select(pl.col(name).cast(dtype) for name, dtype in VERDICTS.items())


def _overlap_kept() -> Clause:
    """A kept row that overlaps with a benchmark says so."""
    kept = pl.col("action").is_in(KEPT) & pl.col("benchmark_item").is_not_null()
    return Clause("overlap_kept", kept, "keep", *_OVERLAP)


def _relabelled(rows: pl.DataFrame, policy: Policy, found: Sequence[Clause]) -> pl.DataFrame:
    """Rows with flipped labels turned, doubtful ones softened, and the ensemble's margin where it is asked for."""
    wrong, even, label, soft = (pl.col(name) for name in ("p_error", "p_ambiguous", "label", "soft_label"))
    flipped = (pl.col("action") == "flip") & label.is_not_null()
    asked = {
        "likely_mislabelled": 1 - wrong,
        "ambiguous": 1 - even / 2,
        "near_conflict": AGREE,
        **dict.fromkeys(("frames_too_near", "values_too_near", "time_contradicted"), pl.lit(0.5)),
    }
    # How sure the recorded side is, by what the row is softened for; conflicts of copies are softened by their votes.
    sure = pl.min_horizontal(
        *(
            pl.when(clause.holds.fill_null(False)).then(asked[clause.reason])
            for clause in found
            if clause.action == "soften" and clause.reason in asked
        ),
        pl.when(flipped).then(wrong),
        pl.max_horizontal(soft, 1 - soft),
    )
    side = pl.when(flipped).then(1 - label).otherwise(label)
    share = pl.when(flipped).then(pl.max_horizontal(wrong, 0.5 + _SIDED)).otherwise(
        pl.min_horizontal(pl.max_horizontal(sure, 0.5 + _SIDED), pl.max_horizontal(soft, 1 - soft))
    )  # fmt: skip
    changed = label.is_not_null() & ((pl.col("action") == "soften") | (flipped & wrong.is_not_null()))
    rows = rows.with_columns(
        label=pl.when(changed).then(side).otherwise(label),
        soft_label=pl.when(changed).then(pl.when(side == 0).then(share).otherwise(1 - share).round(5)).otherwise(soft),
    )
    if policy.margin == "strength":
        mu = pl.col("strength_mu") * (1 - 2 * pl.col("label"))
        margin = pl.min_horizontal(mu.fill_null(0.0), pl.col("strength_limit").fill_null(0.0)).clip(0)
        rows = rows.with_columns(margin=pl.when(pl.col("kind") == "pair").then(margin))
    return rows


def _weight(policy: Policy) -> pl.Expr:
    """The weight of rows: what balances the training pairs; else what doubt and a mixture leave."""
    even = (pl.col("p_ambiguous") >= policy.ambiguous_at).fill_null(False)
    plain = pl.when(even).then(policy.ambiguous_weight).otherwise(1.0) * pl.col("mixture_weight").fill_null(1.0)
    return pl.coalesce("balance_weight", plain)


def _unpublished(configurations: Sequence[str]) -> list[Clause]:
    """Why a kept row is missing from shapes: it is a tie, which not all can say, or its kind goes into none."""
    kept = pl.col("action").is_in(KEPT)
    tie = (
        kept
        & (pl.col("kind") == "pair")
        & pl.col("label").is_null()
        & any(not shape(name).ties for name in configurations if "pair" in shape(name).kinds)
    )
    nowhere = kept & (pl.col("published_in").list.len() == 0)
    return [
        Clause("tie_not_expressible", tie, "keep", pl.col("soft_label"), 0.5),
        Clause("kind_not_published", nowhere & ~tie, "keep", pl.lit(0.0), 1),
    ]


def _reasons(details: pl.Series) -> pl.Series:
    flat = details.explode(empty_as_null=False, keep_nulls=False).struct.field("reason")
    return of_counts(flat, details.list.len().to_numpy()).alias("reasons")


def _details(rows: pl.DataFrame, asked: Sequence[Clause]) -> pl.Series:
    """For each row a list of the clauses that hold, in their order, each with its numbers."""
    parts = []
    rows = rows.with_row_index("_row")
    for clause in asked:
        held = clause.threshold
        said = pl.struct(
            reason=pl.lit(clause.reason),
            score=clause.score.round(5),
            threshold=held if isinstance(held, pl.Expr) else pl.lit(float(held)),
            counterpart=clause.counterpart,
        )
        parts.append(rows.filter(clause.holds).select("_row", said.cast(DETAIL).alias("details")))
    flat = pl.concat(parts).sort("_row", maintain_order=True)
    return of_counts(flat["details"], np.bincount(flat["_row"].to_numpy(), minlength=rows.height)).alias("details")
