"""Which rows and prompts take part in the search for semantic likeness, and their vectors out of the sidecars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.row import KINDS
from transforms.blocks import Block, read_frame
from transforms.duplicates.semantic import MOST_RESPONSES, Parts
from transforms.embed.sidecars import TextVectors, read_texts

#: What is known of a row, or of a prompt, that takes part: the address (a prompt's is that of a row that has it), the
#: key (first 64 bits of its hash) in whose order everything is decided, its kind and number of responses (none of a
#: prompt), and the key of what groups it: its prompt's, or its own where it has no prompt.
MEMBER = pl.Schema(
    {
        "block": pl.Int64(),
        "row": pl.Int64(),
        "key": pl.UInt64(),
        "kind": pl.Int64(),
        "count": pl.Int64(),
        "group": pl.UInt64(),
    }
)
_PROMPT = -1


@dataclass(frozen=True)
class Search:
    """How likeness is looked for.

    Attributes:
        identity: folder of the identity stage.
        vectors: folder of the blocks' vectors.
        threshold: from which on rows are duplicates.
        group_threshold: from which on prompts belong together.
        probes: partitions that a row is searched in.
        device: cpu or cuda.
        images: whether some rows show images. Their texts do not say whether they are the same, so they take no part.
    """

    identity: str
    vectors: str
    threshold: float
    group_threshold: float
    probes: int
    device: str
    images: bool = False


@dataclass(frozen=True)
class Members:
    """What of a block takes part.

    Attributes:
        rows: frame of `MEMBER`, in the order of the block.
        prompts: frame of `MEMBER`, one line a distinct prompt.
        vectors: the block's.
        showing: how many rows were left out because they show images.
    """

    rows: pl.DataFrame
    prompts: pl.DataFrame
    vectors: TextVectors
    showing: int

    def points(self, chosen: pl.DataFrame) -> np.ndarray:
        """Where lines of `rows` or of `prompts` lie: prompts by their vector, rows by that and their responses' mean.

        Two rows alike to a likeness t are no further apart than the root of 4 (1 - t).
        """
        rows, counts = chosen["row"].to_numpy(), chosen["count"].to_numpy()
        prompts = np.asarray(self.vectors.prompts[rows], dtype=np.float32)
        if not counts.any():
            return prompts
        ends = np.cumsum(counts)
        places = np.repeat(self.vectors.starts[rows] - (ends - counts), counts) + np.arange(ends[-1])
        answers = np.asarray(self.vectors.responses[places], dtype=np.float32)
        return np.concatenate([prompts, np.add.reduceat(answers, ends - counts, axis=0) / counts[:, None]], axis=1)


_SHOWING = pl.Schema({"prompt": pl.Boolean(), "row": pl.Boolean()})
#: Whether a message shows an image.
_SHOWN = pl.element().struct.field("images").list.len().fill_null(0) > 0


def members(block: Block, search: Search) -> Members:
    """What of a block takes part: rows without an empty side or too many of them, and prompts with text; no copies.

    Rows, and prompts, that show images do not.
    """
    identity, folder = search.identity, search.vectors
    vectors = read_texts(folder, block.sidecar)
    counts, starts = vectors.counts, vectors.starts
    filled = np.concatenate([[0], np.cumsum(np.asarray(vectors.responses).any(axis=1))])
    ids = read_frame(block.path, ["content_id", "prompt_id", "kind"])
    texts = read_frame(f"{folder}/{block.sidecar}", ["prompt"])["prompt"]
    copies = read_frame(f"{identity}/{block.sidecar}", ["copy_of"])["copy_of"].is_not_null()
    shown = _showing(block) if search.images else pl.DataFrame(schema=_SHOWING).clear(len(ids))
    said, silent = np.asarray(vectors.prompts).any(axis=1), texts.is_null().to_numpy()
    grouped = pl.when(texts.is_null()).then("content_id").otherwise("prompt_id")
    frame = ids.with_columns(
        block=pl.lit(block.index, dtype=pl.Int64),
        row=pl.int_range(pl.len(), dtype=pl.Int64),
        key=_key(pl.col("content_id")),
        kind=pl.col("kind").replace_strict(list(KINDS), list(range(len(KINDS))), return_dtype=pl.Int64),
        count=pl.Series(counts),
        group=_key(grouped),
        _kept=~copies,
        _shown=shown["row"].fill_null(False),
        _shown_prompt=shown["prompt"].fill_null(False),
        _whole=pl.Series(
            (counts > 0) & (counts <= MOST_RESPONSES) & (filled[starts + counts] - filled[starts] == counts)
        ),
        _said=pl.Series(said),
        _silent=pl.Series(silent),
    ).filter("_kept")
    rows = frame.filter(pl.col("_whole") & (pl.col("_said") | pl.col("_silent")) & ~pl.col("_shown"))
    prompts = (
        frame.filter(pl.col("_said") & ~pl.col("_shown_prompt"))
        .unique("prompt_id", keep="first", maintain_order=True)
        .with_columns(key="group", kind=pl.lit(_PROMPT, dtype=pl.Int64), count=pl.lit(0, dtype=pl.Int64))
    )
    return Members(rows.select(MEMBER.names()), prompts.select(MEMBER.names()), vectors, int(frame["_shown"].sum()))


def _showing(block: Block) -> pl.DataFrame:
    """Of each row whether its `prompt` shows an image, and whether anything of the `row` does."""
    inner = pl.element().list.eval(_SHOWN).list.any()
    prompt = pl.col("prompt").list.eval(_SHOWN).list.any()
    return read_frame(block.path, ["prompt", "responses"]).select(
        prompt=prompt, row=prompt | pl.col("responses").list.eval(inner).list.any()
    )


def _key(hashes: pl.Expr) -> pl.Expr:
    return hashes.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


def parts(vectors: TextVectors, chosen: pl.DataFrame) -> Parts:
    """What rows of one block and of one class (kind and number of responses) are compared by, in their order."""
    rows, width = chosen["row"].to_numpy(), int(chosen["count"][0])
    prompts = np.asarray(vectors.prompts[rows])
    places = vectors.starts[rows][:, None] + np.arange(width)
    return Parts(prompts, np.asarray(vectors.responses[places.ravel()]).reshape(len(rows), width, prompts.shape[1]))


def gather(folder: str, blocks: Sequence[Block], chosen: pl.DataFrame) -> Parts:
    """What rows of one class are compared by, wherever they lie, in the order of `chosen` (frame of `MEMBER`)."""
    found: list[Parts] = []
    order: list[np.ndarray] = []
    numbered = chosen.with_row_index("_order")
    for (index,), part in numbered.partition_by("block", as_dict=True, maintain_order=True).items():
        found.append(parts(read_texts(folder, blocks[index].sidecar), part))
        order.append(part["_order"].to_numpy())
    back = np.argsort(np.concatenate(order))
    return Parts(*(np.concatenate([getattr(one, name) for one in found])[back] for name in ("prompts", "responses")))
