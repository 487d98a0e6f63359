"""A look at the beginning of files: what they are, which adapter reads them, rows as they would be, the first problems.

Nothing is hashed and no file is read whole: what is said of a file rests on its first records.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pydantic import ValidationError

from schemas.config import Source
from schemas.mapping import Mapping
from transforms.ingest.adapters import ADAPTERS, adapter, fitting
from transforms.ingest.adapters.base import Adapter, Options
from transforms.ingest.canonical import Origin, to_rows
from transforms.ingest.fields import Field, fields
from transforms.ingest.files import FileRef, InputError, head
from transforms.ingest.guess import Guess, guess
from transforms.ingest.places import Place, suffix_of
from transforms.ingest.readers import columnar, sample
from transforms.ingest.readers.streams import BEGIN_ENDS, Stream, StreamBreak
from transforms.ingest.records import Broken, Records

#: Bytes of text that are looked at; the second where the first do not hold one whole record.
BEGINS = (2**20, 32 * 2**20)
#: Records of the beginning that are read as rows, at most.
MOST_RECORDS = 1000
#: Records by which a format is recognised, as in `readers.sample`.
_TELLING = 100
#: Files of one kind that are looked at to see whether they are alike, spread over all of them.
MOST_ALIKE = 12
#: Adapters as which records are shown where several fit, and those that are named where none does.
_MOST_FITTING, _MOST_NEAR = 3, 3


@dataclass(frozen=True)
class Near:
    """An adapter that does not fit: the fields of its own that are there, and those that are missing.

    Where none is missing, they hold something else than it expects.
    """

    name: str
    has: tuple[str, ...]
    lacks: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """The first records as one adapter reads them: `rows` out of `records`, and what cannot be used."""

    format: str
    records: int
    rows: list[dict[str, Any]]
    made: int
    problems: list[Broken]
    codes: dict[str, int]


@dataclass(frozen=True)
class Look:
    """What a file is.

    Attributes:
        place: which file, and what it stands for.
        ref: its layout: format, compression, delimiter and so on.
        read: how many records of its begin were read, the broken ones among them.
        records: about how many it has (all files of the place together); None where nobody can tell.
        exact: whether that is their number.
        fields: of the records that were read.
        fits: names of the adapters that fit.
        near: those that nearly do, where none fits.
        readings: rows and problems, one for each adapter that was asked for or fits, or for the guessed mapping.
        guess: a mapping to start from, where no adapter fits.
    """

    place: Place
    ref: FileRef
    read: int
    records: int | None
    exact: bool
    fields: list[Field]
    fits: list[str] = field(default_factory=list)
    near: list[Near] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    guess: Guess | None = None


def layouts(place: Place, source: Source) -> tuple[list[Place], list[InputError]]:
    """A place's files by what they hold, judged by some of them: one place for each set of fields.

    Returns:
        The place itself where the files that were looked at are alike; else places of only those, the commonest first.
        And what is wrong with files of which nothing can be read.
    """
    many = len(place.paths)
    chosen = sorted({number * many // min(many, MOST_ALIKE) for number in range(min(many, MOST_ALIKE))})
    if place.dataset or len(chosen) == 1:
        return [place], []
    kinds: list[tuple[set[str], list[int]]] = []
    wrong: list[InputError] = []
    for number in chosen:
        try:
            names = set(sample(_head(place.paths[number], source, place, BEGINS[0] // 4), 20).names())
        except InputError as error:
            wrong.append(error)
            continue
        # Some fields may be left out of records, so alike is what has most of its fields in common.
        alike = next((members for known, members in kinds if 2 * len(known & names) >= len(known | names)), None)
        if alike is None:
            kinds.append((names, [number]))
        else:
            alike.append(number)
    if len(kinds) == 1 and not wrong:
        return [dataclasses.replace(place, looked=len(chosen))], wrong
    ordered = sorted((members for _, members in kinds), key=lambda members: (-len(members), members))
    held = Counter(folder for numbers in ordered for folder in {_folder(place.paths[number]) for number in numbers})
    return [_part(place, numbers, held) for numbers in ordered], wrong


def _part(place: Place, looked: list[int], held: Counter[str]) -> Place:
    """Some files of a place; all of their folder where nothing else was seen in it (`held`: kinds seen in each)."""
    folder, suffix = _folder(place.paths[looked[0]]), suffix_of(place.first)
    inputs, numbers = tuple(place.paths[number] for number in looked), looked
    if suffix and held[folder] == 1 and {_folder(path) for path in inputs} == {folder}:
        numbers = [number for number, path in enumerate(place.paths) if _folder(path) == folder]
        inputs = (f"{folder}/*.{suffix}",) if len(numbers) > 1 else inputs
    paths, sizes = tuple(place.paths[n] for n in numbers), tuple(place.sizes[n] for n in numbers)
    return dataclasses.replace(place, inputs=inputs, paths=paths, sizes=sizes, looked=len(looked))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def look(
    place: Place, source: Source, shown: int = 3, options: Callable[[Adapter], Options] = lambda known: {}
) -> Look:
    """Look at the first file of a place.

    Args:
        place: the files.
        source: how they are to be read, as in a run's configuration; its `input` is not looked at.
        shown: how many rows and problems to give of each reading.
        options: an adapter's switches.

    Raises:
        InputError: the file is not what it says it is, or its begin holds no record.
    """
    ref, records, about, exact = _begin(_head(place.first, source, place, BEGINS[0]), place.size)
    if about is not None and len(place.paths) > 1:
        about = about * place.bytes // max(place.size or 1, 1) if place.bytes is not None else None
        exact = False
    found = fields(records.head(MOST_RECORDS))
    # As `curate` would, by the first hundred records, though they may take more than was read so far.
    further = ref.most and not exact and len(records) < _TELLING
    telling = sample(dataclasses.replace(ref, most=BEGINS[-1]), _TELLING) if further else records.head(_TELLING)
    fits = fitting(telling) if len(telling) else []
    seen = Look(place, ref, len(records) + len(records.broken), about, exact, found, [known.name for known in fits])
    made = None
    readers: list[tuple[Adapter | None, Options]]
    if source.format != "auto" or fits:
        asked = fits[:_MOST_FITTING] if source.format == "auto" else [adapter(source.format)]
        readers = [(known, options(known)) for known in asked]
    else:
        made = guess(found) if len(records) else None
        readers = [(adapter("mapping"), {"mapping": made.mapping}) if made and _whole(made) else (None, {})]
    whole = exact and about == seen.read
    readings = [_reading(records, known, told, source, shown, whole) for known, told in readers]
    return dataclasses.replace(
        seen, near=[] if fits or source.format != "auto" else _near(records), readings=readings, guess=made
    )


def _head(path: str, source: Source, place: Place, most: int) -> FileRef:
    form = "dataset" if place.dataset else source.reader
    split = place.splits[0] if place.splits else None
    return head(
        source.name, path, most, format=form, split=split,
        quoting=source.quoting, record=source.record, delimiter=source.delimiter, columns=source.columns,
    )  # fmt: skip


def _begin(ref: FileRef, size: int | None) -> tuple[FileRef, Records, int | None, bool]:
    """The first records, about how many there are in the file, and whether that is exact."""
    ref = dataclasses.replace(ref, size=size or 0)
    if ref.most is None or ref.format in ("parquet", "arrow"):
        try:
            about, exact = columnar.about(ref.path, ref.format, size)
        except columnar.Unreadable as error:
            raise InputError(f"{ref.path} cannot be read: {error}") from error
        return ref, sample(ref, MOST_RECORDS), about, exact
    for most in BEGINS:
        ref = dataclasses.replace(ref, most=most)
        records = _whole_records(sample(ref, most))
        if len(records):
            break
    given, used = _used(ref)
    count = len(records) + len(records.broken)
    if not count:
        raise InputError(f"{ref.path} holds no record in its first {given:,} bytes")
    if given < BEGINS[0]:
        return ref, records, count, True
    return ref, records, None if size is None else count * size // max(used, 1), False


def _whole_records(records: Records) -> Records:
    """Without the record that is broken only because no more was read, and what may have come of that."""
    if not any(letter.code == BEGIN_ENDS for letter in records.broken):
        return records
    last = int(records.lines[-1]) if len(records) else None
    records.broken = [
        letter for letter in records.broken if letter.code != BEGIN_ENDS and (last is None or letter.line < last)
    ]
    return records


def _used(ref: FileRef) -> tuple[int, int]:
    """How many bytes of text the beginning has, and how many of the file's own bytes they are."""
    given = 0
    with Stream(ref.path, ref.compression, ref.most) as stream:
        try:
            while data := stream.chunk(BEGINS[0]):
                given += len(data)
        except StreamBreak:
            pass
        return given, stream.position


