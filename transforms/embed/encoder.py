"""Texts to vectors with a transformer: batches of one length, bounded by tokens, halved where memory ends.

A text's vector does not depend on the texts beside it: texts are padded to the next multiple of `STEP` tokens and a
batch holds texts of one padded length only, so that each goes through arrays of a width that it alone decides. On a
CPU the bits come out the same in any company (a test says so); on a GPU the last of them may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from transforms.embed.models import ModelError

#: Texts are padded to a multiple of this many tokens.
STEP = 8
#: Tokens a batch, padding included: more leave a CPU's caches, and leave a GPU idle when fewer.
TOKENS = {"cpu": 2_048, "cuda": 65_536}
#: Inputs a batch where their size is not known: images, and models with a tokenizer of their own making.
INPUTS = {"cpu": 32, "cuda": 256}


class Encoder(Protocol):
    """Makes vectors of inputs."""

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        """Vectors of length 1, or 0 where an input has nothing that the model knows; float32 [inputs, dimensions]."""
        ...


class SentenceEncoder:
    """A sentence-transformers model that makes vectors of texts.

    Args:
        folder: the model's.
        device: cpu (32 bits) or cuda (half precision).
        max_tokens: texts are cut to this many tokens, and to the model's own length.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, folder: str, device: str, max_tokens: int | None = None) -> None:
        self.model = load(folder, device)
        own = self.model.max_seq_length
        lengths = [length for length in (own, max_tokens) if length is not None and np.isfinite(length)]
        self.length = int(min(lengths)) if lengths else 512
        self.device, self.tokens = device, TOKENS[device]
        if own is None or own > self.length:
            self.model.max_seq_length = self.length
        # What sentence-transformers hands to the model beside ids and masks, which is the same for all texts.
        tokenizer = getattr(self.model, "tokenizer", None)
        self.fast = bool(getattr(tokenizer, "is_fast", False)) and not self.model.default_prompt_name
        if self.fast:
            seen = self.model.preprocess(["a"])
            self.fast = "input_ids" in seen and "attention_mask" in seen and "inputs_embeds" not in seen
            self.constant = {name: value for name, value in seen.items() if isinstance(value, str)}

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Vectors of texts; see Encoder."""
        if not self.fast:
            return encode_plain(self.model, inputs, self.device)
        encoded = self.model.tokenizer(list(inputs), truncation=True, max_length=self.length)
        ids = encoded["input_ids"]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        padded = np.minimum(-(-lengths // STEP) * STEP, self.length)
        out: np.ndarray | None = None
        for batch in batches(padded, self.tokens):
            for places, vectors in halving(batch, lambda part: self._forward(encoded, part, int(padded[part[0]]))):
                if out is None:
                    out = np.zeros((len(ids), vectors.shape[1]), dtype=np.float32)
                out[places] = vectors
        return unit(out if out is not None else np.zeros((0, 0), dtype=np.float32))

    def _forward(self, encoded: Any, places: np.ndarray, width: int) -> np.ndarray:
        import torch

        tokenizer = self.model.tokenizer
        rows = {name: [values[i] for i in places] for name, values in encoded.items()}
        features = tokenizer.pad(rows, padding="max_length", max_length=width, return_tensors="pt")
        moved = {name: tensor.to(self.device) for name, tensor in features.items()}
        with torch.inference_mode():
            return _numpy(self.model({**moved, **self.constant})["sentence_embedding"])


def batches(padded: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Places of inputs, batch by batch: one padded length each, longest first, at most this many tokens.

    Args:
        padded: padded length of each input [n].
        tokens: allowed in a batch; an input longer than that is a batch of its own.
    """
    order = np.argsort(-padded, kind="stable")
    edges = np.flatnonzero(np.diff(padded[order])) + 1
    for same in np.split(order, edges):
        if len(same):
            size = max(1, tokens // max(int(padded[same[0]]), 1))
            for start in range(0, len(same), size):
                yield same[start : start + size]


def halving(places: np.ndarray, forward: Callable[[np.ndarray], np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Run a batch; where memory ends, its halves, down to single inputs.

    Args:
        places: of the batch's inputs.
        forward: from places to their vectors.

    Yields:
        Places and their vectors.

    Raises:
        ModelError: a single input does not fit.
    """
    import torch

    waiting = [places]
    while waiting:
        part = waiting.pop()
        try:
            vectors = forward(part)
        except torch.OutOfMemoryError as error:
            if len(part) == 1:
                raise ModelError(
                    "a single input does not fit in the memory of the GPU; set embed.max_tokens lower, or "
                    "embed.device to cpu"
                ) from error
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            half = len(part) // 2
            waiting += [part[half:], part[:half]]
            continue
        yield part, vectors


def encode_plain(model: Any, inputs: Sequence[Any], device: str) -> np.ndarray:
    """Vectors of inputs whose size is not known, by the model's own `encode`."""
    out: np.ndarray | None = None
    every = np.arange(len(inputs))
    for start in range(0, len(inputs), INPUTS[device]):
        batch = every[start : start + INPUTS[device]]
        for places, vectors in halving(
            batch, lambda part: model.encode([inputs[i] for i in part], batch_size=len(part), show_progress_bar=False)
        ):
            if out is None:
                out = np.zeros((len(inputs), vectors.shape[1]), dtype=np.float32)
            out[places] = vectors
    return unit(out if out is not None else np.zeros((0, 0), dtype=np.float32))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors scaled to length 1; those that are 0 or not finite become 0."""
    clean = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0).astype(np.float32)
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    return np.divide(clean, lengths, out=np.zeros_like(clean), where=lengths > 1e-12)


def load(folder: str, device: str) -> Any:
    """A sentence-transformers model in evaluation mode, in half precision on a GPU.

    Raises:
        ModelError: it cannot be loaded.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as telling

    telling.disable_progress_bar()
    try:
        model = SentenceTransformer(folder, device=device, local_files_only=True)
    except Exception as error:  # whatever a library says of a broken model, it is the model that is wrong
        raise ModelError(f"the model in {folder} cannot be loaded: {type(error).__name__}: {error}") from error
    model.eval()
    return model.half() if device == "cuda" else model.float()


def _numpy(tensor: Any) -> np.ndarray:
    out: np.ndarray = tensor.float().cpu().numpy()
    return out
