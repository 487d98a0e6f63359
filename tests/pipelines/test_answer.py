"""What commands end with where nobody reads what they print."""

from __future__ import annotations

import io
import os
import sys

import pytest

from pipelines.answer import UNREAD, answer


@pytest.mark.parametrize("size", [1, 100_000])
def test_output_that_nobody_reads_is_no_fault(
    size: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    with io.TextIOWrapper(os.fdopen(write, "wb")) as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert answer(lambda: print("x" * size) or 0) == UNREAD  # type: ignore[func-returns-value]
    assert capfd.readouterr().err == ""


def test_another_broken_pipe_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise BrokenPipeError("a worker went away")

    assert answer(work) == 3
    assert "a worker went away" in capsys.readouterr().err
