"""What rows say of their frames; what holds rows together."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from schemas.arrow import JUDGEMENT, ROW_SCHEMA
from schemas.signals import FRAMES
from transforms.belonging import IMAGE, TRAJECTORY, links
from transforms.images.names import image_names
from transforms.ingest.canonical import judgement, judgements
from transforms.trajectories.frames import frames_of
from transforms.trajectories.voices import orders


def row(metadata: Any, kind: str = "pair", **said: float) -> dict[str, Any]:
    text = metadata if metadata is None or isinstance(metadata, str) else json.dumps(metadata)
    frame = pl.DataFrame({name: [value] for name, value in said.items()} or {"none": [None]})
    made = judgements(frame, [judgement(pl.col(name), dimension=name) for name in said]).to_list() if said else [[]]
    return {"source": "s", "file": "f", "line": 7, "kind": kind, "metadata": text, "judgements": made[0]}


def frames(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    schema = {name: ROW_SCHEMA[name] for name in ("source", "file", "line", "kind", "metadata")}
    found = frames_of(pl.DataFrame(list(rows), schema={**schema, "judgements": pl.List(JUDGEMENT)}))
    assert found.schema == FRAMES
    return found.to_dicts()


PAIR = {"trajectory": "t", "frame": 5, "earlier_frame": 2, "value": 0.5, "earlier_value": 0.75}


def test_gaps_of_frames_seconds_and_values() -> None:
    found = frames(row({**PAIR, "seconds": 1.5, "earlier_seconds": 0.25}))[0]
    assert (found["trajectory"], found["frame_gap"], found["seconds_gap"], found["value_gap"]) == ("t", 3, 1.25, -0.25)
    # What is not known is null, and what is no pair of frames has no gap.
    bare, alone, other, none = frames(
        row({"frame": 1, "earlier_frame": 0}), row({"trajectory": 4, "frame": 1, "value": 1}, kind="rating"),
        row({"frame": 1}), row(None),
    )  # fmt: skip
    assert (bare["trajectory"], bare["frame_gap"], bare["value_gap"]) == ("f:7", 1, None)
    assert (alone["trajectory"], alone["value"], alone["frame_gap"]) == ("4", 1.0, None)
    assert set(other.values()) == set(none.values()) == {None}


@pytest.mark.parametrize(
    ("metadata", "said", "expected"),
    [
        (PAIR, {"time": 1.0, "progress": 0.0}, 0.25),  # later, and lower
        (PAIR, {"time": 0.0}, None),  # somebody turned it round
        (PAIR, {"progress": 1.0}, None),  # nobody speaks of time
        (PAIR | {"earlier_value": 0.5}, {"time": 1.0}, None),
        (PAIR | {"earlier_value": 0.25}, {"time": 1.0}, None),
        (PAIR | {"earlier_value": 0.25}, {"time": 0.0}, 0.25),
        ({"frame": 5, "earlier_frame": 2}, {"time": 1.0}, None),
    ],
)
def test_where_time_and_value_contradict_each_other(metadata: Any, said: dict[str, float], expected: float) -> None:
    assert frames(row(metadata, **said))[0]["contradicted_by"] == expected


def test_orders_of_values_labels_and_scorers() -> None:
    """A trajectory that rises, whose labels fall; and one of two rows that nobody valued."""

    def of(
        name: str, late: int, early: int, values: tuple[float | None, float | None], **margins: float | None
    ) -> dict:
        return {"source": "s", "trajectory": name, "frame": late, "earlier_frame": early, "value": values[0],
                "earlier_value": values[1], **{f"margin_{one}": value for one, value in margins.items()}}  # fmt: skip

    rows = [of("a", n + 1, n, (n + 1.0, float(n)), recorded=-1.0, judge=(-1.0) ** n) for n in range(4)]
    rows += [of("b", 1, 0, (None, None), recorded=1.0, judge=None)]
    found = orders(pl.DataFrame(rows, infer_schema_length=None))
    assert orders(pl.DataFrame(rows[::-1], infer_schema_length=None)).equals(found)
    told = {(one["trajectory"], one["scorer"]): one for one in found.to_dicts()}
    assert told["a", "value"]["voc"] == 1
    assert told["a", "recorded"]["voc"] == -1
    assert told["a", "judge"]["frames"] == 5
    assert abs(told["a", "judge"]["voc"]) < 1
    assert told["b", "recorded"]["voc"] == 1
    assert ("b", "judge") not in told
    assert ("b", "value") not in told


# What holds rows together ---------------------------------------------------------------------------------------------


def held(*lines: tuple[int, int, str]) -> pl.DataFrame:
    every = [{"node": node, "key": key, "what": what, "name": f"{what} {key}"} for node, key, what in lines]
    return pl.DataFrame(every, schema={"node": pl.UInt64, "key": pl.UInt64, "what": pl.String, "name": pl.String})


def test_rows_are_linked_to_the_smallest_node() -> None:
    lines = [(5, 1, IMAGE), (3, 1, IMAGE), (9, 1, IMAGE), (5, 2, TRAJECTORY), (7, 3, IMAGE), (7, 3, IMAGE)]
    found = links(held(*lines), 20)
    assert found.select("group_a", "group_b", "what").rows() == [(5, 3, IMAGE), (9, 3, IMAGE)]


def test_an_image_that_very_many_have_links_nothing_and_is_named() -> None:
    lines = [(node, 1, IMAGE) for node in range(1, 23)] + [(node, 2, TRAJECTORY) for node in range(1, 23)]
    found = links(held(*lines), 21)
    assert found.filter(what=IMAGE).select("group_a", "name", "nodes").rows() == [(None, "image 1", 22)]
    assert found.filter(what=TRAJECTORY).height == 21
    assert links(held(*lines), 22).filter(pl.col("group_a").is_not_null(), what=IMAGE).height == 21


def test_images_are_called_by_their_content_else_by_where_they_are() -> None:
    def shows(*images: tuple[str | None, str | None]) -> list[dict[str, Any]]:
        return [{"role": "user", "content": "", "images": [{"uri": uri, "sha256": sha} for uri, sha in images]}]

    rows = pl.DataFrame(
        {"source": ["a", "b"], "prompt": [shows(("x.png", "AB")), []],
         "responses": [[shows(("x.png", None)), shows(("s3://x", None))], [shows(("x.png", None), ("y", "ab"))]]},
        schema={name: ROW_SCHEMA[name] for name in ("source", "prompt", "responses")},
    )  # fmt: skip
    names, counts = image_names(rows)
    assert names.to_list() == ["sha256:ab", "in:a:x.png", "uri:s3://x", "in:b:x.png", "sha256:ab"]
    assert counts.tolist() == [3, 2]
