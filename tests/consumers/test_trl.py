"""TRL's trainers take steps on published data as `load_dataset` gives it, without a change in between.

Nothing is downloaded: the tokenizer is trained on the spot, and the model is a tiny Llama with random weights.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipelines.card import make_card
from schemas.arrow import ROW_SCHEMA
from schemas.config import Config
from transforms.parquet import plain
from transforms.publish.shapes import Facts, shape

pytestmark = [
    pytest.mark.consumers,
    pytest.mark.skipif(
        importlib.util.find_spec("trl") is None,
        reason="TRL is not installed: pip install -c constraints.txt -e '.[consumers]'",
    ),
]

CONFIGURATIONS = ("preference", "preference_full", "preference_soft", "kto")
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


def turn(role: str, content: str | None, **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def pairs() -> pl.DataFrame:
    """Twelve pairs, as `publish` hands them to a shape: plain, with a system prompt and turns, with a tool call."""
    call = {"id": "1", "name": "weather", "arguments": '{"city": "Bonn"}'}
    rows = []
    for i in range(12):
        prompt = [turn("user", f"What is {i} and {i}?")]
        good, bad = [turn("assistant", f"It is {2 * i}.")], [turn("assistant", "I would rather not say that.")]
        if i % 3 == 1:
            prompt = [turn("system", "Be brief."), turn("user", "Hi"), turn("assistant", "Hello!"), *prompt]
        if i % 3 == 2:
            good = [turn("assistant", None, tool_calls=[call]), turn("tool", "9", tool_call_id="1"), *good]
        row = {"row_id": f"r{i}", "content_id": f"c{i}", "source": "s", "file": "f", "line": i + 1, "kind": "pair"}
        tools = '[{"type": "function", "function": {"name": "weather"}}]' if i % 3 == 2 else None
        rows.append(row | {"prompt": prompt, "responses": [bad, good], "judgements": [], "tools": tools})
    decided = {"soft_label": pl.lit(0.0), "margin": pl.lit(1.5), "weight": pl.lit(1.0)}
    return pl.DataFrame(rows, schema=ROW_SCHEMA).rename({"content_id": "id"}).with_columns(**decided)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    facts = Facts(message_fields=("tool_call_id", "tool_calls"), tools=True, margins=True)
    for name in CONFIGURATIONS:
        (folder / name).mkdir()
        table = plain(shape(name).build(pairs(), facts))
        pq.write_table(table, folder / name / "train-00000-of-00001.parquet")
    config = Config(sources=[{"input": ["pairs.jsonl"]}])
    (folder / "README.md").write_bytes(make_card(str(folder), config, {}, {}, {}, {}, [], "0"))
    return folder


@pytest.fixture
def load(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The training split of a configuration, from a cache that has seen nothing, and with the hub out of reach."""
    import datasets
    import huggingface_hub.constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for module in (datasets.config, huggingface_hub.constants):  # they have read the environment by now
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    return lambda name: datasets.load_dataset(str(published), name, split="train", cache_dir=str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
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
    fast = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<|pad|>", eos_token="<|end|>")
    fast.chat_template = TEMPLATE
    return fast


def model_of(kind: str, tokenizer: Any, folder: Path) -> Any:
    """A Llama of two tiny layers with random weights, saved first: TRL reads the reference model from its folder."""
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
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        num_labels=1,
    )
    made = getattr(transformers, f"LlamaFor{kind}")
    made(config).save_pretrained(folder)
    return made.from_pretrained(folder)


def train(trainer: str, model: str, data: Any, tokenizer: Any, out: Path, **other: Any) -> Any:
    """Two steps; returns the trainer."""
    import trl

    arguments = getattr(trl, trainer.replace("Trainer", "Config"))(
        output_dir=str(out),
        max_steps=2,
        per_device_train_batch_size=4,
        logging_steps=1,
        max_length=256,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
        **other,
    )
    made = getattr(trl, trainer)(
        model=model_of(model, tokenizer, out / "model"), args=arguments, train_dataset=data, processing_class=tokenizer
    )
    made.train()
    return made


def losses(trainer: Any) -> list[float]:
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


@pytest.mark.parametrize("name", ["preference", "preference_full", "preference_soft"])
def test_reward_trainer(name: str, load: Callable[[str], Any], tokenizer: Any, tmp_path: Path) -> None:
    data = load(name)
    assert {"id", "source", "chosen", "rejected"} <= set(data.column_names)
    trained = train("RewardTrainer", "SequenceClassification", data, tokenizer, tmp_path)
    assert trained.state.global_step == 2
    assert len(losses(trained)) == 2
    assert all(map(math.isfinite, losses(trained)))
    # All of it is read: the prompt, the tool's call and answer, and the tools on offer.
    sides = {
        key: [tokenizer.decode(ids) for ids in trained.train_dataset[f"{key}_ids"]] for key in ("chosen", "rejected")
    }
    assert sides["chosen"][0].startswith("<|user|>What is 0 and 0?<|end|><|assistant|>It is 0.<|end|>")
    assert sides["rejected"][1].startswith("<|system|>Be brief.<|end|><|user|>Hi<|end|>")
    assert '<|assistant|>weather{"city": "Bonn"}<|end|><|tool|>9<|end|>' in sides["chosen"][2]
    assert all('"name": "weather"' in side[2] for side in sides.values())
    assert ("margin" in trained.train_dataset.column_names) == (name == "preference_soft")


def test_dpo_trainer(load: Callable[[str], Any], tokenizer: Any, tmp_path: Path) -> None:
    trained = train("DPOTrainer", "CausalLM", load("preference"), tokenizer, tmp_path)
    assert trained.state.global_step == 2
    assert all(map(math.isfinite, losses(trained)))
    first = {key: tokenizer.decode(trained.train_dataset[0][f"{key}_ids"]) for key in ("prompt", "chosen", "rejected")}
    assert first["prompt"] == "<|user|>What is 0 and 0?<|end|><|assistant|>"
    assert first["chosen"].startswith("It is 0.<|end|>")
    assert first["rejected"].startswith("I would rather not say that.<|end|>")


def test_kto_trainer(load: Callable[[str], Any], tokenizer: Any, tmp_path: Path) -> None:
    data = load("kto")
    assert data["label"] == [True, False] * 12
    trained = train("KTOTrainer", "CausalLM", data, tokenizer, tmp_path)
    assert trained.state.global_step == 2
    assert all(map(math.isfinite, losses(trained)))
