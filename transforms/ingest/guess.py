"""A first guess at a mapping for records of no known format, from the names, types and values of their fields.

It is a start for whoever knows the data, not a decision: every doubtful part comes with a note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from schemas.mapping import label_text
from transforms.ingest.fields import Field, words_of
from transforms.ingest.scales import identifies, missing, scale, scale_of_field, span

#: What sides of a comparison are called, first and second.
_SIDES = (
    ("a", "b"), ("1", "2"), ("0", "1"), ("left", "right"), ("first", "second"), ("one", "two"), ("x", "y"),
)  # fmt: skip
#: The same, where the names say which side is the better one.
_BETTER = (
    ("chosen", "rejected"), ("preferred", "rejected"), ("preferred", "dispreferred"), ("winner", "loser"),
    ("win", "lose"), ("better", "worse"), ("good", "bad"), ("positive", "negative"), ("pos", "neg"),
    ("accepted", "rejected"),
)  # fmt: skip
_TIES = {"tie", "draw", "equal", "same", "both", "neither", "none", "tied", "bothbad", "c"}
#: What fields are called, by what they are in a mapping; earlier names win.
_CALLED = {
    "prompt": "prompt question instruction query conversation dialogue dialog context history input source src post "
    "article document problem title topic messages text",
    "system": "system",
    "response": "response answer completion output reply translation target mt hypothesis hyp summary generation "
    "candidate caption solution prediction text",
    "references": "reference ref references refs gold",
    "rater": "rater annotator judge worker assessor labeler labeller evaluator user",
    "label": "label winner preference preferred choice choose pick picked better best verdict vote judgement judgment "
    "decision annotation selected score rank overall",
    "score": "score rating overall quality adequacy fluency relevance coherence consistency helpfulness correctness "
    "grade stars mean rank value",
    "generator": "model generator system engine policy",
    "language": "language lang locale",
    "licence": "licence license",
    "steps": "step completion",
    "timestamp": "timestamp time date created tstamp",
}
#: Words in the names of fields whose texts nobody wrote as an answer.
_NO_TEXT = {"id", "idx", "key", "uid", "author", "name", "url", "link", "path", "file", "lang", "language", "hash"}
#: How labels of steps are given, and what of those that are words says that a step is right.
_STEP_LABELS = (("numbers",), ("texts",), ("list of true or false",))
_RIGHT = {
    "+": 1, "good": 1, "right": 1, "correct": 1, "-": 0, "bad": 0, "wrong": 0, "incorrect": 0, "1": 1, "-1": 0,
    "0": 0.5, "neutral": 0.5,
}  # fmt: skip
#: What fields with the number of the first wrong step are called.
_WRONG = {"label", "mistake", "error", "wrong", "incorrect"}
#: Fields that hold images, and how texts that name one end.
_IMAGES = {"image", "images", "img", "picture", "photo", "figure", "screenshot"}
_IMAGE_ENDS = re.compile(r"(?i)\.(png|jpe?g|webp|gif|bmp|tiff?)([?#].*)?$|^data:image/|^https?://")
#: The share of records that may have another number of labels than of steps.
_UNEVEN = 0.1
_MOST_LABELS, _MOST_FIELDS = 12, 200
_NOT_SAID = "not found among the fields"


@dataclass
class Guess:
    """A mapping as far as it could be guessed.

    Attributes:
        mapping: what goes under `mapping:`; it may lack what could not be found.
        notes: for keys of the mapping, what is to be checked or filled in.
    """

    mapping: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def guess(found: Sequence[Field]) -> Guess:
    """The mapping that these fields suggest: steps, a ranking, a pair or a rating, in this order."""
    left = _Fields(found[:_MOST_FIELDS])
    shown = [one for one in left.left if _is_image(one)]
    left.remove(*shown)
    made = _stepwise(left) or _first_wrong(left) or _ranking(left) or _pair(left) or _rating(left)
    if shown:
        made.mapping["images"] = [one.name for one in shown]
    for key in ("rater", "language", "licence", "timestamp"):
        taken = left.take(key, lambda f: f.kind in ("text", "whole number"))
        if taken:
            made.mapping[key] = taken.name
    return made


class _Fields:
    """The fields that are not taken yet."""

    def __init__(self, found: Sequence[Field]) -> None:
        self.left = [one for one in found if one.kind != "object"]

    def take(self, role: str, fits: Any) -> Field | None:
        """The field whose name says the role best; it is taken."""
        ranked = [(place, one) for one in self.left if fits(one) and (place := _called(one.name, role)) is not None]
        best = min(ranked, key=lambda pair: pair[0], default=None)
        if best is None:
            return None
        self.remove(best[1])
        return best[1]

    def remove(self, *taken: Field) -> None:
        names = {one.name for one in taken}
        self.left = [one for one in self.left if one.name not in names]

    def sides(self, fits: Any, known: Sequence[tuple[str, str]]) -> tuple[Field, Field, tuple[str, str]] | None:
        """Two fields whose names differ in nothing but the names of two sides; of several, those with a response's."""
        found: list[tuple[Field, Field, tuple[str, str]]] = []
        for one, other in permutations([one for one in self.left if fits(one)], 2):
            pair = _side_of(one.name, other.name)
            if pair is not None and pair in known:
                found.append((one, other, pair))
        return min(found, key=lambda sides: _as_response(sides[0]), default=None)


