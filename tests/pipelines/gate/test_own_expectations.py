"""Expectations that the config adds to the gate, right and wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import UserError
from pipelines.gate import check_expectations, run_gate
from schemas.config import Gate
from tests.pipelines.gate.support import METRICS, SPLITS, bad, built, gate, named, own, publish, put


def test_expectations_of_the_users_own(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    (tmp_path / "preference/train-00000-of-00001.parquet").unlink()
    put(tmp_path, "preference/train", built("preference", n=3), built("preference", n=1))
    verdict = gate(
        tmp_path,
        "preference",
        expectations=[
            own("table_row_count_to_equal", on="preference", value=8),  # over all files
            own("column_values_to_be_unique", on="preference", severity="warning", column="id"),  # train0 is in two
            own("column_max_to_be_between", column="rows_in_train", max_value=3),
            own("column_values_to_be_between", column="kept", min_value=8),
            own("column_mean_to_be_between", on="preference", column="chosen_characters", min_value=3, max_value=3),
        ],
    )
    assert bad(verdict) == {
        "metrics: expect column max to be between (rows_in_train)": "critical",
        "preference: expect column values to be unique (id)": "warning",
    }
    mine = {check.expectation: check for check in verdict.checks if check.on == "preference"}
    assert mine["expect_table_row_count_to_equal"].observed == 8
    unique = mine["expect_column_values_to_be_unique"]
    assert unique.observed == {"unexpected": 2, "rows": 8, "examples": ["train0"] * 2, "ids": ["train0"] * 2}
    words = verdict.words().splitlines()
    assert words[0] == f"The gate failed: {len(verdict.checks)} checks, 1 failed, 1 warning."
    assert words[1] == "  failed   expect column max to be between (rows_in_train): observed 4, expected at most 3"
    assert words[2].startswith(
        "  warning  preference: expect column values to be unique (id): 2 of 8 rows are otherwise"
    )


def test_expectations_on_a_configuration_without_rows(tmp_path: Path) -> None:
    publish(tmp_path, "preference")
    more = own("table_row_count_to_be_between", on="kto", min_value=1)
    verdict = gate(tmp_path, "preference", "kto", expectations=[more])
    assert bad(verdict) == {"kto: expect table row count to be between": "critical"}


WRONG: list[tuple[dict[str, Any], str]] = [
    (own("column_max_to_be_betwen", column="kept"), "betwen'; did you mean expect_column_max_to_be_between?"),
    (own("column_quantile_values_to_be_between"), "expect_column_quantile_values_to_be_between' cannot be asked here"),
    (own("column_max_to_be_between", column="kept", max=1), "has no argument 'max'; allowed are column"),
    (own("column_max_to_be_between", column="kept", max_valu=1), "has no argument 'max_valu'; did you mean max_value?"),
    (
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "kept", "severity": "warning"}},
        "has no argument 'severity'",
    ),
    (own("column_max_to_be_between", column="kept", max_value="many"), "max_value is 'many'"),
    (own("column_max_to_be_between", max_value=3), "column is missing"),
    (own("column_max_to_be_between", column="keept", max_value=3), "metrics has no column 'keept'; did you mean kept?"),
    (own("column_max_to_be_between", on="kto", column="kept"), "not published; allowed are metrics, preference"),
    (own("column_to_exist", on="preferences", column="id"), "did you mean preference?"),
    (own("column_max_to_be_between", on="preference", column="chosen"), "has no column 'chosen'; did you mean"),
    (own("column_pair_values_to_be_equal", on="preference", column_A="id", column_B="x"), "has no column 'x'"),
    (own("compound_columns_to_be_unique", on="preference", column_list=["id", "y"]), "preference has no column 'y'"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=named)
def test_wrong_expectations_are_the_users_mistake_before_anything_is_read(wrong: dict[str, Any], message: str) -> None:
    right = own("column_max_to_be_between", column="share_train", max_value=1)
    with pytest.raises(UserError, match=r"^gate\.expectations\.1\.") as caught:
        check_expectations(Gate.model_validate({"expectations": [right, wrong]}), ["preference"])
    assert message in str(caught.value)
    with pytest.raises(UserError):
        run_gate("/nowhere", METRICS, Gate.model_validate({"expectations": [wrong]}), ["preference"], SPLITS)


@pytest.mark.parametrize(
    "wrong",
    [
        own("column_mean_to_be_between", column="share_tain"),
        own("column_values_to_not_be_null", on="preference_soft", column="margin"),
    ],
)
def test_columns_that_only_a_run_can_tell(tmp_path: Path, wrong: dict[str, Any]) -> None:
    publish(tmp_path, "preference_soft")
    check_expectations(Gate.model_validate({"expectations": [wrong]}), ["preference_soft"])
    with pytest.raises(UserError, match=r"gate\.expectations\.0\.kwargs: .* has no column"):
        gate(tmp_path, "preference_soft", expectations=[wrong])
