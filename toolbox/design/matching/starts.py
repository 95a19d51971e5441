"""Choices from which a search starts: close pairs, random ones, and any that satisfy all constraints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from toolbox.design.matching.designs import Design, Units
from toolbox.design.matching.imbalance import Imbalance, Totals
from toolbox.resampling import FloatArray, IntArray

RANDOM_CHOICES = 10_000
"""Random choices, the best of which are improved; so a result is never worse than the best of them."""
_AT_ONCE = 2_000_000


def random_choices(
    design: Design, units: Units, count: int, best: int, rng: np.random.Generator
) -> list[IntArray]:
    """The best of many random choices, where every unit is a stimulus that may be anywhere.

    Args:
        design: without constraints but its quotas.
        units: of the design.
        count: number of random choices.
        best: how many of them are returned.
        rng: random numbers.

    Returns: where each unit is, the choice with the smallest imbalance first.
    """
    imbalance = Imbalance(design)
    found: list[tuple[float, IntArray]] = []
    size = max(1, _AT_ONCE // (len(design.unit) * (1 + design.values.shape[1])))
    for done in range(0, count, size):
        places = np.stack([_random_place(design, rng) for _ in range(min(size, count - done))])
        values = imbalance(_totals(design, units, places), "largest")
        order = np.argsort(values, kind="stable")[:best]
        found += [(float(values[number]), places[number]) for number in order]
        found = sorted(found, key=lambda each: each[0])[:best]
    return [place for _, place in found]


def _random_place(design: Design, rng: np.random.Generator) -> IntArray:
    """One random choice that fills the quotas."""
    place = np.full(len(design.unit), design.places)
    for category, quota in enumerate(design.quota.T):
        members = rng.permutation(np.flatnonzero(design.category == category))
        place[members[: quota.sum()]] = np.repeat(np.arange(design.places), quota)
    return place


def _totals(design: Design, units: Units, places: IntArray) -> Totals:
    """The totals of many choices."""
    numbers = np.arange(design.places)
    of_place = (places[:, None] == numbers[:, None]).astype(float)  # choices, places, units
    shape = (len(places), design.groups, design.values.shape[1])
    sums, squares = (
        np.stack([of_place @ total[:, row] for row in range(design.groups_in_place)], axis=2).reshape(shape)
        for total in (units.sums, units.squares)
    )
    return Totals(sums, squares, (of_place[0] @ units.count).ravel())


def feasible_choice(design: Design, units: Units, cost: FloatArray) -> IntArray | None:
    """The choice that satisfies all constraints and has the smallest sum of costs; None if there is none.

    Args:
        design: with constraints.
        units: of the design.
        cost: (units, places) of putting a unit into a place.
    """
    count, places = cost.shape
    result = milp(
        cost.ravel(),
        integrality=np.ones(cost.size),
        bounds=Bounds(0, design.allowed[:, :places].ravel().astype(float)),
        constraints=[*_constraints(design, units, count, places)],
        options={"time_limit": 30.0, "mip_rel_gap": 0.05},
    )
    if result.x is None:
        return None
    chosen = result.x.reshape(count, places) > 0.5
    place: IntArray = np.where(chosen.any(1), chosen.argmax(1), places)
    return place


def _constraints(design: Design, units: Units, count: int, places: int) -> Iterator[LinearConstraint]:
    """The constraints of an integer programme, whose variables are (unit, place)."""
    variable = np.arange(count * places).reshape(count, places)
    once = _rows([variable[unit] for unit in range(count)], variable.size)
    must = (~design.allowed[:, places]).astype(float)  # such a unit may not be in none of the sets
    yield LinearConstraint(once, must, np.ones(count))
    sizes = units.sizes[units.kind]
    for category, quota in enumerate(design.quota.T):
        for place in range(places):
            weights = np.zeros(variable.size)
            weights[variable[:, place]] = sizes[:, category]
            yield LinearConstraint(weights[None], quota[place], quota[place])
    if design.apart.any():
        groups = [
            variable[members, place]
            for members in map(np.flatnonzero, design.apart.T)
            for place in range(places)
        ]
        yield LinearConstraint(_rows(groups, variable.size), -np.inf, 1)


def _rows(members: list[np.ndarray], width: int) -> coo_array:
    """A sparse matrix with ones in the columns of each row."""
    row = np.repeat(np.arange(len(members)), [len(each) for each in members])
    column = np.concatenate(members)
    return coo_array((np.ones(len(row)), (row, column)), shape=(len(members), width))
