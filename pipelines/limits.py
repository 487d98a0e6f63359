"""What a dataset does not say, or was not looked for, from the facts of its run: the card's known limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.config import Config, Policy

#: Languages that are named.
_LANGUAGES = 5
#: The least share of the rows that a named language has.
_SHOWN = 0.001
#: Sources that are named where several share a limit.
_SOURCES = 8


def self_checks(policy: Policy, found: dict[str, Any]) -> list[dict[str, Any]]:
    """The self-checks that speak of what a policy does: with counterexamples left alone where it leaves them alone.

    Args:
        policy: the run's.
        found: what the run says of strength.
    """
    spared = policy.counterexample == "keep"
    return [one for one in found["checks"] if one["spared"] == spared]


def known_limits(config: Config, said: dict[str, Any]) -> list[str]:
    """Sentences for a reader, worst first.

    Args:
        config: the run's.
        said: the run's manifest, or what there is of it.
    """
    return [
        *_labels(config, said),
        *_raters(config, said),
        *_not_looked_for(config, said),
        *_texts(config, said),
        *_languages(said),
    ]


def unknown_labels(said: dict[str, Any]) -> Iterator[str]:
    """What is not known of how many labels of pairs are wrong."""
    found = said["strength"]
    if found is None:
        if said["kinds"].get("pair"):
            yield "Wrong labels were not looked for, so nothing here says how many there are."
    elif not found["fitted"]:
        yield (
            f"Wrong labels were not looked for: there are {found['why']}. Nothing here says how many there are, and no "
            "row has a p_error."
        )
    elif not found["eta_identified"]:
        yield (
            "How many labels are wrong is not known: nobody judged enough rows twice, and no trusted rater was asked. "
            f"It is at most {found['eta_high']:.1%}; p_error takes {found['eta']:.1%}."
        )


def _labels(config: Config, said: dict[str, Any]) -> Iterator[str]:
    yield from unknown_labels(said)
    found = said["strength"]
    if found is None or not found["fitted"]:
        return
    at = config.policy.mislabelled_at
    below = [one for one in self_checks(config.policy, found) if one["threshold"] <= at + 1e-9]
    if below:
        threshold = max(one["threshold"] for one in below)
        checks = [one for one in below if one["threshold"] == threshold]
        if not any(one["found"] for one in checks):
            yield (
                f"Labels are called wrong from p_error {at:g}. None of those that the run planted wrong itself reached "
                f"{threshold:g}, so how many of the labels called wrong are so is unknown."
            )
            return
        low, high = min(one["precision_low"] for one in checks), max(one["precision_high"] for one in checks)
        bound = min(one["precision_bound"] for one in checks)
        yield (
            f"Labels are called wrong from p_error {at:g}. Where the run planted wrong labels itself, {low:.0%} to "
            f"{high:.0%} of those it called wrong from {threshold:g} were, by how many of all are (lower bound "
            f"{bound:.0%}); real mistakes are not spread like planted ones."
        )
    else:
        yield f"How many labels called wrong from p_error {at:g} are so is unknown: no self-check was made there."


def _raters(config: Config, said: dict[str, Any]) -> Iterator[str]:
    if config.raters.consensus == "off" or said["raters"] is None:
        yield "Raters were not looked at: votes count alike, whoever gave them."
        return
    figures = said["raters"]["figures"]
    shared = {one["source"] for one in figures if one["shared"]}
    alone = sorted({one["source"] for one in figures} - shared)
    if alone:
        more = f" and {len(alone) - _SOURCES} more" if len(alone) > _SOURCES else ""
        yield (
            f"Nothing was judged by several known raters in {', '.join(alone[:_SOURCES])}{more}: how far raters would "
            "agree there cannot be known."
        )


def _not_looked_for(config: Config, said: dict[str, Any]) -> Iterator[str]:
    if not config.contamination.benchmarks:
        yield "No benchmark was named, so rows may overlap with test sets."
    if not config.duplicates.near:
        yield "Near-copies were not looked for: they may stand in two splits."
    if not config.shortcuts.find:
        yield "Shortcuts were not measured: labels may go with length or layout."
    elif config.balance.output == "off" and said["kinds"].get("pair"):
        yield "Shortcuts were measured and nothing was done about them: a model may learn length or layout instead."
    if config.signals.length is None:
        yield "Tokens were not counted: some rows may be longer than a trainer takes, and be cut there."


def _texts(config: Config, said: dict[str, Any]) -> Iterator[str]:
    texts = said["embedding"].get("texts")
    if texts is None:
        yield (
            "Nothing was embedded: rows that say the same in other words, and regions with more wrong labels, were not "
            "looked for."
        )
    elif texts["kind"] == "static":
        yield "Texts were embedded by their words alone, without their order: likeness of meaning is rough."
    found = sum(said.get("pii", {}).values())
    if not config.signals.pii:
        yield "Personal data was not looked for."
    elif config.policy.pii == "report" and found:
        yield "Personal data was found and is published as it is."
    elif config.policy.pii != "report":
        yield "Personal data is found by its form (addresses, numbers, keys); names and places are not."


def _languages(said: dict[str, Any]) -> Iterator[str]:
    languages, rows = said.get("languages", {}), said["counts"]["rows_in"] + said["counts"]["derived_rows"]
    if not languages or not rows:
        yield "Languages are not known."
        return
    named = sorted(languages.items(), key=lambda one: (-one[1], one[0]))
    total = sum(languages.values())
    told = [one for one in named[:_LANGUAGES] if one[1] / total >= _SHOWN]
    shown = ", ".join(f"{name} {count / total:.1%}" for name, count in told)
    more = f", and {len(named) - len(told)} more" if len(named) > len(told) else ""
    yield (
        f"Languages, of the rows where one is known, as the data say or of the first response: {shown}{more}. "
        "Detectors and word lists know English best."
    )
