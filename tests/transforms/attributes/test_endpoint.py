"""The endpoint against a local server: cached, retried, bounded, and never dearer than allowed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from transforms.attributes.endpoint import Endpoint, EndpointError


class Stub(ThreadingHTTPServer):
    """Answers with the last word of what it is asked; says no first as often as it is told to."""

    daemon_threads = True
    refuse: list[int]
    requests: list[dict[str, Any]]
    keys: list[str | None]
    running = 0
    most = 0
    lock = threading.Lock()


class Answer(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append({"path": self.path, **body})
            self.server.keys.append(self.headers.get("Authorization"))
            self.server.running += 1
            self.server.most = max(self.server.most, self.server.running)
            code = self.server.refuse.pop(0) if self.server.refuse else 200
        time.sleep(0.02)
        text = body["messages"][-1]["content"].split()[-1]
        told = {"choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}
        raw = json.dumps(told if code == 200 else {"error": "no"}).encode()
        with self.server.lock:
            self.server.running -= 1
        self.send_response(code)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub(("127.0.0.1", 0), Answer)
    server.refuse, server.requests, server.keys = [], [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def endpoint(stub: Stub, cache: Path, **sets: Any) -> Endpoint:
    url = f"http://127.0.0.1:{stub.server_address[1]}/v1"
    return Endpoint(url, "tiny", str(cache), **{"pause": 0.01, "answer_tokens": 20, **sets})


def asking(*texts: str) -> list[list[dict[str, str]]]:
    return [[{"role": "user", "content": text}] for text in texts]


def test_answers_are_kept_and_not_asked_for_again(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    first = endpoint(stub, tmp_path, key="MY_KEY", concurrency=3)
    assert first.ask(asking(*(f"say {i}" for i in range(12)))) == [str(i) for i in range(12)]
    assert (first.spent.asked, first.spent.prompt_tokens, first.spent.completion_tokens) == (12, 120, 24)
    assert stub.most <= 3
    assert stub.keys[0] == "Bearer secret"
    assert stub.requests[0]["path"] == "/v1/chat/completions"
    assert stub.requests[0]["temperature"] == 0
    again = endpoint(stub, tmp_path)
    assert again.ask(asking("say 3", "say new")) == ["3", "new"]
    assert (again.spent.asked, again.spent.kept_before, len(stub.requests)) == (1, 1, 13)
    assert "secret" not in "".join(path.read_text() for path in tmp_path.iterdir())


def test_a_busy_server_is_asked_again_and_another_no_is_an_error(stub: Stub, tmp_path: Path) -> None:
    stub.refuse = [429, 503]
    patient = endpoint(stub, tmp_path, concurrency=1)
    assert patient.ask(asking("say yes")) == ["yes"]
    assert patient.spent.retried == 2
    stub.refuse = [500] * 3
    with pytest.raises(EndpointError, match="500"):
        endpoint(stub, tmp_path / "b", retries=2).ask(asking("say yes"))
    stub.refuse = [401]
    with pytest.raises(EndpointError, match="401"):
        endpoint(stub, tmp_path / "c").ask(asking("say yes"))
    assert len(stub.requests) == 3 + 3 + 1
    with pytest.raises(EndpointError, match="NO_SUCH_KEY"):
        endpoint(stub, tmp_path / "d", key="NO_SUCH_KEY").ask(asking("say yes"))


def test_no_more_is_spent_than_allowed(stub: Stub, tmp_path: Path) -> None:
    few = endpoint(stub, tmp_path, max_tokens=100, concurrency=4)
    answers = few.ask(asking(*(f"say {i}" for i in range(20))))
    assert 0 < sum(answer is not None for answer in answers) < 20
    assert few.spent.prompt_tokens + few.spent.completion_tokens <= 100
    assert few.spent.refused == answers.count(None)
    # 18 tokens of a question and 20 of its answer: 38 millionths each before it is asked, 12 after.
    cheap = endpoint(stub, tmp_path / "b", price_in=1.0, price_out=1.0, max_cost=60e-6, concurrency=1)
    answers = cheap.ask(asking(*(f"say {i}" for i in range(20))))
    assert cheap.cost <= 60e-6
    assert 2 <= sum(answer is not None for answer in answers) <= 3
