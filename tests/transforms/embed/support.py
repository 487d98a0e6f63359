"""Tiny models, made on the spot with random weights: a transformer for texts and a CLIP for images."""

from __future__ import annotations

import io
import random
from pathlib import Path

import torch
from PIL import Image
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
)

# fmt: off
WORDS = (
    "the", "a", "an", "of", "to", "and", "in", "is", "it", "you", "that", "he", "was", "for", "on", "are",
    "as", "with", "his", "they", "at", "be", "this", "have", "from", "or", "one", "had", "by",
)
# fmt: on


def tokenizer(**special: str) -> PreTrainedTokenizerFast:
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[unused1]"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?!"
    vocabulary = [*marks, *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    ids = {token: i for i, token in enumerate(dict.fromkeys(vocabulary))}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", **special
    )


def tiny_transformer(folder: Path, seed: int = 0) -> Path:
    """A BERT of two layers and 32 dimensions, as sentence-transformers keeps one."""
    torch.manual_seed(seed)
    words = tokenizer()
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    words.save_pretrained(folder / "bert")
    module = Transformer(str(folder / "bert"), max_seq_length=64)
    SentenceTransformer(modules=[module, Pooling(32), Normalize()], device="cpu").save(
        str(folder / "model"), create_model_card=False
    )
    return folder / "model"


def tiny_clip(folder: Path) -> Path:
    """A CLIP of one layer and 16 dimensions."""
    torch.manual_seed(0)
    words = tokenizer(eos_token="[SEP]", bos_token="[CLS]")
    sides = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = CLIPConfig(
        text_config={
            **sides,
            "vocab_size": len(words),
            "max_position_embeddings": 32,
            "eos_token_id": words.eos_token_id,
            "bos_token_id": words.bos_token_id,
            "pad_token_id": words.pad_token_id,
        },
        vision_config={**sides, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder / "clip")
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(images, words).save_pretrained(folder / "clip")
    module = Transformer(str(folder / "clip"))
    SentenceTransformer(modules=[module], device="cpu").save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def sentences(count: int, seed: int = 0, longest: int = 90) -> list[str]:
    """Different texts of 1 to `longest` words."""
    rng = random.Random(seed)
    return [" ".join([f"n{i}", *rng.choices(WORDS, k=rng.randint(0, longest - 1))]) for i in range(count)]


def picture(colour: tuple[int, int, int]) -> bytes:
    """A PNG file of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()
