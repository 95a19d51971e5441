"""Which stimuli stand for which category in every draw: bootstrap, shuffles, halves. Never draws without a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
ResampleKind = Literal["observed", "bootstrap", "shuffle", "equal", "half"]
KINDS: tuple[ResampleKind, ...] = ("observed", "bootstrap", "shuffle", "equal", "half")

CHUNK = 50
"""Draws that are worked out at once; each chunk has a random generator of its own."""
DENSE = 32
"""Categories up to which a full matrix is multiplied faster than a sparse one."""
LARGEST = 20_000_000
"""Numbers that a temporary array may hold."""


@dataclass(frozen=True)
class Labels:
    """The category of every stimulus, as a number from 0; (stimuli,)."""

    numbers: Whole
    categories: int

    @property
    def sizes(self) -> Whole:
        """(categories,): stimuli of each."""
        return np.bincount(self.numbers, minlength=self.categories)


@dataclass(frozen=True)
class Draws:
    """Some draws of one kind: how often every stimulus counts for every category.

    Attributes:
        weights: (draws * categories, stimuli); row d * categories + c is category c in draw d.
        sizes: (categories,): stimuli of each category in every draw.
    """

    kind: ResampleKind
    weights: sparse.csr_array
    sizes: Whole

    @property
    def count(self) -> int:
        return int(self.weights.shape[0] // len(self.sizes))

    @cached_property
    def totals(self) -> Numbers:
        """(draws, stimuli): how often a draw has a stimulus."""
        if self.kind in ("observed", "shuffle"):  # all stimuli, in every draw
            return np.ones((1, self.weights.shape[1]))
        return np.stack([self.of(number).sum(axis=0) for number in range(self.count)])

    def of(self, number: int) -> Numbers:
        """(categories, stimuli): the weights of one draw."""
        rows = slice(number * len(self.sizes), (number + 1) * len(self.sizes))
        dense: Numbers = self.weights[rows].toarray()
        return dense

    def sums(self, responses: Numbers) -> Numbers:
        """Sums over the stimuli of each category; (draws, categories, filters) from (stimuli, filters)."""
        product = self._dense(responses) if len(self.sizes) <= DENSE else self.weights @ responses
        return np.asarray(product).reshape(self.count, len(self.sizes), -1)

    def _dense(self, responses: Numbers) -> Numbers:
        step = max(1, LARGEST // self.weights.shape[1])
        starts = range(0, self.weights.shape[0], step)
        return np.concatenate([self.weights[start : start + step].toarray() @ responses for start in starts])


def draws_of(kind: ResampleKind, labels: Labels, count: int, seed: int) -> Iterator[Draws]:
    """All draws of one kind, chunk by chunk; equal arguments give equal draws.

    bootstrap: as many stimuli of every category as there are, with replacement.
    shuffle: all stimuli, their labels permuted.
    equal: as many stimuli of every category as the smallest has, without replacement.
    half: one half of every category, and in the next draw the other.
    observed: the stimuli as they are; one draw.
    """
    total = 1 if kind == "observed" else count
    for chunk, start in enumerate(range(0, total, CHUNK)):
        chance = np.random.default_rng([seed, KINDS.index(kind), chunk])
        yield _chunk(kind, labels, min(CHUNK, total - start), chance)


def _chunk(kind: ResampleKind, labels: Labels, count: int, chance: np.random.Generator) -> Draws:
    members = [np.flatnonzero(labels.numbers == number) for number in range(labels.categories)]
    stimuli, sizes = len(labels.numbers), labels.sizes
    if kind == "observed":
        chosen = [np.tile(of_one, (count, 1)) for of_one in members]
    elif kind == "bootstrap":
        chosen = [of_one[chance.integers(0, len(of_one), (count, len(of_one)))] for of_one in members]
    elif kind == "shuffle":
        order = chance.permuted(np.tile(np.arange(stimuli), (count, 1)), axis=1)
        chosen = np.split(order, np.cumsum(sizes)[:-1], axis=1)
    elif kind == "equal":
        sizes = np.full_like(sizes, sizes.min())
        chosen = [chance.permuted(np.tile(m, (count, 1)), axis=1)[:, : sizes[0]] for m in members]
    else:
        sizes = sizes // 2
        chosen = [_halves(of_one, size, count, chance) for of_one, size in zip(members, sizes, strict=True)]
    return Draws(kind, _weights(chosen, stimuli), sizes)


def _halves(members: Whole, size: int, count: int, chance: np.random.Generator) -> Whole:
    """(count, size): in turn one half of the members and the other; of an odd number one is left out."""
    order = chance.permuted(np.tile(members, (count // 2, 1)), axis=1)
    return np.stack([order[:, :size], order[:, size : 2 * size]], axis=1).reshape(count, size)


def _weights(chosen: list[Whole], stimuli: int) -> sparse.csr_array:
    """(draws * categories, stimuli) from the stimuli of each category in every draw, (draws, size) each."""
    draws = len(chosen[0])
    rows = [np.repeat(np.arange(draws) * len(chosen) + number, c.shape[1]) for number, c in enumerate(chosen)]
    places = (np.concatenate(rows), np.concatenate([c.ravel() for c in chosen]))
    ones = np.ones(len(places[0]))
    return sparse.coo_array((ones, places), shape=(draws * len(chosen), stimuli)).tocsr()


@dataclass(frozen=True)
class Responses:
    """Responses of some filters, (stimuli, filters), and what all draws need of them."""

    values: Numbers

    @cached_property
    def order(self) -> Whole:
        """(stimuli, filters): stimuli in ascending order of each filter's response."""
        return np.argsort(self.values, axis=0, kind="stable")

    @cached_property
    def middle(self) -> Numbers:
        """(filters,): median response."""
        return np.median(self.values, axis=0)

    @cached_property
    def low(self) -> Numbers:
        """(filters,): smallest response."""
        return self.values.min(axis=0)

    @cached_property
    def high(self) -> Numbers:
        """(filters,): largest response."""
        return self.values.max(axis=0)
