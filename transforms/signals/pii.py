"""Personal data and secrets in texts: found by shape, verified exactly, masked on request.

Rust's regular expressions are fast but have no look-around, and no expression can do Luhn's sum. So a pattern proposes
matches, and a polars expression over the match and the text on both sides of it accepts or refuses them. Only texts
that a pattern matches are ever cut up, which is fewer than one in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

#: Stands where a match was cut out. Noncharacters: no text may hold them, and where one does they are replaced first.
_CUT = "\ufdd0\ufdd1"
_MATCH, _BEFORE, _AFTER = pl.col("match"), pl.col("before"), pl.col("after")
_DIGITS = _MATCH.str.replace_all(r"[^0-9]", "")


@dataclass(frozen=True)
class _Kind:
    """One kind of find: `literal` must be in the text, `pattern` proposes, `accepted` decides."""

    name: str
    pattern: str
    accepted: Callable[[], pl.Expr]
    literal: str | None = None

    def proposed(self, text: pl.Expr) -> pl.Expr:
        hit = text.str.contains(self.pattern)
        return hit if self.literal is None else text.str.contains(self.literal, literal=True) & hit


def find(texts: pl.Series) -> pl.Series:
    """The kinds of personal data and secrets in each text.

    Args:
        texts: texts of any content; null is allowed and holds nothing.

    Returns:
        List(String) of the same length and name: kinds in alphabetical order, each once, out of `card`, `email`, `ip`,
        `key`, `phone`; an empty list where there are none.
    """
    kinds, _ = _scan(texts, mask=False)
    return kinds


def mask(texts: pl.Series) -> pl.Series:
    """The texts with every find replaced by its kind: `[EMAIL]`, `[PHONE]`, `[CARD]`, `[IP]`, `[KEY]`.

    Args:
        texts: texts of any content; null stays null.

    Returns:
        String of the same length and name; texts without a find are unchanged.
    """
    _, masked = _scan(texts, mask=True)
    return masked


# --- what is accepted -------------------------------------------------------------------------------------------------


def _key() -> pl.Expr:
    # "task-…" holds "sk-…"; and a run without digits or capitals is a phrase or a placeholder, not random characters.
    random = _MATCH.str.slice(3).str.contains(r"[0-9]") & _MATCH.str.slice(3).str.contains(r"[A-Za-z]")
    return ~_BEFORE.str.contains(r"[A-Za-z0-9_]$") & (random | _MATCH.str.starts_with("-----"))


def _email() -> pl.Expr:
    # "sprite@2x.png" and "user@host.js" are files, "git@github.com" is a place.
    return (
        ~_MATCH.str.starts_with("git@")
        & ~_MATCH.str.contains(r"(?i)\.(?:png|jpe?g|gif|svg|webp|js|ts|css|py|html?|json)$")
        & ~_BEFORE.str.contains(r"[A-Za-z0-9_@/]$")
        & ~_AFTER.str.contains(r"^(?:[A-Za-z0-9_@]|\.[A-Za-z])")
    )


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"


def _ip() -> pl.Expr:
    four = (
        _MATCH.str.contains(rf"^{_OCTET}(?:\.{_OCTET}){{3}}$")
        & ~_MATCH.is_in(["0.0.0.0", "127.0.0.1"])
        & ~_MATCH.str.starts_with("255.")  # a mask
        & ~_BEFORE.str.contains(r"(?:[A-Za-z0-9_.]|[A-Za-z]-)$")
        & ~_BEFORE.str.contains(r"(?i)(?:\bversions?|\bv|\brelease|section|\bchapter|§)[ :.{]*$")
        & ~_AFTER.str.contains(r"^(?:[A-Za-z0-9_]|\.[0-9.])")
    )
    # Eight groups; or "::" and a first group that addresses in use have, for Python's slices and C++'s names have less.
    full = _MATCH.str.contains(r"^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$")
    short = (
        _MATCH.str.contains(r"^(?:[23][0-9A-Fa-f]{3}|[Ff][CcDdEeFf][0-9A-Fa-f]{2}):")
        & (_MATCH.str.count_matches("::", literal=True) == 1)
        & (_MATCH.str.count_matches(":", literal=True) <= 8)
        & _MATCH.str.contains(r"^(?:[0-9A-Fa-f]{1,4}(?:::?|$))+$")
        & _MATCH.str.contains(r"[0-9]")
    )
    six = (
        (full | short)
        & ~_BEFORE.str.contains(r"[A-Za-z0-9_:.]$")
        & ~_AFTER.str.contains(r"^(?:[A-Za-z0-9_]|:[0-9A-Fa-f:])")
    )
    return pl.when(_MATCH.str.contains(":", literal=True)).then(six).otherwise(four)


def _card() -> pl.Expr:
    """13 to 19 digits of an issuer's range (2 to 6) whose Luhn sum is a multiple of ten."""
    digits = _DIGITS.str.reverse()
    total: pl.Expr = pl.lit(0)
    for place in range(19):
        digit = digits.str.slice(place, 1).cast(pl.Int32, strict=False).fill_null(0)
        total = total + (digit if place % 2 == 0 else digit * 2 - pl.when(digit > 4).then(9).otherwise(0))
    return (
        _DIGITS.str.len_bytes().is_between(13, 19)
        & _DIGITS.str.contains(r"^[2-6]")
        & (total % 10 == 0)
        & ~_BEFORE.str.contains(r"[A-Za-z0-9_.,/=+^$\-]$")
        & ~_AFTER.str.contains(r"^(?:[A-Za-z0-9_/^%]|[.,\-][0-9])")
    )


