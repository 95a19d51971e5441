"""All that resampling says of one layer. Owns what is counted in which draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from toolbox.resampling.draws import LARGEST, Labels, Numbers, ResampleKind, Responses, Whole, draws_of
from toolbox.resampling.indices import index_values, moments, welch

STRONGEST = 10
"""Filters of a layer whose mean value is its strength."""
SPLITS = 100
"""Ways in which the stimuli are halved."""
COVERED = (0.025, 0.975)
"""Quantiles of the bootstrap between which the interval lies."""
TOLERANCE = 1e-9
"""Values nearer than this are equal: sums of the same numbers differ by their order."""


@dataclass(frozen=True)
class Counts:
    """A layer in every draw: selective filters (draws, categories, thresholds), and mean of the strongest values."""

    selective: Whole
    strength: Numbers


@dataclass(frozen=True)
class Halves:
    """What one half of the stimuli says of each filter's preference in the other, (filters,) each; NaN if unknown.

    Attributes:
        preferred: number of the category with the largest value, -1 where there is none: of a dead filter, and of one
            whose values are all the same.
        value: that value.
        cross_validated: mean value, in one half, of the category that was preferred in the other.
        agreement: share of the splits in which both halves prefer the same category.
        reliability: correlation of the values between the halves, over the categories, as the mean over the splits,
            stepped up to all stimuli: 2 r / (1 + r). Two categories always correlate by 1 or -1, so it takes three.
    """

    preferred: Whole
    value: Numbers
    cross_validated: Numbers
    agreement: Numbers
    reliability: Numbers


@dataclass(frozen=True)
class ResampledLayer:
    """The index of a layer's filters, (categories, filters) each, and the layer's counts in every draw.

    Attributes:
        low, high: bootstrap interval.
        p: one-sided, of a value at least as large under shuffled labels, (b + 1) / (draws + 1).
        p_welch: one-sided, of Welch's t.
        largest: (draws,): largest value of any filter and category in every shuffle.
        counts: by kind of draw.
    """

    value: Numbers
    low: Numbers
    high: Numbers
    p: Numbers
    p_welch: Numbers
    largest: Numbers
    counts: dict[str, Counts]
    halves: Halves

    def p_family(self, largest: Numbers) -> Numbers:
        """Family-wise p, from the sorted largest values of the whole family in every shuffle.

        Source: Nichols and Holmes (2002), doi 10.1002/hbm.1058.
        """
        reached = len(largest) - np.searchsorted(largest, _floor(self.value))
        return np.where(np.isfinite(self.value), (reached + 1) / (len(largest) + 1), np.nan)


def resample_layer(
    responses: Numbers,
    labels: Labels,
    index: str,
    thresholds: Sequence[float],
    *,
    draws: int,
    seed: int,
    peak: float | None = None,
) -> ResampledLayer:
    """Resample one layer.

    Args:
        responses: (stimuli, filters).
        index: any of the indices.
        peak: largest maximum of the layer, for the layer-wide range; each filter's own range if None.
    """
    sampler = _Sampler(labels, index, draws, seed, peak)
    width = max(1, LARGEST // (max(draws, 2 * SPLITS) * labels.categories))
    blocks = [Responses(responses[:, start : start + width]) for start in range(0, responses.shape[1], width)]
    return _join_blocks([_resample_block(sampler, block, np.asarray(thresholds)) for block in blocks])


@dataclass(frozen=True)
class _Sampler:
    """An index of some filters in all draws of a kind."""

    labels: Labels
    index: str
    draws: int
    seed: int
    peak: float | None

    def values(self, kind: ResampleKind, responses: Responses, count: int | None = None) -> Numbers:
        """(draws, categories, filters)."""
        chunks = draws_of(kind, self.labels, count or self.draws, self.seed)
        return np.concatenate([index_values(self.index, responses, chunk, self.peak) for chunk in chunks])


def _resample_block(sampler: _Sampler, responses: Responses, thresholds: Numbers) -> ResampledLayer:
    """One block of a layer's filters; its `strength` holds the strongest values themselves."""
    value = sampler.values("observed", responses)[0]
    bootstrap = sampler.values("bootstrap", responses)
    counts = {"bootstrap": _count(bootstrap, thresholds)}
    low, high = _interval(bootstrap, value)
    del bootstrap
    shuffled = sampler.values("shuffle", responses)
    counts["shuffle"] = _count(shuffled, thresholds)
    if len({*sampler.labels.sizes.tolist()}) > 1:
        counts["equal"] = _count(sampler.values("equal", responses), thresholds)
    reached = (~(shuffled < _floor(value))).sum(
        axis=0
    )  # a shuffle in which the index is null counts against it
    return ResampledLayer(
        value=value,
        low=low,
        high=high,
        p=np.where(np.isfinite(value), (reached + 1) / (sampler.draws + 1), np.nan),
        p_welch=_p_welch(responses, sampler.labels, value),
        largest=np.where(np.isnan(shuffled), -np.inf, shuffled).max(axis=(1, 2)),
        counts=counts,
        halves=_halves(sampler, responses, value),
    )


