"""AUC and p of properties, compared with those of scipy."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control, mannwhitneyu

from toolbox.design.audit.confounds import separations


@pytest.fixture
def pictures() -> pl.DataFrame:
    chance = np.random.default_rng(6)
    return pl.DataFrame(
        {
            "category": ["cat"] * 30 + ["dog"] * 25 + ["owl"] * 4 + [None] * 3,
            "luminance": chance.integers(0, 12, 62).astype(float),  # with equal values
            "luminance_file": chance.normal(0, 1, 62),
            "symmetry": [*chance.normal(0, 1, 60), None, float("nan")],
        }
    )


def test_auc_and_p_are_those_of_the_rank_sum_test(pictures: pl.DataFrame) -> None:
    rows = separations(pictures, ["luminance", "symmetry"])
    for category, name, auc, p in rows.select("category", "property", "auc", "p").iter_rows():
        known = pictures.drop_nulls(["category", name])
        inside = known.filter(category=category)[name].to_numpy()
        outside = known.filter(pl.col("category") != category)[name].to_numpy()
        expected = mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic")
        assert auc == pytest.approx(expected.statistic / len(inside) / len(outside))
        assert p == pytest.approx(expected.pvalue)
    assert rows["q"].to_numpy() == pytest.approx(false_discovery_control(rows["p"].to_numpy()))


def test_categories_of_few_images_are_not_compared(pictures: pl.DataFrame) -> None:
    assert {*separations(pictures, ["luminance"])["category"]} == {"cat", "dog"}


def test_of_a_property_and_that_of_the_file_the_clearer_counts_for_all_categories(
    pictures: pl.DataFrame,
) -> None:
    told = pictures.with_columns(luminance_file=pl.when(category="cat").then(9.0).otherwise("luminance_file"))
    assert {*separations(told, ["luminance", "luminance_file"])["property"]} == {"luminance_file"}
    told = pictures.with_columns(luminance=pl.when(category="cat").then(99.0).otherwise("luminance"))
    assert {*separations(told, ["luminance", "luminance_file"])["property"]} == {"luminance"}


def test_a_property_that_does_not_vary_tells_nothing() -> None:
    rows = separations(pl.DataFrame({"category": ["a"] * 10 + ["b"] * 10, "symmetry": 1.0}), ["symmetry"])
    assert rows.select("auc", "p").unique().rows() == [(0.5, 1.0)]


def test_no_property_is_no_row() -> None:
    assert separations(pl.DataFrame({"category": ["a"]}), []).is_empty()
