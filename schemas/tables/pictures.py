"""Sidecars and tables of trajectories and of images."""

from __future__ import annotations

from schemas.tables.table import Columns, Table, field, number, whole

ORDERS: Columns = {
    "source": field("The source's name."),
    "trajectory": field("As the data name it."),
    "scorer": field("`value`, `recorded` or `kept` labels, or a voice.", range="value, recorded, kept, external_*"),
    "frames": whole("How many of its frames have a number."),
    "voc": number("Value-order correlation: Spearman's between those numbers and time.", "-1 to 1"),
    "why": field("Why there is none.", range="short, constant"),
}
_SHOWN: Columns = {
    "what": field("What it is.", range="image, trajectory"),
    "name": field("Its name's begin: an image's as in `looks`, a trajectory's with its source."),
    "key": whole("Hash of the whole name.", "64 bits"),
}
_SAME: Columns = {
    "name": field("As in `looks`."),
    "stands": field("The one whose name stands for all that look like it."),
}
_ALIKE = {f"group_{side}": ("whole number", "64 bits", "A node of groups.") for side in "ab"}
TABLES: tuple[Table, ...] = (
    Table(
        "work/trajectories-KEY/N.parquet",
        "trajectories",
        "Which frames a row shows; all null where it shows none.",
        {
            "trajectory": field("As the data name it."),
            "frame": whole("Of the first response."),
            "earlier_frame": whole("Of the second response of a pair."),
            "value": number("Progress or reward of the first."),
            "earlier_value": number("Of the second."),
            "frame_gap": whole("How many frames apart they lie."),
            "seconds_gap": number("How many seconds apart, where the data say when they were.", "0 or more"),
            "value_gap": number("The first's value less the second's."),
            "contradicted_by": number(
                "How far apart the values are where time and value name different sides.", "more than 0"
            ),
        },
    ),
    Table("trajectories.parquet", "orders", "How well a scorer follows time in a trajectory.", ORDERS),
    Table(
        "belongings.parquet",
        "belonging",
        "What the groups of kept rows show; a run that adds to this one reads it.",
        {**_SHOWN, "group_id": field("The group's name.", range="hex")},
    ),
    Table("work/orders-KEY/trajectories.parquet", "orders", "The same.", ORDERS),
)
BETWEEN: tuple[Table, ...] = (
    Table(
        "work/belonging-KEY/{image,trajectory}/N.parquet",
        "belonging",
        "Two nodes of groups whose rows show one image, or frames of one trajectory.",
        _ALIKE,
    ),
    Table(
        "work/belonging-KEY/shown/N.parquet",
        "belonging",
        "What rows show, each thing of a row once.",
        {"row": whole("Place in the block."), **_SHOWN},
    ),
    Table(
        "work/pictures-KEY/N.parquet",
        "pictures",
        "Images of a block that storage is asked for in each run.",
        {"place": field("Where it lies.")},
    ),
    Table(
        "work/looks-KEY/looks/N.parquet",
        "looks",
        "An image that was opened.",
        {
            "name": field("Its SHA-256, or its address."),
            "hash": whole("Perceptual hash.", "64 bits"),
            "small": ("bytes", "–", "Eight by eight colours of it."),
        },
    ),
    Table(
        "work/same-images-KEY/same.parquet",
        "same-images",
        "An image that looks like others.",
        _SAME,
    ),
    Table(
        "work/same-images-KEY/alike.parquet",
        "same-images",
        "The same, with those that stand for others, and what they look like.",
        {
            **_SAME,
            "hash": whole("As in `looks`.", "64 bits"),
            "small": ("bytes", "–", "As in `looks`."),
            "least": number("From which likeness on others are near-copies of it.", "0 to 1"),
        },
    ),
)
