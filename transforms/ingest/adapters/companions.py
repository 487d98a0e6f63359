"""Files that are read beside the records: translations and articles that rating files only name."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import lru_cache

import fsspec
import polars as pl

from transforms.ingest.files import plan
from transforms.ingest.readers import read

_SEGMENT = re.compile(r"<seg\b[^>]*>(.*?)</seg>", re.DOTALL | re.IGNORECASE)
_PAIR = re.compile(r"(?:^|\.)([a-z]{2,3}-[a-z]{2,3})(?=\.|$)")
_ONE_SIDE = re.compile(r"-(src|ref)\.([a-z]{2,3})$")
_ENDING = re.compile(r"(\.(sgml?|txt|gz|xz|bz2))+$")
_TEST_SET = re.compile(r"^news[a-z]*\d+\.")
#: What rankings call languages, and what files do.
LANGUAGES = {"english": "en", "czech": "cs", "german": "de", "spanish": "es", "french": "fr", "russian": "ru",
             "hindi": "hi", "finnish": "fi", "romanian": "ro", "turkish": "tr", "eng": "en", "ces": "cs", "deu": "de",
             "spa": "es", "fra": "fr", "rus": "ru", "hin": "hi", "fin": "fi", "ron": "ro", "tur": "tr"}  # fmt: skip


def system_name(name: str) -> str:
    """A system as rankings and files may both call it: without test set and language pair."""
    return _PAIR.sub("", _TEST_SET.sub("", name)).strip(".").lower()


def _stamp(path: str) -> str:
    """Something that changes when a file does."""
    system, place = fsspec.core.url_to_fs(path)
    return str(system.ukey(place))


def translations(paths: Sequence[str]) -> pl.DataFrame:
    """Texts of translations, references (system `ref`) and sources (system `src`), by segment.

    Files are SGML or plain text, a line a segment, and are called after language pair and system: `de-en.onlineA.sgm`,
    `newstest2012.de-en.onlineA`, `newstest2014.onlineA.0.de-en`, `de-en.ref.sgm`; or `newstest2012-src.de`.

    Returns:
        from, to (the languages; null where the name does not say), system, segment (1 is the first), text.
    """
    return _translations(tuple((path, _stamp(path)) for path in paths))


@lru_cache(maxsize=4)
def _translations(files: tuple[tuple[str, str], ...]) -> pl.DataFrame:
    schema = {"from": pl.String, "to": pl.String, "system": pl.String, "segment": pl.Int64, "text": pl.String}
    parts = [pl.DataFrame(schema=schema), *(_texts(path) for path, _ in files)]
    return pl.concat(parts).unique(["from", "to", "system", "segment"], keep="first")


def _texts(path: str) -> pl.DataFrame:
    with fsspec.open(path, "rt", encoding="utf-8", errors="replace", compression="infer", newline="\n") as file:
        content = file.read()
    marked = _SEGMENT.findall(content)
    lines = [html.unescape(text) for text in marked] if marked else content.removesuffix("\n").split("\n")
    bare = _ENDING.sub("", path.rsplit("/", 1)[-1])
    pair, side = _PAIR.search(bare), _ONE_SIDE.search(bare)
    source, target = pair[1].split("-") if pair else (None, None)
    if side and not pair:
        source, target = (side[2], None) if side[1] == "src" else (None, side[2])
    return pl.DataFrame({"text": [line.strip() for line in lines]}).select(
        pl.lit(source, dtype=pl.String).alias("from"),
        pl.lit(target, dtype=pl.String).alias("to"),
        pl.lit(side[1] if side and not pair else system_name(bare)).alias("system"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("segment"),
        "text",
    )


def translated(known: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """The text of each segment and system (or `ref`, `src`) that is asked for; null where there is none.

    Args:
        known: what `translations` gives.
        asked: columns from, to, system (as `system_name` gives it) and segment.
    """
    keys = ["from", "to", "system", "segment"]
    whole = asked.join(known, on=keys, how="left", maintain_order="left")["text"]
    if whole.null_count() == 0:
        return whole
    one_sided = known.filter(pl.col("from").is_null() | pl.col("to").is_null()).with_columns(
        side=pl.coalesce("from", "to")
    )
    side = pl.when(pl.col("system") == "src").then("from").otherwise("to")
    found = asked.with_columns(side=side).join(
        one_sided, on=["side", "system", "segment"], how="left", maintain_order="left"
    )
    return whole.fill_null(found["text"])


def articles(paths: Sequence[str], ids: tuple[str, ...], texts: tuple[str, ...]) -> pl.DataFrame:
    """Texts by id, from files of any layout that is read elsewhere: `id` and `text`, each id once.

    Args:
        paths: the files.
        ids: names that the field with the id may have.
        texts: names that the field with the text may have.
    """
    return _articles(tuple((path, _stamp(path)) for path in paths), ids, texts)


@lru_cache(maxsize=4)
def _articles(files: tuple[tuple[str, str], ...], ids: tuple[str, ...], texts: tuple[str, ...]) -> pl.DataFrame:
    parts = [pl.DataFrame(schema={"id": pl.String, "text": pl.String})]
    for ref in plan("articles", [path for path, _ in files])[0] if files else []:
        for records in read(ref):
            named = [next(filter(records.has, names), None) for names in (ids, texts)]
            if None not in named:
                columns = [records.column(str(name), pl.String, required=False) for name in named]
                parts.append(pl.DataFrame(dict(zip(("id", "text"), columns, strict=True))).drop_nulls())
    return pl.concat(parts).unique("id", keep="first", maintain_order=True)


def found(known: pl.DataFrame, ids: pl.Series) -> pl.Series:
    """The text of each id; null where there is none."""
    return ids.to_frame("id").join(known, on="id", how="left", maintain_order="left")["text"]
