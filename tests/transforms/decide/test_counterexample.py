"""Labels that contradict a shortcut, and a policy that leaves them alone."""

from __future__ import annotations

import pytest

from tests.transforms.decide.test_decide import judged, verdict

SUSPECT = {"p_error": 0.95, "counterexample": 0.8}


@pytest.mark.parametrize("action", ["drop", "flip", "soften", "review"])
def test_a_counterexample_is_taken_for_no_error_where_policy_says_so(action):
    assert verdict(SUSPECT, mislabelled=action)["action"] == action
    made = verdict(SUSPECT, mislabelled=action, counterexample="keep")
    assert (made["action"], made["soft_label"], made["label"]) == ("keep", 1.0, 0)
    # The ledger says why nothing became of it, with what the surface said.
    (detail,) = made["details"]
    assert (detail["reason"], detail["score"], detail["threshold"]) == ("counterexample", 0.8, 0.5)


def test_nor_for_a_doubtful_one():
    doubtful = {"p_error": 0.7, "counterexample": 0.8}
    assert verdict(doubtful)["action"] == "soften"
    assert verdict(doubtful, counterexample="keep")["soft_label"] == 1.0


@pytest.mark.parametrize("surface", [None, 0.0, 0.3, 0.5])
def test_who_contradicts_no_shortcut_is_judged(surface):
    rows = {"p_error": 0.95, "counterexample": surface}
    made = verdict(rows, counterexample="keep")
    assert (made["action"], made["reasons"]) == ("drop", ["likely_mislabelled"])


def test_a_counterexample_that_nobody_suspects_has_no_remark():
    assert verdict({"p_error": 0.1, "counterexample": 0.9}, counterexample="keep")["reasons"] == []


def test_other_reasons_act_on_it_as_on_all():
    made = verdict(SUSPECT | {"pii": ["email"]}, pii="drop", counterexample="keep")
    assert (made["action"], made["reasons"]) == ("drop", ["pii", "counterexample"])
    even = verdict(SUSPECT | {"p_ambiguous": 0.9, "judgements": [judged(1)]}, ambiguous="soften", counterexample="keep")
    assert (even["action"], even["soft_label"]) == ("soften", 0.55)
