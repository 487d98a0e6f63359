"""Publishing to an S3-compatible store with the real client: whole, cut off, and what a reader sees meanwhile."""

from __future__ import annotations

import io
import re
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipelines.publish import PublishRequest, run_publish
from tests.pipelines.publishing import files, like, run, smaller

__all__ = ["like", "run"]
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'trenchcoat[s3]'")
moto = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[s3]' flask flask-cors")


class Store:
    """The server. `cut` is asked before each request, with its number, whether the connection ends there."""

    def __init__(self) -> None:
        import logging
        import threading

        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self.requests, self.cut = 0, (lambda number: False)  # type: Callable[[int], bool]
        app = moto.DomainDispatcherApplication(moto.create_backend_app)

        def watched(environ: dict[str, Any], start: Any) -> Any:
            self.requests += 1
            if self.cut(self.requests):
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError
            return app(environ, start)

        self.server = make_server("127.0.0.1", 0, watched, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def reader(self) -> Any:
        """The files, to which nothing happens on the way."""
        cut, self.cut = self.cut, lambda number: False
        fs = s3fs.S3FileSystem(
            key="who", secret="knows", endpoint_url=self.url, use_listings_cache=False, skip_instance_cache=True
        )
        requests = self.requests
        found = {path: fs.cat_file(path) for path in fs.find("lake")}
        self.cut, self.requests = cut, requests
        return found


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    one = Store()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "who", "AWS_SECRET_ACCESS_KEY": "knows", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": one.url, "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    urllib.request.urlopen(f"{one.url}/moto-api/reset", data=b"").close()  # what it keeps is the process's
    s3fs.S3FileSystem.clear_instance_cache()
    s3fs.S3FileSystem(key="who", secret="knows", endpoint_url=one.url).mkdir("lake")
    s3fs.S3FileSystem.clear_instance_cache()
    yield one
    s3fs.S3FileSystem.clear_instance_cache()
    one.server.shutdown()


def seen(files: dict[str, bytes], target: str) -> dict[tuple[str, str], int] | None:
    """What a reader who goes by the card gets: rows by configuration and split; None where there is no card."""
    card = files.get(f"{target}/README.md")
    if card is None:
        return None
    front = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", card.decode(), re.S)[1])  # type: ignore[index]
    told = {
        (info["config_name"], split["name"]): split["num_examples"]
        for info in front["dataset_info"] for split in info["splits"]
    }  # fmt: skip
    for config in front["configs"]:
        for one in config["data_files"]:
            pattern = re.compile(re.escape(f"{target}/{one['path']}").replace(r"\*", "[^/]*"))
            rows = [pq.read_table(io.BytesIO(data)).num_rows for path, data in files.items() if pattern.fullmatch(path)]
            assert sum(rows) == told[config["config_name"], one["split"]], "half a dataset"
    return told


def publish(out: Path | str, target: str) -> int:
    s3fs.S3FileSystem.clear_instance_cache()
    return run_publish(PublishRequest(str(out), target))


def test_whole_and_again(run: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish(run, "s3://lake/set") == 0
    first = store.reader()
    wanted = list((run / "dataset").rglob("*.parquet"))
    assert len(first) == len(wanted) + 2
    assert {one for path, one in first.items() if path.endswith(".parquet")} == {path.read_bytes() for path in wanted}
    assert len(seen(first, "lake/set") or {}) == 6
    capsys.readouterr()
    assert publish(run, "s3://lake/set") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert store.reader() == first


def test_what_is_wrong_with_a_target(
    run: Path, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert publish(run, "s3://no-such-lake/set") == 2
    assert "no bucket 'no-such-lake'" in capsys.readouterr().err
    for code, words in {
        "InvalidAccessKeyId": "not accepted", "SignatureDoesNotMatch": "not accepted", "AccessDenied": "no permission",
        "QuotaExceeded": "is full",
    }.items():  # fmt: skip
        refusing(monkeypatch, code)
        assert publish(run, "s3://lake/set") == 2
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said
        assert "knows" not in said
    monkeypatch.undo()


def refusing(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The store answers every object that it is given with an error of this code."""
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    async def refuse(*_: Any, **__: Any) -> None:
        raise translate_boto_error(ClientError({"Error": {"Code": code, "Message": f"({code})"}}, "PutObject"))

    monkeypatch.setattr(s3fs.S3FileSystem, "_put_file", refuse)


@pytest.mark.slow
@pytest.mark.parametrize("earlier", [False, True])
def test_cut_at_every_tenth_request(run: Path, store: Store, like: Callable[..., str], earlier: bool) -> None:
    """Each try is cut at its tenth request, then its twentieth, and so on; a reader looks after each."""
    assert publish(run, "s3://lake/whole") == 0
    wanted = {path.replace("lake/whole", "lake/set"): data for path, data in store.reader().items()}
    before = None
    if earlier:
        assert publish(like("smaller", smaller), "s3://lake/set") == 0
        before = seen(store.reader(), "lake/set")
    after, cuts = seen(wanted, "lake/set"), 0
    for last in range(10, 1000, 10):
        store.requests, store.cut = 0, lambda number, last=last: number >= last
        done = publish(run, "s3://lake/set")
        store.cut = lambda number: False
        assert seen(store.reader(), "lake/set") in (before, after)
        if done == 0:
            break
        assert done == 3
        cuts += 1
    assert cuts >= 2
    assert {path: data for path, data in store.reader().items() if path.startswith("lake/set")} == wanted


@pytest.mark.slow
def test_every_tenth_request_is_cut(run: Path, store: Store) -> None:
    """The connection is lost at each tenth request of all: some try ends it, and the bytes are the same."""
    assert publish(run, "s3://lake/whole") == 0
    wanted = {path.replace("lake/whole", "lake/set"): data for path, data in store.reader().items()}
    store.requests, store.cut = 0, lambda number: number % 10 == 0
    tries = 0
    while publish(run, "s3://lake/set") != 0:
        tries += 1
        assert tries < 20
        seen(store.reader(), "lake/set")
    store.cut = lambda number: False
    assert {path: data for path, data in store.reader().items() if path.startswith("lake/set")} == wanted


def test_a_run_on_a_store(run: Path, store: Store, tmp_path: Path) -> None:
    """What a run on an object store publishes is what the same run on a disk does, left out parts and all."""
    fs = s3fs.S3FileSystem(key="who", secret="knows", endpoint_url=store.url, skip_instance_cache=True)
    for name in ("manifest.json", "gate.json"):
        fs.put_file(str(run / name), f"lake/run/{name}")
    fs.put(f"{run}/dataset/", "lake/run/dataset/", recursive=True)
    for left_out in (None, "metadata"):
        targets = [tmp_path / f"{place}-{left_out}" for place in ("store", "disk")]
        for out, target in zip(("s3://lake/run", str(run)), targets, strict=True):
            assert run_publish(PublishRequest(out, str(target), redact=left_out)) == 0
        assert files(targets[0]) == files(targets[1])
