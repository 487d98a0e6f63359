"""Any tabular or JSON file, by a few lines of YAML instead of code.

format: mapping
mapping:
  kind: pair
  prompt: question                  # a column, or a dotted path into objects: context.question
  responses: [answer_a, answer_b]
  label: {field: winner, values: {model_a: 1, model_b: 0, tie: 0.5}}   # preference for the first response
  rater: worker_id

mapping:
  kind: pair
  prompt: question
  responses: [preferred, dispreferred]
  label: {always: 1}                # the fields' names say which is the better one

mapping:
  kind: rating
  prompt: source
  responses: [translation]
  references: [reference]
  scores:
    - {field: adequacy, minimum: 1, maximum: 5, rater: judge}
    - {field: error_count, minimum: 0, maximum: 25, higher_is_better: false}
    - {field: anna, given_by: anna, dimension: fluency, minimum: 1, maximum: 7}   # a column for each rater

mapping:
  kind: ranking
  prompt: question
  responses: answers                # one field that holds a list of texts
  ranks: order                      # a list beside it, 1 the best; or `values`, with minimum and maximum

mapping:
  kind: stepwise
  prompt: problem
  responses: steps                  # one field that holds a list of texts
  label: {field: labels, values: {good: 1, bad: 0, neutral: 0.5}}   # a list beside it; null where nobody judged

mapping:
  kind: stepwise
  prompt: problem
  responses: steps
  label: {field: label, first_wrong: 0, none: -1}   # the number of the first wrong step, the first having number 0

Any kind may name `images`, fields with images that the prompt shows.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import polars as pl

from schemas.arrow import DIALOGUE
from schemas.mapping import Label, Mapping, label_text
from transforms.ingest.adapters.base import Adapter, Options, rest
from transforms.ingest.adapters.images import images
from transforms.ingest.adapters.parts import as_responses, ranked, texts
from transforms.ingest.adapters.steps import step_rows, until_first_wrong
from transforms.ingest.canonical import judgement, judgements, normalise, outside, scale_of
from transforms.ingest.dialogue import dialogues, messages, prompt_turns, with_images
from transforms.ingest.listed import Places
from transforms.ingest.records import Records
from transforms.lists import end_to_end, side_by_side


def fields_of(mapping: Mapping) -> list[str]:
    """All fields that a mapping reads."""
    generators = [mapping.generators] if isinstance(mapping.generators, str) else mapping.generators or []
    single = [mapping.system, mapping.rater, mapping.language, mapping.licence, mapping.timestamp]
    label = [mapping.label.strength] if mapping.label else []
    raters = [score.rater for score in mapping.scores]
    others = [*mapping.images, *mapping.references, *generators, *single, *label, *raters]
    return [*needed_of(mapping), *(name for name in others if name)]


def needed_of(mapping: Mapping) -> list[str]:
    """Those of which texts and judgements are made."""
    responses = [mapping.responses] if isinstance(mapping.responses, str) else mapping.responses
    label = mapping.label.field if mapping.label else None
    judged = [label, mapping.ranks, mapping.values, *(score.field for score in mapping.scores)]
    return [name for name in (mapping.prompt, *responses, *judged) if name]


def rows(records: Records, options: Options) -> pl.DataFrame:
    """One row a record, as the mapping says."""
    mapping = Mapping.model_validate(options["mapping"])
    if mapping.prompt is None:
        prompt = pl.Series("prompt", [[]], dtype=DIALOGUE).new_from_index(0, len(records))
    elif mapping.system is not None:
        prompt = prompt_turns(
            records.column(mapping.prompt, pl.String), records.column(mapping.system, pl.String, required=False)
        )
    else:
        prompt = dialogues(records, mapping.prompt, role="user")
    out: dict[str, pl.Series] = {"prompt": _shown(records, mapping.images, prompt) if mapping.images else prompt}
    if isinstance(mapping.responses, str):
        out |= (_stepped if mapping.kind == "stepwise" else _ranked)(records, mapping)
    else:
        out["responses"] = side_by_side([dialogues(records, name, role="assistant") for name in mapping.responses])
        out |= {"pair": _pair, "rating": _rated, "ranking": _ranked}[mapping.kind](records, mapping)
    if mapping.generators:
        out["generators"] = _generators(records, mapping, mapping.generators)
    if mapping.references:
        texts = [records.column(name, pl.String, required=False) for name in mapping.references]
        out["references"] = side_by_side(texts, [text.is_not_null() for text in texts])
    for name in ("language", "licence", "timestamp"):
        field = getattr(mapping, name)
        if field:
            out[name] = records.column(field, pl.String, required=False)
    out["metadata"] = rest(records, fields_of(mapping))
    return pl.DataFrame([series.alias(name) for name, series in out.items()]).with_columns(kind=pl.lit(mapping.kind))


def _generators(records: Records, mapping: Mapping, given: list[str] | str) -> pl.Series:
    """Who wrote each response: a field for each, or one with a list; of a single response one with a text, too."""
    single = mapping.kind == "stepwise" or (isinstance(mapping.responses, list) and len(mapping.responses) == 1)
    if isinstance(given, str) and not (single and records.texts_only(given)):
        return records.column(given, pl.List(pl.String), required=False)
    names = [given] if isinstance(given, str) else given
    return side_by_side([records.column(name, pl.String, required=False) for name in names])


def _shown(records: Records, names: list[str], prompt: pl.Series) -> pl.Series:
    """Prompts whose last message shows the images of these fields; one without a message gets one for them."""
    found = end_to_end([_images(records, name) for name in names])
    wanted = (found.list.len() > 0) & (prompt.list.len() == 0).fill_null(False)
    bare = messages(pl.Series([None], dtype=pl.String).new_from_index(0, len(records)), "user")
    return with_images(end_to_end([prompt, side_by_side([bare], [wanted])]), found)


def _images(records: Records, name: str) -> pl.Series:
    """One field's images as a list a record, empty where it has none."""
    values = [value if isinstance(value, list) else [] if value is None else [value] for value in records.values(name)]
    items = Places(np.fromiter(map(len, values), np.int64, len(values)))
    return items.lists(images(records, list(chain.from_iterable(values)), items.owners.tolist(), name))


