"""The best choice that a search finds for a design. Owns from where it starts, and which result is kept.

It starts from close pairs, from the best of many random choices and, with constraints, from choices that satisfy them.
Each is improved by exchanging units: first all differences become small, then the largest of them. Equal seeds give
equal choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolbox.design.matching.designs import Design, Units, sum_units
from toolbox.design.matching.exchange import NEGLIGIBLE, Exchanges
from toolbox.design.matching.imbalance import Imbalance, totals_of
from toolbox.design.matching.pairs import MOST_COMPARED, optimal_tuples
from toolbox.design.matching.starts import RANDOM_CHOICES, feasible_choice, random_choices
from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.arrays import BoolArray

STARTS = 5
"""Random choices, or choices that satisfy constraints, that are improved."""
_ROUNDS, _DISTURBANCES = 40, 4
"""Searches that start near the best solution, and random exchanges before each."""
_LARGE = 2_000_000
"""Exchanges of one choice from which only one random choice is improved."""
_MOST_EXCHANGES = 400_000
"""Of all these searches together, about."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Where every unit is, and how far the groups are from agreeing.

    Attributes:
        place: (units,) the set that each unit is in; the number of sets for none.
        imbalance: what was minimised, see `Imbalance`.
        largest: the largest standardised difference of what is to agree.
        tuples: (tuples, groups) stimuli that were kept alike; None without a caliper.
    """

    place: IntArray
    imbalance: float
    largest: float
    tuples: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Pairing:
    """How stimuli of different groups are made tuples.

    Attributes:
        values: (stimuli, columns) whose Euclidean distance is that of two stimuli.
        close: (stimuli, stimuli) whether two may be in one tuple; None where all may.
    """

    values: FloatArray
    close: BoolArray | None = None


def best_solution(
    design: Design, pairing: Pairing, *, seed: int = 0, starts: int = STARTS, randoms: int = RANDOM_CHOICES
) -> Solution | None:
    """The best choice that was found; None if no choice satisfies the constraints.

    Args:
        design: what is chosen from, and what must agree.
        pairing: which stimuli are close.
        seed: equal seeds give equal choices.
        starts: number of choices that are improved, beside that of close pairs; with fewer than STARTS, the best is
            not improved further.
        randoms: number of random choices, of which they are the best.
    """
    rng = np.random.default_rng(seed)
    units = sum_units(design)
    exchange = Exchanges(design, units, pairing.close)
    if exchange.size > _LARGE:
        starts = 1
    found: list[Solution] = []
    for place in _starts(design, units, pairing, rng, starts, randoms):
        if not found:  # straight to what decides: the result is never worse than the first start
            straight = place.copy()
            found.append(_solution(design, units, straight, exchange.improve(straight, "largest", rng)))
        if found[-1].imbalance < NEGLIGIBLE:
            break
        exchange.improve(place, "all", rng)
        found.append(_solution(design, units, place, exchange.improve(place, "largest", rng)))
    best = min(found, key=lambda solution: solution.imbalance, default=None)
    if best is None or starts < STARTS:
        return best
    return _disturbed(design, exchange, best, rng)


def _disturbed(design: Design, exchange: Exchanges, best: Solution, rng: np.random.Generator) -> Solution:
    """The best of searches that start near a solution; in a small design, where they take no time."""
    for _ in range(min(_ROUNDS, _MOST_EXCHANGES // exchange.size)):
        if best.imbalance < NEGLIGIBLE:
            break
        place, tuples = best.place.copy(), None if best.tuples is None else best.tuples.copy()
        exchange.disturb(place, _DISTURBANCES, rng, tuples)
        value = exchange.improve(place, "largest", rng, tuples)
        if value < best.imbalance:
            best = _solution(design, exchange.units, place, value, tuples)
    return best


def best_tuples(design: Design, pairing: Pairing, count: int, *, seed: int = 0) -> Solution | None:
    """The best choice of tuples whose members are close; None if there are not so many.

    Args:
        design: with one place, and units that are stimuli.
        pairing: with a caliper.
        count: number of tuples.
        seed: equal seeds give equal choices.
    """
    rng = np.random.default_rng(seed)
    units = sum_units(design)
    tuples = optimal_tuples(_available(design), pairing.values, count, pairing.close)[:count]
    if len(tuples) < count:
        return None
    place = np.full(len(design.unit), design.places)
    place[tuples] = 0
    exchange = Exchanges(design, units, pairing.close)
    exchange.improve(place, "all", rng, tuples)
    value = exchange.improve(place, "largest", rng, tuples)
    return _disturbed(design, exchange, _solution(design, units, place, value, tuples), rng)


def _available(design: Design) -> list[IntArray]:
    """The stimuli of each group that may be chosen."""
    groups = range(design.groups_in_place)
    return [np.flatnonzero((design.group == group) & design.allowed[design.unit, 0]) for group in groups]


def _solution(
    design: Design, units: Units, place: IntArray, value: float, tuples: IntArray | None = None
) -> Solution:
    largest = Imbalance(design).largest_difference(totals_of(units, place, design.places))
    return Solution(place, value, float(largest[0]), tuples)


def _starts(
    design: Design, units: Units, pairing: Pairing, rng: np.random.Generator, starts: int, randoms: int
) -> Iterator[IntArray]:
    """Where a search starts, the best of many random choices first."""
    if not design.is_plain:
        shape = (len(design.allowed), design.places)
        for _ in range(starts):
            place = feasible_choice(design, units, rng.random(shape))
            if place is None:
                return
            yield place
        return
    best, *others = random_choices(design, units, randoms, starts, rng)
    yield best
    if design.different is not None:
        yield _extremes(design)
    elif _has_pairs(design):
        tuples = optimal_tuples(_available(design), pairing.values, int(design.quota[0, 0]))
        place = np.full(len(design.unit), design.places)
        place[tuples] = 0
        yield place
    yield from others


def _has_pairs(design: Design) -> bool:
    """Whether the groups are categories of equal number, from which close stimuli can be chosen."""
    if design.places > 1 or design.groups == 1 or len(set(design.quota[0])) > 1:
        return False
    return len(design.unit) ** 2 <= MOST_COMPARED


def _extremes(design: Design) -> IntArray:
    """The choice that differs most in the criterion that is to differ."""
    column = int(np.flatnonzero(design.criterion == design.different)[0])
    groups = [group for pair in design.order for group in pair]
    place = np.full(len(design.unit), design.places)
    for category, quota in enumerate(design.quota.T):
        members = np.flatnonzero(design.category == category)
        members = members[np.argsort(design.values[members, column], kind="stable")]
        if design.places == 1:
            # the category with the lowest values gives its lowest, all others their highest
            is_low = design.group[members[0]] == groups[0]
            place[members[: quota[0]] if is_low else members[-quota[0] :]] = 0
        else:
            spare = len(members) - quota.sum()
            last = design.places - 1
            starts = np.concatenate([[0], np.cumsum(quota)[:-1]]) + spare * np.arange(last + 1) // last
            for number, start in enumerate(starts):
                place[members[start : start + quota[number]]] = number
    return place
