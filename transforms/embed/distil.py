"""A static distillation: one vector for each token of a transformer's vocabulary; a text is the mean of its tokens.

The recipe is Model2Vec's (Tulkens and van Dongen, 2024): each token goes through the transformer alone, the vectors
are centred and projected on their principal components, and weighted down by how common the token is (SIF, Arora et
al. 2017: a / (a + p)). How common is read off the vocabulary's order by Zipf's law: p is proportional to 1 / rank.
What is written is a sentence-transformers model (StaticEmbedding), so its folder opens there too.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transforms import blocks
from transforms.arrays import write_array
from transforms.embed.encoder import halving, load
from transforms.embed.models import ModelError
from transforms.embed.static import TOKENIZER, WEIGHTS
from transforms.hashing import digest_json

#: Raised where the recipe gives other vectors than before.
VERSION = 1
#: The weight of SIF: a token as common as this counts half.
SIF = 1e-4
#: Tokens a task of a distillation.
TOKENS_A_TASK = 1024
#: Tokens that stand for nothing, by the name that BERT's vocabularies give them.
_UNUSED = re.compile(r"\[unused\d+\]")
_FILES = (WEIGHTS, TOKENIZER)


def name_of(weights: str, dimensions: int, device: str) -> str:
    """What a distillation is called: a hash of all that it depends on."""
    return f"static-{digest_json([VERSION, weights, dimensions, SIF, device])}"


class Distiller:
    """Sends tokens through a transformer.

    Args:
        folder: the transformer's, or that of a model which is a static one already (`static` then holds it).
        device: cpu or cuda.

    Raises:
        ModelError: it cannot be loaded, or has no tokenizer of the fast kind.
    """

    def __init__(self, folder: str, device: str) -> None:
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        self.model, self.device = load(folder, device), device
        self.static = next((module for module in self.model if isinstance(module, StaticEmbedding)), None)
        if self.static is not None:
            return
        tokenizer = getattr(self.model, "tokenizer", None)
        if not getattr(tokenizer, "is_fast", False):
            raise ModelError(f"the model in {folder} has no fast tokenizer, which a static distillation needs")
        self.tokenizer: Any = tokenizer
        seen = self.model.preprocess(["a"])
        self.constant = {name: value for name, value in seen.items() if isinstance(value, str)}
        self.before, self.after = _frame(self.tokenizer)

    def tokens(self) -> list[int]:
        """Ids of the tokens that stand for something, in the order of the vocabulary."""
        special = set(self.tokenizer.all_special_ids)
        vocabulary = self.tokenizer.get_vocab()
        return sorted(i for token, i in vocabulary.items() if i not in special and not _UNUSED.fullmatch(token))

    def vectors(self, tokens: Sequence[int]) -> np.ndarray:
        """Each token alone between the marks that the model expects around a text; float32 [tokens, width]."""
        import torch

        def forward(places: np.ndarray) -> np.ndarray:
            ids = torch.tensor([[*self.before, tokens[i], *self.after] for i in places], device=self.device)
            features: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids), **self.constant}
            with torch.inference_mode():
                for module in self.model:
                    if type(module).__name__ != "Normalize":  # lengths are information until the components are found
                        features = module(features)
            out: np.ndarray = features["sentence_embedding"].float().cpu().numpy()
            return out

        return np.concatenate([vectors for _, vectors in halving(np.arange(len(tokens)), forward)])


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that a tokenizer puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    start = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
    return whole[:start], whole[start + len(bare) :]


def distil_part(task: dict[str, Any], folder: str) -> dict[str, Any]:
    """A task: some of the vocabulary's tokens through the transformer, as `parts/NUMBER.npy`."""
    distiller = _distiller(task["base"], task["device"])
    tokens = distiller.tokens()[task["start"] : task["start"] + TOKENS_A_TASK]
    write_array(distiller.vectors(tokens), f"{folder}/parts/{task['number']:06d}.npy")
    return {"rows": len(tokens)}


_LOADED: dict[tuple[str, str], Distiller] = {}


def _distiller(folder: str, device: str) -> Distiller:
    if (folder, device) not in _LOADED:
        _LOADED[folder, device] = Distiller(folder, device)
    return _LOADED[folder, device]


def tasks(folder: str, device: str) -> list[dict[str, Any]]:
    """The tasks of a distillation; empty where the model is a static one already."""
    distiller = _distiller(folder, device)
    if distiller.static is not None:
        return []
    starts = range(0, len(distiller.tokens()), TOKENS_A_TASK)
    return [{"number": number, "base": folder, "device": device, "start": start} for number, start in enumerate(starts)]


def forget() -> None:
    """Let go of the transformers that distillations loaded."""
    _LOADED.clear()


def project(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Vectors centred, on their principal components, weighted by SIF under Zipf's law.

    Args:
        vectors: of tokens in the order of the vocabulary, the commonest first [tokens, width].
        dimensions: to keep; at most the width.

    Returns:
        float32 [tokens, dimensions].
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, components = np.linalg.eigh(centred.T @ centred)  # in rising order of variance
    scores = centred @ components[:, ::-1][:, :dimensions]
    # A component's sign is chance; the largest score of each is made positive.
    largest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    scores *= np.where(largest < 0, -1.0, 1.0)
    inverse = 1.0 / np.arange(2, len(scores) + 2)
    return (scores * (SIF / (SIF + inverse / inverse.sum()))[:, None]).astype(np.float32)


def finish(base: str, device: str, parts: Sequence[np.ndarray], dimensions: int, target: str) -> None:
    """Write a distillation's folder, whole or not at all; what another process wrote there meanwhile is as good.

    Args:
        base: the transformer's folder.
        device: cpu or cuda.
        parts: vectors of its tokens, in order; none where the model is a static one, which is taken as it is.
        dimensions: to keep.
        target: the folder to write.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    distiller = _distiller(base, device)
    module = distiller.static
    if module is None:
        vectors = np.concatenate(parts)
        ids = distiller.tokens()
        table = np.zeros((max(max(ids) + 1, len(distiller.tokenizer)), min(dimensions, vectors.shape[1])), np.float32)
        table[ids] = project(vectors, dimensions)  # all other tokens count nothing
        module = StaticEmbedding(distiller.tokenizer, embedding_weights=table)
    module.tokenizer.no_truncation()
    place = Path(target)
    temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex}.tmp")
    temporary.mkdir(parents=True)
    try:
        SentenceTransformer(modules=[module, Normalize()], device="cpu").save(str(temporary), create_model_card=False)
        for name in _FILES:  # lie deeper where a model has several parts; here they are all there is to read
            found = next(temporary.rglob(name))
            if found.parent != temporary:
                shutil.copy(found, temporary / name)
        try:
            os.replace(temporary, place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_whole(folder: str) -> bool:
    """Whether a distillation lies there."""
    return all(blocks.exists(f"{folder}/{name}") for name in _FILES)


def share(folder: str, target: str) -> None:
    """Make a distillation appear where workers reach it."""
    for name in _FILES:
        if not blocks.exists(f"{target}/{name}"):
            blocks.copy(f"{folder}/{name}", f"{target}/{name}")
