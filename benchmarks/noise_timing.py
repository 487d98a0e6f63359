"""How long detectors take, and in how much memory: each size in a process of its own, so that peaks are its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time

import numpy as np

from benchmarks.noise_data import Given
from transforms.strength.combine import sigmoid
from transforms.strength.heads import fit_heads
from transforms.strength.model import Settings, fit
from transforms.strength.pairs import Pairs

ROWS, WIDTH, SURFACE = 100_000, 384, 33


def timing(given: Given) -> None:
    """Heads alone, and all detectors, on synthetic pairs of 384 dimensions with M = 10 and K = 5; twice the rows."""
    print(
        "| pairs | what | s | CPU s | peak GiB, data included | load before, after |\n|---|---|---|---|---|---|",
        flush=True,
    )
    context = multiprocessing.get_context("spawn")
    rows = given.rows or ROWS
    for size in (rows, 2 * rows):
        for what in ("heads", "all detectors"):
            process = context.Process(target=_timed, args=(size, what))
            process.start()
            process.join()


def _timed(rows: int, what: str) -> None:
    rng = np.random.default_rng(0)
    keys, groups = rng.integers(1, 2**63, (2, rows)).astype(np.uint64)
    responses = rng.standard_normal((rows, 2, WIDTH), dtype=np.float32)
    lean = (responses[:, 0, :8] - responses[:, 1, :8]).sum(axis=1) / 2
    labels = (rng.random(rows) < sigmoid(lean)).astype(float)
    load = os.getloadavg()[0]
    if what == "heads":
        difference = responses[:, 0] - responses[:, 1]
        del responses
        clock, cpu = time.perf_counter(), time.process_time()
        fit_heads(difference, labels, groups)
    else:
        votes = np.stack([labels, 1 - labels], axis=1)
        surface = rng.standard_normal((rows, 2, SURFACE), dtype=np.float32)
        nobody, alike = np.full(rows, np.nan), np.zeros(rows)
        prompts = np.ascontiguousarray(responses[:, 0])
        pairs = Pairs(keys, groups, labels, votes, votes, nobody, surface, prompts, responses, alike)
        clock, cpu = time.perf_counter(), time.process_time()
        fit(pairs, Settings(ceiling=rows))
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told = f"{clock:.0f} | {cpu:.0f} | {peak:.2f} | {load:.1f}, {os.getloadavg()[0]:.1f}"
    print(f"| {rows:,} | {what} | {told} |", flush=True)
