"""Lines parsed as columns say the same as lines parsed one by one, or are left to that."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.ingest.adapters.base import rest
from transforms.ingest.readers.jsonl import _columns, _parse

scalars = st.none() | st.text(max_size=5) | st.integers(-5, 5) | st.floats(-2, 2) | st.booleans()
uniform = st.one_of(st.text(max_size=5), st.integers(-5, 5), st.floats(-2, 2), st.booleans()).flatmap(
    lambda one: st.lists(st.none() | st.just(one) | {str: st.text(max_size=5)}.get(type(one), st.just(one)), min_size=6)
)


def check(lines: list[bytes]) -> bool:
    """Whether the lines make columns; and that those hold what the objects do."""
    fast, slow = _columns(lines, 7), _parse(lines, 7)
    if fast is None:
        return False
    assert fast.frame is not None
    assert fast.lines.tolist() == slow.lines.tolist()
    assert fast.names() == slow.names()
    assert fast.objects() == slow.objects()
    for name in slow.names():
        assert fast.values(name) == slow.values(name)
        for dtype in (pl.String, pl.Float64, pl.Int64, pl.Boolean):
            assert fast.column(name, dtype, required=False).equals(slow.column(name, dtype, required=False))
    assert set(fast.problems) == set(slow.problems)
    assert rest(fast, slow.names()[:1]).equals(rest(slow, slow.names()[:1]))
    return True


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), scalars, min_size=1), min_size=1, max_size=30))
def test_any_records(items: list[dict[str, Any]]) -> None:
    check([orjson.dumps(item) for item in items])


@settings(max_examples=150, deadline=None)
@given(uniform, uniform)
def test_records_of_one_type(a: list[Any], b: list[Any]) -> None:
    check([orjson.dumps({"a": x, "b": y}) for x, y in zip(a, b, strict=False)])


FLAT = [b'{"a": "x", "n": 1}', '{"a": "\\u00e9é", "n": 2}'.encode(), b'{"n": null}'] * 10


def test_flat_lines_make_columns() -> None:
    assert check(FLAT)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b'{"a": "x", "n": 1.5}',
        b'{"a": 5, "n": 1}',
        b'{"a": true, "n": 1}',
        b'{"a": "x", "n": "1"}',
        b'{"a": "x", "more": 1}',
        b'{"a": "\xff", "n": 1}',
        b'{"a": "\\ud800", "n": 1}',
        b'{"a": "x", "n": 1',
        b'{"a": ["x"], "n": 1}',
        b'{"a": "x", "n": 99999999999999999999}',
        b'{"a": "x", "a": "y"}',
        b'{"a": "x"} {"a": "y"}',
        b'{"a": NaN}',
    ],
)
def test_one_line_out_of_the_ordinary_leaves_all_to_the_slow_way(line: bytes) -> None:
    assert not check([*FLAT, line, *FLAT])
