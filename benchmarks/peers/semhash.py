"""semhash 0.5.0: nearest neighbours of static embeddings, cosine 0.9 or more.

python semhash.py CORPUS KEPT.json MODEL    (pip install semhash==0.5.0; MODEL is a folder of Model2Vec)
"""

import json
import os
import resource
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.pop(0)  # this script is called as the package is
from model2vec import StaticModel
from semhash import SemHash


def seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


started = seconds()
with open(sys.argv[1]) as lines:
    rows = [json.loads(line) for line in lines]
model = StaticModel.from_pretrained(sys.argv[3])
found = SemHash.from_records(records=rows, columns=["text"], model=model).self_deduplicate(threshold=0.9)
with open(sys.argv[2], "w") as file:
    json.dump([row["id"] for row in found.selected], file)
print(json.dumps({"cpu": seconds() - started}))
