"""`trenchcoat explain`: everything that a run knows of a row, and what would have to change for another verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from pipelines.errors import DONE, UserError
from pipelines.finished import Finished
from schemas.signals import FRAMES

#: Rows that a text is found in and that are named; others are counted.
FOUND = 20
_TEXTS = ("prompt", "responses", "references", "steps", "tools", "generators", "judgements", "metadata", "language")
#: Signals that are told as they are, by the stage that has them.
_SIGNALS = {
    "signals": ("language", "pii", "characters", "tokens", "too_long", "empty_response", "identical_after_truncation"),
    "identity": ("copy_of", "copy_kind", "copies", "conflict", "conflict_on"),
    "near": ("near_of", "near_score", "near_looks", "near_looks_at", "near_looks_by", "near_sides"),
    "semantic": ("semantic_neighbour", "semantic_cosine", "semantic_of", "semantic_of_cosine"),
    "contamination": ("benchmark_item", "overlap_share", "overlap_threshold"),
    "consensus": ("consensus",),
    "trusted": ("trusted", "unsure"),
    "ratings": ("rating_error",),
    "trajectories": tuple(FRAMES),
    "shortcuts": ("balance_weight", "balance_share", "balance_draw"),
    "strength": (
        "strength_mu", "strength_sigma", "strength_surface", "strength_residual", "strength_bin", "neighbours_agree",
        "p_error", "p_ambiguous", "counterexample", "confidence", "variability", "aum",
    ),
}  # fmt: skip


def run_explain(out: str, row_id: str | None, text: str | None, json: bool) -> int:
    """Explain a row of a run, named or found by its text."""
    from pipelines.answer import answer

    return answer(lambda: _explain(out, row_id, text, json), json)


def _explain(out: str, row_id: str | None, text: str | None, json: bool) -> int:
    run = Finished.at(out)
    with run.understood():
        return _tell(run, row_id, text, json)


def _tell(run: Finished, row_id: str | None, text: str | None, json: bool) -> int:
    from pipelines.explain_text import words, words_of_dead, words_of_found

    if (row_id is None) == (text is None):
        raise UserError("name a row, or give --text with what stands in it")
    if row_id is not None:
        places = run.find([row_id])
        dead = [] if places else dead_letters(run, row_id)
        if dead:
            print(orjson.dumps(dead).decode() if json else words_of_dead(dead))
            return DONE
        if not places:
            raise UserError(f"{run.out} has no row {row_id!r}; its rows are named like {_like(run)}")
        place = places[row_id]
    else:
        found, total = find_text(run, str(text))
        if not found:
            raise UserError(f"no row of {run.out} has the text {text!r} in its prompt or a response")
        if total > 1:
            print(orjson.dumps({"rows": total, "found": found}).decode() if json else words_of_found(found, total))
            return DONE
        place = found[0]["place"]
    told = explain(run, place)
    print(orjson.dumps(told).decode() if json else words(told))
    return DONE


def _like(run: Finished) -> str:
    return ", ".join(repr(name) for name in run.ledger().select("row_id").head(2).collect()["row_id"].to_list())


def explain(run: Finished, place: int) -> dict[str, Any]:
    """Everything known of the row at a place of the ledger."""
    from pipelines.otherwise import otherwise, signals
    from schemas.verdict import REASONS

    line = run.ledger().filter(pl.col("place") == place).collect().to_dicts()[0]
    row = signals(run, place)
    said = _first(run.said("decide", [place], ("label", "soft_label", "margin", "weight")))
    texts = run.rows([place], _TEXTS)
    text = _first(texts)
    merged = _first(run.said("identity", [place], ("judgements",))).get("judgements")
    judgements = merged or text.get("judgements") or []
    return {
        **{name: line[name] for name in ("row_id", "content_id", "source", "file", "line", "kind")},
        "verdict": {
            **{name: line[name] for name in ("action", "split", "published_in", "group_id")},
            **{name: said.get(name) for name in ("label", "soft_label", "margin", "weight")},
        },
        "reasons": [{**detail, "meaning": REASONS.get(detail["reason"], "")} for detail in line["details"]],
        "texts": _pieces(text, said.get("label")),
        "counterparts": _counterparts(run, line),
        "judgements": _judged(run, line, judgements),
        "signals": _signals(run, place),
        "slices": _slices(run, place),
        "features": _features(texts),
        "neighbours": _neighbours(run, place, line, said.get("soft_label")),
        "otherwise": [] if row is None else otherwise(run, row, line),
        "metadata": text.get("metadata"),
    }


def _first(frame: pl.DataFrame) -> dict[str, Any]:
    return frame.to_dicts()[0] if frame.height else {}


def _pieces(row: dict[str, Any], label: int | None) -> list[dict[str, str]]:
    from pipelines.report.rows import pieces

    return [{"what": piece.label, "text": piece.text} for piece in pieces(row, label)] if row else []


def _counterparts(run: Finished, line: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that the verdict rests on, with their own."""
    from pipelines.report.rows import entries

    names = list(dict.fromkeys(one["counterpart"] for one in line["details"] if one["counterpart"]))
    places = run.find(names)
    shown = entries(run, places.values(), beside=False)
    out = []
    for name in names:
        if name not in places:
            continue  # an item of a benchmark, or a row of an earlier run
        entry = shown[places[name]]
        texts = [{"what": piece.label, "text": piece.text} for piece in entry.pieces]
        out.append({"row_id": name, "facts": {key: str(value) for key, value in entry.facts}, "texts": texts})
    return out


