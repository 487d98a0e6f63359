"""Publishing to a folder: what may be, what arrives, and what a second time changes."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from pipelines.publish import PublishRequest, run_publish
from tests.pipelines.publishing import failed, files, licensed, like, opened, run, smaller

__all__ = ["like", "run"]
Like = Callable[..., str]


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "published"
    assert run_publish(PublishRequest(str(run), str(target), json=True)) == 0
    first, said = files(target), told(capsys)
    wanted = {name: data for name, data in files(run / "dataset").items() if name != "README.md"}
    (data,) = {name.split("/")[0] for name in first if "/" in name}
    assert {name.removeprefix(f"{data}/"): one for name, one in first.items() if "/" in name} == wanted
    assert said["written"][-1] == "README.md"
    assert said["rows"] == sum(json.loads((run / "manifest.json").read_text())["published"].values())
    for configuration in ("preference", "preference_soft"):
        assert opened(target, configuration, tmp_path / "a") == opened(run / "dataset", configuration, tmp_path / "b")
    fractions = re.compile(r"^\| `(\w+)` \| \d+ %", re.M)
    cards = [fractions.findall((folder / "README.md").read_text()) for folder in (run / "dataset", target)]
    assert cards[0] == cards[1] == ["train", "validation", "test"]
    times = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert run_publish(PublishRequest(str(run), str(target), json=True)) == 0
    assert (told(capsys)["written"], files(target)) == ([], first)
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == times


def test_a_dry_run_writes_nothing(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"), dry_run=True, json=True)) == 0
    assert not (tmp_path / "p").exists()
    planned = told(capsys)["written"]
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"), json=True)) == 0
    assert told(capsys)["written"] == planned


def test_another_dataset_takes_the_place_of_the_first(run: Path, tmp_path: Path, like: Like) -> None:
    target = tmp_path / "published"
    assert run_publish(PublishRequest(str(run), str(target))) == 0
    assert run_publish(PublishRequest(like("smaller", smaller), str(target))) == 0
    assert len(list(target.iterdir())) == 3
    assert run_publish(PublishRequest(like("again", smaller), str(tmp_path / "fresh"))) == 0
    assert files(target) == files(tmp_path / "fresh")


@pytest.mark.parametrize("broken", [1, 3, 6])
def test_a_full_disk_and_the_next_try(
    run: Path, tmp_path: Path, like: Like, broken: int, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Half of a file is written and the disk is full: readers keep the earlier dataset, and the next try ends it."""
    target, calls, whole = tmp_path / "published", [0], LocalFileSystem.put_file
    assert run_publish(PublishRequest(like("smaller", smaller), str(target))) == 0
    before = opened(target, "preference", tmp_path / "a")

    def put(self: Any, source: str, path: str, *rest: Any, **more: Any) -> None:
        calls[0] += 1
        if calls[0] == broken:
            Path(path).write_bytes(Path(source).read_bytes()[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        whole(self, source, path, *rest, **more)

    monkeypatch.setattr(LocalFileSystem, "put_file", put)
    capsys.readouterr()
    done = run_publish(PublishRequest(str(run), str(target)))
    assert done == 2
    said = capsys.readouterr().err
    assert "is full" in said
    assert "Traceback" not in said
    assert opened(target, "preference", tmp_path / f"b{broken}") == before
    assert run_publish(PublishRequest(str(run), str(target))) == 0
    assert run_publish(PublishRequest(str(run), str(tmp_path / "fresh"))) == 0
    assert files(target) == files(tmp_path / "fresh")


def test_what_does_not_arrive_is_noticed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def put(self: Any, source: str, path: str, *_: Any, **__: Any) -> None:
        data = bytearray(Path(source).read_bytes())
        data[10] ^= 1
        Path(path).write_bytes(data)

    monkeypatch.setattr(LocalFileSystem, "put_file", put)
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"))) == 3
    assert "did not arrive as it was sent" in capsys.readouterr().err
    assert not (tmp_path / "p" / "README.md").exists()


def test_a_failed_gate_stops_and_the_card_says_when_it_was_overruled(
    tmp_path: Path, like: Like, capsys: pytest.CaptureFixture[str]
) -> None:
    out, target = like("failed", failed), tmp_path / "p"
    gate = Path(out) / "gate.json"
    verdict = json.loads(gate.read_text())
    verdict["checks"][0] |= {"status": "failed", "severity": "critical"}
    gate.write_text(json.dumps(verdict))
    assert run_publish(PublishRequest(out, str(target))) == 2
    assert verdict["checks"][0]["name"] in capsys.readouterr().err
    assert not target.exists()
    assert run_publish(PublishRequest(out, str(target), despite_gate=True)) == 0
    assert "failed its checks and was published all the same" in (target / "README.md").read_text()


def test_what_is_not_what_the_run_wrote(run: Path, tmp_path: Path, like: Like, capsys: Any) -> None:
    def refused(out: str) -> str:
        assert run_publish(PublishRequest(out, str(tmp_path / "p"))) == 2
        assert not (tmp_path / "p").exists()
        return capsys.readouterr().err

    assert "is an audit" in refused(like("audit", lambda m: m["config"]["policy"].update(act=False)))
    assert "does not list its files" in refused(like_old(like))
    changed = like("changed", lambda m: None)
    (Path(changed) / "dataset" / "README.md").write_text("---\n---\n")
    assert "is not the file that the run wrote" in refused(changed)
    more = like("more", lambda m: None)
    (Path(more) / "dataset" / "notes.txt").write_text("mine")
    assert "is not of this run" in refused(more)
    less = like("less", lambda m: None)
    next((Path(less) / "dataset" / "preference").iterdir()).unlink()
    assert "is gone" in refused(less)
    assert "has no manifest.json" in refused(str(tmp_path / "nothing"))


def like_old(like: Like) -> str:
    """A run of a version that did not list its files."""
    out = like("old", lambda m: None)
    path = Path(out) / "manifest.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "files"}))
    return out


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("CC-BY-NC-4.0", "commercially"),
        ("no redistribution", "passed on"),
        (None, "nothing says"),
        ("ours", "no licence"),
    ],
)
def test_licences_stop_a_public_dataset(tmp_path: Path, like: Like, capsys: Any, licence: str | None, why: str) -> None:
    out, target = like("run", licensed(licence)), str(tmp_path / "p")
    assert run_publish(PublishRequest(out, target, public=True)) == 2
    assert why in capsys.readouterr().err
    assert not Path(target).exists()
    assert run_publish(PublishRequest(out, target, dry_run=True)) == 0
    assert "keep it private" in capsys.readouterr().out
    assert run_publish(PublishRequest(out, target, public=True, confirm_licence=True)) == 0
    assert (licence or "not stated") in (Path(target) / "README.md").read_text()


def test_a_public_dataset_under_a_free_licence(run: Path, tmp_path: Path) -> None:
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"), public=True)) == 0


def test_a_folder_with_something_else_is_left_alone(run: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("# My project\n")
    before = files(tmp_path / "mine")
    assert run_publish(PublishRequest(str(run), str(tmp_path / "mine"))) == 2
    assert "holds something else (README.md)" in capsys.readouterr().err
    assert files(tmp_path / "mine") == before
    assert run_publish(PublishRequest(str(run), str(run / "dataset"))) == 2
    (tmp_path / "file").write_text("")
    assert run_publish(PublishRequest(str(run), str(tmp_path / "file"))) == 2
    assert run_publish(PublishRequest(str(run), str(tmp_path / "p"), pull_request=True)) == 2
    assert run_publish(PublishRequest(str(run), "nonsense://x/y")) == 2
    assert "Traceback" not in capsys.readouterr().err
