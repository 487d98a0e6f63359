"""Arrow and polars schemas, generated from the pydantic models."""

from __future__ import annotations

import types
import typing
from functools import cache

import polars as pl
import pyarrow as pa
from pydantic import BaseModel

from schemas.row import Image, Judgement, Message, Row, Scale, ToolCall

_SCALARS: dict[type, pa.DataType] = {
    str: pa.large_string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
}


def arrow_type(annotation: typing.Any) -> pa.DataType:
    """The Arrow type of a type annotation; raises TypeError for one that has none."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return arrow_type(next(a for a in arguments if a is not type(None)))
    if origin is typing.Annotated:
        return arrow_type(arguments[0])
    if origin is typing.Literal:
        return _SCALARS[type(arguments[0])]
    if origin is list:
        return pa.large_list(arrow_type(arguments[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return pa.struct(arrow_schema(annotation))
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise TypeError(
        f"no Arrow type for {annotation!r}; allowed are {sorted(t.__name__ for t in _SCALARS)}, lists and models"
    )


@cache
def arrow_schema(model: type[BaseModel]) -> pa.Schema:
    """The Arrow schema of a model, one field for each of the model's, in its order."""
    hints = typing.get_type_hints(model, include_extras=True)
    return pa.schema([(name, arrow_type(hints[name])) for name in model.model_fields])


def polars_schema(model: type[BaseModel]) -> pl.Schema:
    """The polars schema of a model."""
    return pl.Schema(arrow_schema(model))  # not by a table: to make one, pyarrow imports pandas


ROW_SCHEMA = polars_schema(Row)
MESSAGE = pl.Struct(dict(polars_schema(Message)))
DIALOGUE = pl.List(MESSAGE)
JUDGEMENT = pl.Struct(dict(polars_schema(Judgement)))
SCALE = pl.Struct(dict(polars_schema(Scale)))
TOOL_CALL = pl.Struct(dict(polars_schema(ToolCall)))
IMAGE = pl.Struct(dict(polars_schema(Image)))
