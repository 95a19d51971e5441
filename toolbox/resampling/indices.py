"""The indices in numpy, for many draws at once.

The formulas are those of `queries/macros.sql`, where they are explained; a test holds the two against each other.
Arrays are (draws, categories, filters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolbox.errors import UsageError
from toolbox.resampling.draws import Draws, Numbers, Responses, Whole

RANKED = ("auc", "precision")
ROUNDING = 1e-12
"""Fraction of a sum of squares below which deviations are what is left of rounding."""


@dataclass(frozen=True)
class Moments:
    """What the indices follow from, in every draw.

    Attributes:
        sizes: (categories,).
        sums: (draws, categories, filters): sums of the responses less `low`; exactly 0 where none is above it, or a
            share of nothing would be the ratio of two rounding errors.
        squares: the same of the squares of the responses less `middle`; None where no variance is asked for.
        low, middle: (filters,): smallest and median response of all.
        floor, span: (filters,): the range to which equation 1 normalises; span is NaN where there is none.
    """

    sizes: Whole
    sums: Numbers
    squares: Numbers | None
    low: Numbers
    middle: Numbers
    floor: Numbers
    span: Numbers

    @property
    def n(self) -> Numbers:
        return self.sizes[:, None].astype(np.float64)

    @property
    def rest_n(self) -> Numbers:
        return self.n.sum() - self.n

    @property
    def mean(self) -> Numbers:
        return self.sums / self.n + self.low

    @property
    def rest_sums(self) -> Numbers:
        return self.sums.sum(axis=1, keepdims=True) - self.sums

    @property
    def rest_mean(self) -> Numbers:
        return self.rest_sums / self.rest_n + self.low

    @property
    def activity(self) -> Numbers:
        """Sum of the normalised responses to each category."""
        return (self.sums - self.n * (self.floor - self.low)) / self.span

    @property
    def variances(self) -> tuple[Numbers, Numbers]:
        """(n - 1) of each category, and of the rest."""
        assert self.squares is not None
        sums = self.sums - self.n * (self.middle - self.low)
        others = 1 - np.eye(
            len(self.sizes)
        )  # added up, not taken from the whole, in which a small rest would drown
        return _variance(sums, self.squares, self.n), _variance(
            others @ sums, others @ self.squares, self.rest_n
        )


def _variance(sums: Numbers, squares: Numbers, n: Numbers) -> Numbers:
    """(n - 1), from sums of numbers and of their squares."""
    deviations = squares - sums**2 / n
    return np.where(deviations > ROUNDING * squares, deviations, 0) / (n - 1)


def _contrast(m: Moments) -> Numbers:
    activity = m.activity
    return activity / m.n - (activity.sum(axis=1, keepdims=True) - activity) / m.rest_n


def _share(m: Moments) -> Numbers:
    return m.activity / m.activity.sum(axis=1, keepdims=True)


def _response(m: Moments) -> Numbers:
    return m.activity / m.n


def _balanced_share(m: Moments) -> Numbers:
    return _response(m) / _response(m).sum(axis=1, keepdims=True)


def _csi(m: Moments) -> Numbers:
    others = (m.mean.sum(axis=1, keepdims=True) - m.mean) / (len(m.sizes) - 1)
    return np.where(m.low >= 0, (m.mean - others) / (m.mean + others), np.nan)


def _fsi(m: Moments) -> Numbers:
    both = m.mean + m.rest_mean
    index = np.where(both > 0, (m.mean - m.rest_mean) / both, np.nan)
    return np.where(m.mean * m.rest_mean < 0, np.sign(m.mean), index)


def _d_prime(m: Moments) -> Numbers:
    own, others = m.variances
    return (m.mean - m.rest_mean) / np.sqrt((own + others) / 2)


def _welch_t(m: Moments) -> Numbers:
    own, others = m.variances
    return (m.mean - m.rest_mean) / np.sqrt(own / m.n + others / m.rest_n)


INDICES: dict[str, Callable[[Moments], Numbers]] = {
    "contrast": _contrast,
    "share": _share,
    "balanced_share": _balanced_share,
    "response": _response,
    "csi": _csi,
    "fsi": _fsi,
    "d_prime": _d_prime,
    "welch_t": _welch_t,
}


def welch(m: Moments) -> tuple[Numbers, Numbers]:
    """Welch's t of each category against the rest, and its degrees of freedom."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own, others = m.variances
        error, rest_error = own / m.n, others / m.rest_n
        degrees = (error + rest_error) ** 2 / (error**2 / (m.n - 1) + rest_error**2 / (m.rest_n - 1))
        return _welch_t(m), degrees


