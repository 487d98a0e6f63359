"""Input and output on an S3-compatible store: a server in this process, and the real client in the command's."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.test_end_to_end import ROOT, command, pairs, tree

pytestmark = pytest.mark.slow
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'trenchcoat[s3]'")
server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[s3]' flask flask-cors")
SOURCES = 6


class Store:
    """The server: `log` holds the paths of what was stored, in order; `on_put` is asked before each is."""

    def __init__(self) -> None:
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.log: list[str] = []
        self.on_put: Callable[[str], None] = lambda path: None
        app = server.DomainDispatcherApplication(server.create_backend_app)

        def watched(environ: dict[str, Any], start: Any) -> Any:
            put = environ["REQUEST_METHOD"] == "PUT"
            if put:
                self.on_put(environ["PATH_INFO"])
            response = app(environ, start)
            if put:
                self.log.append(environ["PATH_INFO"])
            return response

        self.server = make_server("127.0.0.1", 0, watched, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "who",
            "AWS_SECRET_ACCESS_KEY": "knows",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server.server_port}",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300, check=False
        )


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    one = Store()
    fs = s3fs.S3FileSystem(
        key="who", secret="knows", endpoint_url=one.env["AWS_ENDPOINT_URL"], use_listings_cache=False
    )
    fs.mkdir("lake")
    for number in range(SOURCES):
        rows = pairs(150, seed=number)
        fs.pipe(f"lake/raw/{number}.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    one.fs = fs  # type: ignore[attr-defined]
    yield one
    one.server.shutdown()


@pytest.fixture(scope="module")
def config(store: Store, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A source a file, so that each stage has several tasks."""
    sources = [{"name": f"s{n}", "input": [f"s3://lake/raw/{n}.jsonl"], "format": "trl"} for n in range(SOURCES)]
    settings = {"sources": sources, "publish": {"rows_per_shard": 1}, "gate": {"max_dead_letters": 0.1}}
    path = tmp_path_factory.mktemp("config") / "c.yaml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture(scope="module")
def local(store: Store, config: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What comes out on a disk, from the same input."""
    out = tmp_path_factory.mktemp("local") / "out"
    done = store.run("curate", config, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return tree(out)


def fetched(store: Any, out: str, folder: Path) -> dict[str, bytes]:
    store.fs.get(f"lake/{out}/", f"{folder}/", recursive=True)
    return tree(folder)


def test_a_whole_run(store: Any, config: str, local: dict[str, bytes], tmp_path: Path) -> None:
    store.log.clear()
    done = store.run("curate", config, "--out", "s3://lake/whole")
    assert done.returncode == 0, done.stderr
    assert fetched(store, "whole", tmp_path / "got") == local
    put = [path.removeprefix("/lake/whole/") for path in store.log if path.startswith("/lake/whole/")]
    assert put[-1] == "manifest.json"
    assert put.count("manifest.json") == 1
    assert not store.fs.exists("lake/whole/.dataset.new")
    assert not store.fs.exists("lake/whole/.probe")
    # What the command says is how to open it.
    said = next(line for line in done.stdout.splitlines() if line.startswith("dataset"))
    opened = subprocess.run(
        [sys.executable, "-c", f"from datasets import load_dataset; print({said.split(maxsplit=2)[2]})"],
        env={**store.env, "HF_HOME": str(tmp_path / "hf")}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "'chosen'" in opened.stdout, opened.stderr
    checked = store.run("validate", "s3://lake/whole")
    assert checked.returncode == 0, checked.stderr


def test_a_second_run_takes_everything_from_the_first(store: Any, config: str, tmp_path: Path) -> None:
    assert store.run("curate", config, "--out", "s3://lake/twice").returncode == 0
    first = fetched(store, "twice", tmp_path / "1")
    done = store.run("curate", config, "--out", "s3://lake/twice", "--set", "publish.configurations=[preference]")
    assert done.returncode == 0, done.stderr
    assert "taken from an earlier run" in done.stdout
    second = fetched(store, "twice", tmp_path / "2")
    # The dataset is the new one whole: nothing of the first is left in it.
    assert {name.split("/")[1] for name in second if name.startswith("dataset/")} == {"README.md", "preference"}
    assert any(name.startswith("dataset/preference_soft") for name in first)


@pytest.mark.parametrize(
    ("stage", "flags"),
    [
        ("ingest", ()),
        ("publish", ()),
        ("signals", ("--direct_num_workers=2", "--direct_running_mode=multi_processing")),
        (".dataset.new", ()),
    ],
)
def test_kill_and_go_on(
    store: Any, config: str, local: dict[str, bytes], tmp_path: Path, stage: str, flags: tuple[str, ...]
) -> None:
    """The process is killed while the store takes one of the stage's objects; the next run ends as if nothing was."""
    out = f"cut-{stage.strip('.')}"
    process: list[subprocess.Popen[bytes]] = []
    killed = threading.Event()

    def kill(path: str) -> None:
        done = [one for one in store.log if f"/{out}/" in one and stage in one]
        if f"/{out}/" in path and stage in path and len(done) >= 2 and not killed.is_set():
            killed.set()
            process[0].send_signal(signal.SIGKILL)
            process[0].wait()

    store.on_put = kill
    try:
        process.append(
            subprocess.Popen(
                command("curate", config, "--out", f"s3://lake/{out}"),
                cwd=ROOT, env=store.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        assert process[0].wait(300) == -signal.SIGKILL
    finally:
        store.on_put = lambda path: None
    assert not store.fs.exists(f"lake/{out}/manifest.json")
    left = [path for path in store.fs.find(f"lake/{out}") if stage in path]
    assert left
    assert not any(path.endswith("done.json") for path in left)
    again = store.run("curate", config, "--out", f"s3://lake/{out}", *flags)
    assert again.returncode == 0, again.stderr
    assert fetched(store, out, tmp_path / "got") == local


def test_a_look_at_a_folder(store: Any) -> None:
    done = store.run("peek", "s3://lake/raw", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["fits"] == ["trl"]
    assert (told["all"]["inputs"], told["all"]["files"]) == (["s3://lake/raw/**/*.jsonl"], SOURCES)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("curate", "--input", "s3://lake/gone.jsonl", "--out", "out"), "does not exist"),
        (("curate", "--input", "s3://lake/raw/*.csv", "--out", "out"), "matches no file"),
        (("curate", "--input", "s3://lake/raw/0.jsonl", "--out", "s3://no-such-lake/out"), "no bucket 'no-such-lake'"),
        (("validate", "s3://lake/nothing"), "has no manifest.json"),
        (("peek", "s3://lake/gone.jsonl"), "does not exist"),
    ],
)
def test_mistakes(store: Any, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    arguments = tuple(str(tmp_path / "out") if word == "out" else word for word in arguments)
    done = store.run(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not store.fs.exists("no-such-lake")
