"""A run made by hand, with what sections of the report read and figures that are known; its names are hostile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from pipelines.finished import Finished
from pipelines.report.ablation import ablation
from pipelines.report.attributes import attributes
from pipelines.report.evaluation import evaluation
from pipelines.report.external import external
from pipelines.report.images import images
from pipelines.report.parts import Section
from pipelines.report.probes import probes
from pipelines.report.ratings import ratings
from pipelines.report.rows import _TEXTS
from pipelines.report.steps import steps
from pipelines.report.trajectories import trajectories
from pipelines.results import Results, acts_of, results_of
from schemas.config import Config
from tests.pipelines.report.hostile import EVENT, SCRIPT
from transforms import blocks
from transforms.images.stage import same_file

ROWS = 6
RATING = {
    "source": SCRIPT, "dimension": EVENT, "rows": 6, "values": 12, "raters": 3, "several": 5, "normalised_by": "z",
    "alpha": {"raw": 0.25, "z": 0.5, "rank": 0.4, "mixed": 0.3}, "explained": 0.125, "wrong_share": 0.01,
    "mean_stderr": 1.5, "languages": {"de": {"rows": 30, "mean": 2.0}, "en": {"rows": 40, "mean": 3.0}},
    "systems": {EVENT: {"rows": 30, "mean": 2.5}, SCRIPT: {"rows": 19, "mean": 9.0}, "x": {"rows": 20, "mean": 1.0}},
}  # fmt: skip
WAY = {"mean": 0.5, "correlation_with_steps": -0.5}
_WAYS = ("product", "minimum", "mean", "last", "length_normalised")
STEPS = {
    "solutions": 6, "contradicted": 2, "same_verdict": {"product minimum": 1.0, "product last": 0.5},
    "aggregators": {**dict.fromkeys(_WAYS, WAY), "log_odds": {"mean": 0.5, "correlation_with_steps": None}},
}  # fmt: skip
PROBE = {"rows": 300, "groups": 40, "correlation": 0.5, "ridge": 1.0}
PROBES = {
    "rows": 300, "pairs": 6, "outliers": 1, "beside": None, "left_out": {EVENT: {"rows": 3, "groups": 2}},
    "dimensions": {
        "kind": {**PROBE, "preferred_higher": 0.75, "preferred_by": 0.1},
        SCRIPT: {**PROBE, "preferred_higher": 0.25, "preferred_by": -0.1},
    },
}  # fmt: skip
EXTERNAL = {"judge": {"label": "external", "pairs": 6, "recorded_side": 0.5}, "rm": {"label": "external", "pairs": 5}}
LINE = {
    "kind": "domain", "name": EVENT, "measure": "error", "rows": 99, "inside": 0.3, "elsewhere": 0.1,
    "difference": 0.2, "low": 0.15, "high": 0.25, "p": 0.001,
}  # fmt: skip
ATTRIBUTE = {"prompts": 4, "quota": 0.5, "affinity": 3.21, "words": [SCRIPT, "law"], "examples": []}
ATTRIBUTES = {
    "prompts": 6, "endpoint": None, "table": [LINE], "findings": [{**LINE, "sentence": f"Domain “{EVENT}”: more."}],
    "kinds": {"domain": [{**ATTRIBUTE, "name": EVENT}], "skill": [{**ATTRIBUTE, "name": "explain"}]},
    "mixture": {
        "by": "weights", "split": "train", "rows": 4, "effective": 3.5,
        "shares": {EVENT: {"before": 0.25, "target": 0.5, "after": 0.45}},
    },
}  # fmt: skip
FOUND = {"cluster": 1, "accuracy": 0.7, "low": 0.6, "high": 0.8, "acc_eq": 0.7, "brier": 0.2}
SLICE = {"value": EVENT, "pairs": 30, "scorers": {SCRIPT: FOUND, "chance": FOUND}}
ORDER = {"low": 0.25, "high": 0.75, "defined": 2, "constant": 0, "short": 0}
EVALUATION = {
    "baselines": ["chance"], "rows": "kept", "split": None, "run": {"lineage": "decide"}, "ratings": {}, "rankings": {},
    "requirements": [{"met": False, "required": f"{SCRIPT}>=1", "observed": 0.7}],
    "pairs": {
        "scorers": {SCRIPT: FOUND, "chance": {**FOUND, "accuracy": 0.5, "low": 0.45, "high": 0.55}}, "silent": [EVENT],
        "slices": {EVENT: {"left_out": 0, "slices": [SLICE]}},
        "value_order": {
            "trajectories": 2, "rows": 5, "left_out": 0,
            "scorers": {SCRIPT: {**ORDER, "voc": 0.5}, "chance": {**ORDER, "voc": None, "low": None, "high": None}},
            "labels": {"recorded": {**ORDER, "voc": 1.0}},
        },
    },
}  # fmt: skip
TRAJECTORIES = {
    "rows": 5, "pairs": 5, "valued": 4, "even": 1, "contradicted": 2,
    "later_is_higher": [
        {"frames": 1, "pairs": 2, "higher": 1, "share": 0.5}, {"frames": 2, "pairs": 1, "higher": 0, "share": 0.0},
    ],
    "value_order": {
        "value": {"trajectories": 2, "defined": 2, "short": 0, "constant": 0, "mean": 0.25, "error": 0.5},
        f"external_{EVENT}": {"trajectories": 2, "defined": 0, "short": 1, "constant": 1, "mean": None, "error": None},
    },
}  # fmt: skip
IMAGES = {"opened": 4, "unopened": 1, "unopened_named": [EVENT], "sets": 1, "alike": 3,
          "by_vectors": {"images": 4, "alike_by_these_alone": 2}}  # fmt: skip
BELONGING = {"links": {"image": 2}, "common_images": 1, "commonest": [{"name": SCRIPT, "nodes": 30}]}
LESS = {"than": "raw", "difference": 0.02, "low": 0.01, "high": 0.03, "sure": True}
ARM = {"control": None, "lines": 90, "accuracy": 0.72, "low": 0.7, "high": 0.74, "against": [LESS]}
ABLATION = {
    "settings": {"gold": [SCRIPT], "seeds": 3}, "rows": {"evaluate": 50}, "idle": ["dedup"],
    "arms": {"raw": {**ARM, "against": []}, "all": ARM},
    "proxies": {"kept": {"rho": -0.5, "arms": 7, "predicts": False, "what": "share of the raw rows"}},
}  # fmt: skip


def made(out: Path) -> Finished:
    """The run, with its files in a folder."""
    config = Config.model_validate({"sources": [{"input": ["x"], "format": "hh"}]})
    per = [{"dimension": EVENT, "mean": 2.0 + i, "predicted": 2.5, "p_error": 0.1} for i in range(ROWS)]
    sidecars = {
        "ratings": {
            "rating_error": [0.95, 0.6, 0.1, 0.1, 0.1, 0.1],
            "rating_ambiguous": [0.9, 0.85, 0.1, 0.2, 0.3, None],
            "ratings": [[one] for one in per],
        },
        "steps": {
            "judged_steps": [3] * ROWS,
            "first_wrong": [None, 0, 1, 1, 20, 30],
            "steps_ambiguous": [0.0, 0.0, 1.0, 0.5, 0.0, 0.0],
        },
        "probes": {
            "probe_delta_kind": [0.1, -0.9, 0.2, 0.3, None, 0.4],
            f"probe_delta_{SCRIPT}": [0.1] * ROWS,
            "probe_outlier": [0.99, 0.5, 0.5, 0.5, None, 0.94],
        },
        "external": {
            "external_judge": [1.0, -1.0, 1.0, 1.0, 2.0, 0.0],
            "external_rm": [1.0, -4.0, -1.0, 1.0, None, 1.0],
            "external_mu": [1.0, -2.0, 0.1, 1.0, 2.0, 0.5],
        },
        "decide": {"label": [0, 0, 0, 1, None, 0], "soft_label": [1.0, 0.9, 0.8, 0.0, 0.5, 1.0]},
        "identity": {"copy_of": [None] * ROWS, "judgements": [None] * ROWS},
        "trajectories": {
            "trajectory": [SCRIPT, SCRIPT, SCRIPT, "two", "two", None],
            "frame": [1, 3, 5, 1, 9, None],
            "earlier_frame": [0, 1, 2, 0, 1, None],
            "frame_gap": [1, 2, 3, 1, 8, None],
            "value_gap": [0.5, -0.25, 0.0, -0.5, None, None],
            "contradicted_by": [None, 0.25, None, 0.5, None, None],
        },
        "looks": {},
        "same-images": {},
        "attributes": {"domains": [[EVENT], [EVENT], [], [EVENT], None, [EVENT]], "skills": [["explain"]] * ROWS},
    }
    stages = [{"stage": name, "lineage": name} for name in ("ingest", *sidecars)]
    stages.sort(key=lambda one: one["stage"] == "decide")  # which is the last
    for stage in stages:
        blocks.write_json({}, f"{out}/work/{stage['stage']}-{stage['lineage'][:12]}/done.json")
    blocks.write_json({"blocks": [{"name": "0.parquet", "rows": ROWS}]}, f"{out}/work/ingest-ingest/tasks/000000.json")
    blocks.write_json({"named": [EVENT]}, f"{out}/work/looks-looks/tasks/000000.json")
    alike = pl.DataFrame({"name": ["b", f"uri:x:{SCRIPT}"], "stands": ["a", "a"]})
    blocks.write_frame(alike, same_file(f"{out}/work/same-images-same-images"))
    voc = [0.75, -0.25, float("nan"), float("nan")]
    orders = {"source": SCRIPT, "trajectory": [SCRIPT, "two"] * 2, "scorer": ["value"] * 2 + [f"external_{EVENT}"] * 2,
              "frames": 4, "voc": voc, "why": [None, None, "short", "constant"]}  # fmt: skip
    blocks.write_frame(pl.DataFrame(orders), f"{out}/trajectories.parquet")
    for name, columns in sidecars.items():
        blocks.write_frame(pl.DataFrame(columns, strict=False), f"{out}/work/{name}-{name}/000000.parquet")
    ablated = ABLATION | {"run": {"groups": "ingest", "acts": acts_of(config)}}
    for name, told in {"attributes": ATTRIBUTES, "evaluation": EVALUATION, "ablation": ablated}.items():
        (out / f"{name}.json").write_bytes(orjson.dumps(told))
    blocks.write_frame(_ledger(), f"{out}/ledger.parquet")
    scales = [[{"dimension": EVENT, "minimum": 0.0, "maximum": 4.0, "higher_is_better": False}]] * ROWS
    texts = {name: [None] * ROWS for name in _TEXTS} | {"scales": scales, "metadata": [EVENT] * ROWS}
    shown = [{"uri": f"x:{SCRIPT}", "sha256": None}]
    said = [{"role": "user", "content": SCRIPT, "images": shown}]
    texts["prompt"], texts["responses"] = [said] * ROWS, [[said]] * ROWS
    texts["source"] = [SCRIPT] * ROWS
    blocks.write_frame(pl.DataFrame(texts), f"{out}/work/ingest-ingest/blocks/0.parquet")
    raters = {
        "rater": ["a", SCRIPT],
        "kind": "rating",
        "votes": [60, 40],
        "shared": [60, 40],
        "reliability": [0.9, 0.05],
    }
    blocks.write_frame(pl.DataFrame(raters), f"{out}/raters.parquet")
    ratings_ = {"figures": [RATING], "looked_at_texts": True}
    whole: dict[str, Any] = {"ratings": ratings_, "steps": STEPS, "probes": PROBES, "external": EXTERNAL}
    whole |= {
        "trajectories": TRAJECTORIES,
        "images": IMAGES,
        "belonging": BELONGING,
        "attributes": {},
        "config": config,
        "stages": stages,
        "trenchcoat": "0",
    }
    whole |= {"counts": {"records_in": ROWS}, "dead_letter_codes": {}}
    return Finished(str(out), whole)


def _ledger() -> pl.DataFrame:
    detail = pl.Struct({"reason": pl.String, "score": pl.Float64, "threshold": pl.Float64, "counterpart": pl.String})
    said = {
        "row_id": [f"row {i}" for i in range(ROWS)], "source": SCRIPT, "file": EVENT, "line": 1, "kind": "rating",
        "action": "keep", "group_id": "g", "split": "train",
    }  # fmt: skip
    empty = {name: pl.lit([], pl.List(pl.String)) for name in ("published_in", "reasons")}
    empty |= {"details": pl.lit([], pl.List(detail))}
    return pl.DataFrame(said).with_columns(**empty)


def sections(run: Finished, results: Results | None = None) -> Sequence[Section]:
    """Every section of such a run."""
    results = results_of(run) if results is None else results
    found = [one(run) for one in (ratings, steps, trajectories, images, external, probes, attributes)]
    return [section for section in (*found, evaluation(results), ablation(results)) if section]
