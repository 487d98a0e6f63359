"""Verdicts, the ledger, and every reason code there is."""

from __future__ import annotations

from typing import Literal

import polars as pl

Action = Literal["keep", "drop", "flip", "soften", "review"]
ACTIONS: tuple[str, ...] = ("keep", "drop", "flip", "soften", "review")
#: What the ledger says of a record that became part of another row; not a verdict.
MERGED = "merged"
#: What each of them means, in words.
ACTION_WORDS: dict[str, str] = {
    "keep": "Published as it is.",
    "drop": "Not published.",
    "flip": "Published with its label turned round.",
    "soften": "Published with a soft label instead of a hard one.",
    "review": "Not published, but set aside for a person to look at.",
    MERGED: "Not a row of its own any more: its judgements stand with the row that it is a copy or a part of.",
}

#: Reason code -> what it means, in words. The one place where codes are named.
REASONS: dict[str, str] = {
    "merged_judgement": "A copy of another row; its judgement was added to that row.",
    "exact_duplicate": "A copy of another row that says nothing new, or of a row that is published already.",
    "part_of_row": "A record of a row that is made of several; the row is its counterpart.",
    "near_duplicate": "A near-copy of another row; the score is the share of shingles that they have in common.",
    "near_images": "A near-copy of another row, with near-copies of its images; the score is that of the least alike.",
    "semantic_duplicate": "Its prompt and its responses say the same as another row's in other words.",
    "relabelled": "Somebody trusted judged the row again; the label is theirs, and the score what they said.",
    "conflict": "Copies of this row carry contradicting labels: it is no surer than they say together.",
    "near_conflict": "Near-copies of this row name the other side; the score is the share that names this one.",
    "unreliable_rater": "Votes of raters found to be worse than chance were not counted.",
    "in_cycle": "The prompt's preferences go in a circle through this row.",
    "weighed_votes": "Weighed by how reliable their raters are, the votes are for the other side than when counted.",
    "identical_responses": "Both responses are the same text.",
    "empty_response": "A response has no text.",
    "no_judgement": "Nobody judged this row on the dimension asked for.",
    "too_long": "A side is longer than the trainer's maximum number of tokens.",
    "identical_after_truncation": "Both sides are the same once truncated to the trainer's maximum number of tokens.",
    "pii": "Personal data was found, and the policy drops such rows.",
    "contaminated": "The row, or a duplicate of it, overlaps with a benchmark.",
    "overlap_kept": "The row, or a duplicate of it, overlaps with a benchmark, and the policy keeps it where it is.",
    "likely_mislabelled": "The recorded label is probably wrong.",
    "counterexample": "It looks mislabelled, but surface features alone contradict its label, and such pairs are left "
    "as they are; the score is how sure these are.",
    "ambiguous": "The responses can hardly be told apart.",
    "frames_too_near": "Its two frames lie nearer to each other, in frames or in seconds, than the policy asks for.",
    "values_too_near": "The values of its two frames, progress or reward, are no further apart than the policy asks.",
    "time_contradicted": "The later frame, which time says is the better one, has the lower progress or reward.",
    "augmented": "Made of two rows to weigh against shortcuts; the score is by how much, the counterpart the partner.",
    "error_slice": "It is in a slice of the data where labels go wrong, or raters disagree, more than elsewhere.",
    "balanced_out": "Left out so that no shortcut pays: the score is the row's draw, the threshold the share kept.",
    "misrated": "The rating is not what its text and other raters of it lead to expect, and is probably wrong.",
    "off_mixture": "Left out of the training split for the mixture of attributes that was asked for.",
    "tie_not_expressible": "The row is a tie and the published shape cannot say so.",
    "kind_not_published": "No published configuration takes rows of this kind.",
}

#: Why a raw record became a dead letter. Code -> what it means.
DEAD_LETTERS: dict[str, str] = {
    "invalid_json": "The line or element is not JSON.",
    "invalid_utf8": "The bytes are not UTF-8 text.",
    "invalid_xml": "The file or element is not well-formed XML.",
    "invalid_csv": "The line does not have the header's number of fields, or its quotes do not close.",
    "truncated_file": "The file ends before its data does.",
    "line_too_long": "The line is longer than the reader's limit.",
    "unreadable": "The file could not be read.",
    "not_an_object": "The record is not an object with named fields.",
    "missing_field": "A field that the format needs is not there.",
    "wrong_type": "A field's value has another type than the format says.",
    "unknown_label": "A label has a value that the format or the mapping does not know.",
    "prompt_mismatch": "The two sides do not share their prompt.",
    "no_assistant_turn": "A dialogue does not end with an assistant's turn.",
    "wrong_response_count": "The row's kind asks for another number of responses.",
    "wrong_generator_count": "The generators named are not as many as the responses.",
    "no_steps": "A stepwise row has no steps.",
    "no_message": "A response has no message.",
    "unknown_role": "A message's role is not one of system, developer, user, assistant, tool.",
    "value_out_of_range": "A judgement's value is outside its scale.",
    "no_such_response": "A judgement speaks of a response that is not there.",
    "incomplete_unit": "Another record of the same unit cannot be used, so none of them can.",
    "no_such_step": "A judgement speaks of a step that is not there.",
}

#: One reason of a verdict, with the numbers it rests on.
DETAIL = pl.Struct(
    {"reason": pl.String(), "score": pl.Float64(), "threshold": pl.Float64(), "counterpart": pl.String()}
)
LEDGER_SCHEMA = pl.Schema(
    {
        "row_id": pl.String(),
        "content_id": pl.String(),
        "source": pl.String(),
        "file": pl.String(),
        "line": pl.Int64(),
        "kind": pl.String(),
        "action": pl.String(),
        "reasons": pl.List(pl.String()),
        "group_id": pl.String(),
        "split": pl.String(),
        "published_in": pl.List(pl.String()),
        "counterpart": pl.String(),
        "score": pl.Float64(),
        "threshold": pl.Float64(),
        "details": pl.List(DETAIL),
    }
)
