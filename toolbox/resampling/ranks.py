"""AUC and precision, which follow from the ranks of the stimuli, for many resamples at once.

Stimuli that tie share their ranks, and a stimulus that a resample has several times ties with itself. Both need, for
every stimulus, the weight `below` of all stimuli that evoke less and the weight `upto` of those that evoke no more:

    rank (from 1, the mean of those that tie) = (below + 1 + upto) / 2

Where every resample has all stimuli once, these weights are `scipy.stats.rankdata` of the responses, taken once.
In a bootstrap sample or a half they are sums of weights along the order of the responses, which is the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.resamples import Resamples, ResponseMatrix

SumsOfCategories = Callable[[FloatArray, NDArray[np.bool_]], FloatArray]
"""Adds up what the stimuli count, (stimuli, filters), over each of the categories chosen: (…, chosen, filters)."""


def auc(responses: ResponseMatrix, resamples: Resamples) -> FloatArray:
    """Probability that a stimulus of the category evokes more than another one, half of a tie counted.

    Args:
        responses: of some filters.
        resamples: which stimuli stand for which category.

    Returns: (resamples, categories, filters), 0 to 1.
    """
    return _over_resamples(_auc, responses, resamples)


def precision(responses: ResponseMatrix, resamples: Resamples) -> FloatArray:
    """Share of the category among the n stimuli that evoke most, n being its size; ties share the last places.

    Args:
        responses: of some filters.
        resamples: which stimuli stand for which category.

    Returns: (resamples, categories, filters), 0 to 1.
    """
    return _over_resamples(_precision, responses, resamples)


def _over_resamples(
    index: Callable[..., FloatArray], responses: ResponseMatrix, resamples: Resamples
) -> FloatArray:
    """An index in every resample: all at once where they share the stimuli and so the ranks, else one by one."""
    if resamples.has_all_stimuli:
        return index(resamples.sizes, responses.below, responses.upto, partial(_shared_sums, resamples))
    return np.stack([index(resamples.sizes, *weighted) for weighted in _each_resample(responses, resamples)])


def _each_resample(
    responses: ResponseMatrix, resamples: Resamples
) -> Iterator[tuple[FloatArray, FloatArray, SumsOfCategories]]:
    """`below` and `upto` of every resample, (filters, stimuli) each, and how it adds up over its categories."""
    for number in range(resamples.count):
        weights = resamples.of(number)
        sums = partial(_sums_of_one, weights)
        yield *_weights_below(weights.sum(axis=0), responses), sums


def _shared_sums(resamples: Resamples, counted: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    """(resamples, chosen, filters) where what a stimulus counts is the same in every resample."""
    return resamples.sums(counted)[:, chosen]


def _sums_of_one(weights: FloatArray, counted: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    """(chosen, filters) of one resample, in one product a category.

    A product for all categories at once adds up in another order, and the last digit would then decide which of two
    categories of the same precision a filter prefers.
    """
    return np.stack([of_one @ counted for of_one in weights[chosen]])


def _weights_below(total: FloatArray, responses: ResponseMatrix) -> tuple[FloatArray, FloatArray]:
    """(filters, stimuli): weight of all stimuli that evoke less, and of those that evoke no more.

    The stimuli are in the same order in every resample, and the same ones tie. So the weights are added up once in
    that order, from 0, and read off at the number of stimuli that evoke less, and at that of those that evoke no more.
    """
    filters, stimuli = responses.order.shape
    added_up = np.zeros((filters, stimuli + 1))
    np.cumsum(total[responses.order], axis=1, out=added_up[:, 1:])
    below = np.take_along_axis(added_up, responses.below, axis=1)
    return below, np.take_along_axis(added_up, responses.upto, axis=1)


def _auc(
    sizes: IntArray, below: FloatArray | IntArray, upto: FloatArray | IntArray, sums: SumsOfCategories
) -> FloatArray:
    """Mann and Whitney's U from the sum of the ranks, divided by the number of pairs."""
    ranks = (below + 1 + upto) / 2
    n, rest = sizes[:, None], sizes.sum() - sizes[:, None]
    every = np.ones(len(sizes), dtype=bool)
    u = sums(ranks.T, every) - n * (n + 1) / 2  # less the smallest sum that n ranks can have
    return u / (n * rest)


def _precision(
    sizes: IntArray, below: FloatArray | IntArray, upto: FloatArray | IntArray, sums: SumsOfCategories
) -> FloatArray:
    """Categories of one size share their first n places, and so one product."""
    of_size = []
    for n in np.unique(sizes):
        places = np.ascontiguousarray(_places(n, sizes.sum(), below, upto).T)
        of_size.append(sums(places, sizes == n) / n)
    # the products are in the order of the sizes; back to that of the categories
    order = np.argsort(sizes, kind="stable")
    return np.concatenate(of_size, axis=-2)[..., np.argsort(order), :]


def _places(n: int, total: int, below: FloatArray | IntArray, upto: FloatArray | IntArray) -> FloatArray:
    """Which part of a place among the first n of all each stimulus has.

    Above a stimulus and those that tie with it, `total - upto` places are taken; they share the remaining ones of n,
    at most one each. A stimulus that a resample lacks, and with it all its ties, has no weight: 0 / 0 counts nothing.
    """
    ties = upto - below
    return np.nan_to_num(np.clip((n - (total - upto)) / ties, 0, 1))
