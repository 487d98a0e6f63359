"""What each consumer needs beside a dataset: a piece of the card, a tokenizer, a model of chance weights.

Imported by tests and, in the consumers' own environments, by `run_NAME.py`: it asks for torch and transformers alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

#: Tags around each turn. Like many a real template it asks whether there is a field, so a null must not count as one.
TEMPLATE = """{%- if tools %}<|system|>{{ tools | tojson }}<|end|>{% endif -%}
{%- for message in messages -%}
<|{{ message.role }}|>{{ message.content }}
{%- if 'tool_calls' in message %}
{%- for call in message.tool_calls %}{{ call.function.name }}{{ call.function.arguments }}{% endfor %}
{%- endif -%}
<|end|>
{%- endfor -%}
{%- if add_generation_prompt %}<|assistant|>{% endif %}"""
SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"]


def snippet(dataset: Path | str, who: str) -> str:
    """The code that the card of a dataset prints for a trainer; raises KeyError where it names none so."""
    card = (Path(dataset) / "README.md").read_text()
    found = re.search(rf"^{re.escape(who)}, from `\w+`:\n\n```\w*\n(.*?)\n```$", card, re.M | re.S)
    if found is None:
        raise KeyError(who)
    return found[1]


def tokenizer() -> Any:
    """Bytes and a few merged ones, so any text comes back as it was; with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(["What is 1 and 2?", "It is 3.", "I would rather not say that."], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        model_input_names=["input_ids", "attention_mask"],
    )
    fast.chat_template = TEMPLATE
    return fast


def llama(kind: str, tokenizer: Any, folder: Path | str) -> Any:
    """A Llama of two tiny layers, saved with its tokenizer and read again: some want a folder, some the model.

    Args:
        kind: its head, CausalLM, SequenceClassification (one label) or TokenClassification (two).
        tokenizer: it has an embedding for each of its tokens.
        folder: where it is saved.
    """
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        num_labels=2 if kind == "TokenClassification" else 1,
    )
    made = getattr(transformers, f"LlamaFor{kind}")
    made(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return made.from_pretrained(folder)
