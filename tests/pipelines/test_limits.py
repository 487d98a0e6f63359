"""Known limits: each is said where its facts are, and only there."""

from __future__ import annotations

from typing import Any

from pipelines.limits import known_limits
from schemas.config import Config

CHECK = {
    "spared": False, "threshold": 0.9, "found": 0.3, "precision_low": 0.5, "precision_high": 0.8, "precision_bound": 0.4
}  # fmt: skip
FIGURE = {"source": "votes", "shared": 20}
#: A run in which everything was looked for and found.
GOOD: dict[str, Any] = {
    "counts": {"rows_in": 100, "derived_rows": 0},
    "kinds": {"pair": 100},
    "strength": {"fitted": True, "eta_identified": True, "checks": [CHECK]},
    "raters": {"figures": [FIGURE]},
    "embedding": {"texts": {"kind": "transformer"}},
    "languages": {"en": 7500, "de": 2499, "fr": 1},
    "pii": {},
}


def config(**other: Any) -> Config:
    given = {
        "contamination": {"benchmarks": [{"input": ["b.json"]}]}, "balance": {"output": "weights"},
        "signals": {"length": {"tokenizer": "t"}},
    }  # fmt: skip
    return Config.model_validate({"sources": [{"input": ["x"]}], **given, **other})


def test_what_a_good_run_still_does_not_know() -> None:
    first, second = known_limits(config(), GOOD)
    assert "Labels are called wrong from p_error 0.9." in first
    assert "50% to 80% of those it called wrong from 0.9 were, by how many of all are (lower bound 40%)" in first
    assert "en 75.0%, de 25.0%, and 1 more." in second


def test_runs_without_pairs_have_no_labels_to_be_wrong() -> None:
    facts = GOOD | {"strength": None, "kinds": {"rating": 100}}
    assert not any("labels" in line for line in known_limits(config(), facts))


def test_each_fact_has_its_sentence() -> None:
    def said(words: str, facts: dict[str, Any] | None = None, **other: Any) -> None:
        assert not any(words in line for line in known_limits(config(), GOOD)), words
        assert sum(words in line for line in known_limits(config(**other), GOOD | (facts or {}))) == 1, words

    said("Wrong labels were not looked for", {"strength": None})
    few = {"strength": {"fitted": False, "why": "3 pairs in 2 groups"}}
    said("Wrong labels were not looked for: there are 3 pairs in 2 groups.", few)
    unknown = {"eta_identified": False, "eta": 0.1, "eta_high": 0.25}
    said("It is at most 25.0%; p_error takes 10.0%.", {"strength": GOOD["strength"] | unknown})
    said("None of those", {"strength": GOOD["strength"] | {"checks": [CHECK | {"found": 0.0}]}})
    said("no self-check was made there", policy={"mislabelled_at": 0.4})
    said("several known raters in alone: ", {"raters": {"figures": [FIGURE, {"source": "alone", "shared": 0}]}})
    said("Raters were not looked at", raters={"consensus": "off"})
    said("No benchmark was named", contamination={})
    said("Near-copies were not looked for", duplicates={"near": False})
    said("Shortcuts were measured and nothing was done", balance={})
    said("Shortcuts were not measured", balance={}, shortcuts={"find": False})
    said("Tokens were not counted", signals={})
    said("Nothing was embedded", {"embedding": {}})
    said("by their words alone", {"embedding": {"texts": {"kind": "static"}}})
    said("Personal data was not looked for", signals={"pii": False})
    said("published as it is", {"pii": {"email": 3}})
    said("names and places are not", policy={"pii": "mask"})
    said("Languages are not known", {"languages": {}})


def test_ratings_alone_have_no_limits_of_pairs() -> None:
    lines = known_limits(config(balance={}), GOOD | {"kinds": {"rating": 9}, "strength": None})
    assert not any("abels" in line or "hortcuts" in line for line in lines)