def moments(
    responses: Responses, draws: Draws, *, peak: float | None = None, squares: bool = False
) -> Moments:
    """What the indices of some filters follow from, in every draw.

    The range of equation 1 is that of all stimuli in every draw, as a unit of measurement: resampled stimuli have a
    smaller range, which would make every index larger (Bickel and Freedman 1981, doi 10.1214/aos/1176345637).

    Args:
        peak: upper end of the layer-wide range, NaN if it is not known; each filter's own range if None.
        squares: whether variances are needed.
    """
    floor = responses.low if peak is None else np.zeros_like(responses.low)
    span = responses.high - responses.low if peak is None else np.full_like(responses.low, peak)
    return Moments(
        sizes=draws.sizes,
        sums=draws.sums(responses.values - responses.low),
        squares=draws.sums((responses.values - responses.middle) ** 2) if squares else None,
        low=responses.low,
        middle=responses.middle,
        floor=floor,
        span=np.where(span > 0, span, np.nan),
    )


def index_values(index: str, responses: Responses, draws: Draws, peak: float | None = None) -> Numbers:
    """One index of some filters, (draws, categories, filters); NaN where it is null."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if index in RANKED:
            values = _rank_values(index, responses, draws)
        elif index in INDICES:
            values = INDICES[index](
                moments(responses, draws, peak=peak, squares=index in ("d_prime", "welch_t"))
            )
        else:
            raise UsageError(f"the index is {index}; expected one of {', '.join((*INDICES, *RANKED))}")
    return np.where((responses.high == responses.low) | ~np.isfinite(values), np.nan, values)


def _rank_values(index: str, responses: Responses, draws: Draws) -> Numbers:
    """AUC or precision. A stimulus that a draw has several times ties with itself."""
    order = responses.order
    ranked = np.take_along_axis(responses.values, order, axis=0)
    places = np.arange(len(ranked))[:, None]
    starts = np.vstack([np.ones((1, ranked.shape[1]), bool), ranked[1:] != ranked[:-1]])
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=0)
    ends = np.vstack([starts[1:], np.ones((1, ranked.shape[1]), bool)])
    last = np.minimum.accumulate(np.where(ends, places, len(ranked))[::-1], axis=0)[::-1]
    if index == "auc" and len(draws.totals) == 1:  # all draws share the stimuli, and so their ranks
        return _auc(draws.sums(_ranks(*_weights_below(draws.totals[0], order, first, last))), draws.sizes)
    if len(draws.totals) == 1:
        return _shared_precision(draws, *_weights_below(draws.totals[0], order, first, last))
    values = np.empty((draws.count, len(draws.sizes), order.shape[1]))
    for number in range(draws.count):
        below, upto = _weights_below(draws.totals[number], order, first, last)
        weights = draws.of(number)
        if index == "auc":
            values[number] = _auc(weights @ _ranks(below, upto), draws.sizes)
        else:
            values[number] = _precision(weights, draws.sizes, below, upto)
    return values


def _weights_below(total: Numbers, order: Whole, first: Whole, last: Whole) -> tuple[Numbers, Numbers]:
    """(stimuli, filters): weight of all stimuli that evoke less, and of those that evoke no more."""
    heap = np.cumsum(total[order], axis=0)
    padded = np.vstack([np.zeros((1, heap.shape[1])), heap])
    below, upto = np.empty_like(heap), np.empty_like(heap)
    np.put_along_axis(below, order, np.take_along_axis(padded, first, axis=0), axis=0)
    np.put_along_axis(upto, order, np.take_along_axis(heap, last, axis=0), axis=0)
    return below, upto


def _ranks(below: Numbers, upto: Numbers) -> Numbers:
    """(stimuli, filters): rank of each stimulus, from 1; those that tie share the mean of theirs."""
    return below + (upto - below + 1) / 2


def _auc(ranks: Numbers, sizes: Whole) -> Numbers:
    """From sums of ranks over each category, (…, categories, filters)."""
    n, rest = sizes[:, None], sizes.sum() - sizes[:, None]
    return (ranks - n * (n + 1) / 2) / (n * rest)


def _precision(weights: Numbers, sizes: Whole, below: Numbers, upto: Numbers) -> Numbers:
    pairs = zip(weights, sizes, strict=True)
    return np.stack([of_one @ _at_the_top(n, sizes.sum(), below, upto) / n for of_one, n in pairs])


def _shared_precision(draws: Draws, below: Numbers, upto: Numbers) -> Numbers:
    """Precision where all draws have the same stimuli, as one product for every size of a category."""
    values = np.empty((draws.count, len(draws.sizes), below.shape[1]))
    for n in np.unique(draws.sizes):
        of_size = draws.sizes == n
        values[:, of_size] = draws.sums(_at_the_top(n, draws.sizes.sum(), below, upto))[:, of_size] / n
    return values


def _at_the_top(n: int, total: int, below: Numbers, upto: Numbers) -> Numbers:
    """(stimuli, filters): which part of a place among the first n of all a stimulus has."""
    ties = upto - below  # none of a stimulus that a draw lacks, which counts nothing
    return np.nan_to_num(np.clip((n - (total - upto)) / ties, 0, 1))
