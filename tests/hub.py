"""A stand-in for the Hugging Face hub: the few requests that reading a dataset's files takes, from a folder."""

from __future__ import annotations

import json
import threading
from functools import partial
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """Serves ROOT/ORG/NAME as the dataset ORG/NAME, at any revision that is called main or by its commit."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, log: list[str], *arguments: object) -> None:
        self.root, self.log = root, log
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.log.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        match parts:
            case ["api", "datasets", org, name, *rest] if self._is_repo(org, name, rest):
                self._json({"id": f"{org}/{name}", "sha": COMMIT, "siblings": [], "private": False, "tags": []})
            case ["api", "datasets", org, name, "tree", revision, *path] if self._is_there(org, name, revision):
                self._tree(self.root / org / name, "/".join(path), "recursive=true" in url.query.lower())
            case ["datasets", org, name, "resolve", revision, *path] if self._is_there(org, name, revision):
                self._file(self.root / org / name / "/".join(path))
            case _:
                self._missing("RepoNotFound")

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.log.append(f"{self.command} {self.path}")
        raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
        match [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]:
            case ["api", "datasets", org, name, "paths-info", revision] if self._is_there(org, name, revision):
                asked = json.loads(raw)["paths"] if raw.startswith("{") else parse_qs(raw)["paths"]
                repo = self.root / org / name
                self._json([self._entry(repo, repo / path) for path in asked if (repo / path).exists()])
            case _:
                self._missing("RepoNotFound")

    def _is_repo(self, org: str, name: str, rest: list[str]) -> bool:
        """Whether the request is for the repository itself, perhaps at a revision."""
        known = len(rest) == 2 and rest[0] == "revision"
        return (known or not rest) and self._is_there(org, name, rest[1] if known else "main")

    def _is_there(self, org: str, name: str, revision: str) -> bool:
        return (self.root / org / name).is_dir() and revision in ("main", COMMIT)

    def _tree(self, repo: Path, path: str, recursive: bool) -> None:
        folder = repo / path
        if not folder.is_dir():
            self._missing("EntryNotFound")
            return
        found = sorted(folder.rglob("*") if recursive else folder.iterdir())
        self._json([self._entry(repo, one) for one in found])

    def _entry(self, repo: Path, path: Path) -> dict[str, object]:
        name, oid = str(path.relative_to(repo)), sha1(str(path).encode()).hexdigest()
        size = path.stat().st_size if path.is_file() else 0
        return {"type": "directory" if path.is_dir() else "file", "oid": oid, "size": size, "path": name}

    def _file(self, path: Path) -> None:
        if not path.is_file():
            self._missing("EntryNotFound")
            return
        data = path.read_bytes()
        asked = self.headers.get("Range")
        if asked is None:
            self._send(200, data, {})
            return
        start, _, end = asked.removeprefix("bytes=").partition("-")
        first, last = int(start), min(int(end or len(data) - 1), len(data) - 1)
        self._send(206, data[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _missing(self, code: str) -> None:
        self._send(404, b"{}", {"X-Error-Code": code, "X-Error-Message": "not found"})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha1(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(root: Path) -> tuple[ThreadingHTTPServer, list[str]]:
    """A server of the datasets below a folder, and the requests that it was asked."""
    log: list[str] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, root, log))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, log
