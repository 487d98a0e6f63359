"""Blocks of rows, and the sidecars that hold what is found out about each row without any model."""

from __future__ import annotations

from schemas.tables.table import Columns, Table, field, number, share, truth, whole

#: Of the canonical row (schemas/row.py), and the hashes that are made with it.
ROW: Columns = {
    "row_id": field("The row's name, the same in every run over the same files.", range="SOURCE:FILE:LINE"),
    "content_id": field("Hash of the normalised content, the same for a copy and for swapped sides.", range="hex"),
    "source": field("The source's name."),
    "file": field("The file that the record is in, below the folder that the source's files share."),
    "line": whole("Where in it.", "1 or more"),
    "kind": field("What the row is.", range="pair, rating, ranking, stepwise"),
    "prompt": field("Messages before the responses.", "list of object"),
    "responses": field("Messages of each response.", "list of list of object"),
    "tools": field("The tools on offer.", range="JSON"),
    "steps": field("A response cut into steps.", "list of text"),
    "references": field("Reference texts.", "list of text"),
    "judgements": field("Every judgement anybody made of the row.", "list of object"),
    "scales": field("The declared scale of each rated dimension.", "list of object"),
    "generators": field("Who wrote each response.", "list of text"),
    "language": field("As the data says it.", range="ISO 639-1"),
    "licence": field("Of the record."),
    "timestamp": field("When it was judged, as the data says it."),
    "metadata": field("What the format has no place for.", range="JSON"),
    "parents": field("The rows that a derived row was made of.", "list of text", "row_id"),
    "prompt_id": field("Hash of the normalised prompt and tools.", range="hex"),
    "response_ids": field("Hash of each normalised response.", "list of text", "hex"),
    "version_id": whole("Hash that tells copies apart, to choose among them without looking at order.", "64 bits"),
}
_BLOCKS = "A block: canonical rows, the unit of work. Dialogues lack fields of messages that none of the block's has."
#: What is concluded of a row, as `decide` and the added pairs of `balance` write it.
VERDICT: Columns = {
    "action": field("What becomes of the row.", range="keep, drop, flip, soften, review, merged"),
    "label": whole("A pair's better response; null for a tie, and for other kinds.", "0 or 1"),
    "soft_label": share("The preference for `responses[0]`; null for other kinds."),
    "margin": number("How far apart the sides are, in the source's units or in logits.", "0 or more"),
    "weight": number("How much the row counts in training.", "0 or more"),
    "masked": truth("Whether personal data is hidden when it is published."),
    "published_in": field("The configurations it goes into.", "list of text", "shapes"),
    "reasons": field("Why, most telling first.", "list of text", "reason codes"),
    "details": field("The score, threshold and counterpart of each reason.", "list of object"),
    "group_id": field("Rows with the same one stay in one split and one fold.", range="hex"),
    "settled": field("The split that an earlier run has put the group in.", range="a split"),
    "kind": field("The row's kind.", range="as above"),
}
LEDGER: Columns = {
    **{name: ROW[name] for name in ("row_id", "content_id", "source", "file", "line", "kind")},
    "action": VERDICT["action"],
    "reasons": VERDICT["reasons"],
    "group_id": VERDICT["group_id"],
    "split": field("The split; null where it is not kept.", range="a split"),
    "published_in": VERDICT["published_in"],
    "counterpart": field("Of the first reason: the other row, or the benchmark's item."),
    "score": number("Of the first reason."),
    "threshold": number("What that was held against."),
    "details": VERDICT["details"],
}
_COPIES: Columns = {
    "copy_of": field("The row that this one is a copy of; null for representatives.", range="row_id"),
    "copy_kind": field("Whether the copy added a judgement to that row.", range="exact_duplicate, merged_judgement"),
    "copies": whole("How many records the representative stands for, itself among them.", "1 or more"),
    "conflict": truth("Whether copies name different sides on any dimension."),
    "conflict_on": field("On which; null where on none.", "list of text"),
    "judgements": field("Those of all copies by rater, of a representative with copies.", "list of object"),
    "scales": field("Of these judgements, of a representative with copies.", "list of object"),
}
TABLES: tuple[Table, ...] = (
    Table(
        "{ledger.parquet,work/publish-KEY/ledger/N.parquet}",
        "publish",
        "Every row that came in or was made, and every record merged into one: where it went, and why.",
        LEDGER,
    ),
    Table("work/{ingest,ingest-ratings}-KEY/blocks/N-N.parquet", "ingest", _BLOCKS, ROW),
    Table("work/derive-*-KEY/blocks/N-N.parquet", "derive", _BLOCKS, ROW),
    Table(
        "work/{identity,identity-ratings}-KEY/N.parquet",
        "identity",
        "Which rows are copies of which, in the order of the block's rows.",
        _COPIES,
    ),
    Table(
        "work/signals-KEY/N.parquet",
        "signals",
        "Cheap facts about each row. Of copies only sizes and emptiness are said.",
        {
            "language": field(
                "The row's own, else what its first text is found to be in: the responses', then the prompt's.",
                range="ISO 639-1",
            ),
            "language_score": share("How sure that is; null where the data says the language."),
            "pii": field("Kinds of personal data that were found.", "list of text", "email, phone, …"),
            "characters": field("Of each response, without white space at the ends.", "list of whole number"),
            "empty_response": truth("Whether a response has no text, tool call or image."),
            "tokens": field("Of each side under the trainer's tokenizer.", "list of whole number"),
            "too_long": truth("Whether a side is over `signals.length.max_tokens`."),
            "identical_after_truncation": truth("Whether both sides are the same once they are cut to that."),
        },
    ),
    Table(
        "work/known-KEY/N.parquet",
        "published",
        "With `against`: which rows an earlier run has published.",
        {"published_of": field("The published row that this one is a copy of.", range="row_id")},
    ),
    Table(
        "work/near-KEY/N.parquet",
        "near",
        "Near-copies, each verified against the row it is dropped for.",
        {
            "near_of": field("The representative.", range="row_id"),
            "near_score": share("Jaccard similarity of their shingles."),
            "near_looks": number("How alike the least alike of images that differ are.", "-1 to 1"),
            "near_looks_at": share("What that was held against."),
            "near_looks_by": field("By what they are alike.", range="likeness, cosine"),
            "near_sides": field(
                "Of a representative, by dimension: how many of its near-copies `agree` on a side, how many are "
                "`against` it, and one that is (`contrary`).",
                "list of object",
            ),
        },
    ),
    Table(
        "work/contamination-KEY/N.parquet",
        "contamination",
        "What of a benchmark is in the row, or in a duplicate of it; all null where nothing is.",
        {
            "benchmark": field("Its name."),
            "benchmark_item": field("Its item.", range="BENCHMARK:FILE:LINE"),
            "benchmark_part": field("Of the item.", range="prompt, response, reference"),
            "overlap_side": field("Where in the row.", range="prompt, response 0, …"),
            "overlap_rule": field("What found it.", range="whole, characters, changed, words, shingles"),
            "overlap_share": share("How much of the item is there."),
            "overlap_threshold": share("What that was held against."),
            "overlap_passage": field("The passage in the row."),
            "overlap_row": field("The duplicate that has it, if it is not this row.", range="row_id"),
        },
    ),
    Table(
        "work/semantic-KEY/N.parquet",
        "semantic",
        "Rows that say the same in other words.",
        {
            "semantic_neighbour": field("The row most like it, where that is enough.", range="row_id"),
            "semantic_cosine": number("The least cosine of their parts.", "-1 to 1"),
            "semantic_of": field("The row it is a duplicate of, which is none's itself.", range="row_id"),
            "semantic_of_cosine": number("The least cosine with that one.", "-1 to 1"),
        },
    ),
    Table(
        "work/groups-KEY/N.parquet",
        "groups",
        "What must stay in one split and one fold.",
        {
            "group_id": field("The group's name.", range="hex"),
            "linked": truth("Whether likeness connects its prompt with another."),
            "settled": field("The split that an earlier run has put the group in.", range="a split"),
        },
    ),
    Table(
        "work/steps-KEY/N.parquet",
        "steps",
        "What a solution in steps comes to, by each way of putting steps together; `steps_ambiguous` of pairs too.",
        {
            "steps": whole("How many there are."),
            "judged_steps": whole("How many were judged."),
            "first_wrong": whole("The place of the first that is wrong."),
            "step_product": share("Product of the steps' values."),
            "step_minimum": share("The smallest."),
            "step_mean": share("Their mean."),
            "step_last": share("The last one."),
            "step_length_normalised": share("The product to the power of 1 / steps."),
            "step_log_odds": number("Sum of their log-odds, each kept within 0.01 and 0.99."),
            "steps_ambiguous": share("How far the six contradict each other."),
        },
    ),
    Table("work/decide-KEY/N.parquet", "decide", "The verdict, which only reads what the other stages say.", VERDICT),
    Table(
        "work/mixture-KEY/N.parquet",
        "mixture",
        "With `attributes.target`: what the mixture asks of training rows.",
        {
            "mixture_weight": number("For `by: weights`.", "0 or more"),
            "mixture_chance": share("For `by: subsample`: the chance to stay in."),
            "mixture_draw": share("The number, by hash, that it is held against."),
        },
    ),
    Table(
        "work/shortcuts-KEY/N.parquet",
        "shortcuts",
        "With `balance.output`: what balance asks of training pairs.",
        {
            "balance_weight": number("The weight to publish; null where there is none.", "0 or more"),
            "balance_share": share("A row is kept where its draw is below."),
            "balance_draw": share("By hash."),
        },
    ),
    Table("work/shortcuts-KEY/blocks/N.parquet", "balance", "With `balance.output: augment`: the added pairs.", ROW),
    Table("work/shortcuts-KEY/decided/N.parquet", "balance", "Their verdicts, in the same order.", VERDICT),
    Table(
        "work/shortcuts-KEY/identity/N.parquet",
        "balance",
        "Beside them, empty: they have no copies.",
        {"judgements": field("Null.", "list of object"), "scales": field("Null.", "list of object")},
    ),
)
