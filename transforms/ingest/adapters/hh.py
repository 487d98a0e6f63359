r"""Anthropic's HH-RLHF: two whole dialogues as marked-up text.

    {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!", "rejected": "\n\nHuman: Hi\n\nAssistant: Go away."}

The prompt is everything before the last assistant turn. Where the two sides' prompts differ there is no telling what
was compared, so the record is a dead letter (`prompt_mismatch`).
"""

from __future__ import annotations

import polars as pl

from transforms.ingest.adapters.base import Adapter, Options, rest, starts_with
from transforms.ingest.adapters.parts import first_wins
from transforms.ingest.dialogue import dialogue_texts, marked_turns
from transforms.ingest.records import Records
from transforms.lists import side_by_side

#: What Anthropic's and some other sets put before each turn.
MARK = r"\n\n(Human|Assistant):[ ]?"


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One pair a record, chosen first."""
    frame = pl.DataFrame({side: marked_turns(records.column(side, pl.String), MARK) for side in ("chosen", "rejected")})
    for side in frame.columns:
        last = pl.col(side).list.last().struct.field("role")
        records.reject(
            frame.select(last.ne_missing(pl.lit("assistant"))).to_series(),
            "no_assistant_turn",
            f"{side!r} does not end with a turn that starts with '\\n\\nAssistant:'",
        )
    head = {side: pl.col(side).list.head(pl.col(side).list.len().cast(pl.Int64) - 1) for side in frame.columns}
    prompts = frame.select(**head)
    same = dialogue_texts(prompts["chosen"]) == dialogue_texts(prompts["rejected"])
    records.reject(~same, "prompt_mismatch", "the turns before the last one differ between 'chosen' and 'rejected'")
    responses = frame.select(pl.col(side).list.tail(1) for side in frame.columns)
    return pl.DataFrame(
        {
            "prompt": prompts["chosen"],
            "responses": side_by_side(responses.get_columns()),
            "judgements": first_wins(len(records)),
            "metadata": rest(records, frame.columns),
        }
    ).with_columns(kind=pl.lit("pair"))


ADAPTER = Adapter(
    name="hh",
    kinds=("pair",),
    about="Anthropic's HH-RLHF and sets in its layout: chosen and rejected as text with Human: and Assistant: marks.",
    keeps="all turns; other fields as metadata",
    unknown="who judged, how sure they were, which model wrote what",
    fields=("chosen", "rejected"),
    rows=rows,
    fits=lambda records: starts_with(records, "chosen", "\n\nHuman:"),
    example={"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!", "rejected": "\n\nHuman: Hi\n\nAssistant: Go away."},
)
