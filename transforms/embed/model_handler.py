"""The embedding model as Beam's RunInference takes one: loaded once a worker process, given whole chunks of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from apache_beam.ml.inference.base import ModelHandler

from transforms.embed.encoder import Encoder, SentenceEncoder
from transforms.embed.images import ImageEncoder
from transforms.embed.models import Model, ModelError, device_for, hash_of, locate
from transforms.embed.static import StaticEncoder
from transforms.external.rewards import RewardEncoder

#: Inputs a call. Padding is what costs, and a call sorts by length within itself: RunInference's own choice of batches,
#: which begins with single texts, takes twice as long.
INPUTS_A_CALL = {"text": 1024, "image": 128, "dialogue": 512, "answer": 512}


class Chunk(NamedTuple):
    """Inputs of one call: the task they are, what each is known by, and what the model is given of each."""

    task: int
    items: list[str]
    inputs: list[Any]


class Embedded(NamedTuple):
    """A chunk's vectors, float16 (scores float32) [items, dimensions], in its items' order; and how many are 0."""

    task: int
    items: list[str]
    vectors: np.ndarray
    empty: int


def encoder_of(model: Model) -> Encoder:
    """Load a model.

    Raises:
        ModelError: it is not there or cannot be loaded, is another than was planned with, or its device is not there.
    """
    if model.threads is not None:
        import torch

        torch.set_num_threads(model.threads)
    if model.kind == "static":
        assert model.folder is not None
        return StaticEncoder(model.folder, model.max_tokens)
    device_for(model.device)
    folder = locate(model.base)
    if hash_of(folder) != model.weights:
        raise ModelError(f"the model {model.base!r} is not the same here as where the run was started")
    if model.kind == "image":
        return ImageEncoder(folder, model.device)
    if model.kind == "reward":
        return RewardEncoder(folder, model.device, model.label, model.form, model.max_tokens)
    return SentenceEncoder(folder, model.device, model.max_tokens)


class EmbeddingHandler(ModelHandler[Chunk, Embedded, Encoder]):
    """Embeds chunks.

    An element is a chunk of `INPUTS_A_CALL` inputs already, so a batch is one element: what Beam's batches of single
    texts would hold, without a Python object and a key for each text on its way.

    Args:
        model: which one, with all that its vectors depend on.
    """

    def __init__(self, model: Model) -> None:
        super().__init__(min_batch_size=1, max_batch_size=1)
        self.model = model

    def load_model(self) -> Encoder:
        return encoder_of(self.model)

    def run_inference(
        self, batch: Sequence[Chunk], model: Encoder, inference_args: dict[str, Any] | None = None
    ) -> Iterator[Embedded]:
        for chunk in batch:
            vectors = model.encode(chunk.inputs)
            if self.model.kind != "reward":  # half a float is enough for a direction, and not for a score
                vectors = vectors.astype(np.float16)
            yield Embedded(chunk.task, chunk.items, vectors, int((~vectors.any(axis=1)).sum()))

    def get_num_bytes(self, batch: Sequence[Chunk]) -> int:
        return sum(len(one) for chunk in batch for one in chunk.inputs)

    def get_metrics_namespace(self) -> str:
        return "Embedding"