def _phone() -> pl.Expr:
    """8 to 15 digits that are no part of a formula, an identifier or a price."""
    return (
        _DIGITS.str.len_bytes().is_between(8, 15)
        & ~_DIGITS.str.contains(r"^(?:0+|1+|9+)$")
        & ~_BEFORE.str.contains(r"[A-Za-z0-9_.=/^$€£#%*+\-)]$|[0-9=+*×/^] $|(?i:is[bs]n)[ :]*$")
        & ~_AFTER.str.contains(r"^(?:[A-Za-z0-9_/^%=*]|[.,\-+][0-9]| ?[=+×*/^] ?[0-9(])")
    )


_PEM = r"-----{} (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
#: In this order, each on what the ones before left: what is part of a key is no phone number.
_KINDS = (
    _Kind(
        "key",
        "|".join(
            (
                # Up to its end where that is there, else as far as lines are base64.
                rf"{_PEM.format('BEGIN')}(?:(?:-?[A-Za-z0-9+/=\s\\:,.])*{_PEM.format('END')}|(?:\s*[A-Za-z0-9+/=]{{16,}})*)",
                r"(?:AKIA|ASIA)[0-9A-Z]{16}",
                r"gh[pousr]_[A-Za-z0-9]{30,}",
                r"github_pat_[A-Za-z0-9_]{22,}",
                r"glpat-[A-Za-z0-9_\-]{20,}",
                r"sk-[A-Za-z0-9_\-]{20,}",
                r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
                r"hf_[A-Za-z0-9]{30,}",
                r"AIza[0-9A-Za-z_\-]{35}",
                r"xox[abeoprs]-[0-9A-Za-z\-]{10,}",
                r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}",
            )
        ),
        _key,
    ),
    _Kind(
        "email",
        r"[A-Za-z0-9][A-Za-z0-9._%+\-]*@(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,24}",
        _email,
        literal="@",
    ),
    _Kind(
        "ip",
        r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
        r"|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|[23Ff][0-9A-Fa-f]{3}:[0-9A-Fa-f:]*[0-9A-Fa-f]",
        _ip,
    ),
    _Kind("card", r"[0-9]{4}(?:[ \-][0-9]{4}){3}|3[47][0-9]{2}[ \-][0-9]{6}[ \-][0-9]{5}|[0-9]{13,}", _card),
    _Kind(
        "phone",
        "|".join(
            (
                r"\+1[ .\-]?(?:\([0-9]{3}\)|[0-9]{3})[ .\-]?[0-9]{3}[ .\-][0-9]{4}",
                r"\+[1-9][0-9]{7,14}",
                r"\+[1-9][0-9]{0,2}(?:[ .\-]?\([0-9]{1,4}\)[ .\-]?[0-9]+)?(?:[ .\-][0-9]{2,8}){1,5}",
                r"(?:1[ .\-])?\([0-9]{3}\) ?[0-9]{3}[ .\-][0-9]{4}",
                r"(?:1-)?[0-9]{3}-[0-9]{3}-[0-9]{4}",
                r"(?:1\.)?[0-9]{3}\.[0-9]{3}\.[0-9]{4}",
                r"0[1-9](?:[ .][0-9]{2}){4}",
                r"(?:\(0[1-9][0-9]{1,3}\)|0[1-9][0-9]{1,3}) [0-9]{3,4} [0-9]{3,4}",
            )
        ),
        _phone,
    ),
)


