"""Tiny reward models, made on the spot with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import processors
from transformers import BertConfig, BertForSequenceClassification, LlamaConfig, LlamaForSequenceClassification

from tests.transforms.embed.support import tokenizer

TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    "{{ m.role }} {{ m.content }} [SEP]{% endfor %}"
)


def two_texts(folder: Path, seed: int = 0) -> Path:
    """A BERT with one output, given prompt and response as two texts."""
    torch.manual_seed(seed)
    words = tokenizer(model_max_length=64)
    ids = {name: words.convert_tokens_to_ids(name) for name in ("[CLS]", "[SEP]")}
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=list(ids.items())
    )
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, num_labels=1, initializer_range=0.4,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def chat(folder: Path) -> Path:
    """A Llama with two outputs and a chat template."""
    torch.manual_seed(1)
    words = tokenizer()
    words.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=128, num_labels=2, id2label={0: "bad", 1: "good"}, label2id={"bad": 0, "good": 1},
        initializer_range=0.4,
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
