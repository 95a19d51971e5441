"""Which stimuli stand for which category in every resample: bootstrap samples, permutations, halves.

Owns the random numbers; never draws one without a seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from toolbox.resampling.arrays import FloatArray, IntArray

ResampleKind = Literal["observed", "bootstrap", "permutation", "equal", "half"]
RESAMPLE_KINDS: tuple[ResampleKind, ...] = ("observed", "bootstrap", "permutation", "equal", "half")

CHUNK = 50
"""Resamples that are computed at once; each chunk has a random generator of its own."""
DENSE_CATEGORIES = 32
"""Categories up to which a full matrix is multiplied faster than a sparse one."""
ARRAY_LIMIT = 20_000_000
"""Numbers that a temporary array may hold."""


@dataclass(frozen=True)
class StimulusCategories:
    """The category of every stimulus, as a number from 0.

    Attributes:
        numbers: (stimuli,): the category's number.
        categories: how many categories there are.
    """

    numbers: IntArray
    categories: int

    @property
    def sizes(self) -> IntArray:
        """(categories,): stimuli of each."""
        return np.bincount(self.numbers, minlength=self.categories)


@dataclass(frozen=True)
class ResponseMatrix:
    """Responses of some filters, (stimuli, filters), and what all resamples need of them."""

    values: FloatArray

    @cached_property
    def middle(self) -> FloatArray:
        """(filters,): median response."""
        return np.median(self.values, axis=0)

    @cached_property
    def low(self) -> FloatArray:
        """(filters,): smallest response."""
        return self.values.min(axis=0)

    @cached_property
    def high(self) -> FloatArray:
        """(filters,): largest response."""
        return self.values.max(axis=0)

    @cached_property
    def order(self) -> IntArray:
        """(filters, stimuli): stimuli in ascending order of each filter's response."""
        return np.argsort(self.values.T, axis=1, kind="stable")

    @cached_property
    def below(self) -> IntArray:
        """(filters, stimuli): how many stimuli evoke less than each."""
        return rankdata(self.values.T, "min", axis=1).astype(np.int64) - 1

    @cached_property
    def upto(self) -> IntArray:
        """(filters, stimuli): how many stimuli evoke no more than each, itself and those that tie included."""
        return rankdata(self.values.T, "max", axis=1).astype(np.int64)


@dataclass(frozen=True)
class Resamples:
    """Some resamples of one kind: how often every stimulus counts for every category.

    Attributes:
        kind: how they were drawn.
        weights: (resamples * categories, stimuli); row r * categories + c is category c in resample r.
        sizes: (categories,): stimuli of each category in every resample.
    """

    kind: ResampleKind
    weights: sparse.csr_array
    sizes: IntArray

    @property
    def count(self) -> int:
        """How many resamples there are."""
        return int(self.weights.shape[0] // len(self.sizes))

    @property
    def has_all_stimuli(self) -> bool:
        """Whether every resample has every stimulus once, so that all share the ranks of the stimuli."""
        return self.kind in ("observed", "permutation")

    def single(self, number: int) -> Resamples:
        """One resample alone."""
        rows = slice(number * len(self.sizes), (number + 1) * len(self.sizes))
        return Resamples(self.kind, self.weights[rows], self.sizes)

    def stimuli_of(self, row: int) -> IntArray:
        """(size,): the stimuli of one row of `weights`, each as often as it counts."""
        entries = slice(self.weights.indptr[row], self.weights.indptr[row + 1])
        stimuli: IntArray = np.repeat(
            self.weights.indices[entries], self.weights.data[entries].astype(np.int64)
        )
        return stimuli

    def sums(self, responses: FloatArray) -> FloatArray:
        """Sums over the stimuli of each category; (resamples, categories, filters) from (stimuli, filters)."""
        is_dense = len(self.sizes) <= DENSE_CATEGORIES
        product = self._dense_product(responses) if is_dense else self.weights @ responses
        return np.asarray(product).reshape(self.count, len(self.sizes), -1)

    def _dense_product(self, responses: FloatArray) -> FloatArray:
        step = max(1, ARRAY_LIMIT // self.weights.shape[1])
        starts = range(0, self.weights.shape[0], step)
        return np.concatenate([self.weights[start : start + step].toarray() @ responses for start in starts])


def draw_resamples(
    kind: ResampleKind, categories: StimulusCategories, count: int, seed: int
) -> Iterator[Resamples]:
    """All resamples of one kind, chunk by chunk; equal arguments give equal resamples.

    observed: the stimuli as they are; one resample.
    bootstrap: as many stimuli of every category as there are, with replacement.
    shuffle: all stimuli, their labels permuted.
    equal: as many stimuli of every category as the smallest has, without replacement.
    half: one half of every category, and in the next resample the other.

    Args:
        kind: one of these.
        categories: of all stimuli.
        count: how many resamples; even for halves.
        seed: 0 or more.
    """
    total = 1 if kind == "observed" else count
    for chunk, start in enumerate(range(0, total, CHUNK)):
        generator = np.random.default_rng([seed, RESAMPLE_KINDS.index(kind), chunk])
        yield _draw_chunk(kind, categories, min(CHUNK, total - start), generator)


def _draw_chunk(
    kind: ResampleKind, categories: StimulusCategories, count: int, generator: np.random.Generator
) -> Resamples:
    """Some resamples, from the stimuli that each category has in each: (count, size) for every category."""
    members = [np.flatnonzero(categories.numbers == number) for number in range(categories.categories)]
    stimuli, sizes = len(categories.numbers), categories.sizes
    if kind == "observed":
        chosen = [np.tile(of_one, (count, 1)) for of_one in members]
    elif kind == "bootstrap":
        chosen = [of_one[generator.integers(0, len(of_one), (count, len(of_one)))] for of_one in members]
    elif kind == "permutation":
        order = _permutations(np.arange(stimuli), count, generator)
        chosen = np.split(order, np.cumsum(sizes)[:-1], axis=1)
    elif kind == "equal":
        sizes = np.full_like(sizes, sizes.min())
        chosen = [_permutations(of_one, count, generator)[:, : sizes[0]] for of_one in members]
    else:
        sizes = sizes // 2
        pairs = zip(members, sizes, strict=True)
        chosen = [_draw_halves(of_one, size, count, generator) for of_one, size in pairs]
    return Resamples(kind, _weights(chosen, stimuli), sizes)


def _permutations(stimuli: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    """(count, stimuli): the same stimuli in random orders."""
    return generator.permuted(np.tile(stimuli, (count, 1)), axis=1)


def _draw_halves(members: IntArray, size: int, count: int, generator: np.random.Generator) -> IntArray:
    """(count, size): in turn one half of the members and the other; of an odd number one is left out."""
    order = _permutations(members, count // 2, generator)
    return np.stack([order[:, :size], order[:, size : 2 * size]], axis=1).reshape(count, size)


def _weights(chosen: list[IntArray], stimuli: int) -> sparse.csr_array:
    """(resamples * categories, stimuli) from the stimuli of each category, (resamples, size) each."""
    count = len(chosen[0])
    first_rows = np.arange(count) * len(chosen)
    rows = [np.repeat(first_rows + number, of_one.shape[1]) for number, of_one in enumerate(chosen)]
    columns = [of_one.ravel() for of_one in chosen]
    places = (np.concatenate(rows), np.concatenate(columns))
    ones = np.ones(len(places[0]))
    # a stimulus that is drawn twice has two entries, which the conversion adds up
    return sparse.coo_array((ones, places), shape=(count * len(chosen), stimuli)).tocsr()
