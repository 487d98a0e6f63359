"""What licences ask for, read off their names."""

import pytest

from pipelines.licences import HUB_LICENCES, combine, normal, says


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("mit", {"credit"}),
        ("Apache-2.0", {"credit"}),
        ("CC0-1.0", set()),
        ("https://creativecommons.org/publicdomain/zero/1.0/", set()),
        ("CC BY 4.0", {"credit"}),
        ("cc-by-nc-4.0", {"credit", "non_commercial"}),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", {"credit", "non_commercial", "share_alike"}),
        ("CC-BY-NC-ND-3.0", {"credit", "non_commercial", "no_derivatives"}),
        ("Creative Commons Attribution-NonCommercial 4.0", {"non_commercial"}),
        ("research only", {"non_commercial"}),
        ("gpl-3.0", {"credit", "share_alike"}),
        ("No redistribution", {"no_redistribution"}),
        ("LDC User Agreement", {"no_redistribution"}),
        ("All rights reserved", {"no_redistribution"}),
        ("ncsa", {"credit"}),
        (None, {"unclear"}),
        ("other", {"unclear"}),
        ("ask Bob", {"unclear"}),
    ],
)
def test_what_a_name_says(licence: str | None, asks: set[str]) -> None:
    assert says(licence) == asks


def test_the_hubs_identifiers_are_known() -> None:
    assert {name for name in HUB_LICENCES if "unclear" in says(name)} == {"cc", "unknown"}
    assert {name for name in HUB_LICENCES if "non_commercial" in says(name)} == {n for n in HUB_LICENCES if "-nc" in n}
    assert {normal(name) for name in HUB_LICENCES} == HUB_LICENCES - {"openrail++"} | {"openrail++"}


def test_together() -> None:
    found = combine({"a": "mit", "b": "cc-by-sa-4.0", "c": "odbl", "d": "cc-by-nc-4.0", "e": None})
    assert found.asks == [
        "Give credit, and keep the licence's notice: a (mit), b (cc-by-sa-4.0), c (odbl), d (cc-by-nc-4.0).",
        "Pass on what is made of it under the same licence: b (cc-by-sa-4.0), c (odbl).",
        "These ask for different licences, so parts of them cannot be mixed into one work.",
        "Make no commercial use: d (cc-by-nc-4.0).",
        "Ask whoever made it what is allowed; the licence says nothing known: e (not stated).",
    ]
    assert found.stops == [
        "d (cc-by-nc-4.0): may not be used commercially",
        "e (no licence stated): nothing says that others may have it",
    ]
    assert combine({"a": "mit", "b": "cc0-1.0"}).stops == []
