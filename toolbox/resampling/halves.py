"""What one half of the stimuli confirms of the preference found in the other. Never draws a half."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.resampling.arrays import FloatArray, IntArray, equality_bound, finite_mean

HALVINGS = 100
"""Ways in which the stimuli are halved."""


@dataclass(frozen=True)
class Halves:
    """What one half of the stimuli confirms of each filter's preference in the other, (filters,) each; NaN if unknown.

    Attributes:
        preferred: number of the category with the largest value, -1 where there is none: of a dead filter, and of one
            whose values are all the same.
        value: that value.
        cross_validated: mean value, in one half, of the category that was preferred in the other.
        agreement: share of the halvings in which both halves prefer the same category.
        reliability: correlation of the values between the halves, over the categories, as the mean over the halvings,
            stepped up to all stimuli: 2 r / (1 + r). Two categories always correlate by 1 or -1, so it takes three.
    """

    preferred: IntArray
    value: FloatArray
    cross_validated: FloatArray
    agreement: FloatArray
    reliability: FloatArray


def compare_halves(value: FloatArray, halves: FloatArray | None) -> Halves:
    """How far the preferences of a layer's filters agree between halves of the stimuli.

    Args:
        value: (categories, filters): the index over all stimuli.
        halves: (2 * halvings, categories, filters): in turn that over one half and over the other; None where a
            category has a single stimulus, which cannot be halved.
    """
    preferred = _preferred_categories(value)
    best = _values_at(value[None], preferred[None])[0]
    if halves is None:
        unknown = np.full(len(preferred), np.nan)
        return Halves(preferred, best, unknown, unknown, unknown)
    first, second = halves[::2], halves[1::2]
    cross_validated, agreement = _cross_validation(first, second)
    return Halves(preferred, best, cross_validated, agreement, _reliability(first, second))


def _cross_validation(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean value in one half of what the other prefers, and how often both prefer the same; (filters,) each."""
    choices = _preferred_categories(first), _preferred_categories(second)
    measured = [_values_at(second, choices[0]), _values_at(first, choices[1])]
    # a halving of which one half prefers nothing neither agrees nor disagrees
    same = np.where(np.isfinite(measured).all(axis=0), choices[0] == choices[1], np.nan)
    return finite_mean(np.concatenate(measured), axis=0), finite_mean(same, axis=0)


def _reliability(first: FloatArray, second: FloatArray) -> FloatArray:
    """(filters,): Spearman and Brown's formula for a measurement twice as long as the two that correlate by r.

    The mean of r is taken first: stepped up one by one, an r near -1 would outweigh all others.
    """
    categories = first.shape[1]
    r = finite_mean(_correlation(first, second), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = 2 * r / (1 + r)
    return np.where(np.isfinite(reliability) & (categories > 2), reliability, np.nan)


def _preferred_categories(values: FloatArray) -> IntArray:
    """Number of the category with the largest value, -1 if none is: (…, filters) of (…, categories, filters)."""
    known = np.where(np.isnan(values), -np.inf, values)
    return np.where(_has_preference(values), known.argmax(axis=-2), -1)


def _has_preference(values: FloatArray) -> NDArray[np.bool_]:
    """Whether the values of a filter differ between the categories; sparse ones may be silent in a whole half."""
    # fmin and fmax leave out NaN, and give NaN where all are, which is smaller than nothing
    return np.fmin.reduce(values, axis=-2) < equality_bound(np.fmax.reduce(values, axis=-2))


def _values_at(values: FloatArray, chosen: IntArray) -> FloatArray:
    """The values of the chosen categories, NaN if none is: (halvings, filters) from (halvings, categories, filters)."""
    of_chosen = np.take_along_axis(values, chosen[:, None], axis=1)[:, 0]
    return np.where(chosen < 0, np.nan, of_chosen)


def _correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Pearson's r over the categories: (halvings, filters) from (halvings, categories, filters)."""
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    # values that differ by rounding alone would correlate by anything
    return np.where(_has_preference(first) & _has_preference(second), r, np.nan)
