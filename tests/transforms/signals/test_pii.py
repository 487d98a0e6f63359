import re
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.signals.pii import find, mask

# Put together here, so that no scanner of secrets takes this file for a leak.
KEYS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "11ABCDEFG0abcdefghijkl_" + "x9" * 20,
    "sk-" + "proj-Ab12Cd34Ef56Gh78Ij90Kl",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "xoxb-" + "123456789012-abcdefGHIJKL",
    "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0" + ".dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1234/+==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1234\nAbCdEfGhIjKlMnOp==",
]
FOUND = [
    ("email", "jane.doe+spam@mail.example.co.uk"),
    ("email", "x@y.io"),
    ("phone", "+14155552671"),
    ("phone", "+1 415-555-2671"),
    ("phone", "+1 (415) 555-2671"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "+49 (0)30 901820"),
    ("phone", "(415) 555-2671"),
    ("phone", "415-555-2671"),
    ("phone", "415.555.2671"),
    ("phone", "1-800-555-0199"),
    ("phone", "06 12 34 56 78"),
    ("phone", "020 7946 0958"),
    ("card", "4111111111111111"),
    ("card", "4111 1111 1111 1111"),
    ("card", "5500-0000-0000-0004"),
    ("card", "378282246310005"),
    ("card", "3782 822463 10005"),
    ("ip", "192.168.1.17"),
    ("ip", "8.8.8.8"),
    ("ip", "2001:db8::8a2e:370:7334"),
    ("ip", "fe80::1"),
    ("ip", "2001:0db8:0000:0000:0000:ff00:0042:8329"),
    *(("key", key) for key in KEYS),
]
CLEAN = [
    "",
    "born in 1984, died in 2021; 1984-2021",
    "on 2023-11-24 at 12:30:45, or 24.12.2023, or 2023-11-24T12:30:45.123456+01:00",
    "timestamps 1700000000, 1700000000000 and 2020-01-01 00:00:00",
    "x = 1234567890 + 9876543210, 3.14159265358979",
    "(100) + 200-3000 and f(123) 456-7890x",
    "ISBN 978-3-16-148410-0, ISBN-10: 0-306-40615-2, ISSN 1234-5678",
    "doi:10.1007/s10796-021-10021-6 and arXiv 2301.12345",
    "4111 1111 1111 1112",  # Luhn's sum is wrong
    "0.4111111111111111 and 4111111111111111.5 and id4111111111111111",
    "9780306406157 1234567890123",  # not of an issuer
    "0.0.0.0 and 127.0.0.1 and 255.255.255.0 and ::1 and ::",
    "version 10.0.19.1, v1.2.3.4, 1.2.3.4.5, pkg-1.2.3.4, 256.1.1.1, 1.2.3.400, 01.02.03.04",
    "Section 4.2.1.3 and Subsection{1.1.1.1}",
    "std::cout << std::endl; a[1::2]; x[100::200]; de::Bad; aa:bb:cc:dd:ee:ff; 2:1:1",
    "image@2x.png, user at host, @handle, a@b, git@github.com:me/it.git",
    "risk-assessment-of-the-very-long-kind, task-management-something-else-9",
    "sk-" + "x" * 30,
    "-----BEGIN PUBLIC KEY-----",
    "eyJust kidding. xoxo",
    "U+2801 C++14 1e+20 +5 +10%",
    "price $415.555.2671 or 1,415,555,2671",
    "Fibonacci: 1 1 2 3 5 8 13 21 34 55 89 144 233 377 610 987 1597 2584 4181 6765",
]


@pytest.mark.parametrize(("kind", "text"), FOUND)
@pytest.mark.parametrize("frame", ["{}", "Write to {}.", "a ({}), b", "x:\n{}\ny", "“{}”", "| {} |", "é {} 漢"])
def test_found_and_masked(kind: str, text: str, frame: str) -> None:
    texts = pl.Series("t", [frame.format(text)])
    assert find(texts).to_list() == [[kind]]
    assert mask(texts).to_list() == [frame.format(f"[{kind.upper()}]")]


@pytest.mark.parametrize("text", CLEAN)
def test_false_alarms(text: str) -> None:
    texts = pl.Series([text])
    assert find(texts).to_list() == [[]]
    assert mask(texts).to_list() == [text]


def test_several_kinds_in_one_text() -> None:
    text = "a@b.org, c@d.org;e@f.org +14155552671 8.8.8.8 1.1.1.1 4111111111111111 12/26 " + KEYS[0]
    texts = pl.Series("t", ["nothing", text, None, "a@b.org"])
    found, masked = find(texts), mask(texts)
    assert found.to_list() == [[], ["card", "email", "ip", "key", "phone"], [], ["email"]]
    assert masked.to_list() == [
        "nothing",
        "[EMAIL], [EMAIL];[EMAIL] [PHONE] [IP] [IP] [CARD] 12/26 [KEY]",
        None,
        "[EMAIL]",
    ]
    assert found.name == masked.name == "t"
    assert found.dtype == pl.List(pl.String)


def test_a_refused_match_stays_as_it_is() -> None:
    texts = pl.Series(["0.0.0.0 8.8.8.8 127.0.0.1", "4111111111111112 and 4111111111111111"])
    assert mask(texts).to_list() == ["0.0.0.0 [IP] 127.0.0.1", "4111111111111112 and [CARD]"]


def test_empty_series() -> None:
    empty = pl.Series("t", [], dtype=pl.String)
    assert find(empty).dtype == pl.List(pl.String)
    assert len(find(empty)) == len(mask(empty)) == 0
    assert mask(pl.Series([None], dtype=pl.String)).to_list() == [None]


def _luhn(digits: str) -> bool:
    values = [int(d) if i % 2 == 0 else sum(divmod(2 * int(d), 10)) for i, d in enumerate(reversed(digits))]
    return sum(values) % 10 == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.from_regex(r"[2-6][0-9]{12,18}", fullmatch=True), min_size=1, max_size=50))
def test_luhn_is_that_of_the_textbook(numbers: list[str]) -> None:
    found = find(pl.Series([f"card {n}" for n in numbers])).to_list()
    assert found == [["card"] if _luhn(n) else [] for n in numbers]


PIECES = st.sampled_from([text for _, text in FOUND] + CLEAN + ["\ufdd0\ufdd1", "\ufdd0", " ", "\n", ", ", "é", "漢字"])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(PIECES, max_size=6).map(" ".join), max_size=8))
def test_mask_changes_what_find_finds_and_nothing_else(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    for text, kinds, masked in zip(texts, find(series), mask(series), strict=True):
        assert kinds.to_list() == sorted(m.lower() for m in set(re.findall(r"\[(EMAIL|PHONE|CARD|IP|KEY)\]", masked)))
        assert (masked == text) == kinds.is_empty()
        kept = re.split(r"\[(?:EMAIL|PHONE|CARD|IP|KEY)\]", masked)
        if "\ufdd0" not in text:
            assert re.fullmatch(".+?".join(map(re.escape, kept)), text, re.DOTALL)


def test_a_pathological_text_takes_linear_time() -> None:
    texts = pl.Series(
        ["a@" * 500_000, "+1" * 500_000, "1." * 500_000, "1234 " * 200_000, "-----BEGIN PRIVATE KEY-----" * 20_000]
    )
    started = time.perf_counter()
    find(texts)
    assert time.perf_counter() - started < 10, "seconds; quadratic time would be minutes"
