"""What the indices by ranks are computed from, in every resample.

The quantities are those of `queries/README.md`, and have the same names. Stimuli that tie share their ranks, and a
stimulus that a resample has several times ties with itself. All need, for every stimulus, the weight `below` of all
stimuli with a smaller response and the weight `upto` of those with no larger one:

    rank (from 1, the mean of those that tie) = (below + 1 + upto) / 2

Where every resample has all stimuli once, these weights are `scipy.stats.rankdata` of the responses, computed once.
In a bootstrap sample or a half they are sums of weights along the order of the responses, which is the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toolbox.resampling.arrays import FloatArray, IntArray
from toolbox.resampling.resamples import Resamples, ResponseMatrix

LARGEST_SHORT = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Ranks:
    """The order of some filters' responses in resamples that share it: in all of a kind, or in a single one.

    Attributes:
        resamples: which stimuli stand for which category.
        responses: of the filters.
    """

    resamples: Resamples
    responses: ResponseMatrix

    @cached_property
    def below(self) -> FloatArray | IntArray:
        """(filters, stimuli): weight of the stimuli with a smaller response."""
        return self._weights_up_to(self.responses.below)

    @cached_property
    def upto(self) -> FloatArray | IntArray:
        """(filters, stimuli): weight of the stimuli with no larger response."""
        return self._weights_up_to(self.responses.upto)

    @property
    def sizes(self) -> IntArray:
        """(categories,): stimuli of each category."""
        return self.resamples.sizes

    def rank_sum(self) -> FloatArray:
        """(resamples, categories, filters): sum of the ranks of each category's stimuli."""
        return self._sums(((self.below + 1 + self.upto) / 2).T)

    def places_of_category(self) -> FloatArray:
        """(resamples, categories, filters): how many of the n largest responses are to the category, n being its size.

        Categories of one size share their first n places, and so one product.
        """
        of_size = []
        for n in np.unique(self.sizes):
            places = np.ascontiguousarray(self._places(n).T)
            of_size.append(self._sums(places)[:, self.sizes == n])
        # the products are in the order of the sizes; back to that of the categories
        order = np.argsort(self.sizes, kind="stable")
        return np.concatenate(of_size, axis=1)[:, np.argsort(order)]

    def precision_sum(self) -> FloatArray:
        """(resamples, categories, filters): sum over a category's stimuli of the precision at their response."""
        at_least = self.sizes.sum() - self.below
        if self.sizes.sum() <= LARGEST_SHORT:
            at_least = at_least.astype(np.int16)  # sorted some ten times as fast
        rows = map(self.resamples.stimuli_of, range(len(self.resamples.weights.indptr) - 1))
        sums = [_sum_of_precisions(np.take(at_least, stimuli, axis=1)) for stimuli in rows]
        return np.stack(sums).reshape(self.resamples.count, len(self.sizes), -1)

    def _weights_up_to(self, places: IntArray) -> FloatArray | IntArray:
        """(filters, stimuli): the weight of so many stimuli with the smallest responses."""
        if self.resamples.has_all_stimuli:
            return places
        rows = np.arange(len(places))[:, None] * self._added_up.shape[1]
        return self._added_up.take(places + rows)

    @cached_property
    def _added_up(self) -> FloatArray:
        """(filters, stimuli + 1): weights of a single resample, added up in the order of the responses, from 0.

        The stimuli are in the same order in every resample, and the same ones tie.
        """
        total, order = self.resamples.weights.sum(axis=0), self.responses.order
        added_up = np.zeros((len(order), order.shape[1] + 1))
        np.cumsum(total.take(order), axis=1, out=added_up[:, 1:])
        return added_up

    def _sums(self, counted: FloatArray) -> FloatArray:
        """(resamples, categories, filters): what the stimuli count, (stimuli, filters), summed over each category.

        Of a single resample in one product a category: a product for all of them at once adds up in another order, and
        the last digit would then decide which of two categories of the same precision a filter prefers.
        """
        if self.resamples.has_all_stimuli:
            return self.resamples.sums(counted)
        return np.stack([of_one @ counted for of_one in self.resamples.weights.toarray()])[None]

    def _places(self, n: int) -> FloatArray:
        """(filters, stimuli): which part of a place among the first n of all each stimulus has.

        Above a stimulus and those that tie with it, `total - upto` places are taken; they share the remaining ones of
        n, at most one each. A stimulus that a resample lacks, and with it all its ties, has no weight: 0 / 0 counts
        nothing.
        """
        ties = self.upto - self.below
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nan_to_num(np.clip((n - (self.sizes.sum() - self.upto)) / ties, 0, 1))


QUANTITIES_OF_RANKS: dict[str, Callable[[Ranks], FloatArray]] = {
    "rank_sum": Ranks.rank_sum,
    "places_of_category": Ranks.places_of_category,
    "precision_sum": Ranks.precision_sum,
}


def rank_quantities(
    responses: ResponseMatrix, resamples: Resamples, names: Collection[str]
) -> dict[str, FloatArray]:
    """The named quantities in every resample, as arrays that broadcast to (resamples, categories, filters).

    Args:
        responses: of some filters.
        resamples: which stimuli stand for which category.
        names: of the quantities.
    """
    n = resamples.sizes[:, None].astype(np.float64)
    sizes = {"n": n, "places": n, "rest_n": n.sum() - n, "all_n": n.sum()}
    quantities = {name: sizes[name] for name in names if name in sizes}
    wanted = [name for name in names if name not in sizes]
    parts: dict[str, list[FloatArray]] = {name: [] for name in wanted}
    for ranks in _ranks_of(responses, resamples):
        for name in wanted:
            parts[name].append(QUANTITIES_OF_RANKS[name](ranks))
    return quantities | {name: np.concatenate(values) for name, values in parts.items()}


def _ranks_of(responses: ResponseMatrix, resamples: Resamples) -> Iterator[Ranks]:
    """The ranks of all resamples at once where they share the stimuli, else of one after the other."""
    if resamples.has_all_stimuli:
        yield Ranks(resamples, responses)
    else:
        yield from (Ranks(resamples.single(number), responses) for number in range(resamples.count))


def _sum_of_precisions(at_least: NDArray[np.generic]) -> FloatArray:
    """(filters,): sum over a category's stimuli of hits / at_least.

    Args:
        at_least: (filters, stimuli of the category): how many stimuli of all have at least the response to each. The
            hits among them are the category's stimuli with as small a number, or a smaller one.
    """
    ordered = np.sort(at_least, axis=1)
    stimuli = ordered.shape[1]
    hits = np.broadcast_to(np.arange(1, stimuli + 1, dtype=np.int32), ordered.shape)
    ties = ordered[:, 1:] == ordered[:, :-1]
    if ties.any():
        # those that tie count all hits among themselves: the number of the last one of them
        last = np.where(np.pad(ties, ((0, 0), (0, 1))), stimuli, hits)
        hits = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
    return (hits / ordered.astype(np.float64)).sum(axis=1)
