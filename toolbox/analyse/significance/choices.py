"""What to resample, and how often. Owns what is refused before anything is read."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from toolbox.errors import UsageError, expected_names
from toolbox.query.indices import RESAMPLED, index_names, shipped_index
from toolbox.store.resamples import USUAL, Measure
from toolbox.terms import DEFAULT_INDEX, RANGES, STATISTICS, Range, Statistic

LEAST_RESAMPLES = 20
"""With fewer permutations no p could be below 0.05."""


@dataclass(frozen=True)
class Resampling:
    """What to resample, and how often.

    Attributes:
        index: name of a file in `queries/indices/` that has a value for every category.
        statistic: 'maximum' or 'mean' of the activation map.
        normalise: 'filter' or 'layer', the range of equation 1.
        threshold: where filters are counted, beside those of the index's file and of an earlier run; one number, or
            several; None for no further ones.
        resamples: number of bootstrap samples, and of permutations.
        seed: equal seeds give equal resamples.
    """

    index: str = DEFAULT_INDEX
    statistic: Statistic = "maximum"
    normalise: Range = "filter"
    threshold: float | Sequence[float] | None = None
    resamples: int = USUAL["resamples"]
    seed: int = USUAL["seed"]

    @property
    def measure(self) -> Measure:
        """What names the tables."""
        return Measure(self.index, self.statistic, self.normalise)

    @property
    def threshold_list(self) -> list[float]:
        """The further thresholds, none, one or several, as a list."""
        return [] if self.threshold is None else [float(threshold) for threshold in _as_list(self.threshold)]


def check_choices(choices: Resampling) -> Resampling:
    """The choices in plain numbers, as they are recorded.

    Raises: UsageError for a choice that is impossible.
    """
    _check_names(choices)
    resamples = _whole_number(
        "resamples", choices.resamples, LEAST_RESAMPLES, ", or no p value could be below 0.05"
    )
    seed = _whole_number("seed", choices.seed, 0)
    thresholds = None if choices.threshold is None else _as_list(choices.threshold)
    if thresholds is not None and not (thresholds and all(map(_is_finite, thresholds))):
        shown = _in_a_line(thresholds if _is_sequence(choices.threshold) else choices.threshold)
        raise UsageError(f"threshold is {shown}; expected one finite number or more")
    for threshold in thresholds or ():
        shipped_index(choices.index).check_threshold(threshold)
    return replace(choices, threshold=choices.threshold_list, resamples=resamples, seed=seed)


def _check_names(choices: Resampling) -> None:
    known = {"index": index_names(*RESAMPLED), "statistic": STATISTICS, "normalise": RANGES}
    for choice, names in known.items():
        value = getattr(choices, choice)
        if not isinstance(value, str) or value not in names:
            raise UsageError(f"{choice} is {_in_a_line(value)}; {expected_names(value, names)}")


def _whole_number(choice: str, value: Any, least: int, reason: str = "") -> int:
    """A whole number, of numpy too, as one of Python."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UsageError(f"{choice} is {_in_a_line(value)}; expected a whole number, {least} or more{reason}")
    if value < least:
        raise UsageError(f"{choice} is {value}; expected {least} or more{reason}")
    return int(value)


def _is_sequence(value: Any) -> bool:
    """Whether it holds several values; what would be taken apart into letters or keys does not."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)


def _as_list(thresholds: Any) -> list[Any]:
    """Several numbers as a list, and a single one, or whatever is no number, as a list of one."""
    if isinstance(thresholds, np.ndarray):  # one without dimensions is a number
        thresholds = thresholds.tolist()
    return list(thresholds) if _is_sequence(thresholds) else [thresholds]


def _is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold; NaN compares as false."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and bool(abs(value) <= sys.float_info.max)


def _in_a_line(value: Any) -> str:
    """How a value is written, without its line breaks and not at length."""
    return " ".join(reprlib.repr(value).split())