# --- the scan ---------------------------------------------------------------------------------------------------------


def _scan(texts: pl.Series, *, mask: bool) -> tuple[pl.Series, pl.Series]:
    """Kinds and, where asked for, masked texts."""
    frame = pl.DataFrame({"row": pl.int_range(len(texts), dtype=pl.UInt32, eager=True), "text": texts.cast(pl.String)})
    hits = frame.lazy().with_columns(kind.proposed(pl.col("text")).alias(kind.name) for kind in _KINDS)
    suspects = hits.filter(pl.any_horizontal(kind.name for kind in _KINDS)).collect()
    for character in _CUT:
        suspects = suspects.with_columns(pl.col("text").str.replace_all(character, "\ufffd", literal=True))
    for kind in _KINDS:
        proposed = suspects.filter(kind.name)
        if not proposed.is_empty():
            done = _replace(proposed.select("row", "text"), kind)
            suspects = suspects.update(done.rename({"found": kind.name}), on="row")
    names = sorted(kind.name for kind in _KINDS)
    found = suspects.filter(pl.any_horizontal(names)).select(
        "row",
        masked="text",
        kinds=pl.concat_list(pl.when(name).then(pl.lit(name)) for name in names).list.drop_nulls(),
    )
    out = frame.join(found, on="row", how="left", maintain_order="left")
    kinds = out["kinds"].cast(pl.List(pl.String)).fill_null(pl.Series([[]], dtype=pl.List(pl.String)))
    masked = out.select(pl.coalesce("masked", "text")).to_series() if mask else texts
    return kinds.alias(texts.name), masked.alias(texts.name)


def _replace(frame: pl.DataFrame, kind: _Kind) -> pl.DataFrame:
    """Rows with the accepted matches of one kind replaced, and whether there were any (`found`)."""
    # A text with n matches is n + 1 pieces; the last piece is followed by none.
    cut = frame.select(
        "row",
        match=pl.concat_list(pl.col("text").str.extract_all(kind.pattern), pl.lit("")),
        before=pl.col("text").str.replace_all(kind.pattern, _CUT).str.split(_CUT),
    ).explode("match", "before")
    # Two matches may touch: then what is before the second is the end of the first.
    piece = pl.col("before")
    cut = cut.with_columns(
        before=pl.when(piece == "").then(_MATCH.shift(1, fill_value="").over("row")).otherwise(piece).str.tail(24),
        after=(piece.shift(-1, fill_value="").over("row") + _MATCH.shift(-1, fill_value="").over("row")).str.head(8),
        piece=piece,
    )
    cut = cut.with_columns(accepted=(_MATCH != "") & kind.accepted())
    return cut.group_by("row", maintain_order=True).agg(
        text=(pl.col("piece") + pl.when("accepted").then(pl.lit(f"[{kind.name.upper()}]")).otherwise(_MATCH)).str.join(
            ""
        ),
        found=pl.col("accepted").any(),
    )
