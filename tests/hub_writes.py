"""A stand-in for the Hugging Face hub that takes datasets: what the real client asks when it publishes, in memory."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKENS = {"hf_writes": "write", "hf_reads": "read"}


@dataclass
class Repo:
    """A dataset: `refs` names commits, `commits` has each one's files; large ones are in `State.objects`."""

    private: bool
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    proposals: list[dict[str, Any]] = field(default_factory=list)

    def commit(self, ref: str, files: dict[str, bytes]) -> str:
        oid = sha1(repr((sorted(files.items()), len(self.commits))).encode()).hexdigest()
        self.commits[oid], self.refs[ref] = files, oid
        return oid

    def at(self, revision: str) -> tuple[str, dict[str, bytes]]:
        oid = self.refs.get(revision, revision)
        return oid, self.commits[oid]


@dataclass
class State:
    """All of the hub. `cut` is asked before each request, with its number, whether the connection ends there."""

    repos: dict[str, Repo] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    requests: int = 0
    cut: Callable[[int], bool] = lambda number: False
    full: bool = False
    url: str = ""


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does."""

    protocol_version = "HTTP/1.1"

    def __init__(self, state: State, *arguments: Any) -> None:
        self.state = state
        super().__init__(*arguments)

    def _any(self) -> None:
        state = self.state
        state.requests += 1
        if state.cut(state.requests):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = self._chunks()
        path = urlsplit(self.path).path
        state.log.append(f"{self.command} {path}")
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if parts[0] == "objects":
            self._object(parts[1], raw)
            return
        role = TOKENS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if role is None:
            self._json({"error": "Invalid username or password."}, 401)
        elif self.command in ("POST", "PUT") and role != "write" and "paths-info" not in parts:
            self._json({"error": "You don't have the rights"}, 403)
        else:
            self._route(parts, raw)

    do_GET = do_HEAD = do_POST = do_PUT = _any

    def _chunks(self) -> bytes:
        out = b""
        while size := int(self.rfile.readline(), 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def _route(self, parts: list[str], raw: bytes) -> None:
        state = self.state
        match parts:
            case ["api", "validate-yaml"]:
                self._json({"errors": [], "warnings": []})
                return
            case ["api", "repos", "create"]:
                asked = json.loads(raw)
                repo = Repo(asked.get("private") or asked.get("visibility") == "private")
                repo.commit("main", {".gitattributes": b"*.parquet filter=lfs\n"})
                state.repos[f"{asked['organization']}/{asked['name']}"] = repo
                self._json({"url": f"{state.url}/datasets/{asked['organization']}/{asked['name']}"})
                return
            case ["api", "datasets", org, name, *rest]:
                pass
            case ["datasets", org, name, *rest]:
                name = name.removesuffix(".git")
            case _:
                self._json({}, 404)
                return
        repo = state.repos.get(f"{org}/{name}")  # type: ignore[assignment]
        if repo is None:
            self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        self._in(f"{org}/{name}", repo, rest, raw)

    def _in(self, name: str, repo: Repo, rest: list[str], raw: bytes) -> None:
        match rest:
            case []:
                self._info(name, repo, "main")
            case ["revision", revision]:
                self._info(name, repo, revision)
            case ["settings"]:
                asked = json.loads(raw)
                repo.private = asked.get("visibility", "private") == "private" and asked.get("private", True)
                self._json({"private": repo.private})
            case ["tree", revision, *path]:
                _, files = repo.at(revision)
                self._json([self._entry(path, data) for path, data in sorted(files.items())])
            case ["paths-info", revision]:
                _, files = repo.at(revision)
                asked = json.loads(raw)["paths"]
                self._json([self._entry(path, files[path]) for path in asked if path in files])
            case ["discussions"]:
                self._json({"discussions": repo.proposals, "count": len(repo.proposals), "start": 0})
            case ["preupload", _]:
                self._json({"files": [
                    {"path": one["path"], "uploadMode": "lfs" if one["path"].endswith(".parquet") else "regular",
                     "shouldIgnore": False, "oid": None} for one in json.loads(raw)["files"]
                ]})  # fmt: skip
            case ["info", "lfs", "objects", "batch"]:
                self._batch(json.loads(raw)["objects"])
            case ["commit", _]:
                self._commit(name, repo, raw)
            case ["resolve", revision, *path]:
                self._file(repo.at(revision), "/".join(path))
            case _:
                self._json({"unknown": rest}, 404)

    def _info(self, name: str, repo: Repo, revision: str) -> None:
        oid, _ = repo.at(revision)
        self._json({"id": name, "sha": oid, "private": repo.private, "tags": [], "siblings": []})

    def _whole(self, data: bytes) -> bytes:
        return self.state.objects[data[4:].decode()] if data[:4] == b"lfs:" else data

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        whole = self._whole(data)
        out: dict[str, Any] = {"type": "file", "path": path, "size": len(whole)}
        out["oid"] = sha1(b"blob %d\0" % len(data) + data).hexdigest()
        if whole is not data:
            out["lfs"] = {"oid": sha256(whole).hexdigest(), "size": len(whole), "pointerSize": 130}
        return out

    def _batch(self, asked: list[dict[str, Any]]) -> None:
        objects = []
        for one in asked:
            answer = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.state.objects:
                answer["actions"] = {"upload": {"href": f"{self.state.url}/objects/{one['oid']}"}}
            objects.append(answer)
        self._json({"transfer": "basic", "objects": objects})

    def _object(self, oid: str, raw: bytes) -> None:
        if self.state.full:
            self._json({"error": "Private repository storage limit reached"}, 403)
            return
        assert sha256(raw).hexdigest() == oid
        self.state.objects[oid] = raw
        self._json({})

    def _commit(self, name: str, repo: Repo, raw: bytes) -> None:
        lines = [json.loads(line) for line in raw.splitlines()]
        files, title = dict(repo.at("main")[1]), ""
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "header":
                    title = value["summary"]
                    assert value["parentCommit"] == repo.refs["main"]
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    assert value["oid"] in self.state.objects
                    files[value["path"]] = b"lfs:" + value["oid"].encode()
                case "deletedFile":
                    del files[value["path"]]
        out: dict[str, Any] = {"success": True}
        ref = "main"
        if "create_pr=1" in self.path:
            number = len(repo.proposals) + 1
            ref, out["pullRequestUrl"] = f"refs/pr/{number}", f"{self.state.url}/datasets/{name}/discussions/{number}"
            repo.proposals.append({
                "num": number, "title": title, "status": "open", "isPullRequest": True, "author": {"name": "me"},
                "createdAt": "2026-01-01T00:00:00.000Z", "repo": {"name": name, "type": "dataset"},
            })  # fmt: skip
        out["commitOid"] = repo.commit(ref, files)
        out["commitUrl"] = f"{self.state.url}/datasets/{name}/commit/{out['commitOid']}"
        self._json(out)

    def _file(self, at: tuple[str, dict[str, bytes]], path: str) -> None:
        oid, files = at
        if path not in files:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            return
        data = self._whole(files[path])
        headers = {"X-Repo-Commit": oid, "ETag": f'"{sha256(data).hexdigest()}"'}
        asked = self.headers.get("Range")
        if asked is None:
            self._send(200, data, headers)
            return
        start, _, end = asked.removeprefix("bytes=").partition("-")
        first, last = int(start), min(int(end or len(data) - 1), len(data) - 1)
        self._send(206, data[first : last + 1], headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve() -> tuple[ThreadingHTTPServer, State]:
    """A hub without datasets, and all of it."""
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, state))
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, state
