"""What a command ends with where nobody reads what it says."""

from __future__ import annotations

import os
import sys

import pytest

from pipelines.answer import answer
from pipelines.errors import SYSTEM_FAULT


def test_output_that_nobody_reads_any_more_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert answer(lambda: print("x" * 2**20) or 0) == SYSTEM_FAULT  # type: ignore[func-returns-value]
        print("more")  # goes nowhere, and does not raise
    assert capsys.readouterr().err == ""


def test_another_broken_connection_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError("the server is gone")

    assert answer(work) == SYSTEM_FAULT
    assert "BrokenPipeError: the server is gone" in capsys.readouterr().err
