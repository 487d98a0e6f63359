"""Croissant 1.0 metadata (mlcommons.org/croissant): a published dataset's files with their hashes, and its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa

from pipelines.card import Published
from pipelines.listing import Entry

FILE = "croissant.json"
# The context that every Croissant 1.0 file carries word for word.
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
# Matched from a path's begin on.
_SPLIT = r".*/([a-z][a-z0-9_]*)-\d{5}-of-\d{5}\.parquet$"
_PARQUET = "application/x-parquet"


def describe(
    title: str,
    description: str,
    licences: Sequence[str],
    citation: str,
    published: Sequence[Published],
    files: Sequence[Entry],
    url: str | None,
) -> bytes:
    """The metadata of a dataset, as the bytes of its file.

    Args:
        title: its name.
        description: a sentence or more.
        licences: what its sources are under, as stated.
        citation: a BibTeX entry.
        published: its configurations.
        files: its data files, with their paths beside the metadata.
        url: where it can be looked at on the hub, which its files lie below; None for a folder, where paths are
            relative to the metadata.
    """
    hub = {"containedIn": {"@id": "repo"}} if url else {}
    distribution: list[dict[str, Any]] = []
    if url:
        distribution.append(
            {
                "@type": "cr:FileObject", "@id": "repo", "name": "repo", "description": "The repository on the hub.",
                "contentUrl": f"{url}/tree/main", "encodingFormat": "git+https",
                # A repository has no hash; this is what Croissant asks to be said of one.
                "sha256": "https://github.com/mlcommons/croissant/issues/80",
            }
        )  # fmt: skip
    for one in files:
        distribution.append(
            {
                "@type": "cr:FileObject", "@id": one.file, "name": one.file,
                "contentUrl": f"{url}/resolve/main/{one.file}" if url else one.file,
                "contentSize": f"{one.bytes} B", "encodingFormat": _PARQUET, "sha256": one.sha256,
            }
        )  # fmt: skip
    for shape in published:
        paths = [one.file for one in files if one.file.split("/")[-2] == shape.shape.name]
        folder = paths[0].rsplit("/", 1)[0]
        distribution.append(
            {
                "@type": "cr:FileSet", "@id": f"{shape.shape.name}-files", "name": f"{shape.shape.name}-files", **hub,
                "encodingFormat": _PARQUET, "includes": f"{folder}/*.parquet",
            }
        )  # fmt: skip
    value = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": title,
        "description": description,
        "citeAs": citation,
        "license": sorted(set(licences)) or ["not stated"],
        "keywords": ["preference", "reward-model", "trenchcoat"],
        "isLiveDataset": False,
        **({"url": url} if url else {}),
        "distribution": distribution,
        "recordSet": [_record_set(one) for one in published],
    }
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def _record_set(one: Published) -> dict[str, Any]:
    name, files = one.shape.name, {"fileSet": {"@id": f"{one.shape.name}-files"}}
    split = {
        "@type": "cr:Field", "@id": f"{name}/split", "name": "split", "description": "Which split the row is in.",
        "dataType": "sc:Text",
        "source": {**files, "extract": {"fileProperty": "fullpath"}, "transform": {"regex": _SPLIT}},
    }  # fmt: skip
    fields = [_field(name, column, one.shape.columns.get(column.name, ""), files) for column in one.schema or ()]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": f"{one.rows} rows, for {one.shape.about}.",
        "field": [split, *fields],
    }


def _field(name: str, column: pa.Field, about: str, files: dict[str, Any]) -> dict[str, Any]:
    """A column. Of lists of messages, each of a message's fields is one of the column's."""
    kind, depth = column.type, 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind, depth = kind.value_type, depth + 1
    out: dict[str, Any] = {
        "@type": "cr:Field", "@id": f"{name}/{column.name}", "name": column.name, "description": about or column.name,
    }  # fmt: skip
    if depth:
        out["repeated"] = True
    if not pa.types.is_struct(kind) or depth > 1:
        source = {**files, "extract": {"column": column.name}}
        return out | {"dataType": "sc:Text" if pa.types.is_struct(kind) else _type(kind), "source": source}
    out["subField"] = [
        {
            "@type": "cr:Field", "@id": f"{name}/{column.name}/{inner.name}", "name": inner.name,
            "description": f"The field {inner.name} of each of them.", "dataType": _type(inner.type),
            "source": {**files, "extract": {"column": column.name}, "transform": {"jsonPath": inner.name}},
        }
        for inner in kind
    ]  # fmt: skip
    return out


def _type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
