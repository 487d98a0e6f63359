"""Text and message lists, as people write them, to canonical dialogues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import orjson
import polars as pl

from schemas.arrow import DIALOGUE, IMAGE, MESSAGE, TOOL_CALL
from schemas.row import ROLES
from transforms.ingest.listed import Listed
from transforms.ingest.records import Records
from transforms.ingest.values import excerpt
from transforms.lists import end_to_end, of_counts, side_by_side

#: Other names that formats have for roles.
ROLE_NAMES = {
    "human": "user",
    "observation": "tool",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
} | {role: role for role in ROLES}


def message(content: pl.Expr, role: str | pl.Expr) -> pl.Expr:
    """A message struct with this content and nothing else."""
    fields = {field.name: pl.lit(None, dtype=field.dtype) for field in MESSAGE.fields}
    fields |= {"role": pl.lit(role) if isinstance(role, str) else role, "content": content}
    return pl.struct(value.alias(name) for name, value in fields.items())


def turn(content: pl.Expr, role: str) -> pl.Expr:
    """A dialogue of one message; null content is still a message. For many, `turns` is faster."""
    return pl.concat_list(message(content, role))


def messages(contents: pl.Series, role: str) -> pl.Series:
    """A message for each text, null content included."""
    return contents.to_frame("text").select(message(pl.col("text"), role).alias("message"))["message"]


def turns(contents: pl.Series, role: str) -> pl.Series:
    """A dialogue of one message for each text; null content is still a message."""
    return of_counts(messages(contents, role), np.ones(len(contents), dtype=np.int64)).alias(contents.name)


def prompt_turns(prompt: pl.Series, system: pl.Series | None = None, role: str = "user") -> pl.Series:
    """A prompt as dialogue: an optional system message, then the user's; an empty text is no message."""
    parts = [(prompt, role)] if system is None else [(system, "system"), (prompt, role)]
    present = [text.fill_null("") != "" for text, _ in parts]
    return side_by_side([messages(text, who) for text, who in parts], present)


def named_turn(text: pl.Series, role: str, name: pl.Series) -> pl.Series:
    """A dialogue of one message. Where its text is not at hand, it has no content but the name of what it would be.

    So rows of different unknown texts differ, and those of one are of one group; policy drops them as empty.
    """
    frame = pl.DataFrame({"text": text, "name": name})
    known = pl.col("text").is_not_null()
    named = message(pl.col("text"), role).struct.with_fields(name=pl.when(~known).then("name"))
    return frame.select(dialogue=pl.concat_list(named))["dialogue"]


def response_turn(text: pl.Series) -> pl.Series:
    """A response as dialogue: one assistant message."""
    return turns(text, "assistant").alias("dialogue")


def with_system(prompt: pl.Series, system: pl.Series) -> pl.Series:
    """Prompts with a system message before them, where there is a text for one."""
    return end_to_end([prompt_turns(system, role="system"), prompt])


def with_images(prompt: pl.Series, images: pl.Series) -> pl.Series:
    """Prompts whose last message shows images, where there are any."""
    frame = pl.DataFrame({"p": prompt, "i": images})
    last = pl.col("p").list.last()
    shown = pl.when(pl.col("i").list.len() > 0).then(last.struct.with_fields(images=pl.col("i"))).otherwise(last)
    head = pl.col("p").list.head(pl.col("p").list.len().cast(pl.Int64) - 1)
    parts = frame.select(head.alias("head"), pl.when(pl.col("p").list.len() > 0).then(shown).alias("last"))
    tail = side_by_side([parts["last"]], [prompt.list.len().fill_null(0) > 0])
    return end_to_end([parts["head"], tail.cast(DIALOGUE)])


def dialogues(records: Records, name: str, *, role: str, required: bool = True) -> pl.Series:
    """A field that holds a text (one message of `role`) or a list of messages, as dialogues.

    Messages may be in the OpenAI layout (role, content as text or parts, tool_calls with `function`) or in ShareGPT's
    (from, value). A record whose field is neither becomes a dead letter.
    """
    if records.texts_only(name):
        return _texts(records.column(name, pl.String, required=required), role)
    plain = _plain(records, name)
    if plain is not None:
        return plain
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
    return _series(out).alias(name)


