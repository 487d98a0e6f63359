"""cleanlab's label quality of every `*.npz` in a folder, where `benchmarks.noise --cleanlab` runs it: without us."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores

if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        with np.load(path) as given:
            np.save(path.with_suffix(".quality.npy"), get_label_quality_scores(given["labels"], given["probabilities"]))
