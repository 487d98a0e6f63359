"""An ablation as a table for people."""

from __future__ import annotations

from typing import Any

from pipelines.evaluate_text import grid

_HEADS = ("arm", "pairs", "accuracy", "95 %", "less raw", "95 %", "less random drop", "95 %", *("strength", "surface"))


def table_of(report: dict[str, Any]) -> str:
    """Arms in their order, what they are held against, and which proxy tells the outcome."""
    rows, arms = report["rows"], report["arms"]
    where = f"of {', '.join(report['settings']['gold'])}" if report["settings"]["gold"] else "held out by group"
    parts = [
        f"{rows['evaluate']:,} pairs {where}, frozen before any curation ({rows['evaluate_groups']:,} groups); "
        f"heads on what each arm leaves of {arms['raw']['lines']:,} pairs, {report['settings']['seeds']} seeds",
        grid(_HEADS, [_line(name, one) for name, one in arms.items()]),
        _left_out(arms),
    ]
    if report["idle"]:
        parts.append(f"changes nothing here, so has no arms: {', '.join(report['idle'])}")
    parts += [_verdict(arms), _proxies(report["proxies"])]
    return "\n\n".join(part for part in parts if part)


def _line(name: str, one: dict[str, Any]) -> list[str]:
    held = {against["than"]: against for against in one["against"]}
    compared = [cell for other in ("raw", f"{name}: random drop") for cell in _difference(held.get(other))]
    told = ["–" if one["proxies"][key] is None else f"{one['proxies'][key]:.3f}" for key in ("strength", "surface")]
    within = f"{one['low']:.3f}–{one['high']:.3f}"
    return [name, f"{one['lines']:,}", f"{one['accuracy']:.4f}", within, *compared, *told]


def _difference(found: dict[str, Any] | None) -> tuple[str, str]:
    if found is None:
        return "–", "–"
    return (
        f"{found['difference']:+.4f}{' *' if found['sure'] else '  '}",
        f"{found['low']:+.4f} to {found['high']:+.4f}",
    )


def _left_out(arms: dict[str, Any]) -> str:
    """What each stage adds to the others."""
    lines = []
    for name, one in arms.items():
        held = [against for against in one["against"] if against["than"] == "all"]
        if held:
            lines.append([name, *_difference(held[0])])
    return grid(("left out", "less all", "95 %"), lines) if lines else ""


def _verdict(arms: dict[str, Any]) -> str:
    """Whether curation helps, in words."""
    if "all" not in arms:
        return "Nothing is switched on: there is nothing to hold against raw."
    of = {against["than"]: against for against in arms["all"]["against"]}
    said = []
    for other, what in (("raw", "the raw pairs"), ("all: random drop", "as many pairs dropped by chance")):
        if (found := of.get(other)) is None:
            continue
        word = "not told apart from" if not found["sure"] else "better than" if found["low"] > 0 else "worse than"
        told = f"{found['difference']:+.4f}, {found['low']:+.4f} to {found['high']:+.4f}"
        said.append(f"All of it together is {word} {what} ({told}).")
    won = [
        name
        for name, one in arms.items()
        if one["control"] and any(found["than"] == "raw" and found["low"] > 0 for found in one["against"])
    ]
    said.append(f"Controls that beat raw: {', '.join(won)}." if won else "No control beats raw.")
    return "\n".join(said)


def _proxies(proxies: dict[str, Any]) -> str:
    lines = [
        [name, "–" if one["rho"] is None else f"{one['rho']:+.2f}", str(one["arms"]),
         "predictive" if one["predicts"] else "not predictive", one["what"]]
        for name, one in proxies.items()
    ]  # fmt: skip
    return grid(("proxy", "rho", "arms", "of accuracy", "what it is"), lines)
