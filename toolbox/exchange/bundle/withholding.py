"""Which cells of roll-ups are withheld as too few stimuli are in them. Owns the rule, and that nothing undoes it.

A cell is a category of a scheme. All published sums of a set are sums over its published cells, so whoever adds and
subtracts them gets sums over unions of *atoms*: groups of stimuli that are in the same published cells. Cells are
therefore withheld until no atom of a published cell has fewer stimuli than the least number: no sum, difference or
combination of what is published is then one over fewer stimuli. A category may so be withheld in one scheme although
it is large, as it differs from one of another scheme by a few stimuli; the scheme that is meant is kept the longest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from toolbox.errors import UsageError
from toolbox.exchange.bundle.contents import Contents

Cell = tuple[str, str]
"""Scheme and category."""


@dataclass(frozen=True)
class Withheld:
    """What is withheld.

    Attributes:
        minimum_n: the least number of stimuli in a cell.
        small: set -> cells of fewer stimuli.
        related: set -> cells that would reveal sums over fewer stimuli together with others.
        stimuli: set -> those whose cells are all withheld.
    """

    minimum_n: int = 1
    small: Mapping[str, frozenset[Cell]] = field(default_factory=dict)
    related: Mapping[str, frozenset[Cell]] = field(default_factory=dict)
    stimuli: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is withheld."""
        return any(self.small.values()) or any(self.related.values())

    def hides(self, set_name: str, scheme: str, category: str) -> bool:
        """Whether a cell is withheld.

        Args:
            set_name: the stimulus set.
            scheme: the label scheme.
            category: the category.
        """
        cell = (scheme, category)
        return cell in self.small.get(set_name, ()) or cell in self.related.get(set_name, ())

    def stimuli_of(self, set_name: str) -> frozenset[int]:
        """The stimuli of a set that are withheld.

        Args:
            set_name: the stimulus set.
        """
        return self.stimuli.get(set_name, frozenset())

    @property
    def counts(self) -> dict[str, int]:
        """Numbers alone, for whoever receives the bundle: a name may be that of a person."""
        return {
            "minimum_n": self.minimum_n,
            "cells": sum(map(len, self.small.values())) + sum(map(len, self.related.values())),
            "stimuli": sum(map(len, self.stimuli.values())),
        }

    @property
    def notes(self) -> list[str]:
        """What was withheld, with names, for whoever shares."""
        notes = []
        for cells, reason in (
            (self.small, f"fewer than {self.minimum_n} stimuli"),
            (
                self.related,
                f"sums over fewer than {self.minimum_n} stimuli could be computed from it and others",
            ),
        ):
            for set_name, found in cells.items():
                notes += [
                    f"withheld: {category} ({set_name}, {scheme}): {reason}"
                    for scheme, category in sorted(found)
                ]
        if count := sum(map(len, self.stimuli.values())):
            notes.append(f"withheld: labels and list entries of {count:,} stimuli")
        return notes


def withheld_from(contents: Contents, minimum_n: int) -> Withheld:
    """What is withheld of a study.

    Args:
        contents: what is shared.
        minimum_n: the least number of stimuli in a cell.

    Raises: UsageError when nothing would be left.
    """
    if minimum_n <= 1:
        return Withheld()
    small, related, stimuli = (
        dict[str, frozenset[Cell]](),
        dict[str, frozenset[Cell]](),
        dict[str, frozenset[int]](),
    )
    for set_name, schemes in contents.schemes.items():
        labels = {scheme: contents.labels[set_name, scheme] for scheme in schemes}
        # A sum is over the stimuli with responses of a model, so that every model counts for itself.
        shown = [each.with_responses for each in contents.extractions if each.set == set_name]
        small[set_name] = _small_cells(labels, shown, minimum_n)
        related[set_name] = _related_cells(labels, shown, small[set_name], minimum_n)
        stimuli[set_name] = _unpublished(labels, small[set_name] | related[set_name])
    withheld = Withheld(minimum_n, small, related, stimuli)
    cells = {
        (name, scheme, each) for (name, scheme), found in contents.labels.items() for each in found.values()
    }
    if cells and all(withheld.hides(*cell) for cell in cells):
        raise UsageError(
            f"no category has {minimum_n} stimuli or more, so nothing would be left; choose a smaller minimum_n "
            "(--minimum-n)"
        )
    return withheld


def _small_cells(
    labels: Mapping[str, Mapping[int, str]], shown: Collection[Collection[int]], least: int
) -> frozenset[Cell]:
    """Cells of too few stimuli, of the set or of those with responses of any model."""
    found = set[Cell]()
    for scheme, categories in labels.items():
        for members in ([*categories], *shown):
            counts = Counter(categories[stimulus] for stimulus in members if stimulus in categories)
            found |= {(scheme, category) for category, n in counts.items() if n < least}
    return frozenset(found)


def _unpublished(labels: Mapping[str, Mapping[int, str]], withheld: Collection[Cell]) -> frozenset[int]:
    """The labelled stimuli all of whose cells are withheld."""
    cells: dict[int, list[bool]] = {}
    for scheme, categories in labels.items():
        for stimulus, category in categories.items():
            cells.setdefault(stimulus, []).append((scheme, category) in withheld)
    return frozenset(stimulus for stimulus, hidden in cells.items() if all(hidden))


def _related_cells(
    labels: Mapping[str, Mapping[int, str]],
    shown: Collection[Collection[int]],
    small: frozenset[Cell],
    least: int,
) -> frozenset[Cell]:
    """Further cells to withhold, until every atom of a published cell has enough stimuli for every model."""
    order = {scheme: number for number, scheme in enumerate(labels)}
    withheld = set(small)
    every = {stimulus for categories in labels.values() for stimulus in categories}
    while True:
        fresh = set[Cell]()
        for members in (every, *(every.intersection(each) for each in shown)):
            atoms = _atoms(labels, members, withheld)
            for atom in (atom for atom, n in atoms.items() if n < least):
                # the cells that it is in, and those that set it apart from the rest of these
                around = {cell for other in atoms if not {*other}.isdisjoint(atom) for cell in other}
                fresh.add(max(around, key=lambda cell: (order[cell[0]], cell)))
        if not fresh:
            return frozenset(withheld - small)
        withheld |= fresh


def _atoms(
    labels: Mapping[str, Mapping[int, str]], members: Collection[int], withheld: Collection[Cell]
) -> Counter[tuple[Cell, ...]]:
    """Numbers of stimuli that are in the same published cells, of those that are in any."""
    atoms = Counter(
        tuple(
            (scheme, categories[stimulus])
            for scheme, categories in labels.items()
            if stimulus in categories and (scheme, categories[stimulus]) not in withheld
        )
        for stimulus in members
    )
    del atoms[()]
    return atoms
