"""A mapping that names what the files do not have is found out before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands import Request, run_curate
from pipelines.errors import UserError
from pipelines.plan import plan_sources
from schemas.config import Config

PAIR = {"kind": "pair", "prompt": "q", "responses": ["a", "b"], "label": {"field": "w"}, "rater": "who"}


def config(mapping: dict[str, Any], *files: Path) -> Config:
    source = {"input": [str(file) for file in files], "format": "mapping", "mapping": mapping}
    return Config.model_validate({"sources": [source]})


def test_a_table_has_all_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("q,a,b,w,who\nQ,A,B,1,\n")  # an empty column is one
    plan_sources(config(PAIR, path))
    wrong = r"names the field 'whom', .* begin of votes.csv has; they have q, a, b, w, who; did you mean 'who'\?"
    with pytest.raises(UserError, match=wrong):
        plan_sources(config(PAIR | {"rater": "whom"}, path))


def test_records_of_json_need_not_all_have_a_field(tmp_path: Path) -> None:
    one, other = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    one.write_text(json.dumps({"c": {"q": "Q"}, "a": "A", "b": "B"}) + "\n")
    other.write_text(json.dumps({"c": {"q": "Q"}, "a": "A", "b": "B", "w": 1}) + "\n")
    mapping = PAIR | {"prompt": "c.q"}
    plan_sources(config(mapping, one, other))  # nobody needs to be named as a rater
    with pytest.raises(UserError, match=r"field 'w', which no record at the begin of 1\.jsonl has"):
        plan_sources(config(mapping, one))
    with pytest.raises(UserError, match=r"field 'c\.p', which no record at the begin of 1\.jsonl and others has"):
        plan_sources(config(mapping | {"prompt": "c.p"}, one, other))


def test_a_dry_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "votes.csv").write_text("q,a,b,w\nQ,A,B,1\n")
    given = tmp_path / "votes.yaml"
    given.write_text(
        json.dumps({"sources": [{"input": [str(tmp_path / "votes.csv")], "format": "mapping", "mapping": PAIR}]})
    )
    assert run_curate(Request(str(given), str(tmp_path / "out"), dry_run=True)) == 2
    assert "mapping names the field 'who'" in capsys.readouterr().err
