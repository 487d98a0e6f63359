"""Pictures: Vega-Lite draws them once, from aggregates, and what stands on the page is SVG without a script.

Colours are Okabe and Ito's, which those who do not see all colours tell apart; text takes the page's colour.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pipelines.report.parts import Chart
from pipelines.report.texts import visible

BLUE, GREEN, RED, ORANGE, SKY, PURPLE, GREY = (
    "#0072B2",
    "#009E73",
    "#D55E00",
    "#E69F00",
    "#56B4E9",
    "#CC79A7",
    "#999999",
)
WHITE = "#e8eef4"
#: Width of what is drawn, without labels: what a phone shows without making letters too small.
WIDTH = 300
#: Characters of a label.
_LABEL = 32
#: Bins of a histogram.
_BINS = 20
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "gridColor": "#8883",
        "domainColor": "#8888",
        "tickColor": "#8888",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 190,
    },
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "columns": 2,
        "labelLimit": 240,
    },
}
_LETTERS = {"type": "text", "color": "currentColor", "fontSize": 11}


def _drawn(layers: list[dict[str, Any]], data: Sequence[dict[str, Any]], caption: str, height: Any) -> Chart:
    import vl_convert

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": height,
        "data": {"values": list(data)},
        "layer": layers,
        "config": _CONFIG,
    }
    svg = str(vl_convert.vegalite_to_svg(spec, vl_version="5.20"))
    width = re.search(r'width="(\d+)', svg)
    svg = re.sub(
        r'width="[\d.]+" height="[\d.]+"', f'style="max-width:{width.group(1) if width else 500}px"', svg, count=1
    )
    return Chart(
        re.sub(r' (xmlns:xlink="[^"]*"|version="1.1"|pointer-events="none"|aria-hidden="true")', "", svg), caption
    )


def label(text: str) -> str:
    """A name of the data as a chart's label."""
    text = " ".join(visible(text).split())
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


def _axis(field: str, title: str, **more: Any) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, **more}


_ROW: dict[str, Any] = {"field": "name", "type": "nominal", "sort": None, "title": None}
#: How counts are written on an axis: each for itself, as 0, 500, 1k.
_SHORT: dict[str, Any] = {"labelExpr": "format(datum.value, '~s')", "tickCount": 4, "tickMinStep": 1}
_COUNTS = {"axis": _SHORT}
_POWERS: dict[str, Any] = {
    "axis": {**_SHORT, "values": [0, *(10**power for power in range(9))]},
    "scale": {"type": "symlog"},
}


