"""Metrics of words and characters in common with references: BLEU, chrF and TER of sacrebleu, ROUGE of rouge-score.

Both packages are the extra `metrics`. A response without a reference has no score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import polars as pl

from transforms.lists import of_counts
from transforms.texts import response_texts

NAMES = ("bleu", "chrf", "chrf++", "ter", "rouge1", "rouge2", "rougeL")
#: TER counts edits.
LOWER = ("ter",)
#: Scripts without spaces are cut as sacrebleu cuts them, or by character; by the beginning of the language's code.
_CUT = {"zh": "zh", "yue": "zh", "ja": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}

Score = Callable[[str, Sequence[str]], float]


def overlap(rows: pl.DataFrame, metric: str) -> pl.Series:
    """Scores of a block's responses.

    Args:
        rows: `responses`, `references`, `language`.
        metric: one of `NAMES`.

    Returns:
        A list a row, one number a response: sacrebleu's sentence score with all references (BLEU with effective order,
        0 to 100), or the best F-measure over the references (ROUGE, 0 to 1). Null without references; for ROUGE, which
        knows Latin letters and digits alone, without one that has any.
    """
    texts, counts = response_texts(rows)
    references = rows["references"].to_list()
    languages = rows["language"].fill_null("").to_list()
    owners = np.repeat(np.arange(rows.height), counts)
    out: list[float | None] = []
    for text, owner in zip(texts.to_list(), owners.tolist(), strict=True):
        given = [one for one in references[owner] or [] if one and one.strip()]
        out.append(score_of(metric, _cut(languages[owner]))(text or "", given) if given else None)
    return of_counts(pl.Series(out, dtype=pl.Float64).fill_nan(None), counts)


def _cut(language: str) -> str:
    return next((cut for code, cut in _CUT.items() if language.lower().startswith(code)), "13a")


@cache
def score_of(metric: str, cut: str) -> Score:
    """A metric's function from a text and its references to a number."""
    if metric.startswith("rouge"):
        return _rouge(metric)
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER
    from sacrebleu.tokenizers.tokenizer_char import TokenizerChar

    made = {
        "bleu": lambda: BLEU(effective_order=True, tokenize=cut),
        "chrf": lambda: CHRF(),
        "chrf++": lambda: CHRF(word_order=2),
        # It cuts Asian scripts only where it normalises, and of these those of Chinese, Japanese and Korean alone.
        "ter": lambda: TER(normalized=cut == "zh", asian_support=cut == "zh"),
    }[metric]()
    if metric == "ter" and cut == "char":
        apart = TokenizerChar()
        return lambda text, references: float(
            made.sentence_score(apart(text), [apart(one) for one in references]).score
        )
    return lambda text, references: float(made.sentence_score(text, list(references)).score)


def _rouge(metric: str) -> Score:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer([metric], use_stemmer=True)

    def score(text: str, references: Sequence[str]) -> float:
        known = [one for one in references if any(c.isascii() and c.isalnum() for c in one)]
        return max((float(scorer.score(one, text)[metric].fmeasure) for one in known), default=float("nan"))

    return score
