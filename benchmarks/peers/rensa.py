"""rensa 0.5.0 used directly: MinHash of word 5-grams, LSH, the similarity of signatures as verification.

python rensa.py CORPUS KEPT.json    (pip install rensa==0.5.0)
"""

import json
import resource
import sys

sys.path.pop(0)  # this script is called as the package is
from rensa import RMinHash, RMinHashLSH


def grams(text, size=5):
    words = text.lower().split()
    return [" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1))]


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


started = seconds()
with open(sys.argv[1]) as lines:
    rows = [json.loads(line) for line in lines]
signed = RMinHash.from_token_sets([grams(row["text"]) for row in rows], num_perm=128, seed=42)
index = RMinHashLSH(threshold=0.7, num_perm=128, num_bands=16)
kept = []
for place, (row, one) in enumerate(zip(rows, signed, strict=True)):
    if not any(signed[other].jaccard(one) >= 0.7 for other in index.query(one)):
        index.insert(place, one)
        kept.append(row["id"])
with open(sys.argv[2], "w") as file:
    json.dump(kept, file)
print(json.dumps({"cpu": seconds() - started}))
