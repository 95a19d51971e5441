"""How far groups of stimuli are from agreeing. Owns what a search minimises.

Of every two groups and every criterion there are a standardised difference of the means, |m1 - m2| / sqrt((s1^2 + s2^2)
/ 2), and a difference of the spreads, |log(s1 / s2)|. For a criterion of several columns, such as a layer, differences
are lengths of vectors and variances are sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from toolbox.design.matching.designs import Design, Units
from toolbox.resampling import FloatArray

Aim = Literal["all", "largest"]
"""What becomes small: all differences on average, or the largest of them."""
SPREAD_LIMIT = float(np.log(2) / 2)
"""Variance ratios of 0.5 to 2 do not weigh as a difference of means; beyond, they do.

Source: Rubin (2001), doi 10.1023/A:1020363010465.
"""
_SPREAD_WEIGHT = 0.5
_POWER = 8
"""Of the norm that stands for the largest difference: where the stimuli do not allow that all become small, it keeps
the others from growing up to the largest."""
_TIE = 0.03
"""Weight of the average where the largest difference is minimised."""
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Totals:
    """Sums over the stimuli of each group.

    Attributes:
        sums, squares: (…, groups, columns).
        count: (groups,).
    """

    sums: FloatArray
    squares: FloatArray
    count: FloatArray


class Imbalance:
    """The imbalance of a design's groups, as a number that a search minimises."""

    def __init__(self, design: Design) -> None:
        """Arrange what does not depend on a choice.

        Args:
            design: whose groups are compared.
        """
        pairs = list(combinations(range(design.groups), 2))
        self._first, self._second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
        self._starts = np.flatnonzero(np.r_[True, np.diff(design.criterion) > 0])
        self._agree = np.arange(len(self._starts)) != design.different
        self._different, self._wanted = design.different, design.wanted
        self._low, self._high = (np.array([pair[side] for pair in design.order], np.int64) for side in (0, 1))

    def __call__(self, totals: Totals, aim: Aim) -> FloatArray:
        """The imbalance of many choices at once.

        Args:
            totals: of each choice: arrays with one leading dimension.
            aim: what it measures.

        Returns: (choices,), 0 or more.
        """
        means, variances = self._moments(totals)
        differences, spreads = self._differences(means, variances)
        squared = (differences**2).sum((1, 2)) + ((_SPREAD_WEIGHT * spreads) ** 2).sum((1, 2))
        shortage = self._shortage(means, variances)
        if aim == "all":
            return np.asarray(squared + shortage**2)
        largest = (differences**_POWER).sum((1, 2)) ** (1 / _POWER)
        excess = np.maximum(spreads - SPREAD_LIMIT, 0).max((1, 2), initial=0)
        average = np.sqrt(squared / max(1, 2 * differences[0].size))
        return np.asarray(largest + excess + shortage + _TIE * average)

    def largest_difference(self, totals: Totals) -> FloatArray:
        """The largest standardised difference of what is to agree, (choices,).

        Args:
            totals: of each choice.
        """
        return np.asarray(self._differences(*self._moments(totals))[0].max((1, 2), initial=0))

    def _moments(self, totals: Totals) -> tuple[FloatArray, FloatArray]:
        """Means (choices, groups, columns), and variances summed over the columns of a criterion."""
        count = totals.count[:, None]
        means = totals.sums / count
        squared = np.maximum(totals.squares - count * means**2, 0) / np.maximum(count - 1, 1)
        return means, np.add.reduceat(squared, self._starts, axis=-1)

    def _differences(self, means: FloatArray, variances: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standardised differences and differences of spreads, (choices, pairs, criteria that are to agree)."""
        apart = np.add.reduceat((means[:, self._first] - means[:, self._second]) ** 2, self._starts, axis=-1)[
            ..., self._agree
        ]
        first, second = (
            np.maximum(variances[:, side][..., self._agree], _LEAST_VARIANCE)
            for side in (self._first, self._second)
        )
        return np.sqrt(2 * apart / (first + second)), np.abs(np.log(first / second)) / 2

    def _shortage(self, means: FloatArray, variances: FloatArray) -> FloatArray:
        """By how much the criterion that is to differ falls short of that, (choices,)."""
        if self._different is None:
            return np.zeros(len(means))
        column = self._starts[self._different]
        distance = means[:, self._high, column] - means[:, self._low, column]
        variance = variances[:, self._high, self._different] + variances[:, self._low, self._different]
        found = distance / np.sqrt(np.maximum(variance / 2, _LEAST_VARIANCE))
        return np.asarray(np.maximum(self._wanted - found, 0).max(1, initial=0))


def totals_of(units: Units, place: np.ndarray, places: int) -> Totals:
    """The totals of one choice, with a leading dimension of 1.

    Args:
        units: with their sums.
        place: (units,) where each is.
        places: number of sets.
    """
    rows, columns = units.sums.shape[1:]
    sums, squares = np.zeros((2, places, rows, columns))
    count = np.zeros((places, rows))
    chosen = place < places
    for total, of_units in ((sums, units.sums), (squares, units.squares), (count, units.count)):
        np.add.at(total, place[chosen], of_units[chosen])
    shape = (1, places * rows, columns)
    return Totals(sums.reshape(shape), squares.reshape(shape), count.ravel())
