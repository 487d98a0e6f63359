"""Every table that a run leaves, and every column of it: type, range and meaning, said once.

A test runs all stages and compares their files with this, both ways; `trenchcoat schema signals --markdown` prints it.
"""

from __future__ import annotations

from schemas.tables import between, judging, labels, rows
from schemas.tables.table import Columns, Table, type_words

__all__ = ["BETWEEN", "SIGNALS", "TABLES", "Columns", "Table", "type_words"]

#: What is said of rows and raters, for whoever reads a run.
SIGNALS: tuple[Table, ...] = (*rows.TABLES, *labels.TABLES)
#: What stages hand to each other.
BETWEEN: tuple[Table, ...] = (*between.TABLES, *judging.TABLES)
TABLES: tuple[Table, ...] = (*SIGNALS, *BETWEEN)
