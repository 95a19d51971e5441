"""Fixtures for tests of the store."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from support.small_study import small_study
from toolbox.store.folder import StudyFolder


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture
def responses() -> pl.DataFrame:
    """Two layers of two filters, four stimuli; every value is another."""
    rows = [
        (
            layer,
            number,
            stimulus,
            place * 100 + number * 10 + stimulus + 0.5,
            place * 100 + number * 10 + stimulus,
        )
        for place, layer in enumerate(("conv1", "conv2"))
        for number in (0, 1)
        for stimulus in range(4)
    ]
    return pl.DataFrame(rows, schema=["layer", "filter", "stimulus_id", "maximum", "mean"], orient="row")


@pytest.fixture
def two_parts(tmp_path: Path, responses: pl.DataFrame) -> StudyFolder:
    """A study with stimuli 0 and 2 in part 0, 1 and 3 in part 1."""
    labels = pl.DataFrame({"stimulus_id": [0, 1, 2, 3], "category": ["dog", "dog", "car", "car"]})
    return small_study(tmp_path / "study", responses, labels, parts=[[0, 2], [1, 3]])
