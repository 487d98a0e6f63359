"""Arrow, polars and JSON schemas follow from the models and from nothing else."""

from __future__ import annotations

import json
import typing

import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from schemas.arrow import JUDGEMENT, MESSAGE, ROW_SCHEMA, arrow_schema, arrow_type, polars_schema
from schemas.row import KINDS, ROLES, Kind, Message, Role, Row


class Inner(BaseModel):
    kind: typing.Literal["a", "b"]
    flag: bool = False


class Outer(BaseModel):
    name: str
    inner: Inner
    maybe: float | None = None
    deep: list[list[Inner]]
    named: list[str | None] | None = None
    limited: typing.Annotated[int, "at least one"] | None = None


INNER = pa.struct([("kind", pa.large_string()), ("flag", pa.bool_())])


def test_each_annotation_has_its_type() -> None:
    assert arrow_schema(Outer) == pa.schema(
        [
            ("name", pa.large_string()),
            ("inner", INNER),
            ("maybe", pa.float64()),
            ("deep", pa.large_list(pa.large_list(INNER))),
            ("named", pa.large_list(pa.large_string())),
            ("limited", pa.int64()),
        ]
    )
    assert polars_schema(Outer)["deep"] == pl.List(pl.List(pl.Struct({"kind": pl.String, "flag": pl.Boolean})))


def test_type_without_arrow_type_is_named() -> None:
    with pytest.raises(TypeError, match=r"no Arrow type for .*complex.*; allowed are .*'float'"):
        arrow_type(complex)


def test_row_schema_has_the_models_fields_in_order() -> None:
    assert ROW_SCHEMA.names() == list(Row.model_fields)
    assert [field.name for field in MESSAGE.fields] == list(Message.model_fields)
    assert ROW_SCHEMA["responses"] == pl.List(pl.List(MESSAGE))
    assert ROW_SCHEMA["judgements"] == pl.List(JUDGEMENT)
    assert ROW_SCHEMA["line"] == pl.Int64
    assert ROW_SCHEMA["generators"] == pl.List(pl.String)
    assert {f.name: f.dtype for f in JUDGEMENT.fields}["strength"] == pl.Float64


def test_schema_survives_parquet(tmp_path) -> None:
    pl.DataFrame(schema=ROW_SCHEMA).write_parquet(tmp_path / "empty.parquet")
    assert pl.read_parquet_schema(tmp_path / "empty.parquet") == ROW_SCHEMA


def test_json_schema_prints_and_says_what_is_allowed() -> None:
    schema = json.loads(json.dumps(Row.model_json_schema()))
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) >= {"row_id", "kind", "prompt", "responses", "judgements"}
    assert schema["properties"]["kind"]["enum"] == list(KINDS) == list(typing.get_args(Kind))
    assert schema["$defs"]["Message"]["properties"]["role"]["enum"] == list(ROLES) == list(typing.get_args(Role))
    assert schema["$defs"]["Judgement"]["properties"]["count"]["minimum"] == 1
