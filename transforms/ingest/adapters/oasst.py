"""OpenAssistant: trees of messages, whose replies people labelled and ranked; or the same messages one by one.

    {"message_tree_id": "…", "tree_state": "ready_for_export", "prompt": {"message_id": "…", "user_id": "…",
     "created_date": "…", "text": "…", "role": "prompter", "lang": "en", "review_count": 3, "review_result": true,
     "deleted": false, "rank": null, "synthetic": false, "model_name": null, "emojis": {"+1": 2},
     "labels": {"quality": {"value": 0.8, "count": 3}, …}, "replies": [{… "role": "assistant", "rank": 0, …}, …]}}
    {"message_id": "…", "parent_id": "…", "text": "…", "role": "assistant", …}  (the flat layout, also Parquet)

Each message makes a rating, with the messages above it as prompt and its labels as judgements (means over `count`
people, 0 to 1; those of users' turns are called `user_…`). Replies of the assistant of which two or more have a rank
make a ranking besides; rank 0 is the best. A flat record names its parent by id alone, and that may be anywhere in the
file: so of flat files there are ratings without a prompt, and no rankings. The trees have both.
"""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
import orjson
import polars as pl

from schemas.arrow import SCALE
from transforms.ingest.adapters.base import Adapter, Options, fits_one, nearest
from transforms.ingest.adapters.parts import ranked
from transforms.ingest.canonical import judgement
from transforms.ingest.dialogue import ROLE_NAMES, message
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.ingest.tree import Tree
from transforms.ingest.values import described
from transforms.lists import of_counts

_LAYOUTS = {"tree": ("message_tree_id", "prompt"), "flat": ("message_id", "text", "role")}
#: Labels of which more is worse.
_FLAWS = ("spam", "fails_task", "lang_mismatch", "pii", "not_appropriate", "hate_speech", "sexual_content", "toxicity",
          "violence", "political_content", "moral_judgement")  # fmt: skip
_READ = {"text", "role", "lang", "created_date", "model_name", "user_id", "labels", "replies"}


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One rating a message and one ranking for each message whose replies are ranked, in the tree's order."""
    flat = nearest(records, _LAYOUTS) == "flat"
    whole = objects if (objects := records.objects()) is not None else records.frame.to_dicts()  # type: ignore[union-attr]
    tree = Tree(records, "message", whole) if flat else Tree(records, "prompt", records.values("prompt"))
    said = tree.column("role", pl.String)
    role = said.replace_strict(ROLE_NAMES, default=None, return_dtype=pl.String)
    unknown = tree.lists(said.is_not_null() & role.is_null()).list.any()
    records.reject(unknown, "unknown_role", "a message's role is neither 'prompter' nor 'assistant'")
    turns = pl.DataFrame({"role": role.fill_null("user"), "text": tree.column("text", pl.String)})
    messages = turns.select(message(pl.col("text"), pl.col("role"))).to_series()
    each = Places(np.ones(len(tree), np.int64))
    writers = [tree.column(name, pl.String, required=False) for name in ("model_name", "user_id")]
    frame = pl.DataFrame(
        {
            "record": tree.owners,
            "order": np.arange(len(tree), dtype=np.float64),
            "prompt": tree.above(messages),
            "responses": each.lists(each.lists(messages)),
            "generators": each.lists(pl.select(pl.coalesce(writers)).to_series()),
            "language": tree.column("lang", pl.String, required=False),
            "timestamp": tree.column("created_date", pl.String, required=False),
            "metadata": _left(tree, [{}] * len(whole) if flat else whole),
            **_labels(records, tree, turns["role"]),
        }
    )
    replies = turns.with_columns(rank=tree.column("rank", pl.Int64, required=False), parent=pl.Series(tree.parents))
    kinds = {"rating": frame, "ranking": _rankings(frame, replies)}
    made = [part.with_columns(kind=pl.lit(kind)) for kind, part in kinds.items()]
    return pl.concat(made, how="diagonal_relaxed").sort("record", "order").drop("order")


def _rankings(frame: pl.DataFrame, replies: pl.DataFrame) -> pl.DataFrame:
    """Rankings of the assistant's replies to one message that have a rank, each after that message's rating."""
    asked = (pl.col("parent") >= 0) & (pl.col("role") == "assistant") & pl.col("rank").is_not_null()
    found = replies.with_row_index("node").filter(asked).filter(pl.len().over("parent") > 1).sort("parent", "node")
    groups = found.group_by("parent", maintain_order=True).agg(
        pl.col("node").first(), n=pl.len().cast(pl.Int64), worst=pl.col("rank").max()
    )
    items = Places(groups["n"].to_numpy())
    sides = frame[found["node"]]
    worst = groups.select(pl.max_horizontal("worst", pl.col("n") - 1)).to_series()
    made = {
        "prompt": frame["prompt"][groups["node"]],
        "responses": items.lists(sides["responses"].list.first()),
        "generators": items.lists(sides["generators"].list.first()),
        **ranked(items, found["rank"], best=0, worst=worst),
    }
    answered = frame[groups["parent"]].select("record", "language", "metadata", pl.col("order") + 0.5)
    return answered.with_columns(series.alias(name) for name, series in made.items())


