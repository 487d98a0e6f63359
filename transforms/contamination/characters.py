"""Short items by their letters: the share of their runs of five letters that one place of a text has.

A word in eighteen that was changed leaves hardly a run of eight words as it was, but most runs of letters. A long text
has many of any short item's runs somewhere, so they are counted within a window little longer than the item.

Exact: an item with m runs of which a share t is asked for may miss ⌊(1-t)m⌋ of them. So of any ⌊(1-t)m⌋ + k of its runs
at least k are in every text that has the share; the rarest are looked up, and texts with fewer than k are left out.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from transforms.contamination.items import Items, keyed
from transforms.contamination.letters import Letters, distinct, ragged
from transforms.contamination.lookup import Lookup
from transforms.contamination.matches import matches

#: Letters of a run, and the same for scripts without spaces.
RUN, UNSPACED_RUN = 5, 3
#: A window is so much longer than the item, and this many letters more.
SLACK, MORE = 1.25, 8
#: Beyond the runs that a text may miss, this share of an item's runs is looked up.
_BEYOND = 0.25
#: Letters of texts that are measured together.
_AT_ONCE = 2**22


class Characters:
    """Finds short items by their letters."""

    def __init__(self, items: Items) -> None:
        both = (_Runs(items, RUN, unspaced=False), _Runs(items, UNSPACED_RUN, unspaced=True))
        self.scripts = [script for script in both if script.runs]

    def find(self, text: Letters) -> pl.DataFrame:
        """Texts with the share asked for of an item's runs: frame of `MATCHES`."""
        return pl.concat([script.find(text) for script in self.scripts] or [matches()])


class _Runs:
    """The runs of the short items of one kind of script."""

    def __init__(self, items: Items, size: int, unspaced: bool) -> None:
        self.items, self.size = items, size
        letters = items.letters
        chosen = np.flatnonzero(items.short & ~items.tiny & (items.unspaced == unspaced))
        lengths = np.diff(letters.letter_at)[chosen]
        letter = ragged(letters.letter_at[chosen], lengths)
        item = np.repeat(chosen, lengths)
        owned = np.append(0, np.cumsum(items.own[letters.words_of(letter)]))
        first = np.flatnonzero(owned[size:] - owned[:-size] == size)
        first = first[item[first] == item[first + size - 1]]
        letter, item = letter[first], item[first]
        runs = pl.DataFrame({"letter": letter, "item": item, "hash": letters.hashes(letter, letter + size)})
        runs = runs.unique(["item", "hash"], keep="first", maintain_order=True)
        self.runs = runs.height
        whole = np.bincount(runs["item"], minlength=len(items))
        asked = np.ceil(items.settings.characters * whole - 1e-9).astype(np.int64)
        beyond = np.maximum(1, (_BEYOND * whole).astype(np.int64))
        self.whole, self.asked = whole, asked
        #: How many of an item's runs are looked up, and how many of these have to be there.
        looked = np.minimum(whole, whole - asked + beyond)
        self.needed = looked - (whole - asked)
        rare = runs.with_columns(items=pl.len().over("hash")).sort("item", "items", "hash")
        rare = rare.filter(pl.int_range(pl.len()).over("item") < pl.Series(looked)[rare["item"]])
        self.rare = self._lookup(rare, rare["hash"].to_numpy())
        #: The rare runs' places when those of an item stand together.
        self.nth = np.empty(len(self.rare.item), np.int64)
        self.nth[np.argsort(self.rare.item, kind="stable")] = np.arange(len(self.nth))
        self.every = self._lookup(runs, keyed(runs["hash"].to_numpy(), runs["item"].to_numpy()))

    def _lookup(self, runs: pl.DataFrame, hashes: np.ndarray) -> Lookup:
        start = runs["letter"].to_numpy()
        return Lookup(self.items.letters, hashes, runs["item"].to_numpy(), start, start + self.size)

    def find(self, text: Letters) -> pl.DataFrame:
        hashes = text.grams(self.size)
        place, run = self.rare.find(hashes)
        within = text.text_of_letter[place].astype(np.int64)
        inside = place + self.size <= text.letter_at[within + 1]
        runs = len(self.nth)
        seen = distinct(within[inside] * runs + self.nth[run[inside]])
        within, item = seen // runs, np.sort(self.rare.item)[seen % runs]
        first = np.flatnonzero((np.diff(within, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0))
        there = np.diff(np.append(first, len(seen)))
        enough = first[there >= self.needed[item[first]]]
        within, item = within[enough], item[enough]
        # A text that holds a whole benchmark is looked at once for each of its items, some of them at a time.
        letters = np.cumsum(text.letter_at[within + 1] - text.letter_at[within])
        parts = np.split(np.arange(len(item)), np.flatnonzero(np.diff(letters // _AT_ONCE)) + 1)
        return pl.concat([self._measured(text, hashes, within[p], item[p]) for p in parts if len(p)] or [matches()])

    def _measured(self, text: Letters, hashes: np.ndarray, within: np.ndarray, item: np.ndarray) -> pl.DataFrame:
        """The best window of each text for its item: how many distinct runs begin in it, and where.

        A run at p that was last seen at q counts in the windows that begin after q, and from p - width + 1 to p. So
        each adds one to a stretch of beginnings, and their running sum is the count.
        """
        lengths = np.maximum(0, text.letter_at[within + 1] - text.letter_at[within] - self.size + 1)
        pair = np.repeat(np.arange(len(within)), lengths)
        place = ragged(text.letter_at[within], lengths)
        asked, run = self.every.find(keyed(hashes[place], item[pair]))
        pair, place = pair[asked], place[asked]
        real = (self.every.item[run] == item[pair]) & self.every.same(text, place, place + self.size, run)
        letters = np.diff(self.items.letters.letter_at)[item]
        width = (SLACK * letters).astype(np.int64) + MORE
        found = pl.DataFrame({"pair": pair[real], "place": place[real], "run": run[real]}).sort("pair", "place")
        found = found.with_columns(width=pl.Series(width)[found["pair"]]).with_columns(
            since=pl.max_horizontal(
                pl.col("place").shift(1).over("pair", "run").fill_null(-1) + 1, pl.col("place") - pl.col("width") + 1
            )
        )
        steps = pl.concat(
            [
                found.select("pair", at="since", step=pl.lit(1, pl.Int64)),
                found.select("pair", at=pl.col("place") + 1, step=pl.lit(-1, pl.Int64)),
            ]
        )
        steps = steps.group_by("pair", "at").agg(pl.col("step").sum()).sort("pair", "at")
        best = (
            steps.with_columns(runs=pl.col("step").cum_sum().over("pair"))
            .sort("pair", "runs", "at", descending=[False, True, False])
            .unique("pair", keep="first", maintain_order=True)
        )
        best = best.filter(pl.col("runs") >= pl.Series(self.asked)[item[best["pair"]]])
        there = (
            found.join(best.select("pair", "at"), on="pair", maintain_order="left")
            .filter((pl.col("place") >= pl.col("at")) & (pl.col("place") < pl.col("at") + pl.col("width")))
            .group_by("pair", maintain_order=True)
            .agg(start=pl.col("place").min(), stop=pl.col("place").max() + self.size - 1)
        )
        best = best.join(there, on="pair", maintain_order="left")
        pair = best["pair"].to_numpy()
        return matches(
            text=within[pair],
            item=item[pair],
            rule="characters",
            share=best["runs"].to_numpy() / self.whole[item[pair]],
            start=text.words_of(best["start"].to_numpy()),
            stop=text.words_of(best["stop"].to_numpy()) + 1,
        )
