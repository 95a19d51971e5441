"""How far two groups of stimuli differ in a measure. Never reads a file, tests nothing: see `equivalence`.

Values that are missing (NaN) are left out. A measure that does not vary in either group differs by 0 if both have the
same value, else by infinity: no multiple of a spread of 0 reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from toolbox.resampling.arrays import TOLERANCE, FloatArray

BALANCED = 0.1
"""Standardised difference, in size, up to which two groups count as balanced.

Source: Austin (2009), doi 10.1002/sim.3697.
"""
_ROUNDING = 1e-12
"""Spread, relative to the largest value, below which a measure does not vary."""


@dataclass(frozen=True)
class Difference:
    """The difference of two groups in one measure.

    Attributes:
        n, other_n: values in each group.
        mean, other_mean: of each group.
        difference: mean - other_mean.
        standardised: the difference in standard deviations, see `standardised_difference`.
        variance_ratio: variance of the first / variance of the second, see `variance_ratio`.
        ks_distance: see `ks_distance`.
    """

    n: int
    other_n: int
    mean: float
    other_mean: float
    difference: float
    standardised: float
    variance_ratio: float
    ks_distance: float


def group_difference(values: ArrayLike, others: ArrayLike) -> Difference:
    """How far two groups differ in one measure: in mean, spread and whole distribution.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Example:
        >>> found = group_difference([1, 2, 3], [2, 3, 4])
        >>> found.standardised, found.variance_ratio, round(found.ks_distance, 3)
        (-1.0, 1.0, 0.333)
    """
    first, second = known_values(values), known_values(others)
    mean, other_mean = _mean(first), _mean(second)
    return Difference(
        len(first),
        len(second),
        mean,
        other_mean,
        mean - other_mean,
        standardised_difference(first, second),
        variance_ratio(first, second),
        ks_distance(first, second),
    )


def standardised_difference(values: ArrayLike, others: ArrayLike) -> float:
    """The difference of the means in standard deviations: (m1 - m2) / sqrt((s1^2 + s2^2) / 2).

    The sizes of the groups do not weigh: the measure describes the stimuli, and is comparable before and after a
    selection. Below 0.1 in size is the usual aim of a matched list.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Returns:
        0 where both are the same; NaN where a group has fewer than two values.

    Source: Austin (2009), doi 10.1002/sim.3697.

    Example:
        >>> standardised_difference([1, 2, 3], [2, 3, 4])
        -1.0
    """
    first, second = known_values(values), known_values(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    return ratio_to_spread(difference_of_means(first, second), pooled_deviation(first, second))


def pooled_deviation(values: ArrayLike, others: ArrayLike) -> float:
    """Standard deviation of two groups about their own means, sqrt((s1^2 + s2^2) / 2), whatever their sizes.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Returns:
        0 where neither varies; NaN where a group has fewer than two values.

    Example:
        >>> pooled_deviation([1, 2, 3], [5, 6, 7])
        1.0
    """
    first, second = known_values(values), known_values(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    spread = float(np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2))
    return spread if spread > rounding_error(first, second) else 0.0


def variance_ratio(values: ArrayLike, others: ArrayLike) -> float:
    """Variance of the first group / variance of the second: 1 where both spread alike.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Returns:
        1 where neither varies, infinity where only the first does; NaN where a group has fewer than two values.

    Source: Austin (2009), doi 10.1002/sim.3697.

    Example:
        >>> variance_ratio([0, 4], [0, 2])
        4.0
    """
    first, second = known_values(values), known_values(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    spreads = [
        np.std(group, ddof=1) if np.ptp(group) > rounding_error(group) else 0.0 for group in (first, second)
    ]
    if spreads[1] == 0:
        return 1.0 if spreads[0] == 0 else np.inf
    return float((spreads[0] / spreads[1]) ** 2)


def ks_distance(values: ArrayLike, others: ArrayLike) -> float:
    """Largest distance of the two cumulative distributions (Kolmogorov and Smirnov): 0 the same, 1 no overlap.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Returns:
        NaN where a group is empty.

    Example:
        >>> ks_distance([1, 2], [3, 4])
        1.0
        >>> ks_distance([0.3], [0.1 + 0.2])
        0.0
    """
    first, second = np.sort(known_values(values)), np.sort(known_values(others))
    if min(len(first), len(second)) == 0:
        return np.nan
    at = np.concatenate([first, second])
    at += TOLERANCE * np.maximum(1, np.abs(at))  # values that differ by rounding alone are equal
    shares = [np.searchsorted(group, at, side="right") / len(group) for group in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def rank_auc(values: ArrayLike, inside: ArrayLike) -> float:
    """AUC: the probability that a value of a group exceeds one of all others; equal values count half.

    Args:
        values: (n,), all of them known.
        inside: (n,): whether each is of the group.

    Returns: NaN where the group or the others are empty.
    Source: Mann and Whitney (1947), doi 10.1214/aoms/1177730491.

    Example:
        >>> rank_auc([1, 2, 2, 3], [False, False, True, True])
        0.875
    """
    members = np.asarray(inside, dtype=bool)
    n, rest = int(members.sum()), int((~members).sum())
    if min(n, rest) == 0:
        return np.nan
    return float((rankdata(values)[members].sum() - n * (n + 1) / 2) / (n * rest))


def known_values(values: ArrayLike) -> FloatArray:
    """The values without NaN.

    Args:
        values: (n,).
    """
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def rounding_error(*groups: FloatArray) -> float:
    """Differences up to it are rounding errors of values of this size.

    Args:
        *groups: (n,) each.
    """
    return _ROUNDING * max(float(np.abs(group).max(initial=0)) for group in groups)


def difference_of_means(first: FloatArray, second: FloatArray) -> float:
    """Difference of the means; 0 if it is a rounding error.

    Args:
        first: (n,), all known.
        second: (m,), all known.
    """
    difference = float(first.mean() - second.mean())
    return difference if abs(difference) > rounding_error(first, second) else 0.0


def ratio_to_spread(difference: float, spread: float) -> float:
    """The difference in units of the spread; of no spread 0, or an infinity.

    Args:
        difference: of two values.
        spread: 0 or more.
    """
    if spread > 0:
        return difference / spread
    return difference * np.inf if difference else 0.0
