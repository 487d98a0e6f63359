"""One job on two gRPC worker pools: the protocol that a cluster speaks, and the same bytes as in one process."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import yaml
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc

from tests.pipelines.test_end_to_end import ROOT, command, pairs, tree, write

pytestmark = pytest.mark.slow
#: Each pool's workers write files that say by their mode who wrote them.
UMASKS = (0o022, 0o027)
ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


class Spread(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """One address for several pools. Beam asks one address for every worker of a job; these go to each in turn."""

    def __init__(self, addresses: list[str]) -> None:
        stubs = [beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolStub(grpc.insecure_channel(one)) for one in addresses]
        self.turn = itertools.cycle(stubs)
        self.started = 0

    def StartWorker(
        self, request: beam_fn_api_pb2.StartWorkerRequest, context: grpc.ServicerContext
    ) -> beam_fn_api_pb2.StartWorkerResponse:
        self.started += 1
        return next(self.turn).StartWorker(request)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def pools() -> Iterator[list[str]]:
    """The addresses of two pools, each in a process of its own."""
    ports = [free_port() for _ in UMASKS]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={port}"],
            env=ENV, cwd=ROOT, umask=umask, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for port, umask in zip(ports, UMASKS, strict=True)
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        for port in ports:
            while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < deadline:
                time.sleep(0.1)
        yield [f"127.0.0.1:{port}" for port in ports]
    finally:
        for pool in started:
            pool.terminate()
            pool.wait(30)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Eight sources, so that every stage has several tasks: rankings would add nothing but time."""
    names = [f"s{number}" for number in range(8)]
    for number, name in enumerate(names):
        write(tmp_path / f"{name}.jsonl", pairs(200, seed=number))
    sources = [{"name": name, "input": [str(tmp_path / f"{name}.jsonl")], "format": "trl"} for name in names]
    settings = {"sources": sources, "publish": {"rows_per_shard": 1}, "gate": {"max_dead_letters": 0.1}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "c.yaml"


def test_one_job_on_two_pools(pools: list[str], config: Path, tmp_path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    spread = Spread(pools)
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(spread, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    alone, together = tmp_path / "alone", tmp_path / "together"
    flags = ("--environment_type=EXTERNAL", f"--environment_config=127.0.0.1:{port}", "--direct_num_workers=4")
    try:
        for out, extra in ((alone, ()), (together, flags)):
            done = subprocess.run(
                command("curate", str(config), "--out", str(out), *extra),
                cwd=ROOT, capture_output=True, text=True, timeout=300, env=ENV,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    finally:
        server.stop(None)
    assert spread.started >= 4
    stages = [folder.parent for folder in sorted(together.glob("work/*/tasks"))]
    spread_out = {"ingest", "identity", "signals", "near", "groups", "decide", "publish"}
    assert {folder.name.split("-")[0] for folder in stages} >= spread_out
    for stage in stages:
        if stage.name.split("-")[0] not in spread_out:  # the others have one task
            continue
        wrote = {path.stat().st_mode & 0o777 for path in stage.glob("tasks/*.json")}
        assert wrote == {0o666 & ~umask for umask in UMASKS}, f"{stage.name} ran in one pool alone"
    assert tree(together) == tree(alone)
