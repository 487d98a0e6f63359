"""What is left out on request, and that all else stays."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.errors import UserError
from pipelines.publish import PublishRequest, run_publish
from pipelines.redact import parts, without
from tests.pipelines.publishing import opened, run

__all__ = ["run"]


def test_parts() -> None:
    assert parts(None) == ()
    assert parts("metadata, raters") == ("raters", "metadata")
    with pytest.raises(UserError, match="--redact names: allowed are raters, metadata"):
        parts("names")


def test_columns_and_fields() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    said = [{"role": "user", "content": "Hi", "name": "Ann", "tool_calls": [call]}]
    rows = pl.DataFrame({"id": ["a"], "source": ["s"], "raters": [3], "prompt": [said], "responses": [[said, said]]})
    left = without(rows, "ratings", ("raters", "metadata"))
    assert left.columns == ["id", "prompt", "responses"]
    kept = {"role": "user", "content": "Hi", "tool_calls": [call]}
    assert left.to_dicts() == [{"id": "a", "prompt": [kept], "responses": [[kept], [kept]]}]
    assert without(rows, "ratings", ("raters",)).columns == ["id", "source", "prompt", "responses"]
    metricx = pl.DataFrame({"id": ["a"], "source": ["a text"], "hypothesis": ["b"]})
    assert without(metricx, "metricx", ("raters", "metadata")).equals(metricx)


def test_a_dataset(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "p"
    assert run_publish(PublishRequest(str(run), str(target), redact="metadata")) == 0
    (data,) = target.glob("data-*")
    names = [path.relative_to(run / "dataset") for path in (run / "dataset").rglob("*.parquet")]
    for name in names:
        whole = pl.read_parquet(run / "dataset" / name)
        assert pl.read_parquet(data / name).equals(whole.drop("source"))
    assert opened(target, "preference", tmp_path / "a") == opened(run / "dataset", "preference", tmp_path / "b")
    assert "Left out on request: `metadata`" in (target / "README.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    assert run_publish(PublishRequest(str(run), str(target), redact="metadata")) == 0
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before
    assert run_publish(PublishRequest(str(run), str(target), redact="names")) == 2
