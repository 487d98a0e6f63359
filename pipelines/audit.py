"""`trenchcoat audit`: how bad a dataset is, as it is; and the configuration that would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import yaml

from pipelines.finished import Finished
from schemas.config import Config, Policy
from schemas.expectations import Verdict
from transforms import blocks

SUGGESTED = "suggested.yaml"
#: What a policy says of rows that it leaves alone, and so does not name; an audit names them all.
_SILENT = ("keep", "report", "mask", "train_only")
_HEAD = """\
# Made by `trenchcoat audit` from what it found; behind each setting is what it is for.
# trenchcoat curate {name} --out OUT
"""


def as_it_is(config: Config) -> Config:
    """The configuration of an audit: everything is looked for and named, nothing acted on, nothing published."""
    loud: dict[str, Any] = {"act": False}
    for key, field in Policy.model_fields.items():
        allowed = [value for value in get_args(field.annotation) if isinstance(value, str)]
        if getattr(config.policy, key) in _SILENT and "drop" in allowed:
            loud[key] = "drop"
    policy = config.policy.model_copy(update=loud)
    publish = config.publish.model_copy(update={"configurations": []})
    balance = config.balance.model_copy(update={"output": "off"})
    return config.model_copy(update={"policy": policy, "publish": publish, "balance": balance})


def unjudged() -> Verdict:
    """The gate's verdict where nothing is published: nothing was checked, and nothing may be."""
    return Verdict(False, [], 0.0)


def conclude(out: str, asked: Config) -> list[str]:
    """Write the suggested configuration of a finished audit; returns what was found, in words.

    Args:
        out: the audit's folder.
        asked: the configuration that it was asked for with.
    """
    from pipelines.report.fate import fates
    from pipelines.report.findings import findings, fixes
    from pipelines.report.parts import share

    run = Finished.at(out)
    found = findings(run, fates(run))
    text = suggested(asked, fixes(found), f"{out}/{SUGGESTED}")
    blocks.write_bytes(text.encode(), f"{out}/{SUGGESTED}")
    return [f"{one.rows:>10,}  {share(one.rows, one.whole):>7}  {one.name}" for one in found] or ["nothing"]


def suggested(asked: Config, settings: Mapping[str, tuple[Any, str]], path: str) -> str:
    """A configuration file: what was asked, with settings that deal with what was found and what each is for."""
    whole = asked.model_dump(mode="json", exclude_defaults=True)
    for key in settings:  # each stands below, with what it is for
        section, _, name = key.partition(".")
        if isinstance(whole.get(section), dict):
            whole[section].pop(name, None)
    if "policy.recipe" in settings:  # a recipe's keys would win over another one
        mine = whole.get("policy", {})
        for name in ("mislabelled", "mislabelled_at", "doubtful", "doubtful_at"):
            mine.pop(name, None)
    lines = [_HEAD.format(name=path)]
    mended: dict[str, list[str]] = {}
    for key, (value, why) in settings.items():
        section, _, name = key.partition(".")
        said = yaml.safe_dump({name: value}, sort_keys=False).rstrip()
        mended.setdefault(section, []).append(f"  {said}  # {why}\n")
    for section in [*whole, *(name for name in mended if name not in whole)]:
        rest = whole.get(section)
        if section not in mended:
            lines.append(yaml.safe_dump({section: rest}, sort_keys=False, allow_unicode=True))
            continue
        kept = yaml.safe_dump(rest, sort_keys=False, allow_unicode=True) if rest else ""
        lines.append(f"{section}:\n" + "".join(f"  {line}\n" for line in kept.splitlines()) + "".join(mended[section]))
    return "".join(lines)
