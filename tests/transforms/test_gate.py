from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from schemas.expectations import COLUMNS, OPTIONAL, metric_names
from transforms import gate
from transforms.gate import batches, empty, kind, prompt_hashes, published_metrics, shards, view
from transforms.parquet import plain
from transforms.publish.shapes import SHAPES

SPLITS = ["train", "test"]


def says(*contents: str | None, role: str = "user") -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for content in contents]


def pairs(*prompts: str, **other: list[Any]) -> pl.DataFrame:
    n = len(prompts)
    columns = {
        "id": [f"id-{prompt}-{i}" for i, prompt in enumerate(prompts)],
        "source": ["s"] * n,
        "prompt": [says(prompt) if prompt else [] for prompt in prompts],
        "chosen": [says("good", role="assistant")] * n,
        "rejected": [says("bad", role="assistant")] * n,
    }
    return pl.DataFrame(columns | other, schema=empty(COLUMNS["preference"]).schema)


def full(*sides: tuple[list[str], list[str]]) -> pl.DataFrame:
    columns = {
        "id": [str(i) for i in range(len(sides))],
        "source": ["s"] * len(sides),
        "chosen": [says(*chosen) for chosen, _ in sides],
        "rejected": [says(*rejected) for _, rejected in sides],
    }
    return pl.DataFrame(columns, schema=empty(COLUMNS["preference_full"]).schema)


def put(folder: Path, name: str, *frames: pl.DataFrame, row_group_size: int | None = None) -> Path:
    """Write files of a split: `preference/train`."""
    for number, frame in enumerate(frames):
        path = folder / f"{name}-{number:05d}-of-{len(frames):05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(plain(frame), path, row_group_size=row_group_size)
    return folder


def figures(folder: Path, *configurations: str) -> dict[str, float]:
    return published_metrics(str(folder), list(configurations), SPLITS)


def test_contract_names_the_columns_that_shapes_publish() -> None:
    for shape in SHAPES:
        assert set(shape.columns) == {*COLUMNS[shape.name], *OPTIONAL.get(shape.name, {})}
        rest = [name for name in shape.columns if name not in OPTIONAL.get(shape.name, {})]
        assert rest == list(COLUMNS[shape.name])


def test_kinds_of_empty_columns_are_those_asked_for() -> None:
    for columns in COLUMNS.values():
        assert {name: kind(dtype) for name, dtype in empty(columns).schema.items()} == columns
    assert kind(pl.List(pl.Struct({"x": pl.String}))) == "List(Struct({'x': String}))"
    assert kind(pl.Date()) == "Date"


def test_view_holds_no_texts() -> None:
    frame = pl.DataFrame(
        {
            "id": ["a", "b", "c"],
            "chosen": [says("héllo", None), says(" \n"), None],
            "responses": [[says("ab"), says("")], [], None],
            "references": [["xy", "z"], [], None],
            "scores": [[0.5, None, 1.0], [], None],
            "labels": [[True, None], [], None],
            "tools": ["[]", None, ""],
            "weight": [1.0, None, 0.5],
        },
        schema=empty(
            {
                "id": "text",
                "chosen": "messages",
                "responses": "lists of messages",
                "references": "texts",
                "scores": "numbers",
                "labels": "booleans",
                "tools": "text",
                "weight": "number",
            }
        ).schema,
    )
    assert view(frame).to_dict(as_series=False) == {
        "id": ["a", "b", "c"],
        "chosen_is_null": [False, False, True],
        "chosen_messages": [2, 1, 0],
        "chosen_characters": [5, 2, 0],
        "chosen_is_empty": [False, True, True],
        "responses_is_null": [False, False, True],
        "responses_count": [2, 0, 0],
        "responses_characters": [2, 0, 0],
        "responses_empty": [1, 0, 0],
        "references_is_null": [False, False, True],
        "references_count": [2, 0, 0],
        "references_characters": [3, 0, 0],
        "scores_is_null": [False, False, True],
        "scores_count": [3, 0, 0],
        "scores_nulls": [1, 0, 0],
        "scores_minimum": [0.5, None, None],
        "scores_maximum": [1.0, None, None],
        "labels_is_null": [False, False, True],
        "labels_count": [2, 0, 0],
        "labels_nulls": [1, 0, 0],
        "tools_is_null": [False, True, False],
        "tools_characters": [2, 0, 0],
        "weight": [1.0, None, 0.5],
    }


