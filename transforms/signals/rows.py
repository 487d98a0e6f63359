"""The cheap signals of a block's rows, in one pass over its columns."""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.lists import of_counts, totals
from transforms.signals import language as languages
from transforms.signals import pii as personal
from transforms.signals.tokens import TokenCounter


def row_signals(block: pl.DataFrame, *, language: bool, pii: bool, counter: TokenCounter | None) -> pl.DataFrame:
    """Language, personal data, sizes and token counts of each row.

    Args:
        block: canonical rows (schemas.arrow.ROW_SCHEMA; only prompt, responses and language are read, and for personal
            data tools, steps and references, where they are there).
        language: whether to detect the language of rows that do not say theirs.
        pii: whether to look for personal data and secrets.
        counter: counts tokens; None leaves the token columns out.

    Returns:
        One line a row, in the same order:
        `language` (String; the row's own, else that of its first non-empty text: the responses', then the prompt's) and
        `language_score` in [0, 1] (null where the row says its language; both null where none is detected or asked);
        `pii` List(String), kinds over all that may be published of the row, sorted (null where not asked): contents,
        reasoning and arguments of tool calls in the prompt and the responses, tools, steps, references;
        `characters` List(Int64), one a response, summed over its messages' contents without white space at their ends;
        `empty_response`, any response without visible content, tool call or image;
        and with a counter `tokens`, `too_long`, `identical_after_truncation` (see TokenCounter.measure).
    """
    out = _sizes(block["responses"]).hstack(block.select("language")).with_row_index("row")
    out = out.with_columns(language_score=pl.lit(None, dtype=pl.Float64), pii=pl.lit(None, dtype=pl.List(pl.String)))
    turns = _turns(block) if language or pii else pl.DataFrame()
    if language:
        out = _with_language(out, turns)
    if pii:
        out = out.drop("pii").pipe(_join, _kinds(block, turns)).with_columns(
            pl.col("pii").fill_null(pl.lit([], dtype=pl.List(pl.String)))
        )  # fmt: skip
    out = out.select("language", "language_score", "pii", "characters", "empty_response")
    if counter is not None:
        out = out.hstack(counter.measure(block["prompt"], block["responses"]))
    return out


def _join(rows: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    return rows.join(signals, on="row", how="left", maintain_order="left")


def _turns(block: pl.DataFrame) -> pl.DataFrame:
    """One line a message: `row`, `side` (a response's place; -1 the prompt), its content, and what few have."""
    rows = block.select("prompt", "responses").with_row_index("row")
    answers = (
        rows.select("row", side=pl.int_ranges(pl.col("responses").list.len(), dtype=pl.Int64), turn="responses")
        .filter(pl.col("side").list.len() > 0)
        .explode("side", "turn")
    )
    prompts = rows.select("row", side=pl.lit(-1, dtype=pl.Int64), turn=pl.col("prompt"))
    turns = pl.concat([prompts, answers]).explode("turn", empty_as_null=False, keep_nulls=False)
    message = turns["turn"].struct.field
    rare = [message(name) for name in ("reasoning", "tool_calls") if message(name).count()]
    return turns.select("row", "side", content=pl.col("turn").struct.field("content")).with_columns(rare)


def _sizes(responses: pl.Series) -> pl.DataFrame:
    """Characters of each response, and whether one of a row's is empty."""
    counts = responses.list.len().fill_null(0).to_numpy()
    dialogues = responses.explode(empty_as_null=False, keep_nulls=False)
    turns = dialogues.list.len().fill_null(0).to_numpy()
    message = dialogues.explode(empty_as_null=False, keep_nulls=False).struct.field
    characters = message("content").str.strip_chars().str.len_chars().fill_null(0).cast(pl.Int64).to_numpy()
    shown = characters > 0
    for name in ("tool_calls", "images"):
        if message(name).count():
            shown |= (message(name).list.len() > 0).fill_null(False).to_numpy()
    sums, says = totals(characters, turns), totals(shown.astype(np.int64), turns)
    empty = totals((says == 0).astype(np.int64), counts) > 0
    characters_of = of_counts(pl.Series("characters", sums), counts)
    return pl.DataFrame([characters_of, pl.Series("empty_response", empty)])


def _with_language(out: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """Fills `language` and `language_score` of rows that do not say their language."""
    asked = out.filter(pl.col("language").is_null()).select("row")
    texts = turns.filter(pl.col("content").str.contains(r"\S")).join(asked, on="row", how="semi", maintain_order="left")
    # Responses in their order, then the prompt.
    order = pl.when(pl.col("side") < 0).then(pl.lit(2**40)).otherwise(pl.col("side"))
    first = texts.select("row", "content", order=order).sort("row", "order", maintain_order=True).unique(
        "row", keep="first", maintain_order=True
    )  # fmt: skip
    found = languages.detect(first["content"]).rename({"language": "_language", "language_score": "_score"})
    return (
        _join(out, first.select("row").hstack(found))
        .with_columns(language=pl.coalesce("language", "_language"), language_score=pl.col("_score"))
        .drop("_language", "_score")
    )


def _kinds(block: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
    """Kinds of personal data of rows that have any."""
    rows = block.with_row_index("row")
    parts = [turns.select("row", text="content")]
    if "reasoning" in turns.columns:
        parts.append(turns.select("row", text="reasoning"))
    if "tool_calls" in turns.columns:
        calls = turns.select("row", "tool_calls").explode("tool_calls", empty_as_null=False, keep_nulls=False)
        parts.append(calls.select("row", text=pl.col("tool_calls").struct.field("arguments")))
    for name in ("tools", "steps", "references"):
        if name in block.columns and block[name].count():
            listed = name != "tools"
            texts = rows.select("row", text=name)
            parts.append(texts.explode("text", empty_as_null=False, keep_nulls=False) if listed else texts)
    said = pl.concat(parts).drop_nulls()
    # Prompts and common responses recur; each text is scanned once.
    texts = said.select(pl.col("text").unique(maintain_order=True))
    found = texts.with_columns(pii=personal.find(texts["text"])).filter(pl.col("pii").list.len() > 0)
    return said.join(found, on="text").explode("pii").group_by("row").agg(pl.col("pii").unique().sort())