def _judged(run: Finished, line: dict[str, Any], judgements: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Judgements with what is known of their raters."""
    from transforms import blocks

    names = [one["rater"] for one in judgements if one["rater"]]
    known: dict[tuple[str, str], dict[str, Any]] = {}
    if names and blocks.exists(f"{run.out}/raters.parquet"):
        columns = ("votes", "shared", "reliability", "worse_than_chance", "copy_of")
        of = (pl.col("source") == line["source"]) & (pl.col("kind") == line["kind"])
        mine = (
            run.table("raters.parquet").filter(of & pl.col("rater").is_in(names)).select("rater", "dimension", *columns)
        )
        known = {(one.pop("rater"), one.pop("dimension")): one for one in mine.collect().to_dicts()}
    return [
        {key: value for key, value in one.items() if value is not None}
        | {"known": known.get((one["rater"] or "", one["dimension"]))}
        for one in judgements
    ]


def _signals(run: Finished, place: int) -> dict[str, Any]:
    """What stages say of the row; what they have nothing to say of is left out."""
    out: dict[str, Any] = {}
    for stage, columns in _SIGNALS.items():
        known = set(run.columns(stage))
        said = _first(run.said(stage, [place], [name for name in columns if name in known])) if known else {}
        out |= {name: value for name, value in said.items() if name != "place" and value not in (None, [], False)}
    return out


def _slices(run: Finished, place: int) -> list[dict[str, Any]]:
    """The slices that the row is in, with what they have more of than other rows."""
    from transforms import blocks

    mine = _first(run.said("slices", [place], ("slices",))).get("slices") or []
    if not mine or not blocks.exists(f"{run.out}/slices.json"):
        return []
    brief = ("slice", "signal", "keywords", "rows", "rate", "elsewhere")
    every = blocks.read_json(f"{run.out}/slices.json")["slices"]
    return [{name: one[name] for name in brief} for one in every if one["slice"] in mine]


def _features(texts: pl.DataFrame) -> list[dict[str, Any]]:
    """What can be counted in the responses, where there is something to count."""
    from transforms.spurious.features import of_rows

    if texts.is_empty():
        return []
    counted = of_rows(texts)
    return [
        {"feature": name, "responses": [round(value, 3) for value in counted[name].to_list()]}
        for name in counted.columns
        if (counted[name] != 0).any()
    ]


def _neighbours(run: Finished, place: int, line: dict[str, Any], soft: float | None) -> list[dict[str, Any]]:
    """The nearest rows around it with their labels, and whether a pair's label is the same as theirs."""
    from pipelines.nearest import nearest

    found = nearest(run, place, line["kind"])
    places = [one["place"] for one in found]
    told = run.ledger().filter(pl.col("place").is_in(places)).select("place", "row_id", "action").collect()
    names = {at: (name, action) for at, name, action in told.rows()}
    labels = {one["place"]: one["soft_label"] for one in run.said("decide", places, ("soft_label",)).to_dicts()}
    out = []
    for one in found:
        name, action = names[one["place"]]
        theirs = labels.get(one["place"])
        agrees = None
        if line["kind"] == "pair" and None not in (soft, theirs) and 0.5 not in (soft, theirs):
            agrees = ((theirs - 0.5) * (one["cosine"]) > 0) == (soft > 0.5)  # type: ignore[operator]
        out.append({"row_id": name, "cosine": one["cosine"], "action": action, "soft_label": theirs, "agrees": agrees})
    return out


def find_text(run: Finished, text: str) -> tuple[list[dict[str, Any]], int]:
    """Rows in whose prompt or responses a text stands as it is, in the order of the ledger; and how many there are."""
    from transforms.blocks import read_frame
    from transforms.texts import prompt_texts, response_texts

    if not run.every:
        raise UserError(f"{run.out}: its work/ is gone, and with it the texts of its rows; name the row instead")
    places: list[int] = []
    for block, start in zip(run.every, run.starts.tolist(), strict=False):
        rows = read_frame(block.path, ["prompt", "responses"])
        sides, counts = response_texts(rows)
        asked, said = (texts.str.contains(text, literal=True).to_numpy() for texts in (prompt_texts(rows), sides))
        owners = np.repeat(np.arange(rows.height), counts)
        places += (start + np.union1d(np.flatnonzero(asked), owners[said])).tolist()
    shown = places[:FOUND]
    told = run.ledger().filter(pl.col("place").is_in(shown)).select("place", "row_id", "action", "reasons").collect()
    return told.to_dicts(), len(places)


def dead_letters(run: Finished, name: str) -> list[dict[str, Any]]:
    """The dead letters of a record whose row would have had this name: its source, file and line."""
    if not run.manifest["counts"]["dead_letters"]:
        return []
    named = pl.concat_str("source", "file", pl.col("line").cast(pl.String), separator=":")
    return run.dead_letters().filter(named == name).drop("place").collect(engine="streaming").to_dicts()
