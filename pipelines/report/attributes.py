"""Attributes on the page: what prompts are about and ask for, what is different there, and a target mixture."""

from __future__ import annotations

from typing import Any

from pipelines.finished import Finished
from pipelines.report import charts
from pipelines.report.fate import CHANCE
from pipelines.report.page import left_out
from pipelines.report.parts import Chart, Link, Sample, Section, Table, key_of, many, number, share
from pipelines.report.samples import of_names
from transforms import blocks

#: Attributes in a picture and in a table, findings that are listed, and rows shown of each attribute.
_BARS, _LINES, _FOUND, _ROWS = 20, 40, 12, 5
_KINDS = {"domain": ("domains", "Domains: what prompts are about"), "skill": ("skills", "Skills: what they ask for")}
_MEASURES = {
    "error": "contradicted labels",
    "disagreement": "raters' difference",
    "longer": "longer side preferred",
    "tie": "ties",
}


def attributes(run: Finished) -> Section | None:
    """Domains and skills; None where nobody wanted to know."""
    path = f"{run.out}/attributes.json"
    if run.manifest["attributes"] is None or not blocks.exists(path):
        return None
    told = blocks.read_json(path)
    found, mixture = told["findings"], told["mixture"]
    samples = _samples(run, told["kinds"])
    named = " and ".join(many(len(told["kinds"].get(kind, [])), kind) for kind in _KINDS)
    lead = f"{many(told['prompts'], 'different prompt')} in {named}; each is in two of either. "
    lead += f"{many(len(found), 'difference is', 'differences are')} more than chance." if told["table"] else ""
    words = [one["sentence"] for one in found[:_FOUND]]
    if told["table"] and not found:
        words.append(f"None of {many(len(told['table']), 'comparison')} of an attribute with the rest stands out.")
    return Section(
        "attributes",
        "Domains and skills",
        lead.strip(),
        words=[*words, *_mixed(mixture), *left_out(len(found) - _FOUND, "difference")],
        charts=[*_counts(told["kinds"]), *_differences(told), *_mixture(mixture)],
        tables=[*_tables(told["kinds"], samples), *_shares(mixture)],
        samples=[samples[kind, one["name"]] for kind, each in told["kinds"].items() for one in _largest(each)[:_LINES]
                 if (kind, one["name"]) in samples],
    )  # fmt: skip


def _counts(kinds: dict[str, list[dict[str, Any]]]) -> list[Chart]:
    return [
        charts.bars(
            [(one["name"], "", one["prompts"]) for one in _largest(kinds[kind])[:_BARS]],
            "prompts",
            f"{title}, by the number of different prompts.",
        )
        for kind, (_, title) in _KINDS.items()
        if kinds.get(kind)
    ]


def _largest(each: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(each, key=lambda one: (-one["prompts"], one["name"]))


def _differences(told: dict[str, Any]) -> list[Chart]:
    """The surest differences, each with its interval."""
    varied = [one for one in told["table"] if one["low"] < one["high"]]
    first = (told["findings"] or sorted(varied, key=lambda one: (one["p"], one["kind"], one["name"])))[:_FOUND]
    values = [
        (f"{one['kind']} {one['name']}", _MEASURES[one["measure"]], one["difference"], one["low"], one["high"])
        for one in sorted(first, key=lambda one: (one["kind"], one["name"], one["measure"]))
    ]
    said = "Rows of an attribute less all others, with 95 % intervals" + (
        "; the surest." if told["findings"] else ": the surest, none of which chance does not explain."
    )
    return [charts.dots(values, "difference", said)] if values else []


def _mixed(mixture: dict[str, Any] | None) -> list[str]:
    if not mixture:
        return []
    how = "weighed" if mixture["by"] == "weights" else "drawn"
    return [
        f"Rows of the split {mixture['split']} are {how} for a target mixture: {many(mixture['rows'], 'row')} "
        f"{'counts' if mixture['rows'] == 1 else 'count'} as {mixture['effective']:,.0f}."
    ]


def _mixture(mixture: dict[str, Any] | None) -> list[Chart]:
    if not mixture:
        return []
    moved = sorted(mixture["shares"].items(), key=lambda item: (-abs(item[1]["target"] - item[1]["before"]), item[0]))
    values = [
        (name, kind, one[key], one[key], one[key])
        for name, one in moved[:_BARS]
        for kind, key in (("before", "before"), ("after", "after"), ("asked for", "target"))
    ]
    return [charts.dots(values, "share of the whole", "Shares of attributes before, after, and as asked for.")]


def _tables(kinds: dict[str, list[dict[str, Any]]], samples: dict[tuple[str, str], Sample]) -> list[Table]:
    out = []
    for kind, (_, title) in _KINDS.items():
        each = _largest(kinds.get(kind, []))
        lines = [
            [Link(one["name"], samples[kind, one["name"]].key) if (kind, one["name"]) in samples else one["name"],
             one["prompts"], share(one["quota"], 1), number(one["affinity"], 2), ", ".join(one["words"])]
            for one in each[:_LINES]
        ]  # fmt: skip
        more = f" ({len(each) - _LINES:,} more are not listed)" if len(each) > _LINES else ""
        if lines:
            columns = [kind, "prompts", "quota", "mean affinity, 1 to 5", "words"]
            out.append(Table(columns, lines, f"{title}{more}", folded=True))
    return out


def _shares(mixture: dict[str, Any] | None) -> list[Table]:
    if not mixture:
        return []
    lines = [
        [name, share(one["before"], 1), share(one["target"], 1), share(one["after"], 1)]
        for name, one in sorted(mixture["shares"].items(), key=lambda item: (-item[1]["target"], item[0]))[:_LINES]
    ]
    return [Table(["attribute", "before", "asked for", "after"], lines, "The mixture", folded=True)]


def _samples(run: Finished, kinds: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], Sample]:
    """Rows of each attribute, by hash."""
    said = run.sidecars("attributes")
    if said is None:
        return {}
    chances = run.ledger().select("place", chance=CHANCE)
    out: dict[tuple[str, str], Sample] = {}
    for kind, (column, _) in _KINDS.items():
        names = {one["name"]: (key_of(kind, one["name"]), f"{kind} {one['name']}") for one in kinds.get(kind, [])}
        rows = said.select("place", column).join(chances, on="place")
        out |= {(kind, name): sample for name, sample in of_names(rows, column, names, _ROWS).items()}
    return out
