"""Verdicts on pairs of frames of trajectories."""

from __future__ import annotations

from tests.transforms.decide.test_decide import Raw, verdict


def test_frames_that_are_too_near_or_contradict_time() -> None:
    """What is softened keeps its side, although no detector said how likely it is wrong."""
    near: Raw = {"frame_gap": 3, "seconds_gap": 0.1, "value_gap": 0.01, "contradicted_by": None}
    assert verdict(near)["action"] == "keep"
    soft = verdict(near, minimum_frame_gap=4)
    assert (soft["action"], soft["label"], soft["soft_label"]) == ("soften", 0, 0.55)
    assert soft["details"][0] == {
        "reason": "frames_too_near", "score": 3.0, "threshold": 4.0, "counterpart": None,
    }  # fmt: skip
    assert verdict(near, minimum_frame_gap=3)["action"] == "keep"
    in_time = verdict(near, minimum_seconds=0.2, frames_too_near="drop")
    assert (in_time["action"], in_time["details"][0]["score"]) == ("drop", 0.1)
    both = verdict(near, minimum_frame_gap=4, minimum_seconds=0.2, frames_too_near="drop")
    assert both["reasons"] == ["frames_too_near"]
    assert verdict(near, minimum_value_gap=0.01)["reasons"] == ["values_too_near"]
    assert verdict(near | {"value_gap": 0.0})["reasons"] == ["values_too_near"]
    assert verdict(near | {"value_gap": 0.0}, values_too_near="keep")["reasons"] == []
    against: Raw = {"frame_gap": 3, "value_gap": -0.3, "contradicted_by": 0.3}
    assert (verdict(against)["action"], verdict(against)["reasons"]) == ("drop", ["time_contradicted"])
    assert verdict(against, time_contradicted="soften")["soft_label"] == 0.55
    assert verdict(against, minimum_value_gap=0.3)["reasons"] == ["values_too_near"]
