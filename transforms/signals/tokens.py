"""How many tokens the trainer will see of each side, under its own tokenizer and chat template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from xxhash import xxh3_64_intdigest

#: Texts encoded at once; bounds memory (an encoding keeps offsets, masks and tokens as well as ids).
_BATCH = 1024


class TokenCounter:
    """Counts tokens of conversations; loads its tokenizer once, when it is built.

    Args:
        tokenizer: a local folder, the path of a `tokenizer.json`, or a name on the Hugging Face hub.
        chat_template: a Jinja chat template; None takes the tokenizer's own, and where that has none a message is
            written as "role: content" and a line end.
        max_tokens: length the trainer truncates to (≥ 1); None where it does not.

    Raises:
        ValueError: the tokenizer cannot be loaded or is not a fast one, the chat template is no Jinja, or `max_tokens`
            is below 1; names the value and what is allowed.
    """

    def __init__(self, tokenizer: str, chat_template: str | None = None, max_tokens: int | None = None) -> None:
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens}; allowed are whole numbers from 1, or null for no limit")
        self.name, self.max_tokens = tokenizer, max_tokens
        self._tokenizer = _load(tokenizer)
        if chat_template is not None:
            self._tokenizer.chat_template = chat_template
            _check(self._tokenizer, chat_template)
        self._templated = self._tokenizer.chat_template is not None
        self._encoder = self._tokenizer.backend_tokenizer
        self._encoder.no_truncation()
        self._encoder.no_padding()

    def measure(self, prompt: pl.Series, responses: pl.Series) -> pl.DataFrame:
        """Token counts of each side: the whole conversation of prompt and response.

        Args:
            prompt: dialogues (schemas.arrow.DIALOGUE).
            responses: lists of dialogues, of the same length.

        Returns:
            One line a row: `tokens` List(Int64), one a response, null for one that the chat template refuses;
            `too_long`, whether any is above `max_tokens`; `identical_after_truncation`, whether two sides whose texts
            differ are the same up to `max_tokens`. Without `max_tokens` nothing is too long or truncated.
        """
        rows = pl.DataFrame({"prompt": prompt, "response": responses}).with_row_index("row")
        sides = rows.explode("response", empty_as_null=False, keep_nulls=False)
        texts = self._render(sides)
        measured = sides.select("row").with_columns(text=texts)
        distinct = measured["text"].drop_nulls().unique(maintain_order=True)
        counts, heads = self._encode(distinct.to_list())
        encoded = pl.DataFrame(
            {"text": distinct, "tokens": counts, "head": heads},
            schema_overrides={"tokens": pl.Int64, "head": pl.UInt64},
        )
        measured = measured.join(encoded, on="text", how="left", maintain_order="left")
        limit = self.max_tokens
        too_long = pl.lit(False) if limit is None else (pl.col("tokens") > limit).any()
        # Fewer heads than texts: some that differ have become one.
        merged = pl.lit(False) if limit is None else _distinct("head") < _distinct("text")
        by_row = measured.group_by("row", maintain_order=True).agg(
            "tokens", too_long=too_long, identical_after_truncation=merged
        )
        none = pl.lit([], dtype=pl.List(pl.Int64))
        return rows.select("row").join(by_row, on="row", how="left", maintain_order="left").select(
            pl.col("tokens").fill_null(none),
            pl.col("too_long").fill_null(False),
            pl.col("identical_after_truncation").fill_null(False),
        )  # fmt: skip

    def _render(self, sides: pl.DataFrame) -> pl.Series:
        """The text of each side as the trainer would have it; templates are Jinja, so one at a time."""
        turns = pl.concat_list(
            pl.col(name).fill_null(pl.lit([], dtype=sides.schema[name])) for name in ("prompt", "response")
        )
        if not self._templated:
            line = pl.element().struct.field("role") + ": " + pl.element().struct.field("content").fill_null("") + "\n"
            return sides.select(text=turns.list.eval(line).list.join(""))["text"]
        return pl.Series(
            [self._conversation(turns) for turns in sides.select(turns=turns)["turns"].to_list()], dtype=pl.String
        )

    def _conversation(self, turns: Sequence[dict[str, Any]]) -> str | None:
        """One conversation under the template; None where that refuses it."""
        from jinja2 import TemplateError

        try:
            rendered = self._tokenizer.apply_chat_template([message(turn) for turn in turns], tokenize=False)
        except (TemplateError, TypeError, KeyError, ValueError):
            # Templates refuse roles they do not know, or users who speak twice. One row's trouble is not the run's.
            return None
        return str(rendered)

    def _encode(self, texts: Sequence[str]) -> tuple[list[int], list[int]]:
        """Number of tokens of each text, and a hash of its first `max_tokens` ids."""
        counts: list[int] = []
        heads: list[int] = []
        for start in range(0, len(texts), _BATCH):
            # A template writes the special tokens itself.
            batch = texts[start : start + _BATCH]
            for encoding in self._encoder.encode_batch_fast(batch, add_special_tokens=not self._templated):
                ids = encoding.ids
                counts.append(len(ids))
                heads.append(xxh3_64_intdigest(np.array(ids[: self.max_tokens], dtype=np.uint32).tobytes()))
        return counts, heads


def _distinct(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls().n_unique()


def message(turn: dict[str, Any]) -> dict[str, Any]:
    """A canonical message as chat templates expect it (the OpenAI layout), without what is absent."""
    out: dict[str, Any] = {"role": turn["role"], "content": turn["content"] or ""}
    out |= {name: turn[name] for name in ("name", "tool_call_id") if turn[name] is not None}
    if turn["reasoning"] is not None:
        out["reasoning_content"] = turn["reasoning"]
    if turn["tool_calls"]:
        out["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": _arguments(call)}}
            for call in turn["tool_calls"]
        ]
    return out


def _arguments(call: dict[str, Any]) -> Any:
    """Arguments as an object, which templates write as JSON; a text that is not JSON stays a text."""
    try:
        return orjson.loads(call["arguments"] or "{}")
    except orjson.JSONDecodeError:
        return call["arguments"]


def _check(tokenizer: Any, template: str) -> None:
    """Raises ValueError for a chat template that is no Jinja."""
    from jinja2 import TemplateError, TemplateSyntaxError

    try:
        tokenizer.apply_chat_template([{"role": "user", "content": ""}], tokenize=False)
    except TemplateSyntaxError as error:
        raise ValueError(
            f"chat_template {template[:80]!r} is not a Jinja template (line {error.lineno}: {error.message}); "
            "allowed are Jinja templates as tokenizers have them, or null for the tokenizer's own"
        ) from error
    except TemplateError:
        pass  # A template may refuse this conversation and take others.


def _load(name: str) -> Any:
    """A fast tokenizer; raises ValueError in words."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    allowed = "allowed are a folder, the path of a tokenizer.json, or a name on the Hugging Face hub"
    if not name:
        raise ValueError(f"tokenizer is empty; {allowed}")
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        if not path.is_file():
            raise ValueError(f"tokenizer {name!r}: there is no such file; {allowed}")
        from tokenizers import Tokenizer

        if (path.parent / "tokenizer_config.json").is_file():  # it says the special tokens and the chat template
            return _load(str(path.parent))
        try:
            return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_buffer(path.read_bytes()))
        except ValueError as error:
            raise ValueError(f"tokenizer {name!r} is not a tokenizer.json ({error}); {allowed}") from error
    try:
        loaded = AutoTokenizer.from_pretrained(name, use_fast=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise ValueError(f"tokenizer {name!r} cannot be loaded ({str(error).splitlines()[0]}); {allowed}") from error
    if not loaded.is_fast:
        raise ValueError(f"tokenizer {name!r} has no tokenizer.json and can only be read slowly; {allowed}")
    return loaded
