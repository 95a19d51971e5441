"""What the indices by moments are computed from, in every resample.

The quantities are those of `queries/README.md`, and have the same names. Arrays are (resamples, categories, filters),
or broadcast to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolbox.resampling.arrays import FloatArray
from toolbox.resampling.resamples import Resamples, ResponseMatrix

ROUNDING = 1e-12
"""Proportion of a sum of squares below which deviations are what is left of rounding."""


@dataclass(frozen=True)
class Moments:
    """Moments of some filters' responses, in every resample.

    The range of equation 1 is that of all stimuli in every resample, as a unit of measurement: resampled stimuli have
    a smaller range, which would make every index larger (Bickel and Freedman 1981, doi 10.1214/aos/1176345637).

    Attributes:
        responses: of some filters.
        resamples: which stimuli stand for which category.
        peak: upper end of the layer-wide range, NaN if it is not known; each filter's own range if None.
    """

    responses: ResponseMatrix
    resamples: Resamples
    peak: float | None = None

    @property
    def categories(self) -> FloatArray:
        """(): number of categories."""
        return np.array(float(len(self.resamples.sizes)))

    @property
    def n(self) -> FloatArray:
        """(categories, 1): stimuli of each category."""
        return self.resamples.sizes[:, None].astype(np.float64)

    @property
    def all_n(self) -> FloatArray:
        """(): stimuli of all."""
        return self.n.sum()

    @property
    def rest_n(self) -> FloatArray:
        """(categories, 1): stimuli of all others."""
        return self.all_n - self.n

    @property
    def all_lowest(self) -> FloatArray:
        """(filters,): smallest response to all stimuli."""
        return self.responses.low

    @cached_property
    def mean(self) -> FloatArray:
        """Mean response to each category, in units of activation."""
        return self._sums / self.n + self.responses.low

    @property
    def rest_mean(self) -> FloatArray:
        """Mean response to all other stimuli, in units of activation."""
        rest_sums = self._sums.sum(axis=1, keepdims=True) - self._sums
        return rest_sums / self.rest_n + self.responses.low

    @property
    def others_mean(self) -> FloatArray:
        """Mean of the other categories' mean responses."""
        return (self.mean.sum(axis=1, keepdims=True) - self.mean) / (self.categories - 1)

    @cached_property
    def activity(self) -> FloatArray:
        """Sum of the normalised responses to each category."""
        low = self.responses.low
        floor = low if self.peak is None else np.zeros_like(low)
        span = self.responses.high - low if self.peak is None else np.full_like(low, self.peak)
        return (self._sums - self.n * (floor - low)) / np.where(span > 0, span, np.nan)

    @property
    def all_activity(self) -> FloatArray:
        """(resamples, 1, filters): sum of the normalised responses to all stimuli."""
        return self.activity.sum(axis=1, keepdims=True)

    @property
    def rest_activity(self) -> FloatArray:
        """Sum of the normalised responses to all other stimuli."""
        return self.all_activity - self.activity

    @property
    def summed_activity_means(self) -> FloatArray:
        """(resamples, 1, filters): sum over the categories of the mean normalised response."""
        return (self.activity / self.n).sum(axis=1, keepdims=True)

    @property
    def variance(self) -> FloatArray:
        """Variance (n - 1) of the responses to each category."""
        return _deviations(self._centred_sums, self._squares, self.n) / (self.n - 1)

    @property
    def rest_variance(self) -> FloatArray:
        """Variance (n - 1) of the responses to all other stimuli.

        The rest is added up category by category. Taken from the whole by subtraction, the deviations of a rest
        near the median would drown in the squares of a category far from it.
        """
        others = 1 - np.eye(len(self.resamples.sizes))
        sums, squares = others @ self._centred_sums, others @ self._squares
        return _deviations(sums, squares, self.rest_n) / (self.rest_n - 1)

    @property
    def all_variance(self) -> FloatArray:
        """(resamples, 1, filters): variance (n) of all responses."""
        sums = self._centred_sums.sum(axis=1, keepdims=True)
        squares = self._squares.sum(axis=1, keepdims=True)
        return _deviations(sums, squares, self.all_n) / self.all_n

    @cached_property
    def _sums(self) -> FloatArray:
        """Sums of the responses less the smallest one; exactly 0 where none is above it.

        Otherwise a share of nothing would be the ratio of two rounding errors.
        """
        return self.resamples.sums(self.responses.values - self.responses.low)

    @cached_property
    def _centred_sums(self) -> FloatArray:
        """Sums of the responses less their median, as `_squares` are."""
        return self._sums - self.n * (self.responses.middle - self.responses.low)

    @cached_property
    def _squares(self) -> FloatArray:
        return self.resamples.sums((self.responses.values - self.responses.middle) ** 2)


def _deviations(sums: FloatArray, squares: FloatArray, n: FloatArray) -> FloatArray:
    """Squared deviations of n numbers from their mean; 0 where the numbers differ by no more than rounding."""
    deviations = squares - sums**2 / n
    return np.where(deviations > ROUNDING * squares, deviations, 0)
