"""What the stages of a run hand to each other: nothing to build on, but nothing to wonder about either."""

from __future__ import annotations

from schemas.tables.rows import ROW
from schemas.tables.table import Columns, Table, field, number, share, truth, whole

_HASH = "64 bits"
_PLACE: Columns = {"row": whole("Place in the block.")}
_NODE = {
    "node": ("whole number", _HASH, "The text."),
    "quality": ("whole number", "0 or more", "Order in which representatives are chosen, the least first."),
    "block": ("whole number", "0 or more", "Where it is."),
    "row": ("whole number", "0 or more", "Place in the block."),
    "place": ("whole number", "0 or more", "Place in the row."),
}
_CANDIDATE: Columns = {f"{name}_{side}": said for side in "ab" for name, said in _NODE.items()}
_PAIRS: Columns = {
    **_PLACE,
    "source": field("The source's name."),
    "key": whole("Hash of the content.", _HASH),
    "group": whole("Hash of the group.", _HASH),
    "label": share("Preference for `responses[0]`."),
    "votes": field("For the first response, and for the second.", "list of number", "0 or more"),
    "voices": field("The same by named raters and batches, each once.", "list of number", "0 or more"),
    "trusted": share("What trusted raters said."),
    "chance": share("With what chance the row was drawn to be asked."),
    "likeness": share("Share of words that the responses have in common."),
    "counted": truth("Whether the label counts what several raters said."),
}
_EDGES: Columns = {
    f"{name}_{side}": said
    for side in "ab"
    for name, said in {
        "block": whole("Where one of the two is."),
        "row": whole("Place in the block."),
        "key": whole("Hash of its content.", _HASH),
        "group": whole("The node of groups that it belongs to.", _HASH),
    }.items()
} | {"cosine": number("How alike they are.", "-1 to 1")}
_WANTED: Columns = {
    "item": field("A text or an image, by hash.", range="hex"),
    "place": whole("Its first place in the block."),
    "owner": whole("The block that embeds it; -1 where its vector is kept.", "-1 or more"),
    "segment": field("The file that its vector is kept in."),
    "row": whole("Its place there."),
    "chunk": whole("Its place among the owner's."),
}
TABLES: tuple[Table, ...] = (
    Table(
        "work/moments-KEY/moments.parquet",
        "derive",
        "Each rater's mean and spread, for z-scores.",
        {
            "source": field("The source's name."),
            "rater": field("A pseudonym."),
            "dimension": field("What was rated."),
            "n": whole("How many values.", "1 or more"),
            "sum": number("Of the values."),
            "squares": number("Sum of their squares.", "0 or more"),
            "block": whole("Always 0.", "0"),
        },
    ),
    Table("work/published-KEY/blocks/N-N.parquet", "published", "What an earlier run published, as rows.", ROW),
    Table(
        "work/published-KEY/groups/N.parquet",
        "published",
        "What belonged together there.",
        {"group_a": whole("A node of groups.", _HASH), "group_b": whole("Another.", _HASH)},
    ),
    Table(
        "work/published-KEY/settled/N.parquet",
        "published",
        "The split that each node of groups is in there.",
        {"node": whole("A node of groups.", _HASH), "split": field("The split."), "rows": whole("How many.")},
    ),
    Table(
        "work/masked-KEY/links/N.parquet",
        "groups",
        "With `policy.pii: mask`: prompts that are one once personal data is hidden.",
        {"group_a": whole("A node of groups.", _HASH), "group_b": whole("Another.", _HASH)},
    ),
    Table(
        "work/shared-KEY/shared.parquet",
        "near",
        "Every two generators that gave the same text to a prompt.",
        {
            "a": field("One, by name."),
            "b": field("Another."),
            "same": whole("Prompts where their texts are the same.", "1 or more"),
            "answered_a": whole("Prompts that the one answered.", "1 or more"),
            "answered_b": whole("Prompts that the other did.", "1 or more"),
        },
    ),
    Table(
        "work/template-KEY/template.parquet",
        "near",
        "Shingles that too many prompts share to say anything.",
        {"hashes": whole("A shingle.", "32 bits"), "prompts": whole("How many prompts have it.")},
    ),
    Table(
        "work/sketch-KEY/{row,prompt,response}/N.parquet",
        "near",
        "MinHash sketches of texts.",
        {
            "node": whole("The text.", _HASH),
            "quality": whole("Order in which representatives are chosen, the least first."),
            "row": whole("Place in the block."),
            "place": whole("Place in the row."),
            "key_*": whole("Hash of one band.", "32 bits"),
        },
    ),
    Table(
        "work/candidates-KEY/pairs/*.parquet",
        "near",
        "Texts that may be near-copies of each other, the better one first.",
        _CANDIDATE,
    ),
    Table(
        "work/near-KEY/pairs/*.parquet",
        "near",
        "Those that are.",
        {
            **_CANDIDATE,
            "score": share("Jaccard similarity of their shingles."),
            "copies": truth("Whether one can stand for the other."),
            "sides": field("By dimension: whether they `agree`, where both name a side.", "list of object"),
            "looks": number("How alike the least alike of their images are that are not the same.", "-1 to 1"),
            "looks_at": share("What that was held against."),
            "looks_by": field("By what they are alike.", range="likeness, cosine"),
            **{
                name: said
                for side in "ab"
                for name, said in {
                    f"row_id_{side}": field("The row's name."),
                    f"group_{side}": whole("Its node of groups.", _HASH),
                }.items()
            },
        },
    ),
    Table(
        "work/semantic-KEY/found/N.parquet",
        "semantic",
        "Rows and prompts alike in meaning, as each partition found them.",
        _EDGES,
    ),
    Table("work/semantic-KEY/edges.parquet", "semantic", "Those that connect groups.", _EDGES),
    Table(
        "work/contamination-benchmarks-KEY/items.parquet",
        "contamination",
        "The texts of the benchmarks.",
        {
            "benchmark": field("Its name."),
            "item": field("Its item.", range="BENCHMARK:FILE:LINE"),
            "part": field("Of the item.", range="prompt, response, reference"),
            "text": field("The text."),
        },
    ),
    Table(
        "work/contamination-scan-KEY/found/N.parquet",
        "contamination",
        "Everything in a block that an item may be in, before it is judged.",
        {
            "item": whole("Place among the items."),
            "rule": field("What found it.", range="whole, characters, changed, words, shingles"),
            "share": share("How much of the item is there."),
            "frame": whole("Hash of what a changed word stands in.", _HASH),
            "word": whole("The item's word that was changed; -1 without one.", "-1 or more"),
            "lost": whole("Words of the item that are not there."),
            "other": whole("Hash of the word that stands in its place.", _HASH),
            "whole": whole("Hash of the text that it is in.", _HASH),
            "passage": field("The passage."),
            "row": whole("Place in the block."),
            "side": field("Where in the row.", range="prompt, response 0, …"),
            "row_id": field("The row's name."),
        },
    ),
    Table(
        "work/contamination-scan-KEY/words/N.parquet",
        "contamination",
        "How often words of the items are said, which tells how much each tells.",
        {"said": whole("Texts of the block with the word at this place of the items' vocabulary.")},
    ),
    Table(
        "work/contamination-judge-KEY/matches.parquet",
        "contamination",
        "Matches that count, the surest of each text and benchmark.",
        {
            "block": field("The block's file."),
            "row": whole("Place in the block."),
            "set": field("The duplicate set.", range="row_id"),
            "row_id": field("The row's name."),
            "side": field("Where in the row.", range="prompt, response 0, …"),
            "benchmark": field("Its name."),
            "item": field("Its item.", range="BENCHMARK:FILE:LINE"),
            "part": field("Of the item.", range="prompt, response, reference"),
            "rule": field("What found it.", range="whole, characters, changed, words, shingles"),
            "share": share("How much of the item is there."),
            "threshold": share("What that was held against."),
            "passage": field("The passage."),
            "item_text": field("How the item begins."),
        },
    ),
    Table(
        "work/{texts,texts-ratings,images,dialogues-*,answers-*}-KEY/items/N.parquet",
        "embed",
        "What a block needs embedded or scored.",
        {"item": field("By hash.", range="hex")},
    ),
    Table(
        "work/{texts,texts-ratings,images,dialogues-*,answers-*}-KEY/counts/N.parquet",
        "embed",
        "How many of them each row has.",
        {"count": whole("Items of the row.")},
    ),
    Table(
        "work/{texts,texts-ratings,images,dialogues-*,answers-*}-KEY/told/N.parquet",
        "embed",
        "Who embeds which, so that each distinct text is embedded once.",
        _WANTED,
    ),
    Table(
        "work/{embed,embed-*,score-*}-KEY/N.parquet",
        "embed",
        "Names of what the rows of the array beside it (`N.npy`, float16) are of.",
        {"prompt": field("By hash.", range="hex"), "responses": field("By hash.", "list of text", "hex")},
    ),
    Table(
        "work/embed-images-KEY/N.parquet",
        "embed",
        "The same of images, in the order of the rows.",
        {"images": field("By hash.", "list of text", "hex")},
    ),
    Table(
        "work/kept/*/*.parquet",
        "embed",
        "Vectors and scores that are kept by text and model, and what images look like, beside `*.npy`.",
        {"item": field("By hash.", range="hex")},
    ),
    Table("work/{pairs,ablate-pairs}-KEY/N.parquet", "strength", "A block's pairs, as detectors read them.", _PAIRS),
    Table(
        "work/fit-KEY/dynamics.parquet",
        "strength",
        "How pairs fared while heads learnt them.",
        {
            "key": whole("Hash of the content.", _HASH),
            "confidence": share("As in the sidecar."),
            "variability": number("As in the sidecar.", "0 or more"),
            "aum": number("As in the sidecar."),
        },
    ),
    Table(
        "work/rated-KEY/rows/N.parquet",
        "ratings",
        "A block's rated rows.",
        {**_PLACE, "key": whole("Hash of the content.", _HASH), "group": whole("Hash of the group.", _HASH)},
    ),
    Table(
        "work/rated-KEY/values/N.parquet",
        "ratings",
        "Their ratings.",
        {
            **_PLACE,
            "source": field("The source's name."),
            "dimension": field("What was rated."),
            "rater": field("A pseudonym."),
            "value": number("As recorded.", "the scale"),
        },
    ),
    Table(
        "work/slice-signals-KEY/N.parquet",
        "slices",
        "What slices are looked for in.",
        {
            **_PLACE,
            "key": whole("Hash of the content.", _HASH),
            "group": whole("Hash of the group.", _HASH),
            "side": whole("Which side the detectors take; 0 none.", "-1, 0, 1"),
            "error": share("Whether they contradict the label."),
            "residual": number("That, less how often their own doubt explains it, in standard deviations."),
            "disagreement": share("Mean difference of two of the row's raters."),
        },
    ),
    Table(
        "work/attribute-prompts-KEY/N.parquet",
        "attributes",
        "Prompts, as attributes are looked for in them.",
        {
            **_PLACE,
            "key": whole("Hash of the prompt.", _HASH),
            "opening": field("How its last message opens."),
            "shown": field("Its beginning, masked where policy masks."),
        },
    ),
    Table(
        "work/attribute-search-KEY/assigned.parquet",
        "attributes",
        "The attributes of each prompt.",
        {
            "key": whole("Hash of the prompt.", _HASH),
            "domains": field("Two.", "list of text"),
            "skills": field("Two.", "list of text"),
        },
    ),
    Table(
        "work/trusted-KEY/answers.parquet",
        "trusted",
        "Imported answers, as the run reads them.",
        {
            "row_id": field("The row's name."),
            "content_id": field("Hash of its content.", range="hex"),
            "first": field("Hash of the response that the value is for.", range="hex"),
            "value": share("Preference for it; null for who could not tell."),
            "rater": field("Who answered."),
            "dimension": field("What they were asked about; null for all."),
            "chance": share("With what chance the row was drawn."),
        },
    ),
    Table(
        "relabel/keys/*.parquet",
        "relabel export",
        "Which response was shown as A; nobody who answers needs it.",
        {
            "row_id": field("The row's name."),
            "content_id": field("Hash of its content.", range="hex"),
            "first": field("Hash of the response shown as A.", range="hex"),
            "dimension": field("What was asked about; null for all."),
            "chance": share("With what chance the row was drawn."),
        },
    ),
    Table(
        "work/ingest-KEY/joined/N.parquet",
        "ingest",
        "Records of rows that are made of several.",
        {
            "row_id": field("The record's own name."),
            "source": field("The source's name."),
            "file": field("The file."),
            "line": whole("Where in it.", "1 or more"),
            "kind": field("Of the row."),
            "counterpart": field("The row.", range="row_id"),
            "records": whole("How many records it is made of.", "2 or more"),
        },
    ),
)
