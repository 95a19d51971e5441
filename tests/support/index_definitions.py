"""Every index of a category by its definition, one filter at a time: a second opinion on `queries/indices/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Measurement:
    """The responses of one filter, the category of each, the category in question, and the range of equation 1."""

    responses: Vector
    numbers: NDArray[np.int64]
    wanted: int
    low: float
    high: float

    @property
    def is_member(self) -> NDArray[np.bool_]:
        return self.numbers == self.wanted

    @property
    def own(self) -> Vector:
        return self.responses[self.is_member]

    @property
    def rest(self) -> Vector:
        return self.responses[~self.is_member]

    @cached_property
    def normal(self) -> Vector:
        return (self.responses - self.low) / (self.high - self.low)

    @cached_property
    def others_mean(self) -> float:
        others = [number for number in np.unique(self.numbers) if number != self.wanted]
        return float(np.mean([self.responses[self.numbers == number].mean() for number in others]))


def ratio(one: float, other: float) -> float:
    return (one - other) / (one + other)


def fsi(m: Measurement) -> float:
    one, other = float(m.own.mean()), float(m.rest.mean())
    if one * other < 0:
        return float(np.sign(one))
    return ratio(one, other) if one + other > 0 else np.nan


def balanced_share(m: Measurement) -> float:
    means = [m.normal[m.numbers == number].mean() for number in np.unique(m.numbers)]
    return float(m.normal[m.is_member].mean() / sum(means))


def precision(m: Measurement) -> float:
    """Members among the n most activating, ties sharing the last places."""
    n = len(m.own)
    cut = np.sort(m.responses)[-n]
    above, level = m.responses > cut, m.responses == cut
    part = (n - above.sum()) / level.sum()
    return float(((above & m.is_member).sum() + part * (level & m.is_member).sum()) / n)


def auprc(m: Measurement) -> float:
    """Every member sets a criterion in turn."""
    return float(np.mean([(m.own >= at).sum() / (m.responses >= at).sum() for at in m.own]))


DEFINITIONS: dict[str, Callable[[Measurement], float]] = {
    "auc": lambda m: stats.mannwhitneyu(m.own, m.rest).statistic / (len(m.own) * len(m.rest)),
    "auprc": auprc,
    "balanced_share": balanced_share,
    "contrast": lambda m: m.normal[m.is_member].mean() - m.normal[~m.is_member].mean(),
    "correlation": lambda m: np.corrcoef(m.responses, m.is_member)[0, 1],
    "csi": lambda m: ratio(m.own.mean(), m.others_mean) if m.low >= 0 else np.nan,
    "d_prime": lambda m: (
        (m.own.mean() - m.rest.mean()) / np.sqrt((m.own.var(ddof=1) + m.rest.var(ddof=1)) / 2)
    ),
    "fsi": fsi,
    "precision": precision,
    "response": lambda m: m.normal[m.is_member].mean(),
    "share": lambda m: m.normal[m.is_member].sum() / m.normal.sum(),
    "welch_t": lambda m: stats.ttest_ind(m.own, m.rest, equal_var=False).statistic,
}
"""Name of the index -> its definition. An index without one fails the tests."""


def defined(
    index: str, responses: Vector, numbers: NDArray[np.int64], low: Vector, high: Vector
) -> NDArray[np.float64]:
    """One index by its definition, (categories, filters), of responses (stimuli, filters) in the range given."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.array(
            [
                [
                    DEFINITIONS[index](Measurement(column, numbers, wanted, low[number], high[number]))
                    for number, column in enumerate(responses.T)
                ]
                for wanted in range(numbers.max() + 1)
            ]
        )
