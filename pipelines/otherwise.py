"""What would have to change for a row to have another verdict: its signals decided on again, under other policies.

Signals are facts and decisions are policy, so this is no guess: each change is made, and the row decided on with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, get_args

import polars as pl

from pipelines.finished import Finished
from schemas.config import Policy
from transforms import blocks
from transforms.decide.contested import contested
from transforms.decide.policy import decide
from transforms.decide.stage import FACTS, load
from transforms.images.chains import usual

#: Keys of the policy that act on a reason of another name.
_KEYS = {
    "identical_after_truncation": "too_long",
    "overlap_kept": "contaminated",
    "likely_mislabelled": "mislabelled",
}
#: What no key changes, and what would.
_ONLY = {
    "exact_duplicate": "it would have to say something that {} does not",
    "merged_judgement": "its texts would have to differ from those of {}",
    "part_of_row": "it is a record of {}, whose verdict counts",
    "relabelled": "somebody trusted would have to judge it otherwise",
    "balanced_out": "balance.output would have to be one that leaves no row out, such as weights",
    "no_judgement": "somebody would have to judge it (on policy.dimension, where that is set)",
}
#: Signals that a key of the policy acts on, before they are a reason.
_SIGNALS = {
    "near_of": "near_duplicate",
    "near_looks": "near_images",
    "semantic_of": "semantic_duplicate",
    "benchmark_item": "contaminated",
    "p_error": "mislabelled",
    "p_ambiguous": "ambiguous",
    "rating_error": "misrated",
}
#: Thresholds of the policy, by the signals that are held against them.
_THRESHOLDS = (
    ("p_error", "mislabelled_at"),
    ("p_error", "doubtful_at"),
    ("p_ambiguous", "ambiguous_at"),
    ("rating_error", "misrated_at"),
)


def signals(run: Finished, place: int) -> pl.DataFrame | None:
    """All that is known of a row as one line, as `decide` reads it; None where the files are gone."""
    there = run.where(place)
    folders = {name: run.left(name) for name in FACTS}
    # Shortcuts are measured where nothing is balanced, too.
    folders["balance"] = run.left("shortcuts") if run.config.balance.output != "off" else None
    if there is None or None in (folders["identity"], folders["signals"], folders["groups"]):
        return None
    block, row = there
    task: dict[str, Any] = {**folders, "path": block.path, "name": block.sidecar, "cuts": [], "seed": 0}
    return load(task)[row]


def policy_of(run: Finished) -> Policy:
    """The policy as the run carried it out: without flips where they would not have been right often enough."""
    policy, fitted = run.config.policy, run.left("fit")
    if policy.mislabelled != "flip" or fitted is None:
        return policy
    from pipelines.strength import gated  # which needs Beam, and so takes long

    return gated(policy, SimpleNamespace(report=blocks.read_json(f"{fitted}/report.json")))  # type: ignore[arg-type]


def otherwise(run: Finished, row: pl.DataFrame, line: Mapping[str, Any]) -> list[dict[str, str]]:
    """Changes that give a row another verdict, the smallest first.

    Args:
        run: where the row is.
        row: its signals (`signals`).
        line: the ledger's, with its verdict.

    Returns:
        `change` and the `verdict` that comes of it, or what it would take beside settings.
    """
    policy, shapes = policy_of(run), run.manifest["configurations"]
    row = row.with_columns(split=pl.lit(line["split"], dtype=pl.String))
    now = _decided(row, policy, shapes)
    changes = list(_changes(row, policy, line))
    out = []
    for change in changes:
        verdict = _decided(row, policy.model_copy(update=change), shapes)
        if verdict != now:
            out.append({"change": _said(change), "verdict": _in_words(verdict)})
    if not any(verdict["verdict"].split()[0] != now[0] for verdict in out):
        out += _together(row, policy, shapes, changes, now)
    out += _likeness(run, row, policy, now)
    for detail in line["details"]:
        if detail["reason"] in _ONLY:
            what = _ONLY[detail["reason"]].format(detail["counterpart"] or "the other row")
            out.append({"change": what, "verdict": "another verdict"})
    return out


def _decided(row: pl.DataFrame, policy: Policy, shapes: Sequence[str]) -> tuple[str, int | None, float | None, float]:
    """Action, label, soft label and weight of a row."""
    made = decide(contested(row, policy.dimension), policy, shapes, {})
    said = made.select("action", "label", "soft_label", "weight").row(0)
    return said[0], said[1], said[2], said[3]


def _changes(row: pl.DataFrame, policy: Policy, line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Single changes of the policy that may touch a row."""
    reasons = list(dict.fromkeys(line["reasons"]))
    keys = [_KEYS.get(reason, reason) for reason in reasons]
    keys += [key for signal, key in _SIGNALS.items() if row[signal][0] is not None]
    keys += ["doubtful"] if "mislabelled" in keys else []
    keys += ["pii"] if row["pii"].list.len().fill_null(0)[0] else []
    for key in dict.fromkeys(keys):
        field = Policy.model_fields.get(key)
        for value in get_args(field.annotation) if field else ():
            if value != getattr(policy, key):
                yield {key: value}
    for signal, key in _THRESHOLDS:
        measured, at = row[signal][0], getattr(policy, key)
        if measured is not None:
            other = math.floor(measured * 1000) / 1000 if measured < at else math.floor(measured * 1000 + 1) / 1000
            if 0 < other <= 1 and other != at:
                yield {key: other}


