"""Text and message lists, as people write them, to canonical dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from schemas.arrow import DIALOGUE, IMAGE, MESSAGE, TOOL_CALL
from schemas.row import ROLES
from transforms.ingest.records import Records, excerpt
from transforms.lists import of_counts, side_by_side

#: Other names that formats have for roles.
ROLE_NAMES = {"human": "user", "prompter": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"} | {
    role: role for role in ROLES
}


def message(content: pl.Expr, role: str) -> pl.Expr:
    """A message struct with this content and nothing else."""
    fields = {field.name: pl.lit(None, dtype=field.dtype) for field in MESSAGE.fields}
    return pl.struct(value.alias(name) for name, value in (fields | {"role": pl.lit(role), "content": content}).items())


def turn(content: pl.Expr, role: str) -> pl.Expr:
    """A dialogue of one message; null content is still a message. For many, `turns` is faster."""
    return pl.concat_list(message(content, role))


def messages(contents: pl.Series, role: str) -> pl.Series:
    """A message for each text, null content included."""
    return contents.to_frame("text").select(message(pl.col("text"), role).alias("message"))["message"]


def turns(contents: pl.Series, role: str) -> pl.Series:
    """A dialogue of one message for each text; null content is still a message."""
    return of_counts(messages(contents, role), np.ones(len(contents), dtype=np.int64)).alias(contents.name)


def prompt_turns(prompt: pl.Series, system: pl.Series | None = None) -> pl.Series:
    """A prompt as dialogue: an optional system message, then the user's; an empty text is no message."""
    parts = [(prompt, "user")] if system is None else [(system, "system"), (prompt, "user")]
    present = [text.fill_null("") != "" for text, _ in parts]
    return side_by_side([messages(text, role) for text, role in parts], present)


def response_turn(text: pl.Series) -> pl.Series:
    """A response as dialogue: one assistant message."""
    return turns(text, "assistant").alias("dialogue")


def dialogues(records: Records, name: str, *, role: str, required: bool = True) -> pl.Series:
    """A field that holds a text (one message of `role`) or a list of messages, as dialogues.

    Messages may be in the OpenAI layout (role, content as text or parts, tool_calls with `function`) or in ShareGPT's
    (from, value). A record whose field is neither becomes a dead letter.
    """
    if records.texts_only(name):
        return _texts(records.column(name, pl.String, required=required), role)
    values = records.values(name)
    out: list[list[dict[str, Any]] | None] = [None] * len(values)
    for index, value in enumerate(values):
        if value is None:
            if required:
                records.problem(index, "missing_field", f"field {name!r} is missing or null")
            continue
        try:
            out[index] = canonical_dialogue(value, role)
        except DialogueError as error:
            records.problem(index, error.code, f"field {name!r}: {error}")
    return pl.Series(name, out, dtype=DIALOGUE)


