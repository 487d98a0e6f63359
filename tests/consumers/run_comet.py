"""In COMET's environment: what its reader makes of train.csv, and two steps of `comet-train` on it."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import torch
import yaml
from comet.cli.train import train_command
from comet.models import ReferencelessRegression, RegressionMetric
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

CLASSES = {"regression_metric": RegressionMetric, "referenceless_regression_metric": ReferencelessRegression}
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def tiny_xlmr(folder: Path, texts: list[str]) -> XLMRobertaTokenizerFast:
    """An XLM-R of two tiny layers whose vocabulary is letters; white space is treated as in the real one."""
    letters = sorted({letter for text in texts for letter in text if not letter.isspace()} | {"▁"})
    vocabulary = [*((token, 0.0) for token in SPECIAL), *((letter, -1.0) for letter in letters)]
    made = Tokenizer(models.Unigram(vocabulary, unk_id=SPECIAL.index("<unk>"), byte_fallback=False))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    made.save(str(folder / "tokenizer.json"))
    tokenizer = XLMRobertaTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
    )
    XLMRobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    return tokenizer


def settings(metric: str, model: Path, data: str, out: Path) -> dict:
    """A configuration of `comet-train`, as COMET's own in configs/, but for size."""
    return {
        metric: {
            "class_path": f"comet.models.{CLASSES[metric].__name__}",
            "init_args": {
                "nr_frozen_epochs": 0.0, "encoder_model": "XLM-RoBERTa", "pretrained_model": str(model),
                "local_files_only": True, "hidden_sizes": [16], "batch_size": 4,
                "train_data": [data], "validation_data": [data],
            },
        },
        "trainer": {
            "class_path": "pytorch_lightning.trainer.trainer.Trainer",
            "init_args": {
                "accelerator": "cpu", "devices": 1, "max_epochs": 1, "limit_train_batches": 2, "log_every_n_steps": 1,
                "num_sanity_val_steps": 1, "default_root_dir": str(out),
            },
        },
        "early_stopping": {
            "class_path": "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
            "init_args": {"monitor": "val_kendall", "mode": "max"},
        },
        "model_checkpoint": {
            "class_path": "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
            "init_args": {"dirpath": str(out), "filename": "trained", "monitor": None, "save_last": False},
        },
    }  # fmt: skip


def main(metric: str, data: str) -> dict:
    model, out = Path("xlmr"), Path("trained")
    model.mkdir()
    read = CLASSES[metric].read_training_data(None, data)
    tokenizer = tiny_xlmr(model, [text for row in read for text in row.values() if isinstance(text, str)])
    Path("config.yaml").write_text(yaml.safe_dump(settings(metric, model, data, out)))
    sys.argv = ["comet-train", "--cfg", "config.yaml"]
    train_command()
    state = torch.load(out / "trained.ckpt", weights_only=False)
    before = XLMRobertaModel.from_pretrained(model, add_pooling_layer=False).state_dict()
    after = {name.removeprefix("encoder.model."): value for name, value in state["state_dict"].items()}
    return {
        "read": [row | {"score": float(row["score"])} for row in read],
        "tokens": [tokenizer([row["mt"], row["mt"].strip()])["input_ids"] for row in read],
        "steps": state["global_step"],
        "finite": all(math.isfinite(value.abs().sum()) for value in after.values() if value.is_floating_point()),
        "moved": any(not torch.equal(after[name], value) for name, value in before.items() if name in after),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
