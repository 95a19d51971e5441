"""How certain accuracies and their differences are. Reads no study.

Source: Nadeau and Bengio (2003), doi 10.1023/A:1024068626366.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from toolbox.design.differences import rank_auc
from toolbox.design.equivalence import CONFIDENCE
from toolbox.resampling.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class UncertainMean:
    """A mean, its 95 % interval, and p of its difference from 0 (two-sided); NaN where there is none."""

    mean: float
    low: float
    high: float
    p: float


def corrected_estimate(values: FloatArray, test_proportion: float) -> UncertainMean:
    """The mean over the folds of repeated cross-validation, whose training images overlap.

    The variance of the mean is that over the folds times (1 / folds + test images / training images): the second term
    corrects for the overlap, without which the interval would be far too narrow.

    Args:
        values: (folds of all repeats,).
        test_proportion: test images / training images.

    Example:
        >>> corrected_estimate(np.array([0.1, 0.3]), 0.25).mean
        0.2
    """
    count, mean = len(values), float(values.mean())
    if count < 2:
        return UncertainMean(mean, np.nan, np.nan, np.nan)
    error = float(np.sqrt(values.var(ddof=1) * (1 / count + test_proportion)))
    return _estimate(mean, error, count - 1)


def estimate_over_images(values: FloatArray, labels: IntArray) -> UncertainMean:
    """The mean over categories of the means over their test images, which are independent of all training images.

    Args:
        values: (test images,): such as 1 for a correct prediction, or its difference between two methods.
        labels: (test images,): numbers of categories.
    """
    of_category = [values[labels == number] for number in np.unique(labels)]
    mean = float(np.mean([each.mean() for each in of_category]))
    least = min(map(len, of_category))
    if least < 2:
        return UncertainMean(mean, np.nan, np.nan, np.nan)
    variance = sum(each.var(ddof=1) / len(each) for each in of_category) / len(of_category) ** 2
    return _estimate(mean, float(np.sqrt(variance)), len(values) - len(of_category))


def _estimate(mean: float, error: float, freedom: int) -> UncertainMean:
    """By Student's t; without any variance the interval is the mean itself."""
    if error == 0:
        return UncertainMean(mean, mean, mean, 1.0 if mean == 0 else np.nan)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return UncertainMean(mean, mean - reach, mean + reach, p)


def balanced_accuracy(predicted: IntArray, labels: IntArray) -> float:
    """The mean over the categories of the proportion of their images that are predicted correctly.

    Args:
        predicted: (images,): numbers of categories.
        labels: (images,): numbers of categories.

    Example:
        >>> balanced_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
        0.75
    """
    return float(np.mean([(predicted[labels == each] == each).mean() for each in np.unique(labels)]))


def mean_auc(scores: FloatArray, labels: IntArray) -> float:
    """The mean over the categories of the AUC by which a category's score tells its images from all others.

    Args:
        scores: (images, categories).
        labels: (images,): numbers of categories.

    Example:
        >>> mean_auc(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 1]))
        1.0
    """
    found = [rank_auc(scores[:, number], labels == number) for number in np.unique(labels)]
    return float(np.mean(found)) if len(found) > 1 else np.nan
