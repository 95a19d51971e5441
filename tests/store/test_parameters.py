"""The mean of several values of a stimulus: the same to the last bit wherever it is computed."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import polars as pl
import pytest

from toolbox.exchange.importing import variables
from toolbox.store import parameters
from toolbox.store.parameters import mean_of, observed_means, write_observations
from toolbox.store.variable_views import _MEAN

VALUES = {0: [0.3, 0.1, 0.2], 1: [0.2]}
"""Added one by one, the first mean is the larger one; without the rounding of sums, it is the smaller one."""


def test_means_rank_as_those_of_the_views(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here with a `sum` that compensates for rounding, as that of Python does from 3.12 on."""
    for module in (parameters, variables):
        monkeypatch.setattr(module, "sum", math.fsum, raising=False)
    rows = [(number, f"o{place}", each) for number, some in VALUES.items() for place, each in enumerate(some)]
    write_observations(tmp_path / "rating.parquet", rows, {})
    means = observed_means(tmp_path / "rating.parquet")
    frame = pl.DataFrame([(number, each) for number, _, each in rows], ["stimulus_id", "value"], orient="row")
    assert variables._means(frame) == means
    view = f"select stimulus_id, {_MEAN} from '{tmp_path}/rating.parquet' group by stimulus_id"
    assert means == dict(duckdb.sql(view).fetchall())
    assert means[0] > means[1]
    compensated = {number: math.fsum(each) / len(each) for number, each in VALUES.items()}
    assert compensated[0] < compensated[1]


def test_the_order_of_the_values_does_not_count() -> None:
    assert mean_of([0.3, 0.1, 0.2]) == mean_of([0.2, 0.3, 0.1])