def _as_response(one: Field) -> tuple[bool, int, float]:
    """Order of fields as responses: those called so first, then by their length."""
    place = _called(one.name, "response")
    return place is None, place or 0, -_length(one)


def _called(name: str, role: str) -> int | None:
    """How early in the list of a role's names one of the name's words is; None if none is."""
    words = words_of(name)
    known = _CALLED[role].split()
    places = [known.index(word) for word in words if word in known]
    places += [known.index(word[:-1]) for word in words if word.endswith("s") and word[:-1] in known]
    # `answer` is a better name for an answer than `answer_length`.
    return None if not places else min(places) * 10 + len(words)


def _side_of(one: str, other: str) -> tuple[str, str] | None:
    first, second = words_of(one), words_of(other)
    if len(first) != len(second):
        return None
    differing = [(a, b) for a, b in zip(first, second, strict=True) if a != b]
    return differing[0] if len(differing) == 1 else None


def _says(one: Field) -> bool:
    return one.kind in ("text", "messages")


def _is_image(one: Field) -> bool:
    """Whether a field is called an image's and holds where one is, or several."""
    if not _IMAGES & set(words_of(one.name)) or one.kinds not in (("text",), ("texts",)):
        return False
    flat = [part for value in one.values for part in (value if isinstance(value, list) else [value])]
    return bool(flat) and all(_IMAGE_ENDS.search(str(part)) for part in flat)


def _answers(one: Field) -> bool:
    """Whether it may be a side of a comparison: a text that is not called a name, an address or a model."""
    named = any(_called(one.name, role) is not None for role in ("generator", "rater"))
    other = named or not _NO_TEXT.isdisjoint(words_of(one.name))
    return _says(one) and (_called(one.name, "response") is not None or not other)


def _prompt(left: _Fields, made: Guess) -> None:
    taken = left.take("prompt", _says)
    if taken is None:
        made.mapping["prompt"] = None
        made.notes["prompt"] = f"{_NOT_SAID}; null where there is none"
        return
    made.mapping["prompt"] = taken.name
    # What is told to a model has several words; a system that made a translation has a name.
    system = left.take("system", _told) if taken.kind == "text" else None
    if system:
        made.mapping["system"] = system.name


def _told(one: Field) -> bool:
    """Whether it may be what is told to a model, and not the name of a system that answered."""
    named = bool({"prompt", "message", "instruction"} & set(words_of(one.name)))
    several = sum(" " in str(value).strip() for value in one.values)
    return one.kind == "text" and (named or several > len(one.values) / 2)


