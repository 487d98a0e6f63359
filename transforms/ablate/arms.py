"""Arms: which parts of a run's curation act, as a policy and as the facts that it may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.config import Policy

#: What can be switched, in the order of the picture.
STAGES = ("dedup", "raters", "contamination", "noise", "ambiguity", "slices", "balance")
#: The policy under which a stage does nothing, and the facts that are then not looked at.
_KEYS: dict[str, dict[str, Any]] = {
    "dedup": {"near_duplicate": "keep", "near_images": "keep", "semantic_duplicate": "report"},
    "raters": {"conflict": "keep", "near_conflict": "keep", "in_cycle": "keep"},
    "contamination": {"contaminated": "keep"},
    "noise": {"mislabelled": "keep", "doubtful": "keep"},
    "ambiguity": {"ambiguous": "keep", "ambiguous_weight": 1.0},
    "slices": {"error_slice": "keep"},
    "balance": {},
}
_FACTS = {"dedup": ("near", "semantic"), "raters": ("consensus",), "noise": ("trusted",)}

Control = Literal["drop", "flips"]


@dataclass(frozen=True)
class Arm:
    """A training set.

    Attributes:
        name: what the table calls it.
        on: the stages that act.
        control: how it was made of the raw rows instead: as many dropped by chance as the arm `of` drops, or as many
            labels turned round by chance as the arm `of` changes or drops. None for an arm of stages.
        of: the arm that a control is of.
    """

    name: str
    on: tuple[str, ...] = ()
    control: Control | None = None
    of: str | None = None

    @property
    def file(self) -> str:
        """Its name as part of a file's."""
        return self.name.replace(" ", "-").replace(":", "")

    def policy(self, policy: Policy) -> Policy:
        """The policy with the stages that are off doing nothing; margins stay as recorded."""
        off = {key: value for stage, keys in _KEYS.items() if stage not in self.on for key, value in keys.items()}
        # All rows are for training here.
        sure = "drop" if policy.contaminated == "train_only" else policy.contaminated
        return policy.model_copy(update={"contaminated": sure, "margin": "recorded", **off})

    def facts(self, folders: Mapping[str, str | None]) -> dict[str, str | None]:
        """The folders of facts, without those of stages that are off."""
        hidden = {name for stage, names in _FACTS.items() if stage not in self.on for name in names}
        return {name: None if name in hidden else folder for name, folder in folders.items()}


def switched(policy: Policy, ran: Mapping[str, bool], balanced: bool) -> list[str]:
    """The stages that a configuration has act.

    Args:
        policy: what is to become of what was found.
        ran: by the names of facts, whether they were looked for.
        balanced: whether training pairs are to be balanced.
    """
    acts = {
        "dedup": True,
        "raters": ran.get("consensus", False),
        "contamination": ran.get("contamination", False) and policy.contaminated != "keep",
        "noise": ran.get("strength", False) and (policy.mislabelled, policy.doubtful) != ("keep", "keep"),
        "ambiguity": ran.get("strength", False) and (policy.ambiguous != "keep" or policy.ambiguous_weight < 1),
        "slices": ran.get("slices", False) and policy.error_slice != "keep",
        "balance": balanced,
    }
    return [stage for stage in STAGES if acts[stage]]


def arms_of(stages: Sequence[str]) -> list[Arm]:
    """Raw, each stage alone, all but each, and all; sets of stages that come up twice are one arm."""
    if not stages:
        return [Arm("raw")]
    found = {frozenset[str](): Arm("raw"), frozenset(stages): Arm("all", tuple(stages))}
    for stage in stages:
        found.setdefault(frozenset([stage]), Arm(f"{stage} alone", (stage,)))
    for stage in stages:
        rest = tuple(one for one in stages if one != stage)
        found.setdefault(frozenset(rest), Arm(f"without {stage}", rest))
    every = list(found.values())
    return [every[0], *every[2:], every[1]]


def controls_of(arms: Sequence[Arm], rows: Mapping[str, int]) -> list[Arm]:
    """A size-matched control of `all` and of each stage alone that drops rows, and flips as many as noise touches.

    Args:
        arms: of stages.
        rows: how many each has.
    """
    out = [
        Arm(f"{arm.name}: random drop", (), "drop", arm.name)
        for arm in arms
        if (arm.name == "all" or arm.name.endswith(" alone")) and rows[arm.name] < rows["raw"]
    ]
    # The arm in which noise acts by itself, or with the least beside it.
    noisy = sorted((len(arm.on), arm.name) for arm in arms if "noise" in arm.on)
    return [*out, *([Arm("random flips", (), "flips", noisy[0][1])] if noisy else [])]
