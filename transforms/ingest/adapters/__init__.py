"""Every format there is, one small file each; add yours to the list."""

from __future__ import annotations

from transforms.ingest.adapters import (
    alpaca_eval,
    arena,
    arena_55k,
    axolotl,
    bigbench_mistake,
    chitchat,
    comet,
    da,
    dialsummeval,
    esa,
    helpsteer,
    helpsteer_preference,
    hh,
    image_preference,
    imageinwords,
    judgebench,
    llamafactory,
    llmbar,
    mapping,
    math_shepherd,
    mqm,
    nectar,
    oasst,
    openrlhf,
    pandalm,
    pku_saferlhf,
    prm800k,
    rewardbench,
    rewardbench2,
    seahorse,
    shp,
    skywork,
    summarize_from_feedback,
    summeval,
    trajectory,
    trajectory_frames,
    trl,
    ukp_convarg,
    ultrafeedback,
    ultrafeedback_binarized,
    webgpt,
    wmt_ranking,
)
from transforms.ingest.adapters.base import Adapter
from transforms.ingest.records import Records

ADAPTERS: tuple[Adapter, ...] = (
    mapping.ADAPTER,
    trl.ADAPTER,
    hh.ADAPTER,
    alpaca_eval.ADAPTER,
    pandalm.ADAPTER,
    da.ADAPTER,
    chitchat.ADAPTER,
    mqm.ADAPTER,
    wmt_ranking.ADAPTER,
    esa.ADAPTER,
    comet.ADAPTER,
    seahorse.ADAPTER,
    summeval.ADAPTER,
    dialsummeval.ADAPTER,
    prm800k.ADAPTER,
    bigbench_mistake.ADAPTER,
    math_shepherd.ADAPTER,
    ukp_convarg.ADAPTER,
    imageinwords.ADAPTER,
    image_preference.ADAPTER,
    trajectory.ADAPTER,
    trajectory_frames.ADAPTER,
    openrlhf.ADAPTER,
    axolotl.ADAPTER,
    llamafactory.ADAPTER,
    rewardbench.ADAPTER,
    rewardbench2.ADAPTER,
    ultrafeedback.ADAPTER,
    ultrafeedback_binarized.ADAPTER,
    helpsteer.ADAPTER,
    helpsteer_preference.ADAPTER,
    arena.ADAPTER,
    arena_55k.ADAPTER,
    nectar.ADAPTER,
    oasst.ADAPTER,
    shp.ADAPTER,
    webgpt.ADAPTER,
    summarize_from_feedback.ADAPTER,
    skywork.ADAPTER,
    pku_saferlhf.ADAPTER,
    llmbar.ADAPTER,
    judgebench.ADAPTER,
)


class FormatError(ValueError):
    """A format that nobody knows, or that cannot be told."""


def adapter(name: str) -> Adapter:
    """The adapter of this name; raises FormatError naming those there are."""
    for known in ADAPTERS:
        if known.name == name:
            return known
    raise FormatError(f"there is no format {name!r}; known are {', '.join(known.name for known in ADAPTERS)}")


def recognise(records: Records, file: str) -> Adapter:
    """The one adapter whose fields these records have; raises FormatError when none or several fit.

    A general layout fits only where no format in particular does.
    """
    if not len(records):
        raise FormatError(f"{file}: no record could be read, so its format cannot be told; name it with `format`")
    fitting = [known for known in ADAPTERS if all(records.has(name) for name in known.fields) and known.fits(records)]
    fitting = [known for known in fitting if not known.generic] or fitting
    names = records.names()
    if not fitting:
        shown = ", ".join(names[:20])
        raise FormatError(f"{file}: no known format has the fields {shown}; describe them with `format: mapping`")
    if len(fitting) > 1:
        raise FormatError(f"{file}: could be {' or '.join(known.name for known in fitting)}; say which with `format`")
    return fitting[0]