def _stepwise(left: _Fields) -> Guess | None:
    """A list of texts that is called steps, and beside it a list of as many labels."""
    for texts in [one for one in left.left if one.kinds == ("texts",) and _called(one.name, "steps") is not None]:
        for labels in [one for one in left.left if one is not texts and one.kinds in _STEP_LABELS]:
            said = {label_text(value): value for row in labels.values for value in row}
            shares = all(not isinstance(value, str) and 0 <= value <= 1 for value in said.values())
            # Some records may be wrong: these will be dead letters, and say so.
            uneven = sum(len(one) != len(other) for one, other in zip(texts.values, labels.values, strict=False))
            if uneven > _UNEVEN * len(texts.values) or (len(said) > _MOST_LABELS and not shares):
                continue
            left.remove(texts, labels)
            made = Guess({"kind": "stepwise"})
            _prompt(left, made)
            made.mapping |= {"responses": texts.name, "label": {"field": labels.name}}
            if shares:
                made.notes["label"] = "1 is taken to mean that a step is right, 0 that it is wrong: check"
            else:
                made.mapping["label"]["values"] = {text: _RIGHT.get(text.casefold()) for text in sorted(said)}
                made.notes["label"] = "say how right a step is: 1 right, 0 wrong, null that nobody judged it"
            return made
    return None


def _first_wrong(left: _Fields) -> Guess | None:
    """A list of texts that is called steps, and beside it the number of the first wrong one."""
    for texts in [one for one in left.left if one.kinds == ("texts",) and _called(one.name, "steps") is not None]:
        most = max(map(len, texts.values), default=0)
        for number in [one for one in left.left if one.kind == "whole number" and _WRONG & set(words_of(one.name))]:
            inside = sum(-1 <= value <= most for value in number.numbers)
            right_or_wrong = set(number.numbers) <= {0, 1} and words_of(number.name) == ("label",)
            if right_or_wrong or inside < (1 - _UNEVEN) * len(number.values):
                continue
            left.remove(texts, number)
            made = Guess({"kind": "stepwise"})
            _prompt(left, made)
            none = -1 if -1 in number.numbers else None if number.missing else 0
            said = {"field": number.name, "first_wrong": 1 if none == 0 else 0, "none": none}
            made.mapping |= {"responses": texts.name, "label": said}
            made.notes["label"] = (
                f"taken for the number of the first wrong step, the first having {said['first_wrong']}, and "
                f"{'nothing' if none is None else none} to say that none is wrong: check"
            )
            return made
    return None


def _ranking(left: _Fields) -> Guess | None:
    """A list of texts, and beside it a list of as many numbers."""
    for texts in [one for one in left.left if one.kinds == ("texts",)]:
        for numbers in [one for one in left.left if one.kinds == ("numbers",)]:
            if [len(v) for v in texts.values] != [len(v) for v in numbers.values] or texts.missing or numbers.missing:
                continue
            left.remove(texts, numbers)
            made = Guess({"kind": "ranking"})
            _prompt(left, made)
            made.mapping["responses"] = texts.name
            flat = [value for row in numbers.values for value in row]
            if all(min(row, default=0) == 1 and max(row) <= len(row) for row in numbers.values):
                made.mapping["ranks"] = numbers.name
                made.notes["ranks"] = (
                    "taken for ranks, 1 the best; `values` with minimum and maximum if they are scores"
                )
            else:
                made.mapping |= {"values": numbers.name} | scale(flat)
                made.notes["values"] = f"seen {span(flat)}; say the scale as it was given"
            named = [one for one in left.left if one.kind == "texts" and _called(one.name, "generator") is not None]
            if named:
                made.mapping["generators"] = named[0].name
                left.remove(named[0])
            return made
    return None


def _pair(left: _Fields) -> Guess | None:
    """Two texts whose names are those of two sides."""
    found = left.sides(_answers, _BETTER) or left.sides(_answers, _SIDES)
    if found is None:
        return None
    one, other, sides = found
    left.remove(one, other)
    made = Guess({"kind": "pair"})
    _prompt(left, made)
    made.mapping["responses"] = [one.name, other.name]
    if sides in _BETTER:
        made.mapping["label"] = {"always": 1}
        made.notes["label"] = f"{one.name} is taken for the better one, by its name"
    else:
        _label(left, made, one, other, sides)
    models = left.sides(lambda f: f.kind == "text" and _called(f.name, "generator") is not None, [sides])
    if models:
        made.mapping["generators"] = [models[0].name, models[1].name]
        left.remove(*models[:2])
    return made


