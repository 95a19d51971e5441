"""Every interval of every query contains its estimate, over real resamples of unequal categories and few filters."""

from __future__ import annotations

import polars as pl
import pytest

from support.random_study import RandomStudy
from toolbox.query import ask

CONTAINED = [
    ("selectivity/significance", "value", "low", "high"),
    ("filters/representative", "value", "low", "high"),
    ("layers/profile", "proportion", "low", "high"),
    ("layers/best", "proportion", "low", "high"),
    ("layers/best", "strength", "strength_low", "strength_high"),
    ("complexity/layers", "proportion", "low", "high"),
    ("complexity/depth", "proportion", "proportion_low", "proportion_high"),
    ("complexity/depth", "mean_depth", "mean_depth_low", "mean_depth_high"),
    ("complexity/pairs", "difference", "low", "high"),
    ("sets/balance", "evenness", "evenness_low", "evenness_high"),
    ("sets/balance", "spread", "spread_low", "spread_high"),
]


@pytest.mark.parametrize(("query", "estimate", "low", "high"), CONTAINED)
def test_every_interval_contains_its_estimate(
    resampled_study: RandomStudy, query: str, estimate: str, low: str, high: str
) -> None:
    rows = ask(resampled_study.folder, query).rows.drop_nulls([low])
    assert rows.height
    assert rows.select((pl.col(low) <= pl.col(estimate) + 1e-12).all()).item()
    assert rows.select((pl.col(high) >= pl.col(estimate) - 1e-12).all()).item()
