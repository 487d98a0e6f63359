"""`schema`: the canonical row, the configuration and the tables, for machines, or as pages of the docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import orjson

from pipelines.answer import answer
from pipelines.config_page import config_page
from pipelines.errors import DONE, UserError
from pipelines.signals_page import signals_page
from schemas.config import Config
from schemas.row import Row
from schemas.tables import TABLES


def run_schema(what: str, markdown: bool = False) -> int:
    """Print what was asked for."""
    return answer(lambda: _schema(what, markdown))


def _schema(what: str, markdown: bool) -> int:
    known: dict[str, Callable[[], Any]] = {
        "row": Row.model_json_schema,
        "config": Config.model_json_schema,
        "signals": _tables,
    }
    pages = {"config": config_page, "signals": signals_page}
    if what not in known:
        raise UserError(f"schema {what!r}: allowed are {', '.join(known)}")
    if markdown and what not in pages:
        raise UserError(f"schema {what} --markdown: there is a page of {' and of '.join(pages)}")
    print(pages[what]() if markdown else orjson.dumps(known[what](), option=orjson.OPT_INDENT_2).decode(), end="")
    if not markdown:
        print()
    return DONE


def _tables() -> list[dict[str, Any]]:
    return [
        asdict(table)
        | {
            "columns": [
                {"name": name, "type": type, "range": range, "meaning": words}
                for name, (type, range, words) in table.columns.items()
            ]
        }
        for table in TABLES
    ]