def _left(tree: Tree, wholes: list[dict[str, Any]]) -> pl.Series:
    """What the rows do not hold of a message and of its tree."""
    shared = [{name: value for name, value in whole.items() if name != "prompt"} for whole in wholes]
    kept = (
        shared[owner] | {name: value for name, value in one.items() if name not in _READ}
        for owner, one in zip(tree.owners.tolist(), tree.objects(), strict=True)
    )
    return pl.Series([orjson.dumps(one, default=str).decode() for one in kept], dtype=pl.String)


def _labels(records: Records, tree: Tree, roles: pl.Series) -> dict[str, pl.Series]:
    """The labels of each message as judgements, and their scales."""
    owners: list[int] = []
    said: list[tuple[str, float, int]] = []
    for place, one in enumerate(tree.objects()):
        labels = one.get("labels") or {}
        try:
            if "name" in labels:  # three lists, as in Parquet
                each = list(zip(labels["name"], labels["value"], labels["count"], strict=True))
            else:
                each = [(name, label["value"], label["count"]) for name, label in labels.items()]
            each = [(name, value + 0.0, index(count)) for name, value, count in each if value is not None]
        except (AttributeError, KeyError, TypeError, ValueError):
            expected = f"'labels' is {described(labels)}; a value and a count by name are expected"
            records.problem(int(tree.owners[place]), "wrong_type", expected)
            continue
        owners += [place] * len(each)
        said += each
    flaw = pl.col("name").is_in(_FLAWS)
    user = pl.when(pl.col("role") == "user").then(pl.lit("user_")).otherwise(pl.lit(""))
    frame = pl.DataFrame(said, {"name": pl.String, "value": pl.Float64, "count": pl.Int64}, orient="row").with_columns(
        roles[owners].alias("role"), flaw=flaw
    )
    value, name = pl.col("value"), pl.concat_str(user, "name")
    better = pl.when("flaw").then(1 - value).otherwise(value)
    made = frame.select(
        j=judgement(value, dimension=name, normalised=better, count=pl.col("count")),
        s=pl.struct(dimension=name, minimum=0.0, maximum=1.0, higher_is_better=~pl.col("flaw")).cast(SCALE),
    )
    counts = np.bincount(np.array(owners, np.int64), minlength=len(tree))
    return {"judgements": of_counts(made["j"], counts), "scales": of_counts(made["s"], counts)}


def _message(role: str, text: str, replies: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A message as published, in the tree layout."""
    return {
        "message_id": text, "parent_id": None, "user_id": "u1", "created_date": "2023-02-05T14:23:50.983374+00:00",
        "text": text, "role": role, "lang": "en", "review_count": 3, "review_result": True, "deleted": False,
        "rank": None, "synthetic": False, "model_name": None, "detoxify": {"toxicity": 0.001}, "emojis": {"+1": 2},
        "labels": {"quality": {"value": 0.75, "count": 3}, "toxicity": {"value": 0.25, "count": 3}},
        "replies": replies, **more,
    }  # fmt: skip


_FLAT = _message("assistant", "Hi.", [], parent_id="Say hi.", message_tree_id="Say hi.", rank=0)

ADAPTER = Adapter(
    name="oasst",
    kinds=("rating", "ranking"),
    about="OpenAssistant's oasst1 and oasst2: trees of messages (.trees.jsonl.gz), or flat messages.",
    keeps="ranks of replies, labels and how many gave them, turns, writers, languages, times; the rest as metadata",
    unknown="who labelled and ranked; in the flat layout what a message replies to, so no prompts and no rankings",
    fields=(),
    rows=rows,
    fits=fits_one(_LAYOUTS),
    example={
        "message_tree_id": "Say hi.", "tree_state": "ready_for_export", "origin": None,
        "prompt": _message("prompter", "Say hi.", [
            _message("assistant", "No.", [], rank=1),
            _message("assistant", "Hi.", [_message("prompter", "Again.", [])], rank=0, model_name="m1"),
        ]),
    },
    variants=(
        {name: value for name, value in _FLAT.items() if name != "replies"} | {
            "tree_state": "ready_for_export", "emojis": {"name": ["+1"], "count": [2]},
            "labels": {"name": ["quality"], "value": [0.75], "count": [3]},
        },
    ),
)  # fmt: skip
