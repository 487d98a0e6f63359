"""Publishing to the hub, with its real client against a stand-in on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.publish import PublishRequest, run_publish
from tests.hub_writes import State, serve
from tests.pipelines.publishing import licensed, like, run, smaller

__all__ = ["like", "run"]
Like = Callable[..., str]
TARGET = "hf://datasets/org/name"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[State]:
    from huggingface_hub import constants, hf_api, hf_file_system

    server, state = serve()
    for module in (constants, hf_api.constants, hf_file_system.constants):
        monkeypatch.setattr(module, "ENDPOINT", state.url)
        monkeypatch.setattr(
            module, "HUGGINGFACE_CO_URL_TEMPLATE", state.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(module, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_writes")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    yield state
    server.shutdown()


def published(hub: State, ref: str = "main") -> dict[str, bytes]:
    """The files of the dataset, large ones as they are."""
    repo = hub.repos["org/name"]
    files = repo.at(ref)[1]
    whole = {name: hub.objects[data[4:].decode()] if data[:4] == b"lfs:" else data for name, data in files.items()}
    return {name: data for name, data in whole.items() if name != ".gitattributes"}


def test_a_dataset(run: Path, hub: State, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_publish(PublishRequest(str(run), TARGET, dry_run=True)) == 0
    assert hub.repos == {}
    assert run_publish(PublishRequest(str(run), TARGET, json=True)) == 0
    repo, first = hub.repos["org/name"], published(hub)
    assert repo.private
    assert len(repo.commits) == 2
    data = {str(path.relative_to(run / "dataset")): path.read_bytes() for path in (run / "dataset").rglob("*.parquet")}
    assert {name: one for name, one in first.items() if name.endswith(".parquet")} == data
    assert b'load_dataset("org/name", "preference")' in first["README.md"]
    said = capsys.readouterr()
    assert "hf_writes" not in said.out + said.err
    hub.log.clear()
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert not [line for line in hub.log if not line.startswith(("GET", "HEAD"))]
    assert len(repo.commits) == 2


def test_public_only_when_asked_and_allowed(run: Path, hub: State, like: Like, capsys: Any) -> None:
    closed = like("closed", licensed("cc-by-nc-4.0"))
    assert run_publish(PublishRequest(closed, TARGET, public=True)) == 2
    assert hub.repos == {}
    assert run_publish(PublishRequest(closed, TARGET)) == 0
    assert hub.repos["org/name"].private
    assert run_publish(PublishRequest(str(run), TARGET, public=True)) == 0
    assert not hub.repos["org/name"].private
    # It is public by now, so what is put there is published, whether --public is said or not.
    capsys.readouterr()
    assert run_publish(PublishRequest(closed, TARGET)) == 2
    assert "--confirm-licence" in capsys.readouterr().err


def test_another_dataset_in_one_commit(run: Path, hub: State, like: Like) -> None:
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    assert run_publish(PublishRequest(like("smaller", smaller), TARGET)) == 0
    assert {name.split("/")[0] for name in published(hub) if "/" in name} == {"preference"}
    assert len(hub.repos["org/name"].commits) == 3


def test_a_pull_request(run: Path, hub: State, like: Like, capsys: Any) -> None:
    assert run_publish(PublishRequest(str(run), TARGET, pull_request=True)) == 2
    assert "to propose anything to" in capsys.readouterr().err
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    before, other = published(hub), like("smaller", smaller)
    capsys.readouterr()
    for _ in range(2):
        assert run_publish(PublishRequest(other, TARGET, pull_request=True, json=True)) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["at"].endswith("/discussions/1")
    assert len(hub.repos["org/name"].proposals) == 1
    assert published(hub) == before
    assert not [name for name in published(hub, "refs/pr/1") if name.startswith("preference_soft")]


def test_mistakes(run: Path, hub: State, capsys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(words: str, target: str = TARGET) -> None:
        assert run_publish(PublishRequest(str(run), target)) == 2
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said
        assert "hf_" not in said.replace("hf_hub", "")

    refused("hf://datasets/ORG/NAME", "hf://datasets/org")
    refused("hf://datasets/ORG/NAME", "hf://datasets/org/name@main")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    refused("not accepted")
    monkeypatch.setenv("HF_TOKEN", "hf_reads")
    refused("no permission")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    refused("no token for the hub")
    monkeypatch.undo()


def test_a_full_hub(run: Path, hub: State, capsys: Any) -> None:
    hub.full = True
    assert run_publish(PublishRequest(str(run), TARGET)) == 2
    assert "is full" in capsys.readouterr().err
    assert published(hub) == {}
    hub.full = False
    assert run_publish(PublishRequest(str(run), TARGET)) == 0


def test_a_card_that_is_not_ours_is_left_alone(run: Path, hub: State, capsys: Any) -> None:
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    hub.repos["org/name"].commit("main", {"README.md": b"# Mine\n"})
    assert run_publish(PublishRequest(str(run), TARGET)) == 2
    assert "holds something else" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["from each tenth on", "each tenth"])
def test_cut_at_every_tenth_request(run: Path, hub: State, like: Like, mode: str) -> None:
    """A reader sees the earlier dataset or the new one; a later try ends with the same bytes."""
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    wanted = published(hub)
    hub.repos.clear()
    hub.objects.clear()
    assert run_publish(PublishRequest(like("smaller", smaller), TARGET)) == 0
    before, cuts = published(hub), []

    def cut(number: int) -> bool:
        ends = number % 10 == 0 if mode == "each tenth" else number >= limit[0]
        cuts.extend([number] if ends else [])
        return ends

    limit, tries, hub.requests = [10], 0, 0
    while limit[0] < 200:
        hub.requests, hub.cut = hub.requests if mode == "each tenth" else 0, cut
        done = run_publish(PublishRequest(str(run), TARGET))
        hub.cut = lambda n: False
        assert published(hub) in (before, wanted)
        if done == 0:
            break
        assert done == 3
        tries, limit[0] = tries + 1, limit[0] + 10
    assert cuts
    assert mode == "each tenth" or tries >= 2
    assert published(hub) == wanted
    assert run_publish(PublishRequest(str(run), TARGET)) == 0
    assert published(hub) == wanted
