"""Whether a roll-up follows from responses. Owns which differences are due to the order of addition alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ["layer", "filter", "category", "statistic"]
_EXACT = [*_KEYS, "n", "minimum", "maximum"]
_RELATIVE = {"sum": 1e-9, "squared_deviations": 1e-6}
_OF_LARGEST = 1e-9
"""Of the largest response times n: sums of values of both signs may be near 0."""


def rollup_difference(stated: pa.Table, computed: pa.Table) -> str:
    """The column in which a roll-up differs from the one that was computed from responses; empty if in none.

    Args:
        stated: a roll-up.
        computed: another one, of the responses and labels that it should be of.
    """
    import polars as pl

    first, second = (pl.DataFrame(table).sort(_KEYS) for table in (stated, computed))
    if len(first) != len(second):
        return "number of rows"
    for name in _EXACT:
        if not first[name].equals(second[name], null_equal=True):
            return name
    largest = first.select(pl.max_horizontal(pl.col("maximum", "minimum").abs())).to_series().cast(pl.Float64)
    for name, margin in _RELATIVE.items():
        scale = pl.select(pl.max_horizontal(first[name].abs(), second[name].abs())).to_series()
        if ((first[name] - second[name]).abs() > margin * scale + _OF_LARGEST * largest * first["n"]).any():
            return name
    return ""
