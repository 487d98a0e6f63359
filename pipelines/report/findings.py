"""What is wrong with a dataset, in the order in which to fix it, and the settings that do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from pipelines.finished import Finished
from pipelines.limits import unknown_labels
from pipelines.report.fate import Fates
from pipelines.report.parts import Link, Section, Table, key_of, many, share
from pipelines.report.raters import NOISE
from pipelines.report.ratings import DIVIDED, divided, rated
from pipelines.report.steps import CONTRADICTED, outweighed
from schemas.config import Config
from transforms import blocks


@dataclass(frozen=True)
class Ailment:
    """Something that rows can have, by its reason code.

    Attributes:
        harm: how much a row with it weighs against one with another ailment: 10 makes results untrue, 1 costs little.
        why: what it does to whoever trains on it.
        fix: keys of the configuration, dotted, with the values that deal with it.
        cure: what these do.
    """

    harm: float
    why: str
    cure: str
    fix: dict[str, Any] = field(default_factory=dict)


#: Ailments by reason. Exact copies are always merged, and need no setting; that several people judged the same is none.
AILMENTS: dict[str, Ailment] = {
    "contaminated": Ailment(
        10,
        "A model trained on these has seen the benchmark: its score there says nothing.",
        "drops them, and their duplicates, from every split",
        {"policy.contaminated": "drop"},
    ),
    "likely_mislabelled": Ailment(
        6,
        "The label is probably for the wrong side, and is learnt as readily as a right one.",
        "drops the surest and softens the others' labels",
        {"policy.recipe": "conservative"},
    ),
    "conflict": Ailment(
        5,
        "The same comparison is there with opposite labels.",
        "makes one row of them, with the share of the votes as its label",
        {"policy.conflict": "soften"},
    ),
    "near_conflict": Ailment(
        1,
        "Rows that hardly differ have opposite labels: either what differs decides, or one of them is wrong.",
        "lets their labels keep their sides, and hardly more; look at some first",
        {"policy.near_conflict": "soften"},
    ),
    "unreliable_rater": Ailment(
        5,
        "These votes are of raters who take the worse side more often than not.",
        "leaves their votes out, and sets rows without other votes aside",
        {"raters.worse_than_chance": "leave_out", "policy.unreliable_rater": "review"},
    ),
    "misrated": Ailment(
        5,
        "The rating is not what its text and other raters lead to expect.",
        "sets them aside for somebody to look at",
        {"policy.misrated": "review"},
    ),
    "error_slice": Ailment(
        1,
        "They are in a region of the data where labels go wrong more often than elsewhere.",
        "needs somebody to look: the section on slices, and trenchcoat relabel export",
    ),
    "pii": Ailment(
        5,
        "Personal data is learnt, and published.",
        "puts placeholders in its place",
        {"policy.pii": "mask"},
    ),
    "identical_responses": Ailment(
        4,
        "Both sides are one text: there is nothing to learn, and many trainers fail on it.",
        "drops them",
        {"policy.identical_responses": "drop"},
    ),
    "empty_response": Ailment(
        4,
        "A side has no text: whoever trains on it learns that anything beats nothing, or the reverse.",
        "drops them",
        {"policy.empty_response": "drop"},
    ),
    "no_judgement": Ailment(4, "Nobody judged these rows: there is no label.", "is always done: they are dropped"),
    "in_cycle": Ailment(
        3,
        "Preferences of a prompt go in a circle: no reward can be in line with all of them.",
        "takes the fewest that close a circle for ties",
        {"policy.in_cycle": "soften"},
    ),
    "too_long": Ailment(
        3, "What the trainer cuts off is not compared.", "drops them", {"policy.too_long": "drop"}
    ),
    "identical_after_truncation": Ailment(
        3, "The sides differ only where the trainer cuts them off.", "drops them", {"policy.too_long": "drop"}
    ),
    "exact_duplicate": Ailment(
        2,
        "Copies count several times, and stand in several splits: test scores are too good.",
        "is always done: they are merged into one row with all judgements",
    ),
    "near_duplicate": Ailment(
        2,
        "Near-copies count several times, and stand in several splits: test scores are too good.",
        "keeps the best of each set, and the rest of a group in one split",
        {"policy.near_duplicate": "drop"},
    ),
    "near_images": Ailment(
        2,
        "These show and say the same as another row, hardly changed: they count several times, and stand in several "
        "splits.",
        "keeps the best of each set, and the rest of a group in one split",
        {"policy.near_images": "drop"},
    ),
    "semantic_duplicate": Ailment(
        0.5,
        "By their embeddings these say the same as another row in other words, which is a likeness and no proof.",
        "reports them; look at some before you drop them",
        {"policy.semantic_duplicate": "report"},
    ),
    "time_contradicted": Ailment(
        6,
        "Time says that the later frame is better, and its value that it is worse: one of them is wrong.",
        "drops them",
        {"policy.time_contradicted": "drop"},
    ),
    "values_too_near": Ailment(
        1,
        "Both frames are worth the same, as far as values say: the label is close to chance.",
        "lets their labels keep their sides, and hardly more",
        {"policy.values_too_near": "soften"},
    ),
    "frames_too_near": Ailment(
        1,
        "Frames that are so near look alike, and their order says little.",
        "drops them; the section on trajectories shows from which gap on order is clear",
        {"policy.frames_too_near": "drop"},
    ),
    "ambiguous": Ailment(
        1,
        "The sides can hardly be told apart: the label is close to chance.",
        "lets them count half",
        {"policy.ambiguous_weight": 0.5},
    ),
}  # fmt: skip
#: What no reason says, by name: ratings and steps that are looked at without a verdict of their own.
_DIVIDED = Ailment(
    2,
    "Their raters are farther apart than raters of their precision would be, and chance has no so many: a mean says "
    "what none of them does.",
    "needs somebody to look: the section on ratings has them",
)
_NOISE = Ailment(
    4,
    "What these raters say goes with nothing that others say of the same; in a plain mean they count as all do.",
    "publishes scores in which each rater counts as far as what they say goes with others, and these next to nothing",
    {"policy.score": "harmonised"},
)
#: Where one step is plainly wrong, and right ones outweigh it in some way to put them together, it is that way's doing.
_OUTWEIGHED = 0.01
_CONTRADICTED = Ailment(
    2,
    "Right or wrong depends on how steps are put together: two trainers learn opposite things from them.",
    "needs a choice: the section on steps has what each way rewards",
)
_UNOPENED = Ailment(
    3,
    "Whoever trains on these rows cannot open them either, and which other images look like them is not known.",
    "needs the files where the rows say they are, or a source whose rows name them rightly: the section on images has "
    "the first ones by name",
)
#: How much likeness weighs to a model that takes everything for alike.
_UNTOLD = 0.01
#: Records that could not be used.
_DEAD = Ailment(3, "They are in no dataset; each has its line and what is wrong with it.", "needs the source mended")
_SHORTCUT = Ailment(
    4,
    "A model can follow it without reading the responses.",
    "weighs pairs until it does not pay",
    {"balance.output": "weights"},
)


@dataclass(frozen=True)
class Finding:
    """An ailment as it is in a dataset.

    Attributes:
        name: the reason's code, or what else it is.
        rows: how many have it.
        whole: of how many.
        weight: harm times share: the order of findings.
        to: where on the page such rows are.
    """

    name: str
    rows: int
    whole: int
    ailment: Ailment
    weight: float
    to: str


def findings(run: Finished, fates: Fates) -> list[Finding]:
    """What is wrong with a run's data, what weighs most first."""
    counts = run.manifest["counts"]
    rows = max(sum(fates.actions.values()), 1)
    out = []
    for name, ailment in AILMENTS.items():
        some = [(action, group) for (action, reason), group in fates.reasons.items() if reason == name]
        if some:
            total = sum(group.rows for _, group in some)
            most = max(some, key=lambda one: one[1].rows)[0]
            if name == "semantic_duplicate" and not run.manifest["groups"]["linked_by_meaning"]:
                ailment = replace(ailment, harm=_UNTOLD, why="The model of embeddings does not tell these texts apart.")
            weight = ailment.harm * total / rows
            out.append(Finding(name, total, rows, ailment, weight, key_of("reason", most, name)))
    for code, count in run.manifest["dead_letter_codes"].items():
        records = max(counts["records_in"], 1)
        name = f"unusable: {code}"
        out.append(Finding(name, count, records, _DEAD, _DEAD.harm * count / records, key_of("dead", code)))
    out += [*_shortcuts(run), *_ratings(run), *_steps(run, rows), *_images(run)]
    return sorted(out, key=lambda one: (-one.weight, one.name))


