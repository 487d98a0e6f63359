"""Surface features: what can be counted in a response without understanding it.

A model that only counts these says how far a label can be had without reading; a score that they explain is no
strength. Everything is an expression of polars over whole columns. Words that are looked for are English: in other
languages their counts are 0, which says nothing and does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from transforms.texts import prompt_texts, response_texts

#: Counts of matches, by what they are called. Patterns with `(?m)` look at lines, those with `(?i)` at any case.
COUNTED: dict[str, str] = {
    "words": r"\S+",
    "sentences": r"[.!?\x{2026}\x{3002}\x{FF01}\x{FF1F}]+(?:\s|$)",
    "paragraphs": r"\S[^\n]*(?:\n[ \t]*\S[^\n]*)*",
    "lines": r"(?m)^.*\S",
    "list_items": r"(?m)^[ \t]*(?:[-*+\x{2022}]|\d{1,3}[.)])[ \t]+\S",
    "headings": r"(?m)^[ \t]{0,3}#{1,6}[ \t]+\S",
    "bold": r"\*\*[^*\n]+\*\*|__[^_\n]+__|</?(?:b|strong)>",
    "code_blocks": r"(?m)^[ \t]*```",
    "code_spans": r"`[^`\n]+`",
    "table_rows": r"(?m)^[ \t]*\|.*\|[ \t]*$",
    "links": r"https?://|www\.|\]\(",
    "digits": r"[0-9]",
    "capitals": r"\p{Lu}",
    "punctuation": r"[,;:()\x{2014}\x{2013}]",
    "quotes": r'["\x{201C}\x{201D}\x{00AB}\x{00BB}]',
    "emoji": r"[\x{1F300}-\x{1FAFF}\x{2600}-\x{27BF}\x{1F1E6}-\x{1F1FF}]",
    "exclamations": r"[!\x{FF01}]",
    "questions": r"[?\x{FF1F}\x{061F}]",
    "hedges": r"(?i)\b(?:maybe|perhaps|possibly|probably|might|could be|may be|seems?|appears?|generally|usually|"
    r"often|likely|i think|i believe|it depends|in my opinion|sort of|kind of)\b",
    "refusals": r"(?i)\b(?:i can(?:no|['\x{2019}])t|i(?:['\x{2019}]m| am) (?:not able|unable)|i won['\x{2019}]t|"
    r"i(?:['\x{2019}]m| am) (?:just )?an ai|as an ai|i do not feel comfortable|i don['\x{2019}]t feel comfortable|"
    r"not appropriate|against my|i must decline)\b",
    "apologies": r"(?i)\b(?:sorry|apologi[sz]e|apologies|regret|forgive me)\b",
    "first_person": r"(?i)\b(?:i|me|my|mine|myself)\b",
    "second_person": r"(?i)\b(?:you|your|yours|yourself)\b",
    "connectives": r"(?i)\b(?:because|therefore|however|thus|hence|although|for example|for instance|in conclusion|"
    r"overall|finally|firstly|secondly|additionally|moreover|furthermore)\b",
    "syllables": r"(?i)[aeiouy\x{00C0}-\x{00FF}]+",
}
_SYCOPHANTIC = (
    r"(?i)^\W*(?:certainly|absolutely|of course|sure|definitely|great question|good question|excellent question|"
    r"what an? (?:great|good|excellent|wonderful|interesting)|i['\x{2019}]d be (?:happy|glad)|"
    r"i would be (?:happy|glad)|happy to help|you(?:['\x{2019}]re| are) (?:absolutely )?right|thank you for|thanks for)"
)
_WORD = r"\w+"
_RATIOS = ("type_token_ratio", "readability", "word_length", "prompt_overlap", "prompt_copied")
#: Every feature's name, in order.
NAMES: tuple[str, ...] = ("characters", *COUNTED, "sycophantic_opening", *_RATIOS)
#: Features that are counts: differences of their logarithms are told better than their own.
COUNTS: tuple[str, ...] = ("characters", *COUNTED)
#: A feature of the user's: an expression over the columns `text` and `prompt`, or a function of texts and prompts.
Extra = pl.Expr | Callable[[pl.Series, pl.Series], pl.Series]


def surface(texts: pl.Series, prompts: pl.Series, extra: Mapping[str, Extra] | None = None) -> pl.DataFrame:
    """Surface features of responses.

    Args:
        texts: one response each; null counts as empty.
        prompts: the prompt of each.
        extra: more features by name; what is null or not finite in them is 0.

    Returns:
        Frame of `NAMES` and the extra names, Float32, finite everywhere, one line a response. Counts are counts; of an
        empty text all are 0, and so are the ratios. `type_token_ratio` is distinct words by words (Guiraud's root form,
        distinct / sqrt(words), which a text's length alone does not push down); `readability` Flesch's reading ease
        clipped to [-100, 150]; `word_length` characters a word, at most 50; `prompt_overlap` the share of the
        response's distinct words that are in the prompt, `prompt_copied` whether it opens with the whole prompt.
    """
    frame = pl.DataFrame({"text": texts.fill_null(""), "prompt": prompts.fill_null("")})
    text = pl.col("text")
    counted = frame.select(
        text.str.len_chars().alias("characters"),
        *(text.str.count_matches(pattern).alias(name) for name, pattern in COUNTED.items()),
        text.str.contains(_SYCOPHANTIC).alias("sycophantic_opening"),
    ).cast(pl.Float32)
    out = counted.hstack(_vocabulary(frame)).with_columns(_copied(frame))
    words, sentences = pl.col("words"), pl.max_horizontal("sentences", 1)
    easy = 206.835 - 1.015 * words / sentences - 84.6 * pl.col("syllables") / words
    out = out.with_columns(
        readability=pl.when(words > 0).then(easy.clip(-100, 150)).otherwise(0.0).cast(pl.Float32),
        word_length=pl.when(words > 0).then((pl.col("characters") / words).clip(0, 50)).otherwise(0.0).cast(pl.Float32),
    ).select(NAMES)
    return out.hstack(_extra(frame, extra)) if extra else out


def of_rows(rows: pl.DataFrame, extra: Mapping[str, Extra] | None = None) -> pl.DataFrame:
    """Surface features of a block's responses, row by row, from its columns `prompt` and `responses`."""
    texts, counts = response_texts(rows)
    prompts = prompt_texts(rows)
    return surface(texts, prompts[np.repeat(np.arange(len(prompts)), counts)], extra)


def own_of_rows(rows: pl.DataFrame, own: Mapping[str, Extra]) -> pl.DataFrame:
    """Features of the user's alone, as `of_rows`."""
    texts, counts = response_texts(rows)
    prompts = prompt_texts(rows)[np.repeat(np.arange(rows.height), counts)]
    return _extra(pl.DataFrame({"text": texts.fill_null(""), "prompt": prompts.fill_null("")}), own)


def scaled(features: pl.DataFrame) -> pl.DataFrame:
    """Features as models take them: counts as log(1 + count), the rest as they are; Float32."""
    return features.with_columns(pl.col(name).log1p() for name in COUNTS if name in features.columns).cast(pl.Float32)


def _vocabulary(frame: pl.DataFrame) -> pl.DataFrame:
    """How rich a response's words are, and how many of them are the prompt's."""
    lists = frame.select(
        said=pl.col("text").str.to_lowercase().str.extract_all(_WORD),
        prompt=pl.col("prompt"),
    )
    # Prompts recur from response to response; each is cut into words once.
    asked = frame.select(pl.col("prompt").unique(maintain_order=True)).with_columns(
        asked=pl.col("prompt").str.to_lowercase().str.extract_all(_WORD).list.unique()
    )
    lists = lists.join(asked, on="prompt", how="left", maintain_order="left").with_columns(
        distinct=pl.col("said").list.unique()
    )
    kinds = pl.col("distinct").list.len()
    shared = pl.col("distinct").list.set_intersection("asked").list.len()
    return lists.select(
        type_token_ratio=pl.when(kinds > 0).then(kinds / pl.col("said").list.len().sqrt()).otherwise(0.0),
        prompt_overlap=pl.when(kinds > 0).then(shared / kinds).otherwise(0.0),
    ).cast(pl.Float32)


def _copied(frame: pl.DataFrame) -> pl.Series:
    """Whether a response begins with its prompt."""
    prompt = pl.col("prompt").str.strip_chars()
    copied = (prompt != "") & pl.col("text").str.strip_chars_start().str.starts_with(prompt)
    return frame.select(prompt_copied=copied.cast(pl.Float32)).to_series()


def _extra(frame: pl.DataFrame, extra: Mapping[str, Extra]) -> pl.DataFrame:
    columns = []
    for name, feature in extra.items():
        made = feature(frame["text"], frame["prompt"]) if callable(feature) else frame.select(feature).to_series()
        if len(made) != frame.height:
            raise ValueError(f"feature {name!r} gave {len(made)} values for {frame.height} responses")
        value = made.cast(pl.Float32)
        columns.append(value.set(~value.is_finite().fill_null(False), 0.0).alias(name))
    return pl.DataFrame(columns)
