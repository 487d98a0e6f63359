"""The images of dialogues as one flat frame, and dialogues with other images in their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.lists import of_counts


@dataclass(frozen=True)
class Shown:
    """The images of dialogues.

    Attributes:
        dialogues: lists of messages.
        messages: all of them.
        refs: `uri` and `sha256`, a line an image.
        owners: which dialogue each image is in [images].
    """

    dialogues: pl.Series
    messages: pl.Series
    refs: pl.DataFrame
    owners: np.ndarray

    @classmethod
    def of(cls, dialogues: pl.Series) -> Shown:
        """Those of these dialogues."""
        messages = dialogues.explode(empty_as_null=False, keep_nulls=False)
        images = messages.struct.field("images")
        turns = np.repeat(np.arange(len(dialogues)), _sizes(dialogues))
        refs = images.explode(empty_as_null=False, keep_nulls=False).struct.unnest().select("uri", "sha256")
        return cls(dialogues, messages, refs, np.repeat(turns, _sizes(images)))

    def replaced(self, refs: pl.DataFrame) -> pl.Series:
        """The dialogues with other images, `uri` and `sha256` in the order of `refs`."""
        images = self.messages.struct.field("images")
        listed = of_counts(refs.to_struct("images"), _sizes(images), images.is_null().to_numpy())
        messages = self.messages.struct.unnest().with_columns(listed).to_struct(self.dialogues.name)
        return of_counts(messages, _sizes(self.dialogues), self.dialogues.is_null().to_numpy())


def _sizes(lists: pl.Series) -> np.ndarray:
    return lists.list.len().fill_null(0).to_numpy()
