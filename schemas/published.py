"""The columns of published configurations: what each is, and how it came to be. Card and docs say it in these words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    """A published column: what it is, and how it was made."""

    meaning: str
    how: str


_ROW = {
    "id": Made(
        "hash of the content, the same for copies",
        "128 bits of xxh3 over prompt and responses, in Unicode NFC and without white space at the ends; sides in "
        "either order",
    ),
    "source": Made("name of the source", "as the configuration calls it; +augmented where balance made the pair"),
}
_PROMPT = {
    "prompt": Made("messages before the responses", "the longest beginning that the dialogues share, as recorded")
}
_SIDES = {
    "chosen": Made(
        "messages of the better response", "the side with a soft label over 0.5 after the verdict; of a tie the first"
    ),
    "rejected": Made("messages of the worse response", "the other side"),
}
_TOOLS = {"tools": Made("JSON text of the tools on offer; only where the dataset has any", "as recorded")}
#: Of texts that COMET reads from CSV.
_SPACE = "; a space behind `NA`, `None`, `null` and what else pandas takes for nothing"
#: Configuration -> column -> what it is and how it was made.
COLUMNS: dict[str, dict[str, Made]] = {
    "preference": _ROW | _PROMPT | _SIDES | _TOOLS,
    "preference_full": _ROW | _SIDES | _TOOLS,
    "preference_soft": _ROW
    | _PROMPT
    | _SIDES
    | _TOOLS
    | {
        "soft_label": Made(
            "probability that chosen is better, 0.5 (a tie) to 1",
            "what all votes on the pair say together, with copies' votes; turned or softened where the verdict says so",
        ),
        "margin": Made(
            "how far apart the sides are, in the source's units; on every row or absent",
            "mean of the recorded strengths; under policy.margin: strength the detectors' margin for the label",
        ),
        "weight": Made(
            "how much the row should count",
            "balance's weight where there is one; else 1, times policy.ambiguous_weight and the mixture's weight",
        ),
    },
    "listwise": _ROW
    | _PROMPT
    | {
        "responses": Made("messages of each response", "in the order of the record"),
        "scores": Made(
            "0 to 1 for each response, higher is better",
            "mean of its judgements, each on its scale; ranks turned round",
        ),
    },
    "kto": _ROW
    | _PROMPT
    | _TOOLS
    | {
        "completion": Made("messages of the response", "each side of a pair has a line"),
        "label": Made("whether it is the better one", "the side with a soft label over 0.5 after the verdict"),
    },
    "ratings": _ROW
    | _PROMPT
    | {
        "response": Made("messages of the response", "as recorded"),
        "references": Made("reference texts", "as recorded"),
        "dimension": Made("what was rated", "as the format or the mapping says"),
        "score": Made(
            "mean over raters, on the dimension's scale", "each judgement counts for as many as it stands for"
        ),
        "normalised": Made("the same in 0 to 1, higher is better", "by the scale's ends and its direction"),
        "raters": Made("how many judgements", "those of copies included"),
        "minimum": Made("of the scale", "as declared"),
        "maximum": Made("of the scale", "as declared"),
        "higher_is_better": Made("direction of the scale", "as declared"),
    },
    "comet": _ROW
    | {
        "src": Made("source text", "the prompt's last message" + _SPACE),
        "mt": Made("translation", "the response's text" + _SPACE),
        "ref": Made("reference, or empty", "the first that is recorded" + _SPACE),
        "score": Made("0 to 1, higher is better", "mean of the normalised judgements over dimensions"),
    },
    "metricx": {
        "id": _ROW["id"],
        "source": Made("source text", "the prompt's last message"),
        "hypothesis": Made("translation", "the response's text"),
        "reference": Made("reference, or empty", "the first that is recorded"),
        "label": Made("0 to 25, lower is better", "25 times one less the mean of the normalised judgements"),
    },
    "stepwise": _ROW
    | {
        "prompt": Made("text of the prompt", "its messages as one text"),
        "completions": Made("text of each step", "up to the last that was judged"),
        "labels": Made("whether each step is right", "where more than half of its raters say so"),
    },
}
