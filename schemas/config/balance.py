"""Shortcuts: what is counted in responses, and what is done about what their labels reward."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from schemas.config.section import Section, Share


class Shortcuts(Section):
    """What can be counted in a response without understanding it, and how far labels go with it."""

    find: bool = Field(True, description="Whether to count it and to measure how far labels go with it.")
    features: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str] = Field(
        {},
        description="Features of your own by name: a polars expression of `text` and `prompt` (such as "
        '`text.str.count_matches("!!")`), or `module:function` of the two columns.',
    )
    ceiling: Annotated[int, Field(ge=1000)] = Field(
        2_000_000, description="Pairs to measure and balance on at most; past it a sample by content, applied to all."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Of folds, permutations and draws.")


class Balance(Section):
    """What becomes of the training pairs so that no shortcut pays."""

    # YAML reads `off` as false.
    output: Annotated[
        Literal["off", "weights", "subsample", "match", "augment"],
        BeforeValidator(lambda given: "off" if given is False else given),
    ] = Field(
        "off",
        description="`weights`: a weight for each pair, for shapes that carry one. `subsample`: pairs are kept as "
        "often as their weight says. `match`: as many pairs with a difference as with its opposite. `augment`: pairs "
        "and ties of responses to other prompts are added. `off`: shortcuts are measured, and nothing is changed.",
    )
    features: list[str] | None = Field(
        None, description="Which features; all that are counted in texts, and your own, when absent."
    )
    within: Literal["source", "language", "dimension"] | None = Field(
        None, description="Balance the pairs of each of its values by themselves."
    )
    cap: Annotated[float, Field(gt=1)] = Field(3.5, description="The largest weight, in mean weights.")
    penalty: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1,
        description="Of the solver, at most: means are left at this times lambda, and the more of the sample stays. "
        "Where there are many groups it is less, 2.5 over the square root of their number.",
    )
    trees: bool = Field(
        True,
        description="For `weights` and `subsample`: balance what boosted trees still tell by the features as well, out "
        "of fold, which is what differences and signs alone do not say.",
    )
    loss: Annotated[Share, Field(gt=0, lt=1)] = Field(
        0.5, description="For `subsample`: the share of the training pairs that may be lost."
    )
    match: list[str] = Field(
        ["characters"], description="For `match`: the features whose differences are matched.", min_length=1
    )
    added: Annotated[Share, Field(gt=0)] = Field(
        0.25, description="For `augment`: pairs that are added, as a share of the training pairs."
    )
    ess_floor: Share = Field(
        0.3, description="Under this effective sample size, as a share of the rows, the run says what to do."
    )
