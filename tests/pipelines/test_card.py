"""The published folder and its card, opened with `datasets` as a user would."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub.constants
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard

from pipelines.card import make_card, shorten
from pipelines.licences import HUB_LICENCES
from pipelines.markdown import code, escape
from schemas.arrow import ROW_SCHEMA
from schemas.config import SHAPES as NAMES
from schemas.config import Config
from schemas.verdict import DEAD_LETTERS, REASONS
from transforms import blocks
from transforms.decide.labels import labels
from transforms.decide.split import cuts
from transforms.decide.stage import DECIDED
from transforms.hashing import digest
from transforms.identity.copies import SIGNALS
from transforms.parquet import plain
from transforms.publish.shapes import published_in
from transforms.publish.stage import publish

FRACTIONS = {"train": 0.7, "test": 0.3}
FIELDS = ["tool_call_id", "tool_calls"]
SCALE = {"dimension": "adequacy", "minimum": 0.0, "maximum": 100.0, "higher_is_better": True}
CALL = {"id": "1", "name": "weather", "arguments": '{"city": "Köln", "days": [1, 2]}'}
TOOLS = '[{"name": "weather", "parameters": {"city": "string"}}]'


def turn(content: str | None, role: str = "assistant", **other: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | other


def judged(value: float, **other: Any) -> dict[str, Any]:
    return {"dimension": "overall", "value": value, "count": 1} | other


def sample() -> list[dict[str, Any]]:
    """Rows of each kind. The first pair calls a tool, the last has nothing that is optional; every fifth is a tie."""
    pairs = [
        {
            "kind": "pair",
            "prompt": [turn("Be brief.", "system"), turn("Hi", "user"), turn("Hello"), turn(f"Why {i}?", "user")],
            "responses": [[turn(f"first {i}")], [turn(f"second {i}")]],
            "soft_label": (1.0, 0.0, 0.75, 0.25, 0.5)[i % 5],
            "margin": float(i),
        }
        for i in range(20)
    ]
    asks = [turn(None, tool_calls=[CALL]), turn("9 °C", "tool", tool_call_id="1"), turn("Cold.\n| a | *b* |")]
    pairs[0] |= {"responses": [asks, [turn("I cannot know.")]], "tools": TOOLS}
    pairs[-1] |= {"prompt": [turn("Short", "user")], "soft_label": 0.0}
    ratings = [
        {
            "kind": "rating",
            "prompt": [turn(f"Satz {i}", "user")],
            "responses": [[turn(f"sentence {i}")]],
            "references": [f"reference {i}", "another"] if i % 2 else None,
            "scales": [SCALE],
            "judgements": [judged(10.0 * i, dimension="adequacy", normalised=i / 10, rater="a")],
        }
        for i in range(11)
    ]
    rankings = [
        {
            "kind": "ranking",
            "prompt": [turn(f"Rank {i}", "user")],
            "responses": [[turn(text)] for text in "abc"],
            "judgements": [judged(k + 1, normalised=1 - k / 2, response=k) for k in range(3)],
        }
        for i in range(14)
    ]
    steps = [
        {
            "kind": "stepwise",
            "prompt": [turn(f"Solve {i}", "user")],
            "responses": [[turn("s0 s1 s2")]],
            "steps": ["s0", "s1", "s2"],
            "judgements": [judged(1.0, step=0), judged(0.0, step=1)],
        }
        for i in range(14)
    ]
    return pairs + ratings + rankings + steps


def publish_rows(rows: list[dict[str, Any]], folder: Path, shards: int = 2) -> Path:
    """What `curate` leaves of these rows in `dataset/`, but for the card."""
    base = {"source": "s", "file": "f", "line": 1, "judgements": []}
    whole = [base | {"row_id": f"r{i}", "content_id": f"c{i}"} | row for i, row in enumerate(rows)]
    frame = pl.DataFrame([{k: v for k, v in row.items() if k in ROW_SCHEMA} for row in whole], schema=ROW_SCHEMA)
    soft = pl.col("soft_label")
    decided = pl.DataFrame(
        {"soft_label": [row.get("soft_label") for row in rows], "margin": [row.get("margin") for row in rows]},
        schema={"soft_label": pl.Float64, "margin": pl.Float64},
    ).with_columns(
        frame["kind"],
        digest(frame["content_id"]).alias("group_id"),
        settled=pl.lit(None),
        action=pl.lit("keep"),
        label=pl.when(soft > 0.5).then(0).when(soft < 0.5).then(1),
        weight=pl.lit(1.0),
        masked=pl.lit(False),
        reasons=pl.lit([], dtype=DECIDED["reasons"]),
        details=pl.lit([], dtype=DECIDED["details"]),
    )
    concluded = labels(frame["judgements"], frame["kind"], None).select("scored", "stepped", judged=pl.lit(True))
    decided = decided.hstack(concluded)
    decided = decided.with_columns(published_in(decided, NAMES)).select(
        pl.col(name).cast(dtype) for name, dtype in DECIDED.items()
    )
    quiet = {name: SIGNALS[name] for name in ("judgements", "scales")}
    identity = pl.DataFrame({name: [None] * len(rows) for name in quiet}, schema=quiet)
    groups = decided.group_by("group_id").agg(rows=pl.len())
    task = {
        "decided": f"{folder}/decided",
        "identity": f"{folder}/identity",
        "cuts": [vars(cut) for cut in cuts(groups, FRACTIONS, 0)],
        "seed": 0,
        "facts": {"message_fields": FIELDS, "tools": True, "margins": False, "dimension": None},
        "configurations": NAMES,
    }
    made: dict[str, list[str]] = {}
    for number in range(shards):
        name, share = f"{number}.parquet", slice(number * len(rows) // shards, (number + 1) * len(rows) // shards)
        blocks.write_frame(frame[share], f"{folder}/rows/{name}")
        blocks.write_frame(decided[share], f"{folder}/decided/{name}")
        blocks.write_frame(identity[share], f"{folder}/identity/{name}")
        part = {"path": f"{folder}/rows/{name}", "name": name}
        for file in publish(task | {"number": number, "blocks": [part]}, f"{folder}/parts")["files"]:
            made.setdefault(file, []).append(f"{folder}/parts/{file}-{number:05d}.parquet")
    for name, parts in made.items():
        for place, path in enumerate(parts):
            blocks.copy(path, f"{folder}/dataset/{name}-{place:05d}-of-{len(parts):05d}.parquet")
    return folder / "dataset"


def card(folder: Path, **other: Any) -> None:
    config = Config(sources=[{"name": "s", "input": ["/home/me/s.jsonl"]}], split={"fractions": FRACTIONS})
    given: dict[str, Any] = {
        "config": config,
        "counts": {"records_in": 1234, "kept": 42, "flipped": 0},
        "reasons": {"exact_duplicate": 3},
        "dead_letter_codes": {"invalid_json": 2},
        "sources": {"s": {"files": 1, "records": 1234, "kept": 42, "format": "hh", "licence": "CC-BY-4.0"}},
        "notes": ["Pairs were made from ratings of unknown raters."],
        "version": "0.1.0",
    }
    (folder / "README.md").write_bytes(make_card(str(folder), **(given | other)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All nine shapes of the sample, in two shards, with a card. The rankings and steps are in one shard only."""
    rows = sample()
    # The first shard gets the pair that calls a tool; the last pair goes to the second.
    rows = [*rows[:19], *rows[20:], rows[19]]
    made = publish_rows(rows, tmp_path_factory.mktemp("published"))
    card(made)
    return made