def flow(steps: Sequence[tuple[str, int, int, str]], caption: str) -> Chart:
    """What goes away and what is left, step by step.

    Args:
        steps: name, where its bar begins and ends, and its colour.
        caption: what it shows.
    """
    data: list[dict[str, Any]] = [
        {"name": label(name), "from": begin, "to": end, "colour": colour, "said": f"{abs(end - begin):,}"}
        for name, begin, end, colour in steps
    ]
    y = {"y": _ROW}
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.75}},
        "encoding": {
            **y,
            "x": _axis("from", "", **_COUNTS),
            "x2": {"field": "to"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    most = max((end for _, _, end, _ in steps), default=1)  # a number stands where there is room for it
    right = {
        "transform": [{"filter": f"datum.to <= {0.8 * most}"}],
        "mark": {**_LETTERS, "align": "left", "dx": 4},
        "encoding": {**y, "x": _axis("to", ""), "text": {"field": "said"}},
    }
    left = {
        "transform": [{"filter": f"datum.to > {0.8 * most} && datum.from >= {0.2 * most}"}],
        "mark": {**_LETTERS, "align": "right", "dx": -4},
        "encoding": {**y, "x": _axis("from", ""), "text": {"field": "said"}},
    }
    inside = {
        "transform": [{"filter": f"datum.to > {0.8 * most} && datum.from < {0.2 * most}"}],
        "mark": {**_LETTERS, "align": "right", "dx": -4, "color": "#fff", "fontWeight": "bold"},
        "encoding": {**y, "x": _axis("to", ""), "text": {"field": "said"}},
    }
    return _drawn([bars, right, left, inside], data, caption, {"step": 21})


def bars(
    values: Sequence[tuple[str, str, float]],
    title: str,
    caption: str,
    colours: Sequence[tuple[str, str]] = (),
    form: str = "~s",
    reach: tuple[float, float] | None = None,
    rule: float | None = None,
) -> Chart:
    """Lying bars, stacked where a name has several kinds.

    Args:
        values: name, kind and value.
        title: of the values.
        caption: what it shows.
        colours: each kind and its colour; one kind needs none.
        form: how numbers are written (d3-format).
        reach: from where to where the scale goes; as far as the values when absent.
        rule: where a line stands that values are held against.
    """
    data = [{"name": label(name), "kind": kind, "value": value} for name, kind, value in values]
    colour: dict[str, Any] = {"value": BLUE}
    if colours:
        scale = {"domain": [kind for kind, _ in colours], "range": [one for _, one in colours]}
        colour = {"field": "kind", "type": "nominal", "title": None, "scale": scale}
    bar = {
        "mark": {"type": "bar", "height": {"band": 0.75}},
        "encoding": {
            "y": _ROW,
            "x": _axis(
                "value",
                title,
                axis=_SHORT if form == "~s" else {"format": form, "tickCount": 4},
                scale={"domain": reach} if reach else {},
            ),
            "color": colour,
            "order": {"field": "kind", "sort": "ascending"},
        },
    }
    line = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": rule}}}
    return _drawn([bar] if rule is None else [bar, line], data, caption, {"step": 21})


def histogram(
    values: np.ndarray, reach: tuple[float, float], x: str, y: str, caption: str, rare: bool = False
) -> Chart:
    """How many values are in each of 20 bins.

    Args:
        values: within `reach`.
        reach: where the first bin begins and the last ends.
        x: what the values are.
        y: what is counted.
        caption: what it shows.
        rare: heights grow by powers, so that a few among many are seen.
    """
    counted, edges = np.histogram(values, bins=_BINS, range=reach)
    data = [
        {"from": float(a), "to": float(b), "value": int(c)} for (a, b), c in zip(pairwise(edges), counted, strict=True)
    ]
    bar = {
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": {**_axis("from", x, axis={"tickCount": 6}), "bin": {"binned": True}},
            "x2": {"field": "to"},
            "y": _axis("value", y, **(_POWERS if rare else _COUNTS)),
        },
    }
    return _drawn([bar], data, caption, 150)


def band(values: Sequence[tuple[float, float, float]], x: str, y: str, caption: str) -> Chart:
    """A curve with its spread: place, mean, and how far to both sides."""
    data = [{"x": at, "mean": mean, "low": mean - sd, "high": mean + sd} for at, mean, sd in values]
    place = _axis("x", x, axis={"tickCount": 5})
    return _drawn(
        [
            {
                "mark": {"type": "area", "color": SKY, "opacity": 0.4},
                "encoding": {"x": place, "y": _axis("low", y, axis={"tickCount": 5}), "y2": {"field": "high"}},
            },
            {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]}, "encoding": {"y": {"datum": 0}}},
            {
                "mark": {"type": "line", "color": BLUE, "point": {"color": BLUE, "size": 25}},
                "encoding": {"x": place, "y": _axis("mean", y)},
            },
        ],
        data,
        caption,
        170,
    )


def curves(values: Sequence[tuple[str, float, float]], x: str, y: str, caption: str) -> Chart:
    """Lines through points, each with its name, in a square from 0 to 1 with its diagonal; dashed behind the last."""
    data = [{"name": name, "x": at, "y": up} for name, at, up in values]
    last = {one["name"]: one for one in data}
    rest = [point for one in last.values() for point in (one, {**one, "x": 1.0, "y": 1.0})]
    names = list(dict.fromkeys(name for name, _, _ in values))
    whole = {"scale": {"domain": [0, 1]}, "axis": {"tickCount": 5}}
    colour = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "scale": {"domain": names, "range": [BLUE, RED, GREEN, PURPLE][: len(names)]},
    }
    chance = {
        "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
        "mark": {"type": "line", "color": GREY, "strokeDash": [4, 3]},
        "encoding": {"x": _axis("x", x), "y": _axis("y", y)},
    }
    unknown = {
        "data": {"values": rest},
        "mark": {"type": "line", "strokeDash": [2, 4]},
        "encoding": {"x": _axis("x", x), "y": _axis("y", y), "color": colour, "order": {"field": "x"}},
    }
    lines = {
        "mark": {"type": "line", "point": {"size": 30}},
        "encoding": {
            "x": _axis("x", x, **whole),
            "y": _axis("y", y, **whole),
            "color": colour,
            "order": {"field": "x"},
        },
    }
    return _drawn([chance, unknown, lines], data, caption, WIDTH * 0.7)


