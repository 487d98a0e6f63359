"""Published shapes back to rows: what `transforms.publish.shapes` makes of a row, the other way round.

What a shape leaves out (raters, references, which response was the first) is not needed to recognise a row.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from schemas.arrow import DIALOGUE, MESSAGE, ROW_SCHEMA
from transforms.ingest.dialogue import prompt_turns, response_turn, split_prompt
from transforms.lists import of_counts, side_by_side

#: Configurations that hold rows of a kind, those first that hold all that the others do.
CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "pair": ("preference_soft", "preference", "preference_full", "kto"),
    "rating": ("ratings", "comet", "metricx"),
    "ranking": ("listwise",),
    "stepwise": ("stepwise",),
}


def published_rows(shard: pl.DataFrame, configuration: str) -> pl.DataFrame:
    """The rows of a published frame, each once.

    Args:
        shard: of the configuration; of KTO both lines of a row or none.
        configuration: its shape.

    Returns:
        Frame of `ROW_SCHEMA`, in which only content_id, kind, prompt, responses, tools and steps say something.
    """
    kind, build = _SHAPES[configuration]
    once = shard if configuration == "kto" else shard.unique("id", keep="first", maintain_order=True)
    rows = build(once).with_columns(content_id="id", kind=pl.lit(kind))
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in ROW_SCHEMA.items()
    )


def dialogue(messages: pl.Series) -> pl.Series:
    """Published messages as canonical ones: every field, tool calls as they are inside."""
    flat = messages.explode(empty_as_null=False, keep_nulls=False).struct.unnest()
    fields = {name: pl.col(name) if name in flat.columns else pl.lit(None) for name in MESSAGE.to_schema()}
    if "tool_calls" in flat.columns:
        call = pl.element().struct
        name, arguments = (call.field("function").struct.field(name) for name in ("name", "arguments"))
        inner = pl.struct(id=call.field("id"), name=name, arguments=arguments)
        fields["tool_calls"] = pl.col("tool_calls").list.eval(inner)
    # A message that calls a tool or shows an image mostly has no content, which is published as an empty text.
    beside = [pl.col(name).list.len().fill_null(0) > 0 for name in ("tool_calls", "images") if name in flat.columns]
    silent = (pl.col("content") == "") & pl.any_horizontal(pl.lit(False), *beside)
    fields["content"] = pl.when(~silent.fill_null(False)).then("content")
    named = (
        value.cast(dtype).alias(name)
        for (name, value), dtype in zip(fields.items(), MESSAGE.to_schema().values(), strict=True)
    )
    whole = flat.select(pl.struct(named)).to_series()
    return of_counts(whole, messages.list.len().fill_null(0).to_numpy()).cast(DIALOGUE).alias(messages.name)


def _sides(shard: pl.DataFrame) -> pl.DataFrame:
    sides = side_by_side([dialogue(shard[name]).alias("responses") for name in ("chosen", "rejected")])
    return shard.select("id", *_tools(shard)).with_columns(dialogue(shard["prompt"]), sides.alias("responses"))


def _tools(shard: pl.DataFrame) -> list[str]:
    return ["tools"] if "tools" in shard.columns else []


def _full(shard: pl.DataFrame) -> pl.DataFrame:
    prompt, sides = split_prompt([dialogue(shard[name]) for name in ("chosen", "rejected")])
    responses = side_by_side([side.alias("responses") for side in sides])
    return shard.select("id", *_tools(shard)).with_columns(prompt.alias("prompt"), responses.alias("responses"))


def _kto(shard: pl.DataFrame) -> pl.DataFrame:
    named = shard.select("id", *_tools(shard)).with_columns(dialogue(shard["prompt"]), dialogue(shard["completion"]))
    return named.group_by("id", maintain_order=True).agg(pl.exclude("completion").first(), responses="completion")


def _one(prompt: str, response: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def build(shard: pl.DataFrame) -> pl.DataFrame:
        said = shard[response]
        answers = response_turn(said) if said.dtype == pl.String else dialogue(said)
        asked = shard[prompt]
        turns = prompt_turns(asked) if asked.dtype == pl.String else dialogue(asked)
        responses = side_by_side([answers.alias("responses")])
        return shard.select("id").with_columns(turns.alias("prompt"), responses.alias("responses"))

    return build


def _listwise(shard: pl.DataFrame) -> pl.DataFrame:
    flat = dialogue(shard["responses"].explode(empty_as_null=False, keep_nulls=False))
    responses = of_counts(flat, shard["responses"].list.len().to_numpy())
    return shard.select("id").with_columns(dialogue(shard["prompt"]), responses.alias("responses"))


def _steps(shard: pl.DataFrame) -> pl.DataFrame:
    joined = shard.select(pl.col("completions").list.join("\n")).to_series()
    responses = side_by_side([response_turn(joined).alias("responses")])
    return shard.select("id", steps="completions").with_columns(
        prompt_turns(shard["prompt"]).alias("prompt"), responses.alias("responses")
    )


_SHAPES: dict[str, tuple[str, Callable[[pl.DataFrame], pl.DataFrame]]] = {
    "preference": ("pair", _sides),
    "preference_soft": ("pair", _sides),
    "preference_full": ("pair", _full),
    "kto": ("pair", _kto),
    "ratings": ("rating", _one("prompt", "response")),
    "comet": ("rating", _one("src", "mt")),
    "metricx": ("rating", _one("source", "hypothesis")),
    "listwise": ("ranking", _listwise),
    "stepwise": ("stepwise", _steps),
}
