"""The page docs/signals.md: every column of every table, every action and reason, every code of dead letters."""

from __future__ import annotations

from schemas.config import Policy
from schemas.published import COLUMNS
from schemas.tables import BETWEEN, SIGNALS, Table
from schemas.verdict import ACTION_WORDS, DEAD_LETTERS, REASONS

_PAGE = """\
# Signals and verdicts

<!-- Made by the code (`make docs`); a test runs every stage and compares. What to say here is said in schemas/. -->

A *signal* is a fact that a stage found out about a row; it changes nothing. A *verdict* is what policy makes of the
signals. Signals lie in sidecars: Parquet files beside a block of rows, one line a row in the same order, in the folder
of their stage under `OUT/work/`. Folders are named `STAGE-KEY`, KEY being twelve digits of the stage's lineage: a
changed setting is another folder, and `manifest.json` names those of the last run under `stages`. N is a number.

```python
import glob
import polars as pl

said = pl.read_parquet(glob.glob("runs/hh/work/strength-*/000000.parquet")[0])  # of the rows in the first block
```

`trenchcoat explain OUT ROW_ID` says all of it of one row. A column may be null where a stage has nothing to say.
Numbers are rounded to five digits before anything is decided on them. Margins and preferences are for a row's own
`responses[0]`, whichever side is the better one.
"""
#: Keys of the policy that are not called like their reason.
_KEYS = {
    "likely_mislabelled": ("mislabelled", "doubtful"),
    "exact_duplicate": (), "merged_judgement": (), "part_of_row": (),
    "overlap_kept": ("contaminated",),
}  # fmt: skip


def signals_page() -> str:
    """The page as Markdown."""
    out = [_PAGE, "\n## Actions\n\n", "| action | what becomes of the row |\n|---|---|\n"]
    out += [f"| `{action}` | {words} |\n" for action, words in ACTION_WORDS.items()]
    out.append(
        "\nOf several reasons the strongest action wins: merged, drop, review, flip, soften, keep, in this order.\n"
        "\n## Reasons\n\nIn the ledger a row's `details` hold each reason's score, threshold and counterpart.\n\n"
        "| code | meaning | decided by |\n|---|---|---|\n"
    )
    out += [f'| <a id="{code}"></a>`{code}` | {words} | {_decided(code)} |\n' for code, words in REASONS.items()]
    out.append(
        "\n## Dead letters\n\nRecords that could not be used are in `dead_letters.jsonl`: `source`, `file`, `line`, "
        "`code`, `message`, `raw`.\n\n| code | meaning |\n|---|---|\n"
    )
    out += [f"| `{code}` | {words} |\n" for code, words in DEAD_LETTERS.items()]
    out.append("\n## What is said of rows and raters\n")
    out += map(_table, SIGNALS)
    out.append(
        "\n## Published columns\n\nOf the configurations in `OUT/dataset/`; the card has them too, with types.\n\n"
        "| configuration | column | meaning | how it came to be |\n|---|---|---|---|\n"
    )
    for shape, columns in COLUMNS.items():
        out += [f"| `{shape}` | `{name}` | {one.meaning} | {one.how} |\n" for name, one in columns.items()]
    out.append(
        "\n## Between stages\n\nWhat stages hand to each other: it may change with any version, and nothing should be "
        "built on it.\n"
    )
    out += map(_table, BETWEEN)
    return "".join(out)


def _decided(code: str) -> str:
    keys = _KEYS.get(code, (code,))
    return ", ".join(f"[`policy.{key}`](configuration.md#policy.{key})" for key in keys if key in Policy.model_fields)


def _table(table: Table) -> str:
    head = f"\n### `{table.path}`\n\nOf `{table.stage}`. {table.about}\n\n"
    lines = [f"| `{name}` | {type} | {range} | {words} |\n" for name, (type, range, words) in table.columns.items()]
    return head + "| column | type | range | meaning |\n|---|---|---|---|\n" + "".join(lines)