def _label(left: _Fields, made: Guess, one: Field, other: Field, sides: tuple[str, str]) -> None:
    few = [f for f in left.left if f.kind in ("text", "true or false", "whole number", "number")]
    wanted = [f for f in few if (f.numeric and f.kind == "number") or len(f.distinct) <= _MOST_LABELS]
    ranked = sorted(
        ((_called(f.name, "label"), f) for f in wanted if _called(f.name, "label") is not None), key=lambda p: p[0] or 0
    )
    if not ranked:
        made.notes["label"] = "no field looks like the label: name it, and what its values mean"
        return
    label = ranked[0][1]
    left.remove(label)
    made.mapping["label"] = {"field": label.name}
    if label.numeric and label.kind == "number":
        inside = all(0 <= value <= 1 for value in label.values)
        made.notes["label"] = (
            f"taken as it is, a preference for {one.name}" if inside else f"seen {span(label.values)}; not in [0, 1]"
        )
        return
    values = {label_text(value): _means(label_text(value), one, other, sides) for value in label.distinct}
    if any(value.startswith("-") for value in values):  # signed strengths: nothing but zero says which side
        values = {value: 0.5 if value == "0" else None for value in values}
    numbers = set(values) <= {"0", "1"} and sides != ("0", "1")
    made.mapping["label"]["values"] = {
        text: (int(text) if numbers else meant) for text, meant in sorted(values.items())
    }
    unsure = [text for text, meant in values.items() if meant is None]
    if numbers:
        made.notes["label"] = f"1 is taken to mean that {one.name} is the better one: check"
    elif unsure:
        said = ", ".join(text or "an empty text" for text in unsure)
        made.notes["label"] = f"say what {said} means: 1 {one.name} is better, 0 {other.name}, 0.5 a tie, null neither"


def _means(value: str, one: Field, other: Field, sides: tuple[str, str]) -> float | None:
    """What a label says of the first side, by its words: 1, 0, 0.5 for a tie, None if they do not tell."""
    if value.casefold() in (one.name.casefold(), other.name.casefold()):
        return 1 if value.casefold() == one.name.casefold() else 0
    words = set(words_of(value))
    first, second = sides[0] in words, sides[1] in words
    if words & _TIES and not (first != second and len(words) == 1):
        return 0.5
    if first != second:
        return 1 if first else 0
    return 0.5 if sides == ("1", "2") and value == "0" else None


def _rating(left: _Fields) -> Guess:
    """One text, and numbers that say how good it is."""
    made = Guess({"kind": "rating"})
    response = left.take("response", _says)
    _prompt(left, made)
    if response is None:  # what is longest is most likely what was rated
        texts = sorted((f for f in left.left if _says(f)), key=_length, reverse=True)
        response = texts[0] if texts else None
        if response:
            left.remove(response)
            made.notes["responses"] = "the longest text; say which field was rated"
    made.mapping["responses"] = [response.name] if response else []
    if response is None:
        made.notes["responses"] = f"{_NOT_SAID}: one for a rating, two for a pair"
    references = left.take("references", lambda f: f.kind == "text")
    if references:
        made.mapping["references"] = [references.name]
    generator = left.take("generator", lambda f: f.kind == "text")
    if generator:
        made.mapping["generators"] = [generator.name]
    # Some hold something else now and then, which will be dead letters unless it is said to be missing.
    mostly = [f for f in left.left if f.kind in ("number", "whole number") and not identifies(f)]
    numbers = [f for f in mostly if f.numeric]
    scored = [f for f in mostly if _called(f.name, "score") is not None] or numbers or mostly
    made.mapping["scores"] = [{"field": f.name} | scale_of_field(f) | missing(f) for f in scored]
    left.remove(*scored)
    if scored:
        seen = "; ".join(f"{f.name} {span(f.numbers)}" for f in scored)
        made.notes["scores"] = f"seen {seen}: say the scales as they were given"
        if sum(_called(f.name, "score") is None for f in scored) > 1:
            made.notes["scores"] += (
                "; where a field is one rater's, its `given_by`, and one `dimension` for all of them"
            )
    else:
        made.notes["scores"] = f"{_NOT_SAID}: - {{field: …, minimum: …, maximum: …}}"
    return made


def _length(one: Field) -> float:
    return sum(len(str(value)) for value in one.values) / max(len(one.values), 1)
