"""What `evaluate` and `ablate` put beside the stages of a run."""

from __future__ import annotations

from schemas.tables.rows import VERDICT
from schemas.tables.table import Columns, Table, field, number, share, truth, whole

_HASH = "64 bits"
_PLACE: Columns = {"row": whole("Place in the block.")}
_COPIES: Columns = {
    "copy_of": field("As `identity` says; rows set apart have nobody's.", range="row_id"),
    "copy_kind": field("As `identity` says."),
    "copies": whole("As `identity` says."),
    "conflict": truth("As `identity` says."),
    "conflict_on": field("As `identity` says.", "list of text"),
    "judgements": field("As `identity` says; empty for rows set apart.", "list of object"),
    "scales": field("As `identity` says.", "list of object"),
}
TABLES: tuple[Table, ...] = (
    Table(
        "work/lines-KEY/N.parquet",
        "evaluate",
        "Facts of a block's rows to slice by, and the scores that need no model.",
        {
            "source": field("The source's name."),
            "language": field("Of the row.", range="ISO 639-1"),
            "prompt": field("Hash of the prompt.", range="hex"),
            "chance": field("One number a response, by hash.", "list of number", "0 to 1"),
            "length": field("Characters of each response.", "list of number", "0 or more"),
            "subset": field("RewardBench's, where the data has it."),
            "version": field("Of RewardBench."),
            "*": field("A column named with `--by` or `--segment`."),
        },
    ),
    Table(
        "work/lines-KEY/pairs/N.parquet",
        "evaluate",
        "Pairs and their labels.",
        {
            **_PLACE,
            "dimension": field("Null for what was concluded."),
            "label": share("Preference for the first response."),
            "group": whole("Hash of the prompt.", _HASH),
            "key": whole("Hash of the row.", _HASH),
        },
    ),
    Table(
        "work/lines-KEY/rated/N.parquet",
        "evaluate",
        "Responses and their ratings.",
        {
            **_PLACE,
            "response": whole("Which of the row."),
            "kind": field("Of the row.", range="rating, ranking"),
            "dimension": field("What was rated."),
            "human": number("Mean over raters, higher is better.", "the scale"),
            "normalised": share("The same."),
            "raters": whole("How many.", "1 or more"),
            "system": field("Who wrote it."),
            "segment": whole("Hash of what systems are compared on.", _HASH),
            "unit": whole("Hash of what responses are compared within.", _HASH),
            "key": whole("Hash of the row.", _HASH),
        },
    ),
    Table(
        "work/lines-KEY/steps/N.parquet",
        "evaluate",
        "Solutions in steps of which somebody judged a step.",
        {
            **_PLACE,
            "steps": whole("How many it has.", "1 or more"),
            "places": field("Of its judged steps, from 0.", "list of whole number"),
            "labels": field("Of these: 1 right, 0 wrong, 0.5 neither.", "list of number", "0, 0.5 or 1"),
            "characters": field("Of these.", "list of number", "0 or more"),
            "draws": field("One number each, by hash.", "list of number", "0 to 1"),
            "whole": truth("Whether every step was judged."),
            "group": whole("Hash of the prompt.", _HASH),
            "key": whole("Hash of the row.", _HASH),
        },
    ),
    Table(
        "work/{score,score-*}-KEY/N.parquet",
        "evaluate",
        "What a scorer says of a block's rows.",
        {"score": field("One number a response, or a step of a solution.", "list of number")},
    ),
    Table("work/freeze-KEY/N.parquet", "ablate", "Copies without the rows that are set apart.", _COPIES),
    Table("work/freeze-KEY/apart/N.parquet", "ablate", "Those rows alone.", _COPIES),
    Table(
        "work/freeze-KEY/roles/N.parquet",
        "ablate",
        "What each row is for.",
        {"role": field("The row's part.", range="train, evaluate, apart")},
    ),
    Table(
        "work/ablate-rows-KEY/rows.parquet",
        "ablate",
        "Pairs that arms choose from.",
        {
            "row_id": field("The row's name."),
            "of": field("The row that it is a copy of, or itself.", range="row_id"),
            "role": field("Its part.", range="train, evaluate, apart"),
            "group": whole("Hash of the group.", _HASH),
            "place": whole("Where its features are."),
            "turned": truth("Whether its sides are the other way round there."),
            "draw": whole("Hash of its name.", _HASH),
            "label": share("Preference for the first side."),
            "votes": field("For each side.", "list of number", "0 or more"),
            "strength_mu": number("As in the sidecar."),
        },
    ),
    Table(
        "work/arms-KEY/*.parquet",
        "ablate",
        "What one arm trains on.",
        {
            "row_id": field("The row's name."),
            "place": whole("Where its features are."),
            "label": share("Preference for the first side."),
            "weight": number("How much it counts.", "0 or more"),
            "margin": number("As the verdict has it."),
        },
    ),
    Table("work/arms-KEY/*/decided/N.parquet", "ablate", "The verdicts that it rests on.", VERDICT),
)