def _shortcuts(run: Finished) -> list[Finding]:
    """Features that pay, as one thing to mend: balance takes them together, and most of them are length again."""
    path = f"{run.out}/spurious.json"
    pairs = blocks.read_json(path).get("pairs") if blocks.exists(path) else None
    if not pairs or not pairs["measured"]:
        return []
    flagged = [one for one in pairs["features"] if one["flagged"]]
    if not flagged:
        return []
    first = max(flagged, key=lambda one: abs(2 * one["share_before"] - 1) * one["n"])
    more, less = round(first["share_before"] * first["n"]), round((1 - first["share_before"]) * first["n"])
    others = f" (and {many(len(flagged) - 1, 'other')})" if len(flagged) > 1 else ""
    name = f"shortcut: {'higher' if more >= less else 'lower'} {first['feature']} wins{others}"
    weight = _SHORTCUT.harm * abs(2 * first["share_before"] - 1) * first["n"] / max(pairs["rows"], 1)
    return [Finding(name, max(more, less), first["n"], _SHORTCUT, weight, "shortcuts")]


def _ratings(run: Finished) -> list[Finding]:
    """Ratings that divide their raters, and those of raters whose ratings are noise."""
    if run.manifest["ratings"] is None:
        return []
    known, out = rated(run), []
    whole = max(known.height, 1)
    count, usual, least = divided(known, run.config.policy.ambiguous_at)
    if count > least:
        weight = _DIVIDED.harm * (count - usual) / whole
        out.append(Finding("ratings divide raters", count, whole, _DIVIDED, weight, DIVIDED))
    if not blocks.exists(f"{run.out}/raters.parquet"):
        return out
    told = run.table("raters.parquet").filter((pl.col("kind") == "rating") & pl.col("rater").is_not_null()).collect()
    noise = told.filter(NOISE)
    given, votes = int(noise["votes"].sum()), max(int(told["votes"].sum()), 1)
    if given:
        name = f"ratings of {many(noise['rater'].n_unique(), 'rater')} are noise"
        out.append(Finding(name, given, votes, _NOISE, _NOISE.harm * given / votes, "raters"))
    return out