def _texts(records: Records, name: str) -> pl.Series:
    """A field's values as text, whatever scalar they are; labels may be numbers or booleans."""
    values = records.values(name)
    if records.texts_only(name):
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, [None if value is None else label_text(value) for value in values], dtype=pl.String)


def _pair(records: Records, mapping: Mapping) -> dict[str, pl.Series]:
    label = mapping.label
    assert label is not None
    if label.field is None:
        value = pl.Series([label.always] * len(records), dtype=pl.Float64)
    elif label.values is None:
        value = records.column(label.field, pl.Float64, required=False)
        records.reject(
            outside(value, 0, 1), "unknown_label", f"{label.field!r} is not a preference in [0, 1]; name its `values`"
        )
    else:
        known = label.values
        texts = _texts(records, label.field)
        allowed = ", ".join(map(repr, known))
        for index in (texts.is_not_null() & ~texts.is_in(list(known))).arg_true().to_list():
            records.problem(index, "unknown_label", f"{label.field!r} is {texts[index]!r}; the mapping knows {allowed}")
        value = texts.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Float64)
    frame = pl.DataFrame(
        {"value": value, "rater": _rater(records, mapping.rater), "strength": _strength(records, label.strength)}
    )
    made = judgement(pl.col("value"), dimension=mapping.dimension, rater=pl.col("rater"), strength=pl.col("strength"))
    return {"judgements": judgements(frame, [made])}


def _rater(records: Records, field: str | None) -> pl.Series:
    return _texts(records, field) if field else pl.Series([None] * len(records), dtype=pl.String)


def _strength(records: Records, field: str | None) -> pl.Series:
    if field is None:
        return pl.Series([None] * len(records), dtype=pl.Float64)
    return records.column(field, pl.Float64, required=False).abs()


def _rated(records: Records, mapping: Mapping) -> dict[str, pl.Series]:
    columns: dict[str, pl.Series] = {}
    parts, scales = [], []
    for i, score in enumerate(mapping.scores):
        value = records.column(score.field, pl.Float64, required=False, absent=score.missing)
        said = f"{score.field!r} is not in [{score.minimum:g}, {score.maximum:g}]"
        records.reject(outside(value, score.minimum, score.maximum), "value_out_of_range", said)
        columns[f"value{i}"] = value
        named = pl.Series([score.given_by], dtype=pl.String).new_from_index(0, len(records))
        columns[f"rater{i}"] = named if score.given_by else _rater(records, score.rater or mapping.rater)
        dimension = score.dimension or (score.field if len(mapping.scores) > 1 else mapping.dimension)
        scale = (score.minimum, score.maximum, score.higher_is_better)
        scales.append((dimension, *scale))
        parts.append(
            judgement(
                pl.col(f"value{i}"),
                dimension=dimension,
                rater=pl.col(f"rater{i}"),
                normalised=normalise(pl.col(f"value{i}"), *scale),
            )
        )
    distinct = list(dict.fromkeys(scales))
    return {"judgements": judgements(pl.DataFrame(columns), parts), "scales": scale_of(len(records), distinct)}


