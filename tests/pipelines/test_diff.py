"""Two ledgers side by side: what became of rows that it did not before."""

from __future__ import annotations

import polars as pl

from pipelines.diff import apart, compare, words

_TYPES = {"reasons": pl.List(pl.String), "published_in": pl.List(pl.String)}


def ledger(rows: dict[str, tuple[str, list[str], str | None]]) -> pl.LazyFrame:
    lines = [
        {"row_id": name, "action": action, "reasons": reasons, "split": split, "published_in": []}
        for name, (action, reasons, split) in rows.items()
    ]
    return pl.LazyFrame(lines, schema_overrides=_TYPES)


FIRST = {
    "a": ("keep", [], "train"),
    "b": ("keep", [], "train"),
    "c": ("soften", ["conflict", "tie_not_expressible"], "train"),
    "d": ("drop", ["pii", "near_duplicate"], None),
    "e": ("keep", [], "train"),
    "gone": ("keep", [], "test"),
}
SECOND = {
    "e": ("keep", [], "test"),  # another split is no other fate
    "d": ("drop", ["near_duplicate", "pii"], None),  # nor is another order of reasons
    "c": ("drop", ["conflict"], None),
    "b": ("drop", ["pii"], None),
    "a": ("drop", ["pii"], None),
    "new": ("keep", [], "train"),
}


def test_changes_are_told_by_what_went_came_and_stayed() -> None:
    found = compare(ledger(FIRST), ledger(SECOND))
    assert found.rows == {"common": 5, "first_only": 1, "second_only": 1}
    assert (found.same, found.moved) == (2, 1)
    told = [(one["before"], one["after"], one["gone"], one["come"], one["stay"], one["rows"]) for one in found.changes]
    assert told == [
        ("keep", "drop", [], ["pii"], [], 2),
        ("absent", "keep", [], [], [], 1),
        ("keep", "absent", [], [], [], 1),
        ("soften", "drop", ["tie_not_expressible"], [], ["conflict"], 1),
    ]
    assert sorted(found.changes[0]["examples"]) == ["a", "b"]


def test_a_run_beside_itself_has_no_change_whatever_the_order() -> None:
    other = dict(reversed(FIRST.items()))
    found = compare(ledger(FIRST), ledger(other))
    assert (found.same, found.moved, found.changes) == (len(FIRST), 0, [])


def test_words_name_reasons_and_no_control_character_reaches_the_terminal() -> None:
    found = compare(ledger(FIRST), ledger(SECOND))
    shown = [{**one, "examples": [{"row_id": "x", "text": "\x1b[31mred"}]} for one in found.changes]
    said = words(found, shown, "A", "B")
    assert "2  keep → drop   +pii" in said
    assert "1  soften → drop   -tie_not_expressible conflict" in said
    assert "\x1b" not in said


def test_settings_that_differ_are_named() -> None:
    one = {"policy": {"score": "recorded", "pii": "report"}, "split": {"seed": 0}, "name": "x"}
    other = {"policy": {"score": "harmonised", "pii": "report"}, "split": {"seed": 1, "more": None}, "name": "x"}
    settings = apart(one, other)
    assert settings == {"policy.score": ["recorded", "harmonised"], "split.seed": [0, 1]}
    said = words(compare(ledger(FIRST), ledger(FIRST)), [], "A", "B", settings)
    assert "settings that differ: policy.score recorded → harmonised; split.seed 0 → 1" in said
    assert "note: published scores differ with policy.score" in said
