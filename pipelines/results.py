"""What a run comes to: its headline figures under the names that the gate knows, and what was evaluated of it.

Figures are counted from the files of the run, so that `validate` finds what `curate` found, and what `evaluate` and
`ablate` left in its folder since. Those reports are taken only where they are of the run as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipelines.finished import Finished
from pipelines.require import figure_at
from schemas.config import Config
from schemas.results import VOICE
from transforms import blocks


@dataclass(frozen=True)
class Results:
    """Figures and reports.

    Attributes:
        figures: by name (`schemas.results`); those that the run does not have are not there.
        evaluation: what `trenchcoat evaluate` found of this run; None without it.
        ablation: what `trenchcoat ablate` found of this data and this policy; None without it.
        stale: reports that are there and of another state of the run.
    """

    figures: dict[str, float] = field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    ablation: dict[str, Any] | None = None
    stale: tuple[str, ...] = ()

    def listed(self) -> dict[str, float]:
        """All figures for the manifest: the run's own, each scorer's first one, and each arm's accuracy."""
        out = dict(self.figures)
        one = self.evaluation or {"pairs": None, "ratings": {}, "rankings": {}}
        paths = {f"pairs/scorers/{name}/accuracy" for name in (one["pairs"] or {"scorers": ()})["scorers"]}
        for dimension, found in one["ratings"].items():
            paths |= {f"ratings/{dimension}/scorers/{name}/{found['ranked_by']}" for name in found["scorers"]}
        for dimension, found in one["rankings"].items():
            paths |= {f"rankings/{dimension}/first/scorers/{name}/best_of" for name in found["first"]["scorers"]}
        arms = {f"arms/{name}/accuracy" for name in (self.ablation or {"arms": ()})["arms"]}
        for first, some in (("evaluation", paths), ("ablation", arms)):
            for path in sorted(some):
                value = figure_at(self.reports()[first] or {}, path)
                out |= {} if value is None else {f"{first}/{path}": value}
        return out

    def reports(self) -> dict[str, dict[str, Any] | None]:
        """The reports by the first step of their figures' paths."""
        return {"evaluation": self.evaluation, "ablation": self.ablation}


def find_results(out: str, config: Config, summary: dict[str, Any], lineages: Iterable[str]) -> Results:
    """What the run in a folder comes to.

    Args:
        out: the folder.
        config: of the run.
        summary: the manifest, whole or as far as `pipelines.output.assemble` made it.
        lineages: of the run's stages, in their order.
    """
    keys = list(lineages)
    found: dict[str, dict[str, Any] | None] = {"evaluation": None, "ablation": None}
    stale = []
    for name, fresh in (("evaluation", _of_these_rows), ("ablation", _of_these_labels)):
        path = f"{out}/{name}.json"
        if not blocks.exists(path):
            continue
        report = blocks.read_json(path)
        if fresh(report.get("run", {}), config, keys):
            found[name] = report
        else:
            stale.append(name)
    figures = figures_of(out, summary) | _helped(found["ablation"])
    return Results(figures, **found, stale=tuple(stale))


def results_of(run: Finished) -> Results:
    """What a finished run comes to."""
    return find_results(run.out, run.config, run.manifest, [one["lineage"] for one in run.manifest["stages"]])


def _of_these_rows(run: dict[str, Any], config: Config, keys: list[str]) -> bool:
    return bool(keys) and run.get("lineage") == keys[-1]


def _of_these_labels(run: dict[str, Any], config: Config, keys: list[str]) -> bool:
    return run.get("groups") in keys and run.get("acts") == acts_of(config)


def acts_of(config: Config) -> dict[str, Any]:
    """What of a configuration acts on rows, as far as an ablation looks at it."""
    return config.model_dump(mode="json", include={"raters", "strength", "policy", "balance"})


def figures_of(out: str, summary: dict[str, Any]) -> dict[str, float]:
    """The headline figures of a run, by name; nothing for what it does not have."""
    path = f"{out}/spurious.json"
    found: dict[str, float | None] = {}
    if blocks.exists(path):
        found |= _surface(blocks.read_json(path))
    found |= _agreement(summary.get("raters")) | _detectors(summary.get("strength"))
    found |= {f"{VOICE}{name}": one.get("recorded_side") for name, one in (summary.get("external") or {}).items()}
    found |= _rated(summary.get("ratings"))
    steps = summary.get("steps")
    if steps and steps["solutions"]:
        found["steps_contradicted"] = round(steps["contradicted"] / steps["solutions"], 5)
    return {name: value for name, value in found.items() if value is not None}


def _surface(report: dict[str, Any]) -> dict[str, float | None]:
    pairs, balanced = report["pairs"], report["balance"]
    if not pairs or not pairs["measured"]:
        return {}
    out: dict[str, float | None] = {"balance_ess": balanced["ess"] if balanced else None}
    for ruler, name in (("linear", "surface_accuracy"), ("trees", "surface_accuracy_trees")):
        one = pairs["rulers"][ruler]
        out[f"{name}_raw"] = one["before"]["accuracy"]
        out[name] = (one["after"] if balanced else one["before"])["accuracy"]
    return out


def _agreement(raters: dict[str, Any] | None) -> dict[str, float | None]:
    """Alpha of everything that several judged, and the lowest of all."""
    out: dict[str, float | None] = {}
    for one in (raters or {}).get("figures", []):
        found = one["alpha_nominal" if one["kind"] == "pair" else "alpha_interval"]
        if one["shared"] and found is not None:
            out[f"alpha/{one['source']}/{one['kind']}/{one['dimension']}"] = found
    return out | _worst("alpha", out, min)


def _detectors(strength: dict[str, Any] | None) -> dict[str, float | None]:
    if not strength or not strength["fitted"]:
        return {}
    return {
        "noise_rate": strength["eta"] if strength["eta_identified"] else None,
        "noise_rate_high": strength["eta_high"],
        "detector_accuracy": strength["right"]["logit"],
    }


def _rated(ratings: dict[str, Any] | None) -> dict[str, float | None]:
    alphas: dict[str, float | None] = {}
    wrong: dict[str, float | None] = {}
    for one in (ratings or {}).get("figures", []):
        of = f"{one['source']}/{one['dimension']}"
        alphas[f"rating_alpha/{of}"] = one["alpha"][one["normalised_by"]]
        wrong[f"rating_wrong_share/{of}"] = one["wrong_share"]
    return alphas | wrong | _worst("rating_alpha", alphas, min) | _worst("rating_wrong_share", wrong, max)


def _helped(report: dict[str, Any] | None) -> dict[str, float]:
    """What all of curation adds to the accuracy of a head, and the lower end of the interval."""
    out: dict[str, float] = {}
    for other, name in (("raw", "ablation_less_raw"), ("all: random drop", "ablation_less_random")):
        for held in report["arms"].get("all", {"against": []})["against"] if report else []:
            if held["than"] == other:
                out |= {name: held["difference"], f"{name}_low": held["low"]}
    return out


def _worst(name: str, found: dict[str, float | None], of: Any) -> dict[str, float | None]:
    known = [value for value in found.values() if value is not None]
    return {name: of(known)} if known else {}
