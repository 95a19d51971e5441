"""Better choices by exchanging units. Owns which exchanges there are; sums of groups are kept, so that each costs little.

A local search: units of a choice are exchanged for others of their kind, that are in another set or in none, for as
long as this makes the imbalance smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolbox.design.matching.imbalance import Aim, Imbalance, Totals, totals_of
from toolbox.design.matching.problem import Floats, Integers, Problem, Truths, Units

PASSES = 60
"""Passes over all chosen units, if there is something to gain for so long."""
_NUMBERS = 200_000
"""Numbers in one computation: as many exchanges are compared at once as have no more."""
_GAIN = 1e-9
NEGLIGIBLE = 0.002
"""Largest standardised difference that is not made smaller."""


class Exchange:
    """The exchanges of one problem."""

    def __init__(self, problem: Problem, units: Units, close: Truths | None = None) -> None:
        """Arrange what does not depend on a choice.

        Args:
            problem: with quotas and constraints.
            units: of the problem.
            close: (stimuli, stimuli) whether two may be in one tuple; None where there are no tuples.
        """
        self.problem, self.units, self.close = problem, units, close
        self.imbalance = Imbalance(problem)
        self._members = [np.flatnonzero(units.kind == kind) for kind in range(len(units.sizes))]
        columns = problem.values.shape[1]
        pairs = problem.groups * (problem.groups - 1) // 2
        self._batch = max(1, _NUMBERS // (columns * (problem.groups + pairs)))

    def improve(
        self, place: Integers, aim: Aim, rng: np.random.Generator, tuples: Integers | None = None
    ) -> float:
        """Exchange units of a choice, in place, until none makes it better.

        Args:
            place: (units,) where each is; changed.
            aim: what becomes smaller.
            rng: decides the order in which units are tried.
            tuples: (tuples, groups) the stimuli of each tuple; changed. None where there are no tuples.

        Returns: the imbalance.
        """
        value, negligible = np.inf, NEGLIGIBLE**2 if aim == "all" else NEGLIGIBLE
        for _ in range(PASSES):
            totals = totals_of(self.units, place, self.problem.places)
            before = value = float(self.imbalance(totals, aim)[0])
            chosen = rng.permutation(np.flatnonzero(place < self.problem.places))
            for some in self._batches(chosen):
                value = self._step(place, totals, some, aim, value, tuples)
                if value < negligible:
                    return value
            if value >= before - _GAIN:
                break
        return value

    def _batches(self, chosen: Integers) -> Sequence[Integers]:
        """The chosen units, few enough at a time."""
        others = max((len(self._members[kind]) for kind in np.unique(self.units.kind[chosen])), default=1)
        return np.array_split(chosen, max(1, -(-len(chosen) * others // self._batch)))

    def _step(
        self, place: Integers, totals: Totals, some: Integers, aim: Aim, value: float, tuples: Integers | None
    ) -> float:
        """Make the best exchange of some units, if it is one; the imbalance after it."""
        old, new = self._exchanges(place, some, tuples)
        if not len(old):
            return value
        values = self.imbalance(self._after(totals, place, old, new), aim)
        best = int(values.argmin())
        if values[best] >= value - _GAIN:
            return value
        first, second = old[best], new[best]
        made = self._after(totals, place, old[[best]], new[[best]])
        totals.sums[:], totals.squares[:] = made.sums, made.squares
        place[first], place[second] = place[second], place[first]
        if tuples is not None:
            tuples[tuples == first] = second
        return float(values[best])

    def _exchanges(
        self, place: Integers, some: Integers, tuples: Integers | None
    ) -> tuple[Integers, Integers]:
        """Every allowed exchange of one of some units for another one."""
        partners = [self._partners(place, unit, tuples) for unit in some]
        old = np.repeat(some, [len(found) for found in partners])
        return old, np.concatenate(partners) if partners else old

    def _partners(self, place: Integers, unit: int, tuples: Integers | None) -> Integers:
        """Units for which a unit may be exchanged."""
        allowed, here = self.problem.allowed, place[unit]
        others = self._members[self.units.kind[unit]]
        there = place[others]
        fits = (there != here) & allowed[others, here] & allowed[unit, there]
        if self.problem.apart.any():
            fits &= self._are_apart(place, unit, others)
        if tuples is not None and self.close is not None:
            row = tuples[(tuples == unit).any(1)][0]
            fits &= (there == self.problem.places) & self.close[others][:, row[row != unit]].all(1)
        return np.asarray(others[fits])

    def _are_apart(self, place: Integers, unit: int, others: Integers) -> Truths:
        """Whether neither place gets two units that must be apart, if a unit is exchanged for each of others."""
        apart = self.problem.apart
        here = place[unit]
        in_places = np.stack([apart[place == number].sum(0) for number in range(self.problem.places)])
        remaining = in_places[here] - apart[unit]
        fits = ~(apart[others] & (remaining > 0)).any(1)
        for number in range(self.problem.places):
            are_there = place[others] == number
            if number != here and are_there.any():
                left = in_places[number] - apart[others[are_there]]
                fits[are_there] &= ~(apart[unit] & (left > 0)).any(1)
        return np.asarray(fits)

    def _after(self, totals: Totals, place: Integers, old: Integers, new: Integers) -> Totals:
        """The totals after each exchange."""
        return Totals(
            self._moved(totals.sums, self.units.sums, place, old, new),
            self._moved(totals.squares, self.units.squares, place, old, new),
            totals.count,
        )

    def _moved(
        self, total: Floats, of_units: Floats, place: Integers, old: Integers, new: Integers
    ) -> Floats:
        rows, columns = of_units.shape[1:]
        shape = (len(old), self.problem.places, rows, columns)
        moved = np.broadcast_to(total.reshape(1, *shape[1:]), shape).copy()
        change = of_units[new] - of_units[old]
        each = np.arange(len(old))
        moved[each, place[old]] += change
        in_set = place[new] < self.problem.places
        moved[each[in_set], place[new[in_set]]] -= change[in_set]
        return moved.reshape(len(old), -1, columns)