def _reading(
    records: Records, known: Adapter | None, options: Options, source: Source, shown: int, whole: bool
) -> Reading:
    """The begin, or the `whole` file, as an adapter reads it; without one, what could not be parsed."""
    part = records.head(MOST_RECORDS)
    if len(part) < len(records):
        part.broken = [letter for letter in part.broken if letter.line < part.lines[-1]]
    rows, dead = pl.DataFrame(), part.broken
    if known and known.joins and len(part) and not (whole and len(part) == len(records)):
        part = _whole_units(part, known.joins)
    if known and len(part):
        # Raters keep their names: whoever looks at a file has it, and can see that the right field was taken.
        origin = Origin(source.name, source.name, source.licence, pseudonymise=False)
        rows, dead = to_rows(part, known.rows(part, options), origin)
    codes = dict(Counter(letter.code for letter in dead).most_common())
    name = known.name if known else ""
    return Reading(name, len(part) + len(part.broken), rows.head(shown).to_dicts(), rows.height, dead[:shown], codes)


def _whole_units(records: Records, names: Sequence[str]) -> Records:
    """Without the unit of the last record, which may go on behind it; with it where there is no other."""
    units = records.keys(names).hash_rows()
    before = (units != units[-1]).arg_true().to_numpy()
    if not len(before):
        return records
    kept = records.pick(before)
    kept.broken = records.broken
    return kept


def _whole(made: Guess) -> bool:
    try:
        Mapping.model_validate(made.mapping)
    except ValidationError:
        return False
    return True


def _near(records: Records) -> list[Near]:
    """The adapters of whose fields at least half are there, the nearest first."""
    found: list[tuple[float, int, Near]] = []
    for known in ADAPTERS:
        layouts: Sequence[Sequence[str]] = (
            [known.fields] if known.fields else [*map(tuple, (known.example, *known.variants))]
        )
        near = max((_missing(records, known.name, layout) for layout in layouts if layout), key=_share, default=None)
        if near and _share(near) >= 0.5 and known.name != "mapping":
            found.append((_share(near), len(near.has), near))
    found.sort(key=lambda entry: (-entry[0], -entry[1]))
    return [near for _, _, near in found[:_MOST_NEAR]]


def _missing(records: Records, name: str, layout: Sequence[str]) -> Near:
    has = tuple(one for one in layout if records.has(one))
    return Near(name, has, tuple(one for one in layout if one not in has))


def _share(near: Near) -> float:
    return len(near.has) / (len(near.has) + len(near.lacks))
