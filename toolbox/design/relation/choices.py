"""What to relate to the responses, and how often to permute it. Owns what is refused before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from numbers import Integral
from typing import Any

from toolbox.errors import UsageError, expected_names
from toolbox.store.relations import Relation, given_text
from toolbox.store.resamples import USUAL
from toolbox.terms import STATISTICS, Statistic

COUNTED = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Absolute correlations above which filters are always counted."""
_LEAST_PERMUTATIONS = 20
"""With fewer permutations no p could be below 0.05."""


@dataclass(frozen=True)
class Relating:
    """What to relate to the responses, and how often to permute it.

    Attributes:
        parameter: a numeric parameter of the stimuli, or a measured property.
        given: what is held constant: other parameters or properties, or `category`; one name, or several.
        statistic: 'maximum' or 'mean' of the activation map.
        threshold: absolute correlations above which filters are counted too; one number, or several.
        resamples: number of permutations.
        seed: equal seeds give equal permutations.
    """

    parameter: str
    given: str | Sequence[str] | None = None
    statistic: Statistic = "maximum"
    threshold: float | Sequence[float] | None = None
    resamples: int = USUAL["resamples"]
    seed: int = USUAL["seed"]

    @property
    def threshold_list(self) -> list[float]:
        """The further thresholds, none, one or several, as a list."""
        if self.threshold is None:
            return []
        return list(self.threshold) if isinstance(self.threshold, Sequence) else [self.threshold]

    @property
    def relation(self) -> Relation:
        """What names the tables."""
        return Relation(self.parameter, given_text(self.given), self.statistic)


def check_relating(choices: Relating) -> Relating:
    """The choices in plain numbers, as they are recorded.

    Raises: UsageError for a choice that is impossible.
    """
    if choices.statistic not in STATISTICS:
        raise UsageError(
            f"statistic is {choices.statistic!r}; {expected_names(choices.statistic, STATISTICS)}"
        )
    relation = choices.relation
    if relation.parameter in relation.given_names:
        raise UsageError(
            f"{relation.parameter} cannot be held constant while it is related to the responses; name something else "
            "as given (--given)"
        )
    return replace(
        choices,
        given=relation.given_names,
        threshold=_thresholds(choices.threshold_list),
        resamples=_whole_number("resamples", choices.resamples, _LEAST_PERMUTATIONS),
        seed=_whole_number("seed", choices.seed, 0),
    )


def critical_correlation(free: int) -> float:
    """The absolute rank correlation that a single filter exceeds by chance with a probability of about 0.05.

    1.96 standard deviations of the rank correlation without relation, 1 / sqrt(n - 1) (Kendall and Gibbons 1990); with
    something given, n is reduced by it.

    Args:
        free: degrees of freedom, n - 2 without anything given.

    >>> round(critical_correlation(98), 3)
    0.197
    """
    return 1.96 / sqrt(free + 1)


def _thresholds(thresholds: Sequence[Any]) -> list[float]:
    """Those at which filters are not counted anyway.

    Raises: UsageError for one that is no absolute correlation.
    """
    for threshold in thresholds:
        is_number = isinstance(threshold, float | int) and not isinstance(threshold, bool)
        if not is_number or not 0 <= threshold < 1:
            raise UsageError(
                f"threshold is {threshold!r}; expected an absolute correlation, from 0 to below 1"
            )
    return sorted({float(threshold) for threshold in thresholds} - {*COUNTED})


def _whole_number(choice: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise UsageError(f"{choice} is {value!r}; expected a whole number, {least} or more")
    return int(value)
