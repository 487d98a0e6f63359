"""Rows as they are shown: their texts, their judgements, what was decided and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import polars as pl

from pipelines.finished import Finished
from pipelines.report.parts import Entry, Piece, number
from schemas.verdict import REASONS

_TEXTS = (
    "prompt", "responses", "references", "steps", "tools", "judgements", "generators", "scales", "language", "metadata",
)  # fmt: skip
#: Judgements and metadata are said up to so many, and so long.
_JUDGEMENTS, _LONG = 12, 400
_WHERE = ("place", "row_id", "source", "file", "line", "kind", "action", "group_id", "split", "published_in", "details")


def entries(run: Finished, places: Iterable[int], beside: bool = True) -> dict[int, Entry]:
    """What is shown of rows, by their places; with `beside`, each with the row that its verdict rests on.

    A record that is part of a row, and every row once the working files are gone, is shown without texts.
    """
    wanted = sorted(set(places))
    told = _told(run, wanted)
    others: dict[str, int] = {}
    if beside:
        others = run.find([name for line in told.values() for name in _counterparts(line)])
        told |= _told(run, sorted(set(others.values()) - set(wanted)))
    texts = {line["place"]: line for line in run.rows(list(told), _TEXTS).to_dicts()}
    concluded = {line["place"]: line for line in run.said("decide", list(told), ("label", "soft_label")).to_dicts()}
    merged = {line["place"]: line for line in run.said("identity", list(told), ("judgements",)).to_dicts()}
    alone = {
        place: _entry(line, texts.get(place), concluded.get(place, {}), merged.get(place, {}))
        for place, line in told.items()
    }
    out = {}
    for place in wanted:
        if place not in alone:
            continue
        other = next((others[name] for name in _counterparts(told[place]) if name in others), None)
        entry = alone[place]
        shown = alone.get(other) if other is not None else None
        out[place] = Entry(entry.name, entry.facts, entry.pieces, shown)
    return out


def _told(run: Finished, places: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The ledger's lines at these places."""
    if not places:
        return {}
    wanted = pl.Series(places, dtype=pl.UInt32).implode()
    found = run.ledger().select(_WHERE).filter(pl.col("place").is_in(wanted)).collect()
    return {line["place"]: line for line in found.to_dicts()}


def _counterparts(line: dict[str, Any]) -> list[str]:
    return [one["counterpart"] for one in line["details"] if one["counterpart"]]


def _entry(line: dict[str, Any], row: dict[str, Any] | None, said: dict[str, Any], merged: dict[str, Any]) -> Entry:
    facts: list[tuple[str, Any]] = [
        ("where", f"{line['file']}, line {line['line']}" if line["line"] else line["file"]),
        ("verdict", line["action"]),
        *((one["reason"], why(one)) for one in line["details"]),
    ]
    if line["split"]:
        facts.append(("split", line["split"]))
    if line["group_id"]:
        facts.append(("group", line["group_id"]))
    if row is None:
        return Entry(line["row_id"], facts, [])
    row = {**row, "judgements": merged.get("judgements") or row["judgements"]}
    if said.get("soft_label") is not None:
        facts.append(("label", in_words(said["label"], said["soft_label"])))
    if row["judgements"]:
        facts.append(("judgements", judged(row["judgements"], line["kind"])))
    if row["metadata"]:
        facts.append(("metadata", _short(row["metadata"])))
    return Entry(line["row_id"], facts, pieces(row, said.get("label")))


def why(detail: dict[str, Any]) -> str:
    """A reason's numbers in words, and what it means."""
    meaning = REASONS.get(detail["reason"], "")
    other = f"; counterpart {detail['counterpart']}" if detail["counterpart"] else ""
    return f"{number(detail['score'])} against {number(detail['threshold'])}{other}. {meaning}"


def in_words(label: int | None, soft: float) -> str:
    """A pair's label: which response is better, and how surely."""
    if label is None:
        return f"a tie (soft label {soft:.3f} for the first response)"
    return f"response {label + 1} is better (soft label {max(soft, 1 - soft):.3f})"


def judged(judgements: Sequence[dict[str, Any]], kind: str) -> str:
    """Who said what, in one line."""
    said = []
    for one in judgements[:_JUDGEMENTS]:
        who = one["rater"] or "unnamed"
        times = f" × {one['count']}" if one["count"] > 1 else ""
        of = "" if one["response"] is None else f" of response {one['response'] + 1}"
        step = "" if one["step"] is None else f" of step {one['step'] + 1}"
        reason = f" ({_short(one['reason'])})" if one["reason"] else ""
        value = {1.0: "the first", 0.0: "the second", 0.5: "a tie"}.get(one["value"]) if kind == "pair" else None
        said.append(f"{who}{times}: {one['dimension']}{of}{step} {value or format(one['value'], 'g')}{reason}")
    more = len(judgements) - _JUDGEMENTS
    return "; ".join(said) + (f"; and {more:,} more" if more > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def pieces(row: dict[str, Any], label: int | None) -> list[Piece]:
    """A row's texts in the order in which they are read."""
    out = [Piece("tools", row["tools"])] if row.get("tools") else []
    for message in row["prompt"] or []:
        out += _message(message, f"prompt · {message['role']}")
    responses = row["responses"] or []
    for place, response in enumerate(responses):
        name = f"response {place + 1}" if len(responses) > 1 else "response"
        if row.get("generators") and row["generators"][place]:
            name += f" · {row['generators'][place]}"
        if label is not None and len(responses) == 2:
            name += " · better" if label == place else " · worse"
        for message in response:
            role = "" if message["role"] == "assistant" else f" · {message['role']}"
            out += _message(message, f"{name}{role}")
    out += [Piece(f"step {place + 1}", step) for place, step in enumerate(row.get("steps") or [])]
    out += [Piece("reference", reference) for reference in row.get("references") or []]
    return out


def _message(message: dict[str, Any], name: str) -> list[Piece]:
    out = [Piece(f"{name} · reasoning", message["reasoning"])] if message.get("reasoning") else []
    out.append(Piece(name, message["content"] or ""))
    for what in ("tool_calls", "images"):
        if message.get(what):
            said = [{key: value for key, value in one.items() if value is not None} for one in message[what]]
            out.append(Piece(f"{name} · {what.replace('_', ' ')}", orjson.dumps(said).decode()))
    return out
