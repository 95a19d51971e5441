"""Arithmetic on indices that may be NaN and whose last digits are rounding. Knows no resample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TOLERANCE = 1e-9
"""Values nearer than this are equal: sums of the same numbers differ by their order."""


def equality_bound(value: FloatArray) -> FloatArray:
    """The smallest number that counts as large as each value; relative for values beyond 1."""
    return value - TOLERANCE * np.maximum(1, np.abs(value))


def finite_mean(values: FloatArray, axis: int) -> FloatArray:
    """Mean of the finite values, NaN where there is none.

    Args:
        values: any shape.
        axis: over which the mean is taken.
    """
    is_finite = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(is_finite, values, 0).sum(axis=axis) / is_finite.sum(axis=axis)