def test_view_keeps_names_but_not_the_text_that_metricx_calls_source() -> None:
    metricx = pl.DataFrame({"id": ["a"], "source": ["a sentence"], "hypothesis": ["ein Satz"], "label": [1.0]})
    assert view(metricx).columns == [
        "id", "source_is_null", "source_characters", "hypothesis_is_null", "hypothesis_characters", "label",
    ]  # fmt: skip
    assert view(metricx.drop("hypothesis"))["source"].to_list() == ["a sentence"]


@pytest.mark.parametrize("field", [{"tool_calls": [{"name": "f"}]}, {"images": [{"uri": "x"}]}])
def test_tool_calls_and_images_say_something(field: dict[str, Any]) -> None:
    (name,) = field
    dialogues = [[{"role": "assistant", "content": "", **field}], [{"role": "assistant", "content": "", name: []}]]
    assert view(pl.DataFrame({"chosen": dialogues}))["chosen_is_empty"].to_list() == [False, True]


def test_prompts_in_two_splits(tmp_path: Path) -> None:
    put(tmp_path, "preference/train", pairs("a", "b", "", "c"), pairs("a", "d"))
    put(tmp_path, "preference/test", pairs("b", "", "d", "d", "e"))
    found = figures(tmp_path, "preference")
    assert found["prompts_in_two_splits_preference"] == 2  # b and d; that a stands twice in one split is no matter
    assert (found["rows_preference"], found["rows_in_train"], found["rows_in_test"]) == (11, 6, 5)
    assert (found["file_layouts_preference"], found["files_amiss_preference"]) == (1, 0)


def test_other_roles_other_turns_and_other_tools_are_other_prompts(tmp_path: Path) -> None:
    prompts = [says("a"), says("a", role="system"), says("a", "b"), says("ab"), says("b", "a"), says("a", "b", "")]
    frame = pairs(*"uvwxyz", prompt=prompts)
    assert len(set(prompt_hashes(frame).tolist())) == 6
    tools = pairs("a", "a", "a", "a").with_columns(tools=pl.Series(["[1]", "[2]", None, "[1]"]))
    hashes = prompt_hashes(tools).tolist()
    assert len(set(hashes)) == 3
    assert hashes[0] == hashes[3]


def test_hashes_do_not_depend_on_the_batch() -> None:
    whole = pairs(*map(str, range(100)))
    parts = [prompt_hashes(whole[i]).item() for i in range(100)]
    assert prompt_hashes(whole).tolist() == parts


def test_prompt_of_full_dialogues_is_what_both_sides_begin_with() -> None:
    frame = full(
        (["p", "x"], ["p", "y"]),  # p
        (["p", "call", "x"], ["p", "other", "y"]),  # p, though all but the last differ
        (["p", "call", "x"], ["p", "y"]),  # p
        (["p", "q", "x"], ["p", "q", "y"]),  # p, q
        (["p", "q"], ["p", "q"]),  # the same on both sides: the last message is a response's
        (["x"], ["y"]),  # none
    )
    hashes = prompt_hashes(frame).tolist()
    assert len(hashes) == 5
    assert hashes[0] == hashes[1] == hashes[2] == hashes[4] != hashes[3]


def test_full_dialogues_in_two_splits(tmp_path: Path) -> None:
    put(tmp_path, "preference_full/train", full((["p", "x"], ["p", "y"]), (["q", "x"], ["q", "y"])))
    put(tmp_path, "preference_full/test", full((["q", "v", "w"], ["q", "z"]), (["x"], ["y"])))
    assert figures(tmp_path, "preference_full")["prompts_in_two_splits_preference_full"] == 1