class DialogueError(ValueError):
    """A value that is not a dialogue; `code` is the dead letter's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def canonical_dialogue(value: Any, role: str) -> list[dict[str, Any]]:
    """One text or message list as canonical messages; raises DialogueError naming the message and what is wrong."""
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise DialogueError("wrong_type", f"{excerpt(value)} is neither a text nor a list of messages")
    return [_message(part, place) for place, part in enumerate(value, 1)]


def _message(raw: Any, place: int) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise DialogueError("wrong_type", f"message {place} is {excerpt(raw)}, not an object with a role and a content")
    said = raw.get("role", raw.get("from"))
    role = ROLE_NAMES.get(said) if isinstance(said, str) else None
    if role is None:
        raise DialogueError("unknown_role", f"message {place} has the role {said!r}; allowed are {', '.join(ROLES)}")
    content, images = _content(raw.get("content", raw.get("value")), place)
    out: dict[str, Any] = {"role": role, "content": content}
    if images:
        out["images"] = images
    for name, field in (
        ("name", "name"),
        ("tool_call_id", "tool_call_id"),
        ("reasoning", "reasoning"),
        ("reasoning_content", "reasoning"),
    ):
        if raw.get(name) is not None:
            if not isinstance(raw[name], str):
                raise DialogueError("wrong_type", f"message {place}: {name} is {excerpt(raw[name])}, not a text")
            out[field] = raw[name]
    if raw.get("tool_calls"):
        if not isinstance(raw["tool_calls"], list):
            raise DialogueError(
                "wrong_type", f"message {place}: tool_calls is {excerpt(raw['tool_calls'])}, not a list"
            )
        out["tool_calls"] = [_tool_call(call, place) for call in raw["tool_calls"]]
    return out


def _content(value: Any, place: int) -> tuple[str | None, list[dict[str, Any]]]:
    if value is None or isinstance(value, str):
        return value, []
    if not isinstance(value, list):
        raise DialogueError(
            "wrong_type", f"message {place}: content is {excerpt(value)}, not a text or a list of parts"
        )
    texts, images = [], []
    for part in value:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict) and (uri := part.get("image_url", part.get("image", part.get("url")))) is not None:
            uri = uri.get("url", uri.get("path")) if isinstance(uri, dict) else uri
            if not isinstance(uri, str):
                raise DialogueError("wrong_type", f"message {place}: image {excerpt(part)} has no URI")
            images.append({"uri": uri})
        elif not (isinstance(part, dict) and part.get("type") == "image"):
            raise DialogueError("wrong_type", f"message {place}: {excerpt(part)} is neither a text nor an image part")
    return "\n".join(texts), images


def _tool_call(call: Any, place: int) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise DialogueError("wrong_type", f"message {place}: tool call {excerpt(call)} names no function")
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS).decode()
    return {"id": call.get("id"), "name": function["name"], "arguments": arguments}


def split_prompt(records: Records, sides: Sequence[pl.Series]) -> tuple[pl.Series, list[pl.Series]]:
    """The prompt of full dialogues, their longest common prefix, and what remains of each side.

    The prefix ends before the last message of the shorter side, so that no response is left without a message.
    """
    names = [str(i) for i in range(len(sides))]
    frame = pl.DataFrame(dict(zip(names, sides, strict=True)))
    last = pl.min_horizontal(pl.col(name).list.len() for name in names).cast(pl.Int64) - 1
    frame = frame.with_columns(_last=pl.max_horizontal(last, 0))
    heads = [dialogue_texts(frame.select(pl.col(name).list.head(pl.col("_last"))).to_series()) for name in names]
    same = pl.DataFrame(heads[1:]).select(pl.all_horizontal(pl.all() == heads[0])).to_series()
    frame = frame.with_columns(_shared=pl.when(same).then(pl.col("_last")))
    rest = frame["_shared"].is_null() & frame["_last"].is_not_null()
    if rest.any():
        frame = frame.with_columns(_shared=pl.Series(_prefix_lengths(frame, names), dtype=pl.Int64))
    shared = pl.col("_shared").fill_null(0)
    out = frame.select(
        pl.col(names[0]).list.head(shared).alias("prompt"),
        *(pl.col(name).list.slice(shared).alias(name) for name in names),
    )
    return out["prompt"], [out[name] for name in names]


def _prefix_lengths(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Number of leading messages that are the same on all sides, at most `_last`."""
    rows = frame.with_row_index("_row")
    turns = []
    for name in names:
        heads = rows.select("_row", head=pl.col(name).list.head(pl.col("_last"))).explode(
            "head", empty_as_null=False, keep_nulls=False
        )
        texts = message_texts(heads["head"]).alias(name)
        turns.append(heads.select("_row", pl.int_range(pl.len()).over("_row").alias("_turn")).with_columns(texts))
    joined = turns[0]
    for other in turns[1:]:
        joined = joined.join(other, on=["_row", "_turn"], how="left", maintain_order="left")
    same = pl.all_horizontal((pl.col(names[0]) == pl.col(name)).fill_null(False) for name in names[1:])
    lengths = joined.group_by("_row", maintain_order=True).agg(n=same.cast(pl.Int64).cum_prod().sum())
    return rows.join(lengths, on="_row", how="left", maintain_order="left")["n"].fill_null(0)


def dialogue_texts(dialogues: pl.Series, content: Callable[[pl.Series], pl.Series] = lambda texts: texts) -> pl.Series:
    """Each dialogue as one text in which different dialogues differ; an empty text for none.

    Args:
        dialogues: lists of messages.
        content: changes the messages' contents first, to compare dialogues that are the same but for it.
    """
    texts = message_texts(dialogues.explode(empty_as_null=False, keep_nulls=False), content)
    counts = dialogues.list.len().fill_null(0).to_numpy()
    if (counts == 1).all():  # most are: a question, an answer
        return texts.alias(dialogues.name)
    return of_counts(texts, counts).list.join("\x1e").alias(dialogues.name)


def message_texts(messages: pl.Series, content: Callable[[pl.Series], pl.Series] = lambda texts: texts) -> pl.Series:
    """Each message as one text: its role, its content, and what else it has."""
    field = messages.struct.field
    frame = messages.struct.unnest().with_columns(content(field("content")).alias("content"))
    parts: list[pl.Expr] = [pl.col("role"), pl.lit("\x1f"), pl.col("content").fill_null("\x00")]
    for name, mark in (("name", "n"), ("tool_call_id", "i"), ("reasoning", "r")):
        if frame[name].count():
            parts.append(pl.concat_str(pl.lit(f"\x1f{mark}:"), pl.col(name), ignore_nulls=False).fill_null(""))
    for name, struct, mark in (("tool_calls", TOOL_CALL, "c"), ("images", IMAGE, "m")):
        if frame[name].count():
            parts.append(_listed(pl.col(name), struct, mark))
    return frame.select(text=pl.concat_str(parts))["text"]


def _listed(values: pl.Expr, struct: pl.Struct, mark: str) -> pl.Expr:
    fields = [pl.element().struct.field(field.name).fill_null("\x00") for field in struct.fields]
    joined = values.list.eval(pl.concat_str(*fields, separator="\x1d")).list.join("\x1c")
    return pl.concat_str(pl.lit(f"\x1f{mark}:"), joined).fill_null("")


def _texts(texts: pl.Series, role: str) -> pl.Series:
    """Dialogues of one message; null where there is no text."""
    if not texts.null_count():
        return turns(texts, role)
    absent = texts.is_null().to_numpy()
    return of_counts(messages(texts.drop_nulls(), role), (~absent).astype(np.int64), absent).alias(texts.name)
