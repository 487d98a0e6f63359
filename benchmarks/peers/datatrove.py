"""datatrove 0.10.1: its MinHash pipeline of four steps, 14 bands of 8, word 5-grams.

python datatrove.py CORPUS KEPT.json    (pip install 'datatrove[io,processing]==0.10.1' spacy)
"""

import glob
import gzip
import json
import os
import resource
import sys
import tempfile

sys.path.pop(0)  # this script is called as the package is
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.hashing import HashConfig


def seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def run(folder, steps, tasks=1):
    LocalPipelineExecutor(pipeline=steps, tasks=tasks, workers=1, logging_dir=tempfile.mkdtemp(dir=folder)).run()


def main():
    started = seconds()
    corpus = os.path.abspath(sys.argv[1])
    hashing = HashConfig(precision=64)
    config = MinhashConfig(hash_config=hashing, num_buckets=14, hashes_per_bucket=8, n_grams=5)
    with tempfile.TemporaryDirectory() as folder:

        def reader():
            return JsonlReader(os.path.dirname(corpus), glob_pattern=os.path.basename(corpus))

        run(folder, [reader(), MinhashDedupSignature(output_folder=f"{folder}/s", config=config, language="eng")])
        buckets = MinhashDedupBuckets(input_folder=f"{folder}/s", output_folder=f"{folder}/b", config=config)
        run(folder, [buckets], tasks=config.num_buckets)
        run(folder, [MinhashDedupCluster(input_folder=f"{folder}/b", output_folder=f"{folder}/r", config=config)])
        removed = MinhashDedupFilter(input_folder=f"{folder}/r", exclusion_writer=JsonlWriter(f"{folder}/removed"))
        run(folder, [reader(), removed, JsonlWriter(output_folder=f"{folder}/kept")])
        kept = []
        for path in glob.glob(f"{folder}/kept/*.gz"):
            with gzip.open(path) as lines:
                kept += [json.loads(line)["id"] for line in lines]
    with open(sys.argv[2], "w") as file:
        json.dump(kept, file)
    print(json.dumps({"cpu": seconds() - started}))


if __name__ == "__main__":
    main()
