"""What is known of a row, as lines for a terminal: nothing in the data reaches it as a command."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.report.rows import in_words
from pipelines.report.texts import visible

#: Characters of a text, and of a counterpart's; features that are told; width of a line.
_TEXT, _OTHER, _FEATURES, _WIDTH = 2_000, 600, 8, 100


def words(told: dict[str, Any]) -> str:
    """Everything known of a row (`pipelines.explain.explain`)."""
    return visible("\n".join(_lines(told)))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    verdict = told["verdict"]
    yield f"{told['row_id']}   ({told['kind']}; {told['file']}, line {told['line']})"
    yield f"  verdict    {verdict['action']}{_where(verdict)}"
    if verdict["soft_label"] is not None:
        yield f"  label      {in_words(verdict['label'], verdict['soft_label'])}"
    if verdict["group_id"]:
        yield f"  group      {verdict['group_id']}"
    yield from _titled("because", [_reason(one) for one in told["reasons"]] or ["nothing speaks against it"])
    yield from _titled("for another verdict", [f"{one['change']}  →  {one['verdict']}" for one in told["otherwise"]])
    yield from _titled("judgements", [_judgement(one, told["kind"]) for one in told["judgements"]])
    yield from _titled("signals", [f"{name}: {_value(value)}" for name, value in told["signals"].items()])
    yield from _titled("slices", [_slice(one) for one in told["slices"]])
    alone = not told["features"] or len(told["features"][0]["responses"]) == 1
    title = "features of the response" if alone else "features that differ most"
    yield from _titled(title, _features(told["features"]))
    yield from _titled("nearest by embeddings, of the rows around it", [_neighbour(one) for one in told["neighbours"]])
    yield from _titled("metadata", [told["metadata"]] if told["metadata"] else [])
    yield from _texts("texts", told["texts"], _TEXT)
    for other in told["counterparts"]:
        yield from _texts(f"counterpart {other['row_id']} ({other['facts']['verdict']})", other["texts"], _OTHER)


def _where(verdict: dict[str, Any]) -> str:
    if not verdict["published_in"]:
        return f", split {verdict['split']}, in no published shape" if verdict["split"] else ""
    return f", split {verdict['split']}, published as {', '.join(verdict['published_in'])}"


def _titled(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"\n{title}"
        yield from (f"  {line}" for line in lines)


def _reason(one: dict[str, Any]) -> str:
    score, held = (f"{one[name]:.3f}" if one[name] is not None else "–" for name in ("score", "threshold"))
    other = f"\n    counterpart {one['counterpart']}" if one["counterpart"] else ""
    return f"{one['reason']}: {score} against {held}. {one['meaning']}{other}"


def _judgement(one: dict[str, Any], kind: str) -> str:
    side = {1.0: "the first", 0.0: "the second", 0.5: "a tie"}.get(one["value"]) if kind == "pair" else None
    times = f" × {one['count']}" if one["count"] > 1 else ""
    known = one["known"] or {}
    said = [f"{known['votes']:,} judged"] if known else []
    if known.get("reliability") is not None:
        said.append(f"reliability {known['reliability']:.3f}")
    if known.get("worse_than_chance"):
        said.append("worse than chance")
    about = f"   ({', '.join(said)})" if said else ""
    of = "".join(f"{what} {one[what] + 1}, " for what in ("step", "response") if one.get(what) is not None)
    value = side or format(one["value"], "g")
    return f"{one.get('rater') or 'unnamed'}{times}: {of}{one['dimension']} {value}{about}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items() if part is not None)
    return "; ".join(map(_value, value)) if isinstance(value, list) else str(value)


def _features(features: Sequence[dict[str, Any]]) -> list[str]:
    """The features in which the responses differ most, against their size."""

    def apart(one: dict[str, Any]) -> float:
        values = one["responses"]
        return (max(values) - min(values)) / (abs(max(values, key=abs)) + 1)

    told = sorted(features, key=lambda one: (-apart(one), one["feature"]))
    if told and len(told[0]["responses"]) > 1:
        told = [one for one in told if apart(one) > 0][:_FEATURES]
    return [f"{one['feature']}: {' / '.join(f'{value:g}' for value in one['responses'])}" for one in told]


def _slice(one: dict[str, Any]) -> str:
    words = ", ".join(one["keywords"][:5])
    rates = f"{one['signal']} {one['rate']:.3f}, elsewhere {one['elsewhere']:.3f}"
    return f"{one['slice']} ({words}; {one['rows']:,} rows): {rates}"


def _neighbour(one: dict[str, Any]) -> str:
    label = (
        "" if one["agrees"] is None else ", its label says the same" if one["agrees"] else ", its label says the other"
    )
    return f"{one['cosine']:+.3f}  {one['row_id']}  {one['action']}{label}"


def _texts(title: str, texts: Sequence[dict[str, str]], most: int) -> Iterator[str]:
    if not texts:
        return
    yield f"\n{title}"
    for one in texts:
        text = one["text"]
        cut = (
            f"\n… {len(text) - most:,} of {len(text):,} characters are not shown; --json has all"
            if len(text) > most
            else ""
        )
        yield f"  [{one['what']}]"
        for line in (text[:most] + cut).split("\n"):
            yield from textwrap.wrap(line, _WIDTH, initial_indent="    ", subsequent_indent="    ") or [""]


def words_of_found(found: Sequence[dict[str, Any]], total: int) -> str:
    """Rows that have a text, to choose from."""
    lines = [f"{total:,} rows have it; name one of them:"]
    lines += [f"  {one['row_id']}   {one['action']} {', '.join(one['reasons'])}".rstrip() for one in found]
    return visible("\n".join([*lines, *(["  …"] if total > len(found) else [])]))


def words_of_dead(dead: Sequence[dict[str, Any]]) -> str:
    """A record that could not be used."""
    lines = []
    for one in dead:
        lines += [
            f"{one['source']}:{one['file']}:{one['line']}   could not be used: {one['code']}",
            f"  {one['message']}",
        ]
        lines += ["", f"  {one['raw'][:_TEXT]}"]
    return visible("\n".join(lines))
