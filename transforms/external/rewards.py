"""A reward model: a prompt and a response to one number, in batches of one length, halved where memory ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from transforms.embed.encoder import STEP, TOKENS, batches, halving
from transforms.embed.models import ModelError
from transforms.signals.tokens import message

#: Cut to where a tokenizer says nothing of its length.
_LENGTH = 2048


class RewardEncoder:
    """A model of transformers' AutoModelForSequenceClassification.

    Args:
        folder: the model's and its tokenizer's.
        device: cpu (32 bits) or cuda (bfloat16).
        label: which output is the score, by place or name; None where there is one.
        form: `chat`, `pair`, `plain`, or `auto`.
        max_tokens: inputs are cut to this many tokens, and to the tokenizer's own length.

    Raises:
        ModelError: it cannot be loaded, has no weights for scores, no such output or no chat template.
    """

    def __init__(self, folder: str, device: str, label: int | str | None, form: str, max_tokens: int | None) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging as telling

        telling.disable_progress_bar()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            kind = torch.bfloat16 if device == "cuda" else torch.float32
            made: Any = AutoModelForSequenceClassification.from_pretrained(
                folder, local_files_only=True, dtype=kind, output_loading_info=True
            )
        except Exception as error:  # whatever a library says of a broken model, it is the model that is wrong
            raise ModelError(f"the model in {folder} cannot be loaded: {type(error).__name__}: {error}") from error
        self.model: Any = made[0]
        # Where a model has no head for scores it is given one that is drawn by chance.
        inside = f"{self.model.base_model_prefix}."
        if drawn := sorted(name for name in made[1]["missing_keys"] if not name.startswith(inside)):
            raise ModelError(f"the model in {folder} was not trained to score: it has no weights of {', '.join(drawn)}")
        self.output = output_of(self.model.config, label, folder)
        self.form = form_of(self.tokenizer, form, folder)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        # Models that read from left to right take the last token that is no padding.
        self.tokenizer.padding_side = "right"
        self.model.config.pad_token_id = self.tokenizer.pad_token_id
        self.model.to(device).eval()
        own = self.tokenizer.model_max_length
        lengths = [n for n in (own, max_tokens, _positions(self.model.config)) if n is not None and n < 10**9]
        self.length = min(lengths) if lengths else _LENGTH
        self.device, self.tokens = device, TOKENS[device]

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Scores; float32 [inputs, 1], NaN where a chat template refuses the dialogue or the score is not finite.

        Args:
            inputs: JSON with `prompt` and `response`, lists of canonical messages.
        """
        out = np.full((len(inputs), 1), np.nan, dtype=np.float32)
        read = [orjson.loads(one) for one in inputs]
        known, encoded = self._encoded(read)
        if not len(known):
            return out
        ids = encoded["input_ids"]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        padded = np.minimum(-(-np.maximum(lengths, 1) // STEP) * STEP, self.length)
        for batch in batches(padded, self.tokens):
            for places, scores in halving(batch, lambda part: self._forward(encoded, part, int(padded[part[0]]))):
                out[known[places], 0] = np.where(np.isfinite(scores), scores, np.nan)
        return out

    def _encoded(self, read: Sequence[dict[str, Any]]) -> tuple[np.ndarray, Any]:
        """The places of inputs that can be asked about, and their tokens."""
        cut = {"truncation": True, "max_length": self.length}
        if self.form != "chat":
            first, second = ([_text(one[part]) for one in read] for part in ("prompt", "response"))
            if self.form == "pair":
                encoded = self.tokenizer(first, second, **cut)
            else:
                encoded = self.tokenizer([f"{a}\n{b}" if a else b for a, b in zip(first, second, strict=True)], **cut)
            return np.arange(len(read)), encoded
        texts = [self._conversation(one) for one in read]
        known = np.flatnonzero([text is not None for text in texts])
        said = [text for text in texts if text is not None]
        # A template writes the special tokens itself.
        return known, self.tokenizer(said, add_special_tokens=False, **cut) if said else {}

    def _conversation(self, one: dict[str, Any]) -> str | None:
        from jinja2 import TemplateError

        turns = [message(turn) for part in ("prompt", "response") for turn in one[part]]
        try:
            return str(self.tokenizer.apply_chat_template(turns, tokenize=False))
        except (TemplateError, TypeError, KeyError, ValueError):
            return None  # one dialogue that a template does not know is not the run's trouble

    def _forward(self, encoded: Any, places: np.ndarray, width: int) -> np.ndarray:
        import torch

        rows = {name: [values[i] for i in places] for name, values in encoded.items()}
        features = self.tokenizer.pad(rows, padding="max_length", max_length=width, return_tensors="pt")
        with torch.inference_mode():
            logits = self.model(**{name: tensor.to(self.device) for name, tensor in features.items()}).logits
        scores: np.ndarray = logits[:, self.output].float().cpu().numpy()
        return scores


def output_of(config: Any, label: int | str | None, folder: str) -> int:
    """The place of the output that is the score; raises ModelError naming those that there are."""
    names = {int(place): str(name) for place, name in config.id2label.items()}
    if label is None and len(names) == 1:
        return next(iter(names))
    places = {name: place for place, name in names.items()} | {str(place): place for place in names}
    if label is not None and str(label) in places:
        return places[str(label)]
    said = "has no label" if label is not None else "has several outputs, so its label has to be named; there is none"
    allowed = ", ".join(f"{place} ({name})" for place, name in names.items())
    raise ModelError(f"the model in {folder} {said} {label!r}; it has {allowed}".replace(" None;", ";"))


def form_of(tokenizer: Any, form: str, folder: str) -> str:
    """How a dialogue is put to the model; raises ModelError where a template is asked for and there is none."""
    if form == "chat" and tokenizer.chat_template is None:
        raise ModelError(f"the tokenizer in {folder} has no chat template; input may be pair or plain")
    if form == "auto":
        return "chat" if tokenizer.chat_template is not None else "pair"
    return form


def _positions(config: Any) -> int | None:
    """How many places a model has embeddings for; None where it does not say, or counts none."""
    return getattr(config, "max_position_embeddings", None)


def _text(messages: Sequence[dict[str, Any]]) -> str:
    return "\n".join(one["content"] or "" for one in messages)