def _steps(run: Finished, rows: int) -> list[Finding]:
    """Solutions that are right or wrong as their steps are put together."""
    told = run.manifest["steps"]
    if told is None or not told["contradicted"]:
        return []
    count = told["contradicted"]
    weight = (_CONTRADICTED.harm * (count - outweighed(run)) + _OUTWEIGHED * outweighed(run)) / rows
    return [Finding("steps contradict", count, told["solutions"], _CONTRADICTED, weight, CONTRADICTED)]


def _images(run: Finished) -> list[Finding]:
    """Images that could not be opened."""
    told = run.manifest.get("images")
    if told is None or not told["unopened"]:
        return []
    lost, whole = told["unopened"], told["opened"] + told["unopened"]
    return [Finding("images that cannot be opened", lost, whole, _UNOPENED, _UNOPENED.harm * lost / whole, "images")]


def fixes(found: list[Finding]) -> dict[str, tuple[Any, str]]:
    """Keys of the configuration with the values that deal with what was found, and what for."""
    out: dict[str, tuple[Any, str]] = {}
    for one in found:
        for key, value in one.ailment.fix.items():
            if key.split(".")[0] in Config.model_fields:
                out.setdefault(key, (value, f"{one.name}: {one.rows:,} of {one.whole:,}"))
    return out


def summary(run: Finished, found: list[Finding]) -> Section:
    """The first section of an audit: what to fix first, and how."""
    if not found:
        lead = "Nothing was found that needs fixing."
        return Section("findings", "What to fix first", lead, "passed", words=_unseen(run))
    first = found[0]
    lead = (
        f"{many(len(found), 'thing')} to fix; first {first.name}: {first.rows:,} of {first.whole:,} "
        f"({share(first.rows, first.whole)})."
    )
    lines = []
    for place, one in enumerate(found, 1):
        keys = ", ".join(f"{key}: {value}" for key, value in one.ailment.fix.items())
        cure = f"{keys} {one.ailment.cure}" if keys else f"This {one.ailment.cure}"
        lines.append([place, one.name, Link(one.rows, one.to), share(one.rows, one.whole), one.ailment.why, cure])
    table = Table(["", "what", "rows", "share", "why it matters", "what to do"], lines)
    words = [
        "Ordered by how many rows have it, weighed by what it does to whoever trains on them. suggested.yaml beside "
        "this page has these settings; trenchcoat curate takes it as it is.",
        *_unseen(run),
    ]
    return Section("findings", "What to fix first", lead, "failed", words=words, tables=[table])


def _unseen(run: Finished) -> list[str]:
    """What was not looked for, which is not the same as not there."""
    out = []
    if run.manifest["contamination"] is None:
        out.append("No benchmark was compared with: name those you evaluate on under contamination.benchmarks.")
    out += unknown_labels(run.manifest)
    belonging = run.manifest.get("belonging")
    if run.manifest.get("images") is None and belonging and "image" in belonging["links"]:
        out.append("Images were not opened: images.near: true finds those that look the same, and those that are lost.")
    if run.config.signals.length is None:
        out.append("Lengths were not held against a trainer's limit: name its tokenizer under signals.length.")
    return out