def _together(
    row: pl.DataFrame, policy: Policy, shapes: Sequence[str], changes: Sequence[dict[str, Any]], now: tuple[Any, ...]
) -> list[dict[str, str]]:
    """Where no single change gives another action: the mildest of all keys at once."""
    mild = {key: value for change in changes for key, value in change.items() if value in ("keep", "report", "soften")}
    verdict = _decided(row, policy.model_copy(update=mild), shapes) if len(mild) > 1 else now
    return [{"change": _said(mild), "verdict": _in_words(verdict)}] if verdict[0] != now[0] else []


def _likeness(run: Finished, row: pl.DataFrame, policy: Policy, now: tuple[Any, ...]) -> list[dict[str, str]]:
    """Where a threshold of likeness decided: another one, as far as this pair of rows goes."""
    out = []
    looks = row["near_looks"][0] is not None
    for key, of, score in (
        (f"images.{row['near_looks_by'][0]}", "near_of", "near_looks")
        if looks
        else ("duplicates.threshold", "near_of", "near_score"),
        ("semantic.threshold", "semantic_of", "semantic_of_cosine"),
    ):
        if row[of][0] is None:
            continue
        without = row.with_columns(pl.lit(None, dtype=row.schema[name]).alias(name) for name in (of, score))
        verdict = _decided(without, policy, run.manifest["configurations"])
        if verdict != now:
            least = row[score][0]
            if key == "images.likeness" and row["near_looks_at"][0] > run.config.images.likeness:
                least = usual(least)
            change = f"{key} above {least:.3f}, if it is like no other row"
            out.append({"change": change, "verdict": _in_words(verdict)})
    return out


def _said(change: Mapping[str, Any]) -> str:
    return " and ".join(f"policy.{key}: {value}" for key, value in change.items())


def _in_words(verdict: tuple[str, int | None, float | None, float]) -> str:
    action, label, soft, weight = verdict
    if action not in ("keep", "flip", "soften"):
        return action
    said = "a tie" if label is None and soft is not None else "" if label is None else f"response {label + 1} is better"
    sure = "" if soft is None else f" (soft label {max(soft, 1 - soft):.3f})"
    light = "" if weight == 1 else f", weight {weight:g}"
    return f"{action}{': ' if said else ''}{said}{sure}{light}"
