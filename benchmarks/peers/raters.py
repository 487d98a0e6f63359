"""crowd-kit, krippendorff and cleanlab on votes that `benchmarks.raters` wrote; run by it in an environment of its own.

    pip install torch==2.13.0 crowd-kit==1.4.2 krippendorff==0.9.0 cleanlab==2.9.0

    python benchmarks/peers/raters.py VOTES.npz

VOTES.npz holds `unit`, `rater` and `value` of each vote (0, 1, 2: first, tie, second; or any number for alpha). Prints
one JSON object: what was asked for by its `task`, with seconds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    return run(), time.process_time() - started


def consensus(frame: pd.DataFrame, given: Any) -> dict[str, Any]:
    """Labels by each of crowd-kit's aggregators, in the order of units."""
    from crowdkit.aggregation import MACE, DawidSkene, MajorityVote

    kinds = {
        "crowd-kit majority": MajorityVote(),
        "crowd-kit Dawid-Skene": DawidSkene(n_iter=100),
        "crowd-kit MACE": MACE(n_restarts=1, random_state=0),
    }
    out = {}
    for name in given["asked"].tolist():
        labels, seconds = timed(lambda name=name: kinds[name].fit_predict(frame))
        out[name] = {"labels": labels.sort_index().tolist(), "seconds": seconds}
    return out


def without(frame: pd.DataFrame, given: Any) -> dict[str, Any]:
    """For each rater asked for, their agreement with Dawid-Skene's labels of all the others' votes."""
    from crowdkit.aggregation import DawidSkene

    out = {}
    for rater in given["asked"].tolist():
        mine = frame["worker"] == rater
        labels = DawidSkene(n_iter=30).fit_predict(frame[~mine])
        own = frame[mine].set_index("task")["label"]
        both = own.index.intersection(labels.index)
        out[str(rater)] = float((labels.loc[both] == own.loc[both]).mean())
    return out


def alpha(frame: pd.DataFrame, given: Any) -> dict[str, Any]:
    """Krippendorff's alpha by the package of that name."""
    import krippendorff

    table = np.full((frame["worker"].max() + 1, frame["task"].max() + 1), np.nan)
    table[frame["worker"], frame["task"]] = frame["label"]
    out = {}
    for level in given["asked"].tolist():
        value, seconds = timed(lambda level=level: krippendorff.alpha(table, level_of_measurement=level))
        out[level] = {"alpha": float(value), "seconds": seconds}
    return out


def crowdlab(frame: pd.DataFrame, given: Any) -> dict[str, Any]:
    """CROWDLAB, which also takes a model's probabilities."""
    from cleanlab.multiannotator import get_label_quality_multiannotator

    table = frame.pivot(index="task", columns="worker", values="label")
    found, seconds = timed(lambda: get_label_quality_multiannotator(table, given["model"], verbose=False))
    return {"cleanlab CROWDLAB": {"labels": found["label_quality"].consensus_label.tolist(), "seconds": seconds}}


def main() -> None:
    given = np.load(sys.argv[1], allow_pickle=False)
    frame = pd.DataFrame({"task": given["unit"], "worker": given["rater"], "label": given["value"]})
    task = {"consensus": consensus, "without": without, "alpha": alpha, "crowdlab": crowdlab}[str(given["task"])]
    print(json.dumps(task(frame, given)))


if __name__ == "__main__":
    main()