def _ranked(records: Records, mapping: Mapping) -> dict[str, pl.Series]:
    """Texts in one list or in several fields, and beside them a list of ranks or scores."""
    out: dict[str, pl.Series] = {}
    if isinstance(mapping.responses, str):
        texts = records.column(mapping.responses, pl.List(pl.String))
        answers = Places(texts.list.len().fill_null(0).to_numpy())
        out["responses"] = as_responses(answers, texts.explode(empty_as_null=False, keep_nulls=False))
    else:
        answers = Places(np.full(len(records), len(mapping.responses)))
    field = mapping.ranks or mapping.values
    assert field is not None
    lists = records.column(field, pl.List(pl.Float64))
    uneven = lists.list.len() != pl.Series(answers.counts)
    records.reject(uneven, "wrong_type", f"{field!r} does not hold one number for each response")
    holes = lists.list.eval(pl.element().is_null()).list.any()
    records.reject(holes, "value_out_of_range", f"{field!r} holds null, which is not a finite number")
    judged = Places(lists.list.len().fill_null(0).to_numpy())
    values = lists.explode(empty_as_null=False, keep_nulls=False)
    raters = _rater(records, mapping.rater)
    if mapping.ranks:
        return out | ranked(judged, values, dimension=mapping.dimension, rater=raters)
    assert mapping.minimum is not None
    assert mapping.maximum is not None
    scale = (mapping.minimum, mapping.maximum, mapping.higher_is_better)
    for end in (lists.list.min(), lists.list.max()):
        records.reject(outside(end, *scale[:2]), "value_out_of_range", f"{field!r} leaves its scale")
    made = judgement(
        pl.col("v"),
        dimension=mapping.dimension,
        rater=pl.col("rater"),
        normalised=normalise(pl.col("v"), *scale),
        response=pl.col("response"),
    )
    frame = pl.DataFrame({"v": values, "rater": raters[judged.owners]})
    out["judgements"] = judged.judgements(frame, [made])
    out["scales"] = scale_of(len(records), [(mapping.dimension, *scale)])
    return out


def _stepped(records: Records, mapping: Mapping) -> dict[str, pl.Series]:
    """Texts in one list, which are the steps of one response, and what was said of them."""
    label, name = mapping.label, mapping.responses
    assert label is not None
    assert label.field is not None
    assert isinstance(name, str)
    steps = texts(records, name)
    items = Places(steps.list.len().to_numpy())
    value = _listed(records, label, items, name) if label.first_wrong is None else _indexed(records, label, items)
    made = step_rows(steps, items, value, (0.0, 1.0), rater=_rater(records, mapping.rater)[items.owners])
    return {column: made[column] for column in ("responses", "steps", "judgements", "scales")}


def _indexed(records: Records, label: Label, items: Places) -> pl.Series:
    """How right each step is by the number of the first wrong one."""
    field, first = label.field, label.first_wrong
    assert field is not None
    assert first is not None
    number = records.column(field, pl.Int64, required=False)
    count = pl.Series(items.counts)
    clean = number.is_null() if label.none is None else (number == label.none).fill_null(False)
    beyond = ~clean & ~number.is_between(first, count + (first - 1))
    for index in (beyond & (count > 0)).arg_true().to_list():
        last = int(items.counts[index]) + first - 1
        none = "nothing" if label.none is None else label.none
        said = f"{field!r} is {number[index]}; its steps are {first} to {last}, and {none} says that none is wrong"
        records.problem(index, "no_such_step", said)
    return until_first_wrong(items, count.zip_with(clean, number - first))


def _listed(records: Records, label: Label, items: Places, name: str) -> pl.Series:
    """How right each step is by its own label."""
    assert label.field is not None
    given = [value if isinstance(value, list) else [] for value in records.values(label.field)]
    for index in np.flatnonzero(np.fromiter(map(len, given), np.int64, len(given)) != items.counts).tolist():
        said = f"{label.field!r} does not hold one label for each of {name!r}"
        records.problem(index, "wrong_type", said)
        given[index] = [None] * int(items.counts[index])
    flat = list(chain.from_iterable(given))
    if label.values is None:
        allowed = "a number from 0 to 1, true or false"
        value = pl.Series(
            [float(one) if isinstance(one, bool | int | float) else None for one in flat], dtype=pl.Float64
        )
        value = value.to_frame("v").select(pl.when(pl.col("v").is_between(0, 1)).then("v")).to_series()
        unknown = pl.Series([one is not None for one in flat], dtype=pl.Boolean) & value.is_null()
    else:
        allowed = ", ".join(map(repr, label.values))
        words = pl.Series([None if one is None else label_text(one) for one in flat], dtype=pl.String)
        known = list(label.values)
        value = words.replace_strict(known, list(label.values.values()), default=None, return_dtype=pl.Float64)
        unknown = words.is_not_null() & ~words.is_in(known)
    for place in unknown.arg_true().to_list():
        said = f"{label.field!r}, step {items.places[place] + 1} is {flat[place]!r}; allowed are {allowed}"
        records.problem(int(items.owners[place]), "unknown_label", said)
    return value


ADAPTER = Adapter(
    name="mapping",
    kinds=("pair", "rating", "ranking", "stepwise"),
    about="Any tabular or JSON file, by a few lines of YAML that say which field is what.",
    keeps="what the mapping names; all other fields as metadata",
    unknown="what the mapping does not name",
    fields=(),
    rows=rows,
    fits=lambda records: False,  # nothing can be recognised as "whatever the user says"
    example={"question": "Say hi.", "answer_a": "Hi.", "answer_b": "No.", "winner": "model_a"},
)
