"""Whether two groups, or two estimates, differ or are equivalent within a margin: tests. Never reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from toolbox.design.differences import difference_of_means, known_values, ratio_to_spread, rounding_error
from toolbox.errors import UsageError
from toolbox.resampling import FloatArray

ALPHA = 0.05
"""Of every one-sided test of equivalence, so its interval is that of 1 - 2 * ALPHA."""
CONFIDENCE = 0.95
"""Of the interval of a difference."""


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
    difference, error, freedom = _welch(known_values(values), known_values(others))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * error
    p = 2 * float(stats.t.sf(ratio_to_spread(abs(difference), error), freedom))
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
    difference, error, freedom = _welch(known_values(values), known_values(others))
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
    distance = ratio_to_spread(margin - abs(difference), error)
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


def _welch(first: FloatArray, second: FloatArray) -> tuple[float, float, float]:
    """Difference of the means, its standard error, and the degrees of freedom; NaN where a group is too small."""
    if min(len(first), len(second)) < 2:
        return np.nan, np.nan, np.nan
    errors = np.array([group.var(ddof=1) / len(group) for group in (first, second)])
    error, difference = float(np.sqrt(errors.sum())), difference_of_means(first, second)
    if error <= rounding_error(first, second):
        return difference, 0.0, np.inf
    freedom = float(errors.sum() ** 2 / (errors**2 / [len(first) - 1, len(second) - 1]).sum())
    return difference, error, freedom
