"""The indices in numpy, for many resamples at once.

The formulas are those of `queries/macros.sql`, where they are explained; a test compares the two.
Arrays are (resamples, categories, filters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolbox.errors import UsageError
from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.ranks import auc, precision
from toolbox.resampling.resamples import Resamples, ResponseMatrix

ROUNDING = 1e-12
"""Fraction of a sum of squares below which deviations are what is left of rounding."""


@dataclass(frozen=True)
class Moments:
    """What the indices follow from, in every resample.

    Attributes:
        sizes: (categories,).
        sums: (resamples, categories, filters): sums of the responses less `low`; exactly 0 where none is above it, or
            a share of nothing would be the ratio of two rounding errors.
        squares: the same of the squares of the responses less `middle`; None where no variance is asked for.
        low, middle: (filters,): smallest and median response of all.
        floor, span: (filters,): the range to which equation 1 normalises; span is NaN where there is none.
    """

    sizes: IntArray
    sums: FloatArray
    squares: FloatArray | None
    low: FloatArray
    middle: FloatArray
    floor: FloatArray
    span: FloatArray

    @property
    def n(self) -> FloatArray:
        """(categories, 1): stimuli of each category."""
        return self.sizes[:, None].astype(np.float64)

    @property
    def rest_n(self) -> FloatArray:
        """(categories, 1): stimuli of all others."""
        return self.n.sum() - self.n

    @property
    def mean(self) -> FloatArray:
        """Mean response to each category, in units of activation."""
        return self.sums / self.n + self.low

    @property
    def rest_sums(self) -> FloatArray:
        """The sums over all other categories."""
        return self.sums.sum(axis=1, keepdims=True) - self.sums

    @property
    def rest_mean(self) -> FloatArray:
        """Mean response to all other stimuli, in units of activation."""
        return self.rest_sums / self.rest_n + self.low

    @property
    def activity(self) -> FloatArray:
        """Sum of the normalised responses to each category."""
        return (self.sums - self.n * (self.floor - self.low)) / self.span

    @property
    def variances(self) -> tuple[FloatArray, FloatArray]:
        """(n - 1) of each category, and of the rest."""
        assert self.squares is not None
        # Of the responses less `middle`, as the squares are.
        sums = self.sums - self.n * (self.middle - self.low)
        # The rest is added up category by category. Taken from the whole by subtraction, the deviations of a rest
        # near the median would drown in the squares of a category far from it.
        others = 1 - np.eye(len(self.sizes))
        own = _variance(sums, self.squares, self.n)
        return own, _variance(others @ sums, others @ self.squares, self.rest_n)


def _variance(sums: FloatArray, squares: FloatArray, n: FloatArray) -> FloatArray:
    """(n - 1), from sums of numbers and of their squares; 0 where the numbers differ by no more than rounding."""
    deviations = squares - sums**2 / n
    return np.where(deviations > ROUNDING * squares, deviations, 0) / (n - 1)


def _contrast(m: Moments) -> FloatArray:
    activity = m.activity
    return activity / m.n - (activity.sum(axis=1, keepdims=True) - activity) / m.rest_n


def _share(m: Moments) -> FloatArray:
    return m.activity / m.activity.sum(axis=1, keepdims=True)


def _response(m: Moments) -> FloatArray:
    return m.activity / m.n


def _balanced_share(m: Moments) -> FloatArray:
    return _response(m) / _response(m).sum(axis=1, keepdims=True)


def _csi(m: Moments) -> FloatArray:
    others = (m.mean.sum(axis=1, keepdims=True) - m.mean) / (len(m.sizes) - 1)
    return np.where(m.low >= 0, (m.mean - others) / (m.mean + others), np.nan)


def _fsi(m: Moments) -> FloatArray:
    both = m.mean + m.rest_mean
    index = np.where(both > 0, (m.mean - m.rest_mean) / both, np.nan)
    return np.where(m.mean * m.rest_mean < 0, np.sign(m.mean), index)


def _d_prime(m: Moments) -> FloatArray:
    own, others = m.variances
    return (m.mean - m.rest_mean) / np.sqrt((own + others) / 2)


def _welch_t(m: Moments) -> FloatArray:
    own, others = m.variances
    return (m.mean - m.rest_mean) / np.sqrt(own / m.n + others / m.rest_n)


INDICES: dict[str, Callable[[Moments], FloatArray]] = {
    "contrast": _contrast,
    "share": _share,
    "balanced_share": _balanced_share,
    "response": _response,
    "csi": _csi,
    "fsi": _fsi,
    "d_prime": _d_prime,
    "welch_t": _welch_t,
}


def welch(m: Moments) -> tuple[FloatArray, FloatArray]:
    """Welch's t of each category against the rest, and its degrees of freedom."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own, others = m.variances
        error, rest_error = own / m.n, others / m.rest_n
        degrees = (error + rest_error) ** 2 / (error**2 / (m.n - 1) + rest_error**2 / (m.rest_n - 1))
        return _welch_t(m), degrees


def moments(
    responses: ResponseMatrix, resamples: Resamples, *, peak: float | None = None, squares: bool = False
) -> Moments:
    """What the indices of some filters follow from, in every resample.

    The range of equation 1 is that of all stimuli in every resample, as a unit of measurement: resampled stimuli have
    a smaller range, which would make every index larger (Bickel and Freedman 1981, doi 10.1214/aos/1176345637).

    Args:
        responses: of some filters.
        resamples: which stimuli stand for which category.
        peak: upper end of the layer-wide range, NaN if it is not known; each filter's own range if None.
        squares: whether variances are needed.
    """
    low, middle = responses.low, responses.middle
    floor = low if peak is None else np.zeros_like(low)
    span = responses.high - low if peak is None else np.full_like(low, peak)
    return Moments(
        sizes=resamples.sizes,
        sums=resamples.sums(responses.values - low),
        squares=resamples.sums((responses.values - middle) ** 2) if squares else None,
        low=low,
        middle=middle,
        floor=floor,
        span=np.where(span > 0, span, np.nan),
    )


RANK_INDICES: dict[str, Callable[[ResponseMatrix, Resamples], FloatArray]] = {
    "auc": auc,
    "precision": precision,
}


def index_values(
    index: str, responses: ResponseMatrix, resamples: Resamples, peak: float | None = None
) -> FloatArray:
    """One index of some filters, (resamples, categories, filters); NaN where it is null.

    Args:
        index: one of INDICES or RANK_INDICES.
        responses: of some filters.
        resamples: which stimuli stand for which category.
        peak: as of `moments`; the rank indices have no range.

    Raises: UsageError for another index.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if index in RANK_INDICES:
            values = RANK_INDICES[index](responses, resamples)
        elif index in INDICES:
            squares = index in ("d_prime", "welch_t")
            values = INDICES[index](moments(responses, resamples, peak=peak, squares=squares))
        else:
            known = ", ".join((*INDICES, *RANK_INDICES))
            raise UsageError(f"the index is {index}; expected one of {known}")
    is_dead = responses.high == responses.low
    return np.where(is_dead | ~np.isfinite(values), np.nan, values)
