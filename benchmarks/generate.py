"""Benchmark inputs: synthetic pairs of about 1.5 KB, and WMT13's judgements as JSON lines."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import orjson

_WORDS, _PHRASES = 20_000, 50_000
_SEGMENT = re.compile(r'<seg id="(\d+)">(.*?)</seg>', re.DOTALL)


def pairs(path: Path, rows: int, seed: int = 0) -> None:
    """Write preference pairs: prompt, chosen, rejected of 1.5 KB together; 5 % are exact copies of earlier rows."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, size)) for size in rng.integers(2, 11, _WORDS)])
    phrases = [" ".join(words[picked]) for picked in rng.integers(0, _WORDS, (_PHRASES, 10))]
    with path.open("wb") as file:
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            chosen = [[phrases[i] for i in picked] for picked in rng.integers(0, _PHRASES, (count, 21)).tolist()]
            lines = [
                {"prompt": ". ".join(p[:3]), "chosen": ". ".join(p[3:12]), "rejected": ". ".join(p[12:])}
                for p in chosen
            ]
            copies = max(1, count // 20)
            lines[-copies:] = lines[:copies]
            file.write(b"\n".join(map(orjson.dumps, lines)) + b"\n")


def wmt(folder: Path, path: Path) -> int:
    """Write WMT13's pairwise judgements with their texts, one a line; returns how many."""
    count = 0
    with path.open("wb") as file:
        for ranks in sorted(folder.glob("*.rank")):
            pair = ranks.stem
            texts = {
                sgm.name.split(".")[1]: {
                    int(n): t.strip() for n, t in _SEGMENT.findall(sgm.read_text(encoding="utf-8"))
                }
                for sgm in sorted(folder.glob(f"{pair}.*.sgm"))
            }
            for line in ranks.read_text(encoding="utf-8").splitlines():
                number, _, better, _, worse = line.split("\t")
                segment = int(number)
                record = {
                    "segment": f"{pair} {segment}: {texts['ref'][segment]}",
                    "system_a": better,
                    "system_b": worse,
                    "text_a": texts[better][segment],
                    "text_b": texts[worse][segment],
                    "winner": "a",
                }
                file.write(orjson.dumps(record) + b"\n")
                count += 1
    return count
