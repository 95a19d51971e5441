"""The same question gives the same numbers to the last digit, however threads share the work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from support.small_study import long_table, small_study
from toolbox.query import ask

FILTERS, CATEGORIES, OF_CATEGORY = 12_000, 6, 2


def test_indices_of_many_filters_are_equal_to_the_last_digit_every_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shape = (CATEGORIES * OF_CATEGORY, FILTERS)
    responses = long_table({"conv": tuple(rng.gamma(2, size=shape).astype(np.float32) for _ in range(2))})  # type: ignore[dict-item]
    labels = pl.DataFrame(
        {
            "stimulus_id": range(CATEGORIES * OF_CATEGORY),
            "category": [f"c{number}" for number in range(CATEGORIES)] * OF_CATEGORY,
        }
    )
    study = small_study(tmp_path, responses, labels)
    first, *others = (ask(study, "selectivity/index").rows for _ in range(4))
    assert first.height == FILTERS * CATEGORIES
    assert all(first.equals(other, null_equal=True) for other in others)