def squares(values: Sequence[tuple[str, str, float]], form: str, caption: str) -> Chart:
    """A value from 0 to 1 for each two names, as colour and in figures."""
    data = [{"across": label(a), "name": label(b), "value": value} for a, b, value in values]
    at: dict[str, Any] = {"x": {**_ROW, "field": "across", "axis": {"labelAngle": -40}}, "y": _ROW}
    cells: dict[str, Any] = {
        "mark": "rect",
        "encoding": {
            **at,
            "color": _axis("value", "", scale={"domain": [0, 1], "range": [WHITE, BLUE]}, legend=None),
        },
    }
    figures: list[dict[str, Any]] = [
        {
            "transform": [{"filter": test}],
            "mark": {**_LETTERS, "color": colour},
            "encoding": {**at, "text": {"field": "value", "type": "quantitative", "format": form}},
        }
        for test, colour in (("datum.value > 0.5", "#fff"), ("datum.value <= 0.5", "#111"))
    ]
    return _drawn([cells, *figures], data, caption, {"step": 30})


def bubbles(values: Sequence[tuple[float, float, int, str]], x: str, y: str, caption: str) -> Chart:
    """How many are where: place across (on a scale of powers), place upwards in [0, 1], how many, and which kind."""
    data = [{"x": at, "y": up, "count": count, "kind": kind} for at, up, count, kind in values]
    names, most = list(dict.fromkeys(kind for *_, kind in values)), max(count for _, _, count, _ in values)
    powers = [math.log10(at) for at, *_ in values]
    first = math.floor(min(powers))
    last = max(math.ceil(max(powers)), first + 1)
    dots = {
        "mark": {"type": "circle", "opacity": 0.75},
        "encoding": {
            "x": _axis(
                "x",
                x,
                scale={"type": "log", "base": 10, "domain": [10**first, 10**last]},
                axis={**_SHORT, "values": [10**power for power in range(first, last + 1)], "grid": False},
            ),
            "y": _axis("y", y, scale={"zero": False, "padding": 10}, axis={"tickCount": 5}),
            "size": _axis(
                "count",
                "raters",
                scale={"range": [20, 500]},
                legend={"values": sorted({1, (most + 1) // 2, most}), "symbolFillColor": GREY, "format": ",d"},
            ),
            "color": {
                "field": "kind",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": [BLUE, ORANGE, GREEN, PURPLE, RED, SKY][: len(names)]},
            },
        },
    }
    return _drawn([dots], data, caption, 190)


def dots(
    values: Sequence[tuple[str, str, float, float, float]], x: str, caption: str, rule: float | None = 0.0
) -> Chart:
    """Points with their intervals, each kind of a name beside the others.

    Args:
        values: name, kind, value, low and high.
        x: what the values are.
        caption: what it shows.
        rule: where a line stands that values are held against.
    """
    data: list[dict[str, Any]] = [
        {"name": label(name), "kind": kind, "value": value, "low": low, "high": high}
        for name, kind, value, low, high in values
    ]
    kinds = list(dict.fromkeys(kind for _, kind, *_ in values))
    several = len({(name, kind) for name, kind, *_ in values}) > len({name for name, *_ in values})
    offset = {"yOffset": {"field": "kind", "type": "nominal", "sort": kinds}} if several else {}
    colour = {
        "color": {
            "field": "kind",
            "type": "nominal",
            "title": None,
            "scale": {"domain": kinds, "range": [RED, BLUE, GREEN, PURPLE][: len(kinds)]},
            **({} if any(kinds) else {"legend": None}),
        }
    }
    lines = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {
            "y": _ROW,
            **offset,
            **colour,
            "x": _axis("low", x, scale={"zero": False}),
            "x2": {"field": "high"},
        },
    }
    points = {
        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
        "encoding": {
            "y": _ROW,
            **offset,
            **colour,
            "x": _axis("value", x, axis={"tickCount": 5}, scale={"zero": False}),
        },
    }
    line = {"mark": {"type": "rule", "color": GREY, "strokeDash": [4, 3]}, "encoding": {"x": {"datum": rule}}}
    layers = [lines, points] if rule is None else [line, lines, points]
    return _drawn(layers, data, caption, {"step": 24} if several else {"step": 26})
