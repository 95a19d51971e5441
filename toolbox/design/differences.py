"""How far two groups of stimuli differ in a measure, and whether they are equivalent. Never reads a file.

Values that are missing (NaN) are left out. A measure that does not vary in either group differs by 0 if both have the
same value, else by infinity: no multiple of a spread of 0 reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from toolbox.errors import UsageError
from toolbox.resampling import FloatArray

ALPHA = 0.05
"""Of every one-sided test of equivalence, so its interval is that of 1 - 2 * ALPHA."""
CONFIDENCE = 0.95
"""Of the interval of a difference."""
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


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a difference against a margin, and the interval that decides them.

    Attributes:
        margin: differences up to it, in either direction, do not matter.
        low, high: interval of 1 - 2 * ALPHA (90 %); equivalent if it is within -margin to margin.
        p: the larger of the two p values; null hypothesis: the difference is as large as the margin, or larger.
        is_equivalent: whether p < ALPHA. If not, equivalence is not shown; that is not a difference.
    """

    margin: float
    low: float
    high: float
    p: float

    @property
    def is_equivalent(self) -> bool:
        """Whether equivalence within the margin is shown."""
        return self.p < ALPHA


@dataclass(frozen=True)
class MeanDifference:
    """The interval of a difference of means, and a test.

    Attributes:
        low, high: 95 % interval.
        p: two-sided, of no difference.
    """

    low: float
    high: float
    p: float


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
    first, second = _known(values), _known(others)
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
    first, second = _known(values), _known(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    return _ratio(_difference(first, second), pooled_deviation(first, second))


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
    first, second = _known(values), _known(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    spread = float(np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2))
    return spread if spread > _rounding(first, second) else 0.0


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
    first, second = _known(values), _known(others)
    if min(len(first), len(second)) < 2:
        return np.nan
    spreads = [
        np.std(group, ddof=1) if np.ptp(group) > _rounding(group) else 0.0 for group in (first, second)
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
    """
    first, second = np.sort(_known(values)), np.sort(_known(others))
    if min(len(first), len(second)) == 0:
        return np.nan
    at = np.concatenate([first, second])
    shares = [np.searchsorted(group, at, side="right") / len(group) for group in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def mean_difference(values: ArrayLike, others: ArrayLike) -> MeanDifference:
    """Welch's test of the difference of two means, and its interval.

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.

    Returns:
        NaN in p and interval where a group has fewer than two values.

    Source: Welch (1947), doi 10.1093/biomet/34.1-2.28.

    Example:
        >>> round(mean_difference([1.0, 2.0, 3.0], [3.0, 4.0, 5.0]).p, 3)
        0.07
    """
    difference, error, freedom = _welch(_known(values), _known(others))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p = 2 * float(stats.t.sf(_ratio(abs(difference), error), freedom))
    return MeanDifference(difference - reach, difference + reach, p)


def mean_equivalence(values: ArrayLike, others: ArrayLike, margin: float) -> Equivalence:
    """Two one-sided Welch tests: are the means of two groups equivalent within a margin?

    Args:
        values: (n,) of the first group.
        others: (m,) of the second group.
        margin: in the unit of the values, above 0.

    Returns:
        NaN in p and interval where a group has fewer than two values.

    Raises: UsageError for a margin that is not above 0.
    Source: Schuirmann (1987), doi 10.1007/BF01068419; Lakens (2017), doi 10.1177/1948550617697177.

    Example:
        >>> mean_equivalence([1.0, 2.0, 3.0] * 20, [1.1, 2.1, 3.1] * 20, 0.5).is_equivalent
        True
    """
    difference, error, freedom = _welch(_known(values), _known(others))
    return estimate_equivalence(difference, error, margin, freedom)


def estimate_equivalence(
    difference: float, error: float, margin: float, freedom: float = np.inf
) -> Equivalence:
    """Two one-sided tests of any estimated difference with a standard error.

    Args:
        difference: the estimate.
        error: its standard error, as the standard deviation over bootstrap samples; NaN where there is none.
        margin: in the unit of the difference, above 0.
        freedom: degrees of freedom of Student's t; infinite for the normal distribution.

    Returns:
        NaN in p and interval where difference or error is NaN.

    Raises: UsageError for a margin that is not above 0.
    Source: Schuirmann (1987), doi 10.1007/BF01068419.

    Example:
        >>> found = estimate_equivalence(0.02, 0.01, 0.05)
        >>> round(found.high, 4), round(found.p, 4)
        (0.0364, 0.0013)
    """
    check_margin(margin)
    if np.isnan(difference) or np.isnan(error):
        return Equivalence(margin, np.nan, np.nan, np.nan)
    reach = float(stats.t.ppf(1 - ALPHA, freedom)) * error
    distance = _ratio(margin - abs(difference), error)
    p = float(stats.t.sf(distance, freedom))
    return Equivalence(margin, difference - reach, difference + reach, p)


def holm_corrected(p: Sequence[float]) -> FloatArray:
    """Correct p values for all tests of a family (Holm); NaN is no test, and stays NaN.

    Args:
        p: uncorrected.

    Source: Holm (1979), https://www.jstor.org/stable/4615733.

    Example:
        >>> holm_corrected([0.01, 0.04, 0.03, np.nan]).tolist()
        [0.03, 0.06, 0.06, nan]
    """
    values = np.asarray(p, dtype=np.float64)
    corrected = np.full(values.shape, np.nan)
    order = [number for number in np.argsort(values, kind="stable") if not np.isnan(values[number])]
    steps = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1, np.maximum.accumulate(steps * values[order]))
    return corrected


def check_margin(margin: float) -> float:
    """Check that a margin is a finite number above 0.

    Args:
        margin: in the unit of what is compared.

    Raises: UsageError.
    """
    if not 0 < margin < np.inf:
        raise UsageError(f"the margin is {margin:g}; expected a number above 0")
    return margin


def _known(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _welch(first: FloatArray, second: FloatArray) -> tuple[float, float, float]:
    """Difference of the means, its standard error, and the degrees of freedom; NaN where a group is too small."""
    if min(len(first), len(second)) < 2:
        return np.nan, np.nan, np.nan
    errors = np.array([group.var(ddof=1) / len(group) for group in (first, second)])
    error, difference = float(np.sqrt(errors.sum())), _difference(first, second)
    if error <= _rounding(first, second):
        return difference, 0.0, np.inf
    freedom = float(errors.sum() ** 2 / (errors**2 / [len(first) - 1, len(second) - 1]).sum())
    return difference, error, freedom


def _rounding(*groups: FloatArray) -> float:
    """Differences up to it are rounding errors of values of this size."""
    return _ROUNDING * max(float(np.abs(group).max(initial=0)) for group in groups)


def _difference(first: FloatArray, second: FloatArray) -> float:
    """Difference of the means; 0 if it is a rounding error."""
    difference = float(first.mean() - second.mean())
    return difference if abs(difference) > _rounding(first, second) else 0.0


def _ratio(difference: float, spread: float) -> float:
    """The difference in units of the spread; of no spread 0, or an infinity."""
    if spread > 0:
        return difference / spread
    return difference * np.inf if difference else 0.0
