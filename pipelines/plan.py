"""What a run reads: each source's and benchmark's files, found, hashed and recognised before any work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pipelines.config import located
from pipelines.errors import UserError
from pipelines.mapped import check_mapping
from pipelines.options import options_of
from schemas.config import Benchmark, Config, Source
from transforms.blocks import is_remote
from transforms.images.places import root_of
from transforms.ingest.adapters import FormatError, adapter, recognise
from transforms.ingest.files import FileRef, InputError, InputFile, plan
from transforms.ingest.readers import sample
from transforms.ingest.readers.lines import scan
from transforms.ingest.records import Records
from transforms.ingest.units import whole_files
from transforms.signals.stage import counter_of

_Files = TypeVar("_Files", Source, Benchmark)


@dataclass(frozen=True)
class Planned(Generic[_Files]):
    """What is read of one source or benchmark: its references and files, the format, and the adapter's switches.

    `companions` are the files that its options name; `options` has their paths in place of the patterns. Relative
    paths of images count from `root`.
    """

    source: _Files
    format: str
    refs: list[FileRef]
    files: list[InputFile]
    companions: list[InputFile] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    root: str = ""


def plan_sources(config: Config) -> list[Planned[Source]]:
    """Find, hash and recognise every source's files; raises UserError for what cannot be read."""
    out = [_plan(source, "source") for source in config.sources]
    counter_of(config.signals.length)  # a tokenizer that is not there is found out now, not in a worker
    return out


def plan_ratings(config: Config) -> list[Planned[Source]]:
    """The same for ratings that only probes learn from."""
    return [_plan(source, "probes.ratings") for source in config.probes.ratings]


def plan_benchmarks(config: Config) -> list[Planned[Benchmark]]:
    """The same for the benchmarks that rows are compared with."""
    return [_plan(benchmark, "benchmark") for benchmark in config.contamination.benchmarks]


def _plan(source: _Files, what: str) -> Planned[_Files]:
    fields = source.fields if isinstance(source, Benchmark) else None
    lines = isinstance(source, Benchmark) and source.format == "text"
    form = "fields" if fields else source.format
    options: dict[str, Any] = {}
    companions: list[InputFile] = []
    try:
        refs, files = plan(
            source.name,
            [located(path) for path in source.input],
            format="jsonl" if lines else source.reader,
            quoting=source.quoting,
            record=source.record,
            delimiter=source.delimiter,
            columns=source.columns,
        )
        if fields:
            _see_fields(fields, sample(refs[0]))
        elif source.mapping:
            check_mapping(source.mapping, refs)
        elif form == "auto":
            form = recognise(sample(refs[0]), refs[0].file).name
        if not fields and not lines:
            adapt = adapter(form)
            options = options_of(source, adapt)
            companions = [_companion(path) for path in dict.fromkeys(p for n in adapt.companions for p in options[n])]
            refs = whole_files(refs) if adapt.joins else refs
    except (InputError, FormatError) as error:
        raise UserError(f"{what} {source.name!r}: {error}") from error
    root = _root(source, files) if isinstance(source, Source) else ""
    return Planned(source, form, refs, files, companions, options, root)


def _root(source: Source, files: Sequence[InputFile]) -> str:
    """The folder that relative paths of a source's images count from; raises UserError for one that is not there."""
    if source.images is None:
        return root_of(files[0].path, files[0].file)
    if is_remote(source.images):
        return source.images
    folder = os.path.abspath(os.path.expanduser(located(source.images)))
    if not os.path.isdir(folder):
        raise UserError(
            f"source {source.name!r}: images: {folder} is no folder; allowed are folders, and addresses of fsspec's"
        )
    return folder


def _see_fields(fields: list[str], records: Records) -> None:
    """See that a benchmark's fields are there; raises InputError naming the one that is not, and those that are."""
    for name in fields:
        if all(value is None for value in records.values(name)):
            raise InputError(f"no record at its begin has the field {name!r}; they have {', '.join(records.names())}")


def _companion(path: str) -> InputFile:
    size, digest, secret, _ = scan(path, None)
    return InputFile(path, path.rsplit("/", 1)[-1], size, digest, secret)