def _join_blocks(blocks: Sequence[ResampledLayer]) -> ResampledLayer:
    """The blocks of a layer as one."""

    def beside(name: str) -> Numbers:
        return np.concatenate([getattr(block, name) for block in blocks], axis=1)

    halves = {
        name: np.concatenate([getattr(b.halves, name) for b in blocks]) for name in Halves.__annotations__
    }
    counts = {}
    for kind in blocks[0].counts:
        selective = sum((block.counts[kind].selective for block in blocks), start=np.int64(0))
        strongest = np.concatenate([block.counts[kind].strength for block in blocks], axis=2)
        counts[kind] = Counts(np.asarray(selective), _mean(_strongest(strongest), axis=2))
    return ResampledLayer(
        **{name: beside(name) for name in ("value", "low", "high", "p", "p_welch")},
        largest=np.max([block.largest for block in blocks], axis=0),
        counts=counts,
        halves=Halves(**halves),
    )


def _floor(value: Numbers) -> Numbers:
    """What a shuffled value must reach to be as large."""
    return value - TOLERANCE * np.maximum(1, np.abs(value))


def _count(values: Numbers, thresholds: Numbers) -> Counts:
    selective = np.stack([(values > threshold).sum(axis=2) for threshold in thresholds], axis=2)
    return Counts(selective, _strongest(values))


def _strongest(values: Numbers) -> Numbers:
    """The largest values over the filters, NaN where there are not so many."""
    if values.shape[2] <= STRONGEST:
        return values
    return -np.partition(-values, STRONGEST - 1, axis=2)[:, :, :STRONGEST]  # NaN is sorted to the end


def _interval(values: Numbers, value: Numbers) -> tuple[Numbers, Numbers]:
    """Percentile interval over the draws; where an index is null in some of them, over the others.

    Source: Efron and Tibshirani (1993), An introduction to the bootstrap, section 13.3.
    """
    low, high = np.quantile(values, COVERED, axis=0)
    for category, number in zip(*np.nonzero(np.isnan(low) & np.isfinite(value)), strict=True):
        known = values[:, category, number]
        known = known[np.isfinite(known)]
        if known.size:
            low[category, number], high[category, number] = np.quantile(known, COVERED)
    return low, high


def _p_welch(responses: Responses, labels: Labels, value: Numbers) -> Numbers:
    (observed,) = draws_of("observed", labels, 1, 0)
    t, degrees = welch(moments(responses, observed, squares=True))
    return np.where(np.isfinite(value) & np.isfinite(t), stdtr(degrees, -t), np.nan)[0]


def _halves(sampler: _Sampler, responses: Responses, value: Numbers) -> Halves:
    preferred = _preferred(value)
    best = _at(value[None], preferred[None])[0]
    if sampler.labels.sizes.min() < 2:
        unknown = np.full(len(preferred), np.nan)
        return Halves(preferred, best, unknown, unknown, unknown)
    halves = sampler.values("half", responses, 2 * SPLITS)
    first, second = halves[::2], halves[1::2]
    choices = _preferred(first), _preferred(second)
    measured = [_at(second, choices[0]), _at(first, choices[1])]
    same = np.where(np.isfinite(measured).all(axis=0), choices[0] == choices[1], np.nan)
    mean = _mean(_correlation(first, second), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        reliability = 2 * mean / (1 + mean)
    reliability = np.where(np.isfinite(reliability) & (sampler.labels.categories > 2), reliability, np.nan)
    return Halves(preferred, best, _mean(np.concatenate(measured), axis=0), _mean(same, axis=0), reliability)


def _preferred(values: Numbers) -> Whole:
    """Number of the category with the largest value, -1 if none is: (…, filters) of (…, categories, filters)."""
    known = np.where(np.isnan(values), -np.inf, values)
    return np.where(_stands_out(values), known.argmax(axis=-2), -1)


def _stands_out(values: Numbers) -> NDArray[np.bool_]:
    """Whether the values of a filter differ between the categories; sparse ones may be silent in a whole half."""
    return np.fmin.reduce(values, axis=-2) < _floor(np.fmax.reduce(values, axis=-2))  # both leave out NaN


def _at(values: Numbers, chosen: Whole) -> Numbers:
    """The values of the chosen categories, NaN if none is: (draws, filters) from (draws, categories, filters)."""
    return np.where(chosen < 0, np.nan, np.take_along_axis(values, chosen[:, None], axis=1)[:, 0])


def _correlation(first: Numbers, second: Numbers) -> Numbers:
    """Pearson's r over the categories: (draws, filters) from (draws, categories, filters)."""
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(_stands_out(first) & _stands_out(second), r, np.nan)


def _mean(values: NDArray[np.float64], axis: int) -> Numbers:
    """Mean of what is known, NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, values, 0).sum(axis=axis) / known.sum(axis=axis)
