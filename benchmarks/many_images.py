"""Very many images: what finding those that look the same takes. `python -m benchmarks.many_images`.

Each is a process of its own. Looks are made up: of distinct images; of more than are compared, a tenth of which have
the hash of another; and of one chain, as of a fixed camera that sees eight things change.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from transforms.blocks import write_frame

#: Images a file.
_FILE = 100_000


def looks(kind: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Hashes and small pictures, a file at a time."""
    rng = np.random.default_rng(0)
    scene, change = rng.integers(0, 256, 192), rng.normal(size=(8, 192))
    for start in range(0, count, _FILE):
        here = min(_FILE, count - start)
        found = rng.integers(0, 2**63, here, dtype=np.uint64)
        small = rng.integers(0, 256, (here, 192)).astype(np.uint8)
        if kind == "a tenth alike":
            found[: here // 20] = found[here // 20 : here // 20 * 2]
            small[: here // 20] = small[here // 20 : here // 20 * 2]
        if kind == "one chain":
            found = np.uint64(12345) ^ (np.uint64(1) << rng.integers(0, 64, here).astype(np.uint64))
            small = np.clip(scene + 3 * rng.normal(size=(here, 8)) @ change, 0, 255).astype(np.uint8)
        yield found, small


def measure(task: str) -> None:
    """Do it, and print what it took."""
    import resource
    import time

    from transforms.images.stage import find_same

    told = json.loads(task)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = find_same(told, told["folder"])
    took, peak = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{took:.0f} s of CPU, peak {peak / 2**20:.2f} GB ({before / 2**20:.2f} before); {found}")


def main() -> None:
    from schemas.config import Images
    from transforms.images.stage import MOST, MOST_VECTORS

    asked = Images()
    for kind, count in (("distinct", MOST), ("a tenth alike", 3 * MOST), ("one chain", MOST // 5)):
        with tempfile.TemporaryDirectory() as made:
            files = []
            for number, (found, small) in enumerate(looks(kind, count)):
                names = [f"in:source:a/folder/of/pictures/{number:04d}-{place:06d}.png" for place in range(len(found))]
                files.append(str(Path(made) / f"{number}.parquet"))
                small_bytes = pl.Series([one.tobytes() for one in small], dtype=pl.Binary)
                write_frame(pl.DataFrame({"name": names, "hash": found, "small": small_bytes}), files[-1])
            task = {
                "looks": files, "bits": asked.bits, "likeness": asked.likeness, "vectors": None, "members": [],
                "cosine": asked.cosine, "device": None, "most": MOST, "most_vectors": MOST_VECTORS, "folder": made,
            }  # fmt: skip
            print(f"{count:,} images, {kind}: ", end="", flush=True)
            subprocess.run([sys.executable, "-m", "benchmarks.many_images", json.dumps(task)], check=True)


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