def _series(dialogues: Sequence[list[dict[str, Any]] | None]) -> pl.Series:
    """Canonical messages as a series; polars would build a frame for each dialogue, which takes ten times as long."""
    flat = list(chain.from_iterable(dialogue or [] for dialogue in dialogues))
    parts = [pl.Series(f.name, [one.get(f.name) for one in flat], dtype=f.dtype) for f in MESSAGE.fields]
    counts = np.fromiter((len(dialogue or []) for dialogue in dialogues), np.int64)
    absent = np.array([dialogue is None for dialogue in dialogues], dtype=bool)
    return of_counts(pl.DataFrame(parts).select(pl.struct(pl.all())).to_series(), counts, absent)


def _plain(records: Records, name: str) -> pl.Series | None:
    """Lists of messages with a role and a text and nothing else, at once; None where one is more, or wrong."""
    trial = replace(records, problems={})
    listed = Listed(trial, name, alone=True)
    names = set(listed.names())
    if trial.problems or not (names <= {"role", "content"} or names <= {"from", "value"}):
        return None
    said, content = ("from", "value") if "from" in names else ("role", "content")
    frame = pl.DataFrame(
        {
            "role": listed.column(said, pl.String).replace_strict(ROLE_NAMES, default=None),
            "content": listed.column(content, pl.String, required=False),
        }
    )
    if trial.problems or frame["role"].null_count():
        return None
    return listed.lists(frame.select(message(pl.col("content"), pl.col("role"))).to_series()).alias(name)


#: What parts turns and speakers while texts are cut: no text holds these controls in this order.
_TURN, _SAID = "\x1e\x1f", "\x1f\x1e"


def marked_turns(texts: pl.Series, mark: str, opening: str | None = None) -> pl.Series:
    """Texts in which marks say who speaks next, as dialogues.

    Args:
        texts: null counts as empty.
        mark: a regular expression whose first group is the speaker; one whose name starts with "A" is the assistant.
        opening: who says what comes before the first mark; nobody, so that it is left out, when absent.
    """
    parts = texts.fill_null("").str.replace_all(mark, f"{_TURN}${{1}}{_SAID}")
    parts = (parts if opening is None else f"{opening}{_SAID}" + parts).str.split(_TURN)
    parts = parts.list.slice(1) if opening is None else parts
    flat = (
        parts.explode(empty_as_null=False, keep_nulls=False)
        .to_frame("part")
        .with_columns(
            role=pl.when(pl.col("part").str.starts_with("A")).then(pl.lit("assistant")).otherwise(pl.lit("user")),
            content=pl.col("part").str.splitn(_SAID, 2).struct.field("field_1").fill_null(""),
        )
    )
    messages = flat.select(m=message(pl.col("content"), pl.col("role")))["m"]
    return of_counts(messages, parts.list.len().to_numpy()).cast(DIALOGUE)


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
    if said == "function_call":  # ShareGPT's assistant who calls a tool; the value is the call as JSON
        raw = {"role": "assistant", "tool_calls": _parsed(raw.get("value", raw.get("content")), place)}
    role = ROLE_NAMES.get(str(raw.get("role", said))) if isinstance(said, str) else None
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


def _parsed(value: Any, place: int) -> list[Any]:
    try:
        calls = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError as error:
        raise DialogueError("wrong_type", f"message {place}: function call {excerpt(value)} is not JSON") from error
    return calls if isinstance(calls, list) else [calls]


def _tool_call(call: Any, place: int) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise DialogueError("wrong_type", f"message {place}: tool call {excerpt(call)} names no function")
    arguments = function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS).decode()
    return {"id": call.get("id"), "name": function["name"], "arguments": arguments}


def split_prompt(sides: Sequence[pl.Series]) -> tuple[pl.Series, list[pl.Series]]:
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
