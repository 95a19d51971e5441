"""The best choice that a search finds for a problem. Owns from where it starts, and which result is kept.

It starts from close pairs, from the best of many random choices and, with constraints, from choices that satisfy them.
Each is improved by exchanging units: first all differences become small, then the largest of them. Equal seeds give
equal choices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolbox.design.matching.exchange import NEGLIGIBLE, Exchange
from toolbox.design.matching.imbalance import Imbalance, totals_of
from toolbox.design.matching.pairs import optimal_tuples
from toolbox.design.matching.problem import Floats, Integers, Problem, Truths, Units, sum_units
from toolbox.design.matching.starts import RANDOM_CHOICES, feasible_choice, random_choices

STARTS = 5
"""Random choices, or choices that satisfy constraints, that are improved."""


@dataclass(frozen=True, eq=False)
class Choice:
    """Where every unit is, and how far the groups are from agreeing.

    Attributes:
        place: (units,) the set that each unit is in; the number of sets for none.
        imbalance: what was minimised, see `Imbalance`.
        largest: the largest standardised difference of what is to agree.
        tuples: (tuples, groups) stimuli that were kept alike; None without a caliper.
    """

    place: Integers
    imbalance: float
    largest: float
    tuples: Integers | None = None


@dataclass(frozen=True, eq=False)
class Pairing:
    """How stimuli of different groups are made tuples.

    Attributes:
        values: (stimuli, columns) whose Euclidean distance is that of two stimuli.
        close: (stimuli, stimuli) whether two may be in one tuple; None where all may.
    """

    values: Floats
    close: Truths | None = None


def best_choice(
    problem: Problem, pairing: Pairing, *, seed: int = 0, starts: int = STARTS, randoms: int = RANDOM_CHOICES
) -> Choice | None:
    """The best choice that was found; None if no choice satisfies the constraints.

    Args:
        problem: what is chosen from, and what must agree.
        pairing: which stimuli are close.
        seed: equal seeds give equal choices.
        starts: number of choices that are improved, beside that of close pairs.
        randoms: number of random choices, of which they are the best.
    """
    rng = np.random.default_rng(seed)
    units = sum_units(problem)
    exchange = Exchange(problem, units, pairing.close)
    found: list[Choice] = []
    for place in _starts(problem, units, pairing, rng, starts, randoms):
        if not found:  # straight to what decides: the result is never worse than the first start
            straight = place.copy()
            found.append(_choice(problem, units, straight, exchange.improve(straight, "largest", rng)))
        if found[-1].imbalance < NEGLIGIBLE:
            break
        exchange.improve(place, "all", rng)
        found.append(_choice(problem, units, place, exchange.improve(place, "largest", rng)))
    return min(found, key=lambda choice: choice.imbalance, default=None)


def best_tuples(problem: Problem, pairing: Pairing, count: int, *, seed: int = 0) -> Choice | None:
    """The best choice of tuples whose members are close; None if there are not so many.

    Args:
        problem: with one place, and units that are stimuli.
        pairing: with a caliper.
        count: number of tuples.
        seed: equal seeds give equal choices.
    """
    rng = np.random.default_rng(seed)
    units = sum_units(problem)
    tuples = optimal_tuples(_available(problem), pairing.values, count, pairing.close)[:count]
    if len(tuples) < count:
        return None
    place = np.full(len(problem.unit), problem.places)
    place[tuples] = 0
    if problem.apart.any() and (problem.apart[place == 0].sum(0) > 1).any():
        return None
    exchange = Exchange(problem, units, pairing.close)
    exchange.improve(place, "all", rng, tuples)
    value = exchange.improve(place, "largest", rng, tuples)
    return _choice(problem, units, place, value, tuples)


def _available(problem: Problem) -> list[Integers]:
    """The stimuli of each group that may be chosen."""
    groups = range(problem.groups_in_place)
    return [np.flatnonzero((problem.group == group) & problem.allowed[problem.unit, 0]) for group in groups]


def _choice(
    problem: Problem, units: Units, place: Integers, value: float, tuples: Integers | None = None
) -> Choice:
    largest = Imbalance(problem).largest_difference(totals_of(units, place, problem.places))
    return Choice(place, value, float(largest[0]), tuples)


def _starts(
    problem: Problem, units: Units, pairing: Pairing, rng: np.random.Generator, starts: int, randoms: int
) -> Iterator[Integers]:
    """Where a search starts, the best of many random choices first."""
    if not problem.is_plain:
        shape = (len(problem.allowed), problem.places)
        for _ in range(starts):
            place = feasible_choice(problem, units, rng.random(shape))
            if place is None:
                return
            yield place
        return
    best, *others = random_choices(problem, units, randoms, starts, rng)
    yield best
    if problem.different is not None:
        yield _extremes(problem)
    elif _has_pairs(problem):
        tuples = optimal_tuples(_available(problem), pairing.values, int(problem.quota[0, 0]))
        place = np.full(len(problem.unit), problem.places)
        place[tuples] = 0
        yield place
    yield from others


def _has_pairs(problem: Problem) -> bool:
    """Whether the groups are categories of equal number, from which close stimuli can be chosen."""
    return problem.places == 1 and problem.groups > 1 and len(set(problem.quota[0])) == 1


def _extremes(problem: Problem) -> Integers:
    """The choice that differs most in the criterion that is to differ."""
    column = int(np.flatnonzero(problem.criterion == problem.different)[0])
    groups = [group for pair in problem.order for group in pair]
    place = np.full(len(problem.unit), problem.places)
    for category, quota in enumerate(problem.quota.T):
        members = np.flatnonzero(problem.category == category)
        members = members[np.argsort(problem.values[members, column], kind="stable")]
        if problem.places == 1:
            # the category with the lowest values gives its lowest, all others their highest
            is_low = problem.group[members[0]] == groups[0]
            place[members[: quota[0]] if is_low else members[-quota[0] :]] = 0
        else:
            spare = len(members) - quota.sum()
            last = problem.places - 1
            starts = np.concatenate([[0], np.cumsum(quota)[:-1]]) + spare * np.arange(last + 1) // last
            for number, start in enumerate(starts):
                place[members[start : start + quota[number]]] = number
    return place
