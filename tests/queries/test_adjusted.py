"""The adjusted contrast, compared with a regression on category and property."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from support.own_sql import seen
from support.random_study import RandomStudy
from toolbox.query import ask


def test_adjusted_slope_and_t_are_those_of_a_regression(random_study: RandomStudy) -> None:
    rows = ask(random_study.folder, "selectivity/adjusted").rows
    measured = ask(
        random_study.folder,
        seen("select stimulus_id, value from property_values where property = 'luminance'"),
    ).rows
    known = dict(measured.iter_rows())
    kept = [n for n, category in enumerate(random_study.categories) if category is not None and n in known]
    luminance = np.array([known[n] for n in kept])
    standard = (luminance - luminance.mean()) / luminance.std()
    categories = np.array([random_study.categories[n] for n in kept])
    compared = 0
    for layer, number, category, contrast, adjusted, slope, t in rows.select(
        "layer", "filter", "category", "contrast", "adjusted", "slope", "t"
    ).iter_rows():
        response = random_study.responses[layer][0][kept, number].astype(float)
        if np.ptp(response) == 0:
            assert contrast is None
            continue
        inside = (categories == category).astype(float)
        design = np.stack([np.ones(len(kept)), inside, standard], axis=1)
        found, *_ = np.linalg.lstsq(design, response, rcond=None)
        residual = response - design @ found
        variance = residual @ residual / (len(kept) - 3) * np.linalg.inv(design.T @ design)[1, 1]
        extent = np.ptp(response)
        plain = response[inside == 1].mean() - response[inside == 0].mean()
        assert contrast == pytest.approx(plain / extent)
        assert adjusted == pytest.approx(found[1] / extent)
        assert slope == pytest.approx(found[2] / extent)
        assert t == pytest.approx(found[1] / np.sqrt(variance))
        compared += 1
    assert compared > 300


def test_a_category_is_that_of_the_whole_list(random_study: RandomStudy) -> None:
    whole = ask(random_study.folder, "selectivity/adjusted").rows
    alone = ask(random_study.folder, "selectivity/adjusted", {"category": "dog"}).rows
    assert_frame_equal(alone, whole.filter(pl.col("category") == "dog"))  # sums in another order differ
