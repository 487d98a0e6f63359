"""The user's own voices in a run: reward models settled before any work and run over pairs, and scores in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pipelines.embedding import Vectors, embed
from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from schemas.config import Config, ResponseScores, RewardModel
from transforms.blocks import Block
from transforms.embed.models import Model, ModelError, device_for, hash_of, locate
from transforms.external.margins import write_margins, write_together
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"margins": 1, "external": 1}


@dataclass(frozen=True)
class Voices:
    """What is asked: models by name, and scores that are in the data."""

    models: dict[str, Model]
    scores: list[ResponseScores]

    @property
    def names(self) -> list[str]:
        """Of all voices, each once."""
        return list(dict.fromkeys([*self.models, *(one.name for one in self.scores)]))


@dataclass(frozen=True)
class External:
    """The stages, the last of which has the margins.

    Attributes:
        names: of the voices, in the order of the columns.
        scored: for each model, its stages.
        margins: the stage with the margins alone.
        done: that with their mean and deviation beside them.
    """

    names: list[str]
    scored: dict[str, Vectors]
    margins: Done
    done: Done

    def to_dict(self, right: Sequence[float]) -> dict[str, Any]:
        """Who was asked, for the manifest; `right` is how often each takes the recorded side."""
        total = self.margins.total
        return {
            name: {
                "label": "external",
                "pairs": total["known"].get(name, 0),
                **({"recorded_side": right[place]} if place < len(right) else {}),
                **({"model": self.scored[name].to_dict()} if name in self.scored else {}),
            }
            for place, name in enumerate(self.names)
        }

    def notes(self, heard: bool) -> list[str]:
        """What a reader must know of them, for the card; `heard` is whether wrong labels were looked for."""
        total = self.margins.total
        say = "had a say" if heard else "would have had a say"
        out = [
            f"Voices of the user's own {say} in how likely a label is wrong: {', '.join(self.names)}. They are not "
            "out of fold: whether they have seen these pairs is not known here."
        ]
        for name in self.names:
            missing = total["pairs"] - total["known"].get(name, 0)
            if missing:
                out.append(f"{name} has no score for {missing:,} of {total['pairs']:,} pairs.")
        return out


def plan_external(config: Config) -> Voices:
    """Settle the models and their device; raises UserError for one that is not there or cannot score."""
    asked = config.external
    models = {}
    for place, one in enumerate(asked.models):
        try:
            models[one.name] = reward_model(one, asked.device)
        except ModelError as error:
            raise UserError(f"external.models.{place} ({one.name}): {error}") from error
    scores = list(asked.scores)
    for source in config.sources:
        named = source.mapping.response_scores if source.mapping else {}
        scores += [ResponseScores(name=name, fields=fields, source=source.name) for name, fields in named.items()]
    # One name may stand for the scores of several sources, each in fields of its own.
    every = [*models, *(one.name for one in scores if one.source is None), *{one.name for one in scores if one.source}]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise UserError(f"external: {twice[0]!r} names two voices; each needs a name of its own")
    return Voices(models, scores)


def reward_model(asked: RewardModel, device: Literal["auto", "cpu", "cuda"]) -> Model:
    """Settle a reward model; raises ModelError for one that is not there or cannot score."""
    folder = locate(asked.base)
    _see(folder, asked.label, asked.input)
    return Model(
        "reward",
        asked.base,
        hash_of(folder),
        device_for(device),
        max_tokens=asked.max_tokens,
        label=asked.label,
        form=asked.input,
    )


def _see(folder: str, label: int | str | None, form: str) -> None:
    """See that a model can be asked, from what lies beside its weights."""
    from transformers import AutoConfig, AutoTokenizer

    from transforms.external.rewards import form_of, output_of

    try:
        settings = AutoConfig.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # each library has exceptions of its own for a broken model
        raise ModelError(f"the model in {folder} cannot be loaded: {type(error).__name__}: {error}") from error
    output_of(settings, label, folder)
    form_of(tokenizer, form, folder)


def find_external(
    config: Config, voices: Voices, every: Sequence[Block], identity: Done, engine: Engine
) -> External | None:
    """Margins of the user's own voices; None where there are none."""
    if not voices.models and not voices.scores:
        return None
    kept = config.external.cache
    scored = {name: embed(model, every, kept, identity, engine, f"-{name}") for name, model in voices.models.items()}
    columns = [one.model_dump() for one in voices.scores]
    names = voices.names
    models = {name: vectors.done.folder for name, vectors in scored.items()}
    shared = {"identity": identity.folder, "models": models, "scores": columns}
    work = [{**shared, "path": block.path, "name": block.sidecar} for block in every]
    margins = engine.run(
        "margins",
        VERSIONS["margins"],
        [list(scored), columns],
        [identity.key, *(vectors.done.key for vectors in scored.values())],
        len(work),
        lambda p, folder: p | "margins" >> RunTasks(work, write_margins, folder),
    )
    total = margins.total
    sizes = [float(np.sqrt(total["squares"][name] / max(total["known"][name], 1))) for name in names]
    beside = [{"margins": margins.folder, "name": block.sidecar, "sizes": sizes} for block in every]
    done = engine.run(
        "external",
        VERSIONS["external"],
        None,
        [margins.key],
        len(beside),
        lambda p, folder: p | "external" >> RunTasks(beside, write_together, folder),
    )
    return External(names, scored, margins, done)
