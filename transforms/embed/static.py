"""Texts to vectors by looking their tokens up: the mean of a distillation's vectors, which needs no transformer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms import blocks
from transforms.embed.encoder import unit
from transforms.embed.models import ModelError

#: Where `transforms.embed.distil` leaves a distillation's vectors and its tokenizer.
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"


class StaticEncoder:
    """A distillation, read from its folder on any storage.

    A text's vector depends on its own tokens only, added up one after the other: the same bits in any company.

    Args:
        folder: the distillation's.
        max_tokens: texts are cut to this many tokens; None does not cut.

    Raises:
        ModelError: the folder does not hold one.
    """

    def __init__(self, folder: str, max_tokens: int | None = None) -> None:
        import torch
        from safetensors.torch import load
        from tokenizers import Tokenizer

        try:
            weights = load(blocks.read_bytes(f"{folder}/{WEIGHTS}"))
            self.tokenizer = Tokenizer.from_str(blocks.read_bytes(f"{folder}/{TOKENIZER}").decode())
        except Exception as error:  # whatever a library says of a broken file, it is the model that is wrong
            raise ModelError(f"no static model can be read from {folder}: {type(error).__name__}: {error}") from error
        self.table: torch.Tensor = next(iter(weights.values())).float()
        self.tokenizer.no_padding()
        if max_tokens is None:
            self.tokenizer.no_truncation()
        else:
            self.tokenizer.enable_truncation(max_tokens)

    def encode(self, inputs: Sequence[str]) -> np.ndarray:
        """Vectors of texts: of length 1, or 0 for a text without a known token; float32 [texts, dimensions]."""
        import torch

        encoded = self.tokenizer.encode_batch_fast(list(inputs), add_special_tokens=False)
        ids = [encoding.ids for encoding in encoded]
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        flat = np.concatenate([np.array(one, dtype=np.int64) for one in ids]) if ids else np.zeros(0, dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64)
        summed = torch.nn.functional.embedding_bag(
            torch.from_numpy(flat), self.table, torch.from_numpy(starts), mode="sum"
        )
        return unit(summed.numpy())