@pytest.mark.parametrize(("configuration", "column"), [("comet", "src"), ("metricx", "source"), ("stepwise", "prompt")])
def test_text_prompts_in_two_splits(tmp_path: Path, configuration: str, column: str) -> None:
    for split, texts in (("train", ["a", "b", " "]), ("test", ["b", " ", None])):
        row = empty(COLUMNS[configuration])
        frame = pl.concat([row, pl.DataFrame({column: texts}, schema={column: pl.String})], how="diagonal")
        put(tmp_path, f"{configuration}/{split}", frame)
    assert figures(tmp_path, configuration)[f"prompts_in_two_splits_{configuration}"] == 1


def test_sides(tmp_path: Path) -> None:
    good, other = says("good", role="assistant"), says("good", role="user")
    frame = pairs("a", "b", "c", "d", chosen=[good, good, says(" "), good], rejected=[good, other, good, None])
    put(tmp_path, "preference/train", frame)
    soft = frame.with_columns(soft_label=pl.Series([0.4, 0.5, 1.0, None]), margin=pl.Series([1.0, None, None, 2.0]))
    put(tmp_path, "preference_soft/train", soft)
    found = figures(tmp_path, "preference", "preference_soft")
    for name in ("preference", "preference_soft"):
        assert (found[f"identical_sides_{name}"], found[f"empty_sides_{name}"]) == (1, 2)
    assert (found["reversed_preference_soft"], found["margin_nulls"]) == (1, 2)


def test_metrics_have_the_names_that_may_be_asked_about(tmp_path: Path) -> None:
    names = list(COLUMNS)
    assert set(figures(tmp_path, *names)) <= set(metric_names(names, SPLITS))
    assert set(figures(tmp_path, *names).values()) == {0}


def test_files_that_are_missing_or_do_not_belong(tmp_path: Path) -> None:
    put(tmp_path, "preference/train", pairs("a"), pairs("b"), pairs("c"))
    put(tmp_path, "preference/test", pairs("d"))
    assert figures(tmp_path, "preference")["files_amiss_preference"] == 0
    folder = tmp_path / "preference"
    (folder / "train-00001-of-00003.parquet").unlink()
    assert figures(tmp_path, "preference")["files_amiss_preference"] == 1
    put(tmp_path, "preference/dev", pairs("e"))  # no split of this name
    (folder / "train-00000-of-00002.parquet").write_bytes((folder / "train-00000-of-00003.parquet").read_bytes())
    (folder / "notes.txt").write_text("")
    found, amiss = shards(str(tmp_path), "preference", SPLITS)
    assert amiss == 3
    assert [shard.name for shard in found] == [
        "preference/test-00000-of-00001.parquet",
        "preference/train-00000-of-00002.parquet",
        "preference/train-00000-of-00003.parquet",
        "preference/train-00002-of-00003.parquet",
    ]


def test_files_of_different_layouts(tmp_path: Path) -> None:
    put(tmp_path, "preference/train", pairs("a"), pairs("b").with_columns(tools=pl.lit("[]")))
    assert figures(tmp_path, "preference")["file_layouts_preference"] == 2


def test_columns_of_another_type_are_not_stumbled_over(tmp_path: Path) -> None:
    wrong = pairs("a", "b").with_columns(prompt=pl.lit(1), chosen=pl.lit("x"))
    put(tmp_path, "preference/train", wrong)
    assert figures(tmp_path, "preference")["prompts_in_two_splits_preference"] == 0
    assert "chosen_messages" not in view(wrong).columns
    put(tmp_path, "preference_full/train", wrong.drop("prompt"))
    assert figures(tmp_path, "preference_full")["rows_preference_full"] == 2


def test_files_are_read_some_row_groups_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pairs(*map(str, range(100)))
    put(tmp_path, "preference/train", whole, row_group_size=8)
    monkeypatch.setattr(gate, "BATCH_ROWS", 20)
    path = str(tmp_path / "preference/train-00000-of-00001.parquet")
    read = list(batches(path))
    assert [batch.height for batch in read] == [16, 16, 16, 16, 16, 20]
    assert pl.concat(read).equals(whole)
    assert pl.concat(batches(f"file://{path}")).equals(whole)
    put(tmp_path, "preference/test", pairs())
    (none,) = batches(str(tmp_path / "preference/test-00000-of-00001.parquet"))
    assert (none.height, none.schema) == (0, whole.schema)