@pytest.fixture
def load(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`load_dataset` on the folder with a cache that has seen nothing."""
    # The environment has been read by now: this is what HF_HUB_OFFLINE sets.
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def get(name: str, **other: Any) -> Any:
        return datasets.load_dataset(str(folder), name, cache_dir=str(tmp_path / "cache"), **other)

    return get


def every(loaded: Any) -> dict[str, dict[str, Any]]:
    """The rows of all splits by their id."""
    return {row["id"]: row for split in loaded.values() for row in split}


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_loads_with_the_rows_and_types_of_its_files(
    name: str, load: Callable[..., Any], folder: Path
) -> None:
    loaded = load(name)
    assert list(loaded) == ["train", "test"]
    for split, rows in loaded.items():
        files = [pq.read_table(path) for path in sorted((folder / name).glob(f"{split}-*.parquet"))]
        assert rows.to_list() == pa.concat_tables(files).to_pylist()
        assert rows.features == datasets.Features.from_arrow_schema(files[0].schema)
        assert "large" not in str(rows.features)
    expected = {"kto": 34, "preference": 17, "preference_full": 17, "preference_soft": 20}
    assert sum(loaded.num_rows.values()) == expected.get(name, 14 if name in ("listwise", "stepwise") else 11)


@pytest.mark.parametrize("name", NAMES)
def test_streaming_yields_the_same_rows(name: str, load: Callable[..., Any]) -> None:
    streamed = load(name, streaming=True)
    assert {split: list(rows) for split, rows in streamed.items()} == {
        split: rows.to_list() for split, rows in load(name).items()
    }
    assert streamed["train"].features == load(name)["train"].features


def test_messages_survive(load: Callable[..., Any]) -> None:
    rows = every(load("preference"))
    first, second, last = rows["c0"], rows["c1"], rows[max(rows, key=lambda name: int(name[1:]))]
    assert [message["role"] for message in first["prompt"]] == ["system", "user", "assistant", "user"]
    assert first["prompt"][0]["content"] == "Be brief."
    function = {"name": "weather", "arguments": CALL["arguments"]}
    assert first["chosen"][0]["tool_calls"] == [{"id": "1", "type": "function", "function": function}]
    assert first["chosen"][1]["tool_call_id"] == "1"
    assert first["chosen"][2]["content"] == "Cold.\n| a | *b* |"
    assert first["tools"] == TOOLS
    assert (second["chosen"][0]["content"], second["rejected"][0]["content"]) == ("second 1", "first 1")
    assert (last["prompt"], last["tools"]) == ([turn("Short", "user", tool_call_id=None, tool_calls=None)], None)
    full = every(load("preference_full"))["c0"]
    assert full["chosen"] == first["prompt"] + first["chosen"]


def test_ties_are_where_they_can_be_said(load: Callable[..., Any]) -> None:
    soft = every(load("preference_soft"))
    ties = {name for name, row in soft.items() if row["soft_label"] == 0.5}
    assert ties == {"c4", "c9", "c14"}
    assert min(row["soft_label"] for row in soft.values()) == 0.5
    assert set(every(load("preference"))) == set(soft) - ties


def test_kto_has_two_lines_a_pair_in_one_split(load: Callable[..., Any]) -> None:
    for rows in load("kto").values():
        lines = rows.to_list()
        assert [line["label"] for line in lines] == [True, False] * (len(lines) // 2)
        assert [line["id"] for line in lines[::2]] == [line["id"] for line in lines[1::2]]


def test_metric_scores_point_the_right_way(load: Callable[..., Any]) -> None:
    ratings, comet, metricx = (every(load(name)) for name in ("ratings", "comet", "metricx"))
    for name, row in ratings.items():
        assert (row["normalised"], row["minimum"], row["maximum"]) == (row["score"] / 100, 0.0, 100.0)
        assert 0 <= comet[name]["score"] == row["normalised"] <= 1
        assert metricx[name]["label"] == pytest.approx(25 * (1 - row["normalised"]))
        assert 0 <= metricx[name]["label"] <= 25
        assert comet[name]["ref"] == metricx[name]["reference"] == (row["references"] or [""])[0]
        assert comet[name]["src"] == metricx[name]["source"] == row["prompt"][0]["content"]
    assert max(ratings, key=lambda name: ratings[name]["score"]) == min(
        metricx, key=lambda name: metricx[name]["label"]
    )


def test_rankings_and_steps_survive(load: Callable[..., Any]) -> None:
    for row in every(load("listwise")).values():
        assert [response[0]["content"] for response in row["responses"]] == ["a", "b", "c"]
        assert row["scores"] == [1.0, 0.5, 0.0]
    for row in every(load("stepwise")).values():
        assert (row["completions"], row["labels"]) == (["s0", "s1"], [True, False])


# --- the card ------------------------------------------------------------------------------------------------------


def test_front_matter_has_the_sizes_of_the_footers(folder: Path) -> None:
    data = DatasetCard.load(folder / "README.md").data.to_dict()
    assert (data["license"], data["pretty_name"], data["size_categories"]) == ("cc-by-4.0", "dataset", ["n<1K"])
    assert data["tags"] == [
        "preference", "reward-model", "ratings", "evaluation-metric", "process-reward-model", "trenchcoat"
    ]  # fmt: skip
    assert data["task_categories"] == ["text-generation", "text-ranking", "translation"]
    assert [one["config_name"] for one in data["configs"]] == list(NAMES)
    for one, info in zip(data["configs"], data["dataset_info"], strict=True):
        name = one["config_name"]
        assert one["data_files"] == [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in FRACTIONS]
        files = list((folder / name).iterdir())
        assert info["download_size"] == sum(file.stat().st_size for file in files)
        assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"]) > 0
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        assert sum(split["num_examples"] for split in info["splits"]) == rows


def test_body_says_what_came_in_and_what_came_out(folder: Path) -> None:
    text = (folder / "README.md").read_text()
    assert 'load_dataset(DIR, "preference")' in text
    assert f"| `exact_duplicate` | {escape(REASONS['exact_duplicate'])} | 3 |" in text
    assert f"| `invalid_json` | {escape(DEAD_LETTERS['invalid_json'])} | 2 |" in text
    assert "| records read | 1,234 |" in text
    assert "of these, with the label turned round" not in text
    assert "- Pairs were made from ratings of unknown raters." in text
    assert "| `chosen` | list of object | messages of the better response | the side with a soft label over 0.5" in text
    assert "fields `role`, `content`, `tool_call_id`, `tool_calls`." in text
    assert text.count("Ties cannot be said") == 3
    assert "| `train` | 70 % |" in text
    assert "| s | hh | CC-BY-4.0 | 1 | 1,234 | 42 |" in text
    assert "trenchcoat curate dataset.yaml --out dataset" in text
    settings = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    assert settings["policy"] == Config(sources=[{"input": ["x"]}]).policy.model_dump()
    assert settings["sources"] == [{"name": "s", "input": ["s.jsonl"]}]


def test_same_inputs_same_bytes_wherever_the_folder_lies(folder: Path, tmp_path: Path) -> None:
    before = (folder / "README.md").read_bytes()
    elsewhere = tmp_path / "a [b] c" / ".dataset.new"
    shutil.copytree(folder, elsewhere)
    config = Config(sources=[{"name": "s", "input": ["/mnt/other/s.jsonl"]}], split={"fractions": FRACTIONS})
    card(elsewhere, config=config)
    assert (elsewhere / "README.md").read_bytes() == before
    assert b"/home/me" not in before


def test_a_split_without_rows_has_no_files_and_the_rest_loads(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "dataset"
    shutil.copytree(folder, made)
    for file in [*(made / "kto").glob("test-*"), *(made / "comet").iterdir()]:
        file.unlink()
    config = Config(sources=[{"input": ["x"]}], publish={"configurations": ["kto", "comet"]})
    card(made, config=config)
    assert list(datasets.load_dataset(str(made), "kto", cache_dir=str(tmp_path / "cache"))) == ["train"]
    assert "comet" not in datasets.get_dataset_config_names(str(made))
    assert "Asked for, but without a row: `comet`." in (made / "README.md").read_text()


def test_rows_that_a_shape_cannot_use_leave_no_empty_file(tmp_path: Path) -> None:
    rows = [row | {"judgements": []} for row in sample()[20:26]]
    assert not (publish_rows(rows, tmp_path, shards=1) / "comet").exists()


def test_an_empty_folder_has_a_card_too(tmp_path: Path) -> None:
    card(tmp_path, sources={}, reasons={}, dead_letter_codes={}, notes=[])
    text = (tmp_path / "README.md").read_text()
    assert "No row was published." in text
    assert DatasetCard(text).data.to_dict().get("configs") is None


def test_files_that_differ_in_their_columns_are_refused(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "dataset"
    shutil.copytree(folder, made)
    (made / "comet" / "train-00000-of-00002.parquet").unlink(missing_ok=True)
    pq.write_table(plain(pl.DataFrame({"id": ["x"]})), made / "comet" / "train-00000-of-00002.parquet")
    with pytest.raises(ValueError, match="comet: the columns of"):
        card(made)


@pytest.mark.parametrize(
    ("licences", "expected"),
    [
        (["Apache-2.0", " apache-2.0"], {"license": "apache-2.0"}),
        ([None, ""], {"license": "unknown"}),
        (
            ["My Licence: 2"],
            {"license": "other", "license_name": "my-licence-2", "license_details": "s0: My Licence: 2"},
        ),
        (
            ["mit", None],
            {"license": "other", "license_name": "see-sources", "license_details": "s0: mit; s1: not stated"},
        ),
        (["other"], {"license": "other", "license_name": "other", "license_details": "s0: other"}),
    ],
)
def test_licence(tmp_path: Path, licences: list[str | None], expected: dict[str, str]) -> None:
    one = {"files": 1, "records": 1, "kept": 1, "format": "hh"}
    card(tmp_path, sources={f"s{i}": one | {"licence": licence} for i, licence in enumerate(licences)})
    data = DatasetCard.load(tmp_path / "README.md").data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == expected
    assert expected["license"] in HUB_LICENCES | {"other"}


def test_nothing_that_comes_from_data_is_markup(tmp_path: Path) -> None:
    evil = "---\n# <script>x</script> [a](http://b) | `c` **d** ![e](f) $g$ &amp; {{ 7 * 7 }}\n---\n"
    config = Config(sources=[{"input": ["x"]}], publish={"title": evil, "description": evil})
    one = {"files": 1, "records": 1, "kept": 1, "format": "hh", "licence": evil}
    card(
        tmp_path,
        config=config,
        sources={"s": one},
        notes=[evil],
        dead_letter_codes={evil: 1},
        reasons={evil: 1},
        limits=[evil],
    )
    whole = DatasetCard.load(tmp_path / "README.md")
    assert whole.data.to_dict()["pretty_name"] == " ".join(evil.split())
    outside = whole.text.replace(code(evil), "")
    for part in ("<script", " [a", " **d", "\n---\n", " $g"):
        assert part not in outside
    plain_text = escape(evil)
    for start in (f"# {plain_text}\n", f"\n{plain_text}\n", f"- {plain_text}\n", f"| {plain_text} |"):
        assert start in whole.text
    assert whole.text.count(f"- {plain_text}\n") == 2
    assert f"| {code(evil)} |  | 1 |" in whole.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        ("a_b*c", r"a\_b\*c"),
        ("see https://x.org/a_b", r"see https\://x.org/a\_b"),
        ("a\x00\u202eb\n\n c", "ab c"),
        (12345, "12,345"),
        (0.25, "0.25"),
    ],
)
def test_escape(text: object, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("a|b", r"`a\|b`"), ("a`b", "`` a`b ``"), ("a\nb", "`a b`")])
def test_code_spans_close(text: str, expected: str) -> None:
    assert code(text) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/a.jsonl", "a.jsonl"),
        ("data/*.jsonl", "*.jsonl"),
        ("file:///home/me/a.jsonl", "a.jsonl"),
        ("hf://datasets/org/name@rev/a.parquet", "hf://datasets/org/name@rev/a.parquet"),
        ("https://me:secret@host/a.json?token=1#x", "https://host/a.json"),
        ("s3://bucket/part-?.jsonl", "s3://bucket/part-?.jsonl"),
        ("zip://in/a.json::/home/me/b.zip", "zip://in/a.json::b.zip"),
    ],
)
def test_paths_of_this_machine_are_shortened(path: str, expected: str) -> None:
    assert shorten(path) == expected


def test_a_local_tokenizer_is_named_and_one_of_the_hub_is_kept(tmp_path: Path) -> None:
    for given, told in [("/models/mine", "tokenizer: mine"), ("org/name", "tokenizer: org/name")]:
        config = Config(sources=[{"input": ["x"]}], signals={"length": {"tokenizer": given}})
        card(tmp_path, config=config)
        assert told in (tmp_path / "README.md").read_text()
