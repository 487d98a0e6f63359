"""cleanlab's label quality for what `benchmarks/noise.py --scores DIR` wrote; run it where cleanlab is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores

if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.npz")):
        with np.load(path) as given:
            np.save(path.with_suffix(".quality.npy"), get_label_quality_scores(given["labels"], given["probabilities"]))
