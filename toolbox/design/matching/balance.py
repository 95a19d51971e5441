"""How far sets differ, before and after stimuli were chosen, in every variable. Owns the table; computes no choice.

A row for every variable and every two groups. Variables that were not asked for are there, too: in these, chosen sets
may still differ. The components of a layer are one variable: its difference is the length of the vector of differences,
divided by the standard deviation of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import polars as pl

from toolbox.design.differences import group_difference
from toolbox.resampling import FloatArray
from toolbox.resampling.arrays import BoolArray

BALANCE_COLUMNS = {
    "variable": pl.String, "role": pl.String, "first": pl.String, "second": pl.String,
    "difference_before": pl.Float64, "difference_after": pl.Float64,
    "variance_ratio_before": pl.Float64, "variance_ratio_after": pl.Float64,
    "ks_before": pl.Float64, "ks_after": pl.Float64,
    "first_mean_before": pl.Float64, "first_mean_after": pl.Float64,
    "first_sd_before": pl.Float64, "first_sd_after": pl.Float64,
    "second_mean_before": pl.Float64, "second_mean_after": pl.Float64,
    "second_sd_before": pl.Float64, "second_sd_after": pl.Float64,
}  # fmt: skip
"""Columns of the table, and their types."""
BALANCE_MEANINGS = {
    "variable": "property, parameter, or measure of the responses; the name of a layer for all its components",
    "role": "whether the sets were to agree or to differ in the variable, or it was not asked for",
    "first": "the first of the two sets that are compared",
    "second": "the second of them",
    **{
        f"{name}_{time}": f"{meaning}, {stimuli}"
        for time, stimuli in (("before", "of all candidates"), ("after", "of the chosen stimuli"))
        for name, meaning in (
            ("difference", "difference of the means, first less second, in standard deviations"),
            ("variance_ratio", "variance of the first / of the second"),
            ("ks", "largest distance of the cumulative distributions, 0 to 1"),
            ("first_mean", "mean of the first"),
            ("first_sd", "standard deviation of the first"),
            ("second_mean", "mean of the second"),
            ("second_sd", "standard deviation of the second"),
        )
    },
}
"""What the columns mean."""
AGREE, DIFFER, NOT_ASKED = "agree", "differ", "not asked for"
"""What was asked of a variable: its `role`."""


def balance_table(
    rows: pl.DataFrame,
    groups: Mapping[str, BoolArray],
    before: Mapping[str, BoolArray],
    variables: Mapping[str, Sequence[str]],
    roles: Mapping[str, str],
) -> pl.DataFrame:
    """The differences of every two groups in every variable.

    Args:
        rows: stimuli with the columns of the variables.
        groups: name of each group -> (rows,) whether a stimulus was chosen for it.
        before: the same of those from which it was chosen; empty where all groups have the same.
        variables: name -> its columns.
        roles: variable -> what was asked of it.

    Returns: the columns of BALANCE_COLUMNS, variables in the order given. `difference` is that of the standardised
        means, first less second; values are null where they are not defined.
    """
    found = []
    for name, columns in variables.items():
        values = rows.select(columns).to_numpy().astype(float)
        for first, second in combinations(groups, 2):
            after = _differences(values[groups[first]], values[groups[second]])
            earlier = _differences(values[before[first]], values[before[second]]) if before else {}
            times = [*_suffixed(earlier, "before"), *_suffixed(after, "after")]
            role = roles.get(name, NOT_ASKED)
            found.append({"variable": name, "role": role, "first": first, "second": second, **dict(times)})
    return pl.DataFrame(found, schema=BALANCE_COLUMNS)


def _suffixed(measures: Mapping[str, float], suffix: str) -> list[tuple[str, float | None]]:
    return [
        (f"{name}_{suffix}", float(value) if np.isfinite(value) else None) for name, value in measures.items()
    ]


def _differences(first: FloatArray, second: FloatArray) -> dict[str, float]:
    """The measures of two groups in one variable."""
    if first.shape[1] > 1:
        return _length_of_differences(first, second)
    found = group_difference(first[:, 0], second[:, 0])
    return {
        "difference": found.standardised,
        "variance_ratio": found.variance_ratio,
        "ks": found.ks_distance,
        "first_mean": found.mean,
        "first_sd": _deviation(first),
        "second_mean": found.other_mean,
        "second_sd": _deviation(second),
    }


def _deviation(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.std(ddof=1)) if len(known) > 1 else np.nan


def _length_of_differences(first: FloatArray, second: FloatArray) -> dict[str, float]:
    """The measures of a variable with several columns, all of which are known or none."""
    first, second = (values[~np.isnan(values).any(1)] for values in (first, second))
    if min(len(first), len(second)) < 2:
        return {}
    variances = [values.var(axis=0, ddof=1).sum() for values in (first, second)]
    length = float(np.linalg.norm(first.mean(0) - second.mean(0)))
    spread = float(np.sqrt(sum(variances) / 2))
    difference = length / spread if spread else (np.inf if length else 0.0)
    ratio = variances[0] / variances[1] if variances[1] else np.nan
    return {"difference": difference, "variance_ratio": float(ratio)}


def largest_by_variable(balance: pl.DataFrame) -> pl.DataFrame:
    """The largest difference of any two groups in each variable: variable, role, before, after.

    Args:
        balance: as `balance_table` returns it.
    """
    return balance.group_by("variable", "role", maintain_order=True).agg(
        before=pl.col("difference_before").abs().max(), after=pl.col("difference_after").abs().max()
    )
