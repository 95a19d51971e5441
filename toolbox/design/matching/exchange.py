"""Better choices by exchanging units. Owns which exchanges there are; sums of groups are kept, so each costs little.

A local search: units of a choice are exchanged for others of their kind, that are in another set or in none, for as
long as this makes the imbalance smaller.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolbox.design.matching.designs import Design, Units
from toolbox.design.matching.imbalance import Aim, Imbalance, Totals, totals_of
from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.arrays import BoolArray

PASSES = 60
"""Passes over all chosen units, if there is something to gain for so long."""
_NUMBERS = 200_000
"""Numbers in one computation: as many exchanges are compared at once as have no more."""
_GAIN = 1e-9
NEGLIGIBLE = 0.002
"""Largest standardised difference that is not made smaller."""


class Exchanges:
    """The exchanges of one design."""

    def __init__(self, design: Design, units: Units, close: BoolArray | None = None) -> None:
        """Arrange what does not depend on a choice.

        Args:
            design: with quotas and constraints.
            units: of the design.
            close: (stimuli, stimuli) whether two may be in one tuple; None where there are no tuples.
        """
        self.design, self.units, self.close = design, units, close
        self.imbalance = Imbalance(design)
        self._members = [np.flatnonzero(units.kind == kind) for kind in range(len(units.sizes))]
        columns = design.values.shape[1]
        pairs = design.groups * (design.groups - 1) // 2
        self._batch = max(1, _NUMBERS // (columns * (design.groups + pairs)))

    def improve(
        self, place: IntArray, aim: Aim, rng: np.random.Generator, tuples: IntArray | None = None
    ) -> float:
        """Exchanges units of a choice, in place, until none makes it better.

        Args:
            place: (units,) where each is; changed.
            aim: what becomes smaller.
            rng: decides the order in which units are tried.
            tuples: (tuples, groups) the stimuli of each tuple; changed. None where there are no tuples.

        Returns: the imbalance.
        """
        value, negligible = np.inf, NEGLIGIBLE**2 if aim == "all" else NEGLIGIBLE
        for _ in range(PASSES):
            totals = totals_of(self.units, place, self.design.places)
            before = value = float(self.imbalance(totals, aim)[0])
            chosen = rng.permutation(np.flatnonzero(place < self.design.places))
            for some in self._batches(chosen):
                value = self._step(place, totals, some, aim, value, tuples)
                if value < negligible:
                    return value
            if value >= before - _GAIN:
                break
        return value

    @property
    def size(self) -> int:
        """About the number of exchanges of one choice."""
        kinds = self.units.kind
        return int(sum(len(self._members[kind]) for kind in kinds))

    def disturb(
        self, place: IntArray, count: int, rng: np.random.Generator, tuples: IntArray | None = None
    ) -> None:
        """Make some random exchanges, so that another search may end elsewhere.

        Args:
            place: (units,) where each is; changed.
            count: number of exchanges.
            rng: decides which.
            tuples: (tuples, groups) the stimuli of each tuple; changed. None where there are no tuples.
        """
        for _ in range(count):
            unit = int(rng.choice(np.flatnonzero(place < self.design.places)))
            partners = self._partners(place, unit, tuples)
            if len(partners):
                self._exchange(place, unit, int(rng.choice(partners)), tuples)

    def _exchange(self, place: IntArray, unit: int, other: int, tuples: IntArray | None) -> None:
        place[unit], place[other] = place[other], place[unit]
        if tuples is not None:
            tuples[tuples == unit] = other

    def _batches(self, chosen: IntArray) -> Sequence[IntArray]:
        """The chosen units, few enough at a time."""
        others = max((len(self._members[kind]) for kind in np.unique(self.units.kind[chosen])), default=1)
        return np.array_split(chosen, max(1, -(-len(chosen) * others // self._batch)))

    def _step(
        self, place: IntArray, totals: Totals, some: IntArray, aim: Aim, value: float, tuples: IntArray | None
    ) -> float:
        """Make the best exchange of some units, if it is one; the imbalance after it."""
        old, new = self._exchanges(place, some, tuples)
        if not len(old):
            return value
        values = self.imbalance(self._after(totals, place, old, new), aim)
        best = int(values.argmin())
        if values[best] >= value - _GAIN:
            return value
        made = self._after(totals, place, old[[best]], new[[best]])
        totals.sums[:], totals.squares[:] = made.sums, made.squares
        self._exchange(place, int(old[best]), int(new[best]), tuples)
        return float(values[best])

    def _exchanges(
        self, place: IntArray, some: IntArray, tuples: IntArray | None
    ) -> tuple[IntArray, IntArray]:
        """Every allowed exchange of one of some units for another one."""
        partners = [self._partners(place, unit, tuples) for unit in some]
        old = np.repeat(some, [len(found) for found in partners])
        return old, np.concatenate(partners) if partners else old

    def _partners(self, place: IntArray, unit: int, tuples: IntArray | None) -> IntArray:
        """Units for which a unit may be exchanged."""
        allowed, here = self.design.allowed, place[unit]
        others = self._members[self.units.kind[unit]]
        there = place[others]
        fits = (there != here) & allowed[others, here] & allowed[unit, there]
        if self.design.apart.any():
            fits &= self._are_apart(place, unit, others)
        if tuples is not None and self.close is not None:
            row = tuples[(tuples == unit).any(1)][0]
            fits &= (there == self.design.places) & self.close[others][:, row[row != unit]].all(1)
        return np.asarray(others[fits])

    def _are_apart(self, place: IntArray, unit: int, others: IntArray) -> BoolArray:
        """Whether neither place gets two units that must be apart, if a unit is exchanged for each of others."""
        apart = self.design.apart
        here = place[unit]
        in_places = np.stack([apart[place == number].sum(0) for number in range(self.design.places)])
        remaining = in_places[here] - apart[unit]
        fits = ~(apart[others] & (remaining > 0)).any(1)
        for number in range(self.design.places):
            are_there = place[others] == number
            if number != here and are_there.any():
                left = in_places[number] - apart[others[are_there]]
                fits[are_there] &= ~(apart[unit] & (left > 0)).any(1)
        return np.asarray(fits)

    def _after(self, totals: Totals, place: IntArray, old: IntArray, new: IntArray) -> Totals:
        """The totals after each exchange."""
        return Totals(
            self._moved(totals.sums, self.units.sums, place, old, new),
            self._moved(totals.squares, self.units.squares, place, old, new),
            totals.count,
        )

    def _moved(
        self, total: FloatArray, of_units: FloatArray, place: IntArray, old: IntArray, new: IntArray
    ) -> FloatArray:
        rows, columns = of_units.shape[1:]
        shape = (len(old), self.design.places, rows, columns)
        moved = np.broadcast_to(total.reshape(1, *shape[1:]), shape).copy()
        change = of_units[new] - of_units[old]
        each = np.arange(len(old))
        moved[each, place[old]] += change
        in_set = place[new] < self.design.places
        moved[each[in_set], place[new[in_set]]] -= change[in_set]
        return moved.reshape(len(old), -1, columns)
