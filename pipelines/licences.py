"""Licences: what those of all sources ask for together, and which of them stop a public publish.

What a licence asks for is read off its name, as Creative Commons and SPDX spell it or in words. Nothing here is legal
advice: what is not recognised is named and left to a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# fmt: off
#: Licence identifiers that the Hugging Face hub knows (its page "Licenses").
HUB_LICENCES = frozenset((
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bigcode-openrail-m", "bigscience-bloom-rail-1.0",
    "bigscience-openrail-m", "bsd", "bsd-2-clause", "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc",
    "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0",
    "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0",
    "creativeml-openrail-m", "deepfloyd-if-license", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1", "gemma",
    "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "lgpl-lr", "llama2", "lppl-1.3c", "mit",
    "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1", "openrail", "openrail++", "osl-3.0", "pddl", "postgresql",
    "unknown", "unlicense", "wtfpl", "zlib",
))
# fmt: on
#: They ask for nothing.
_FREE = frozenset(("0bsd", "cc0", "cc0-1.0", "pddl", "pddl-1.0", "public-domain", "unlicense", "wtfpl"))
#: They say nothing that one could go by.
_VAGUE = frozenset(("", "unknown", "other", "cc", "none", "see-sources"))
#: What a licence's name says, as patterns of its normalised form.
_SAYS = {
    "no_redistribution": r"(no|not|without)(-\w+)*-(re)?distribut|proprietary|all-rights-reserved|\bldc\b|confidential"
    r"|internal-use",
    "non_commercial": r"\bnc\b|non-?commercial|research-(use-)?only|academic-(use|research)"
    r"|(only-)?for-(research|academic)",
    "no_derivatives": r"\bnd\b|no-?deriv",
    "share_alike": r"\bsa\b|share-?alike|gpl|odbl|cdla-sharing|gfdl|\bosl\b|eupl",
}
_WORDS = {
    "no_redistribution": "may not be passed on",
    "non_commercial": "may not be used commercially",
    "no_derivatives": "may not be passed on changed, and a curated dataset is a changed one",
}


@dataclass(frozen=True)
class Combined:
    """What the licences of all sources come to.

    Attributes:
        asks: what whoever uses the whole must do, a sentence each.
        stops: for each source that stands against a public dataset, a sentence that names it, its licence and why.
    """

    asks: list[str]
    stops: list[str]


def normal(licence: str | None) -> str:
    """A licence's name in lower case with hyphens: `CC BY-NC 4.0` and its web address are `cc-by-nc-4.0`."""
    text = " ".join((licence or "").split()).lower()
    address = re.fullmatch(r"https?://creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/([\d.]+).*", text)
    if address:
        return f"cc0-{address[2]}" if address[1] == "zero" else f"cc-{address[1]}-{address[2]}"
    text = re.sub(r"^creative commons\b", "cc", text)
    text = re.sub(r"\battribution\b", "by", text)
    return re.sub(r"[^a-z0-9.+]+", "-", text).strip("-.")


def says(licence: str | None) -> set[str]:
    """What a licence asks for: of `no_redistribution`, `non_commercial`, `no_derivatives`, `share_alike`, `credit`.

    `unclear` for one that is absent or not recognised.
    """
    name = normal(licence)
    if name in _VAGUE:
        return {"unclear"}
    if name in _FREE:
        return set()
    found = {what for what, pattern in _SAYS.items() if re.search(pattern, name)}
    known = name in HUB_LICENCES or re.match(r"cc-by(-(nc|nd|sa))*(-\d\.\d)?$", name)
    if known:
        found.add("credit")
    return found or {"unclear"}


def combine(stated: Mapping[str, str | None]) -> Combined:
    """What licences ask for together.

    Args:
        stated: for each source that rows are from, its licence as the configuration has it; None where it has none.
    """
    found = {name: says(licence) for name, licence in stated.items()}

    def of(what: str) -> str:
        return ", ".join(f"{name} ({stated[name]})" for name in stated if what in found[name])

    asks = []
    if credit := of("credit"):
        asks.append(f"Give credit, and keep the licence's notice: {credit}.")
    if alike := of("share_alike"):
        asks.append(f"Pass on what is made of it under the same licence: {alike}.")
        if len({normal(stated[name]) for name in stated if "share_alike" in found[name]}) > 1:
            asks.append("These ask for different licences, so parts of them cannot be mixed into one work.")
    for what, sentence in (
        ("non_commercial", "Make no commercial use"),
        ("no_derivatives", "Do not pass on what is changed"),
        ("no_redistribution", "Do not pass it on"),
    ):
        if whom := of(what):
            asks.append(f"{sentence}: {whom}.")
    unclear = [f"{name} ({stated[name] or 'not stated'})" for name in stated if "unclear" in found[name]]
    if unclear:
        asks.append(f"Ask whoever made it what is allowed; the licence says nothing known: {', '.join(unclear)}.")
    stops = []
    for name, licence in stated.items():
        why = [words for what, words in _WORDS.items() if what in found[name]]
        if "unclear" in found[name]:
            why.append(
                "is no licence that is known here" if normal(licence) else "nothing says that others may have it"
            )
        if why:
            stops.append(f"{name} ({licence or 'no licence stated'}): {'; '.join(why)}")
    return Combined(asks, stops)


def front_matter(stated: Mapping[str, str | None]) -> dict[str, str]:
    """The hub's identifier where all sources share one; else `other`, with what each source says."""
    each = {name: " ".join((licence or "").split()) for name, licence in stated.items()}
    ids = sorted({licence.lower() for licence in each.values()})
    if len(ids) == 1 and ids[0] in HUB_LICENCES | {""}:
        return {"license": ids[0] or "unknown"}
    only = re.sub(r"[^a-z0-9.]+", "-", ids[0]).strip("-.") if len(ids) == 1 else ""
    details = "; ".join(f"{name}: {licence or 'not stated'}" for name, licence in each.items())
    return {"license": "other", "license_name": only or "see-sources", "license_details": details}
