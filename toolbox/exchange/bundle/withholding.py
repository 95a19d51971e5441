"""Which cells of roll-ups are withheld as too few stimuli are in them. Owns the rule, and that nothing undoes it.

A cell is a category of a label scheme of a set. All published sums of a model are sums over its published cells, so
whoever adds and subtracts them gets sums over unions of *atoms*: groups of images that are in the same published cells,
whichever their set; an image that two sets contain has the same responses in both. Cells are therefore withheld until
no atom of a published cell has fewer images than the least number: no sum, difference or combination of what is
published is then one over fewer. A category may so be withheld in one scheme or set although it is large, as it differs
from one of another by a few images; the set and the scheme that are meant are kept the longest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field

from toolbox.errors import UsageError
from toolbox.exchange.bundle.contents import Contents
from toolbox.store.stimuli import stimuli_of

Cell = tuple[str, str, str]
"""Set, scheme and category."""
View = Mapping[str, Sequence[Cell]]
"""Image -> the cells to whose sums its responses are added; one twice, if two stimuli of it are the same image."""


@dataclass(frozen=True)
class Withheld:
    """What is withheld.

    Attributes:
        minimum_n: the least number of stimuli in a cell.
        small: cells of fewer stimuli.
        related: cells that would reveal sums over fewer stimuli together with others.
        stimuli: set -> those whose cells are all withheld.
    """

    minimum_n: int = 1
    small: frozenset[Cell] = frozenset()
    related: frozenset[Cell] = frozenset()
    stimuli: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is withheld."""
        return bool(self.small or self.related)

    def hides(self, set_name: str, scheme: str, category: str) -> bool:
        """Whether a cell is withheld.

        Args:
            set_name: the stimulus set.
            scheme: the label scheme.
            category: the category.
        """
        cell = (set_name, scheme, category)
        return cell in self.small or cell in self.related

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
            "cells": len(self.small) + len(self.related),
            "stimuli": sum(map(len, self.stimuli.values())),
        }

    @property
    def notes(self) -> list[str]:
        """What was withheld, with names, for whoever shares."""
        few = f"fewer than {self.minimum_n} stimuli"
        notes = []
        for cells, reason in (
            (self.small, few),
            (self.related, f"sums over {few} could be computed from it and others"),
        ):
            notes += [
                f"withheld: {category} ({set_name}, {scheme}): {reason}"
                for set_name, scheme, category in sorted(cells)
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
    views = _views(contents)
    small = _small_cells(views, minimum_n)
    related = _related_cells(views, small, minimum_n, _last_withheld(contents))
    stimuli = {set_name: _unpublished(contents, set_name, small | related) for set_name in contents.sets}
    withheld = Withheld(minimum_n, small, related, stimuli)
    cells = {cell for view in views for found in view.values() for cell in found}
    if cells and cells <= small | related:
        raise UsageError(
            f"no category has {minimum_n} stimuli or more, so nothing would be left; choose a smaller minimum_n "
            "(--minimum-n)"
        )
    return withheld


def _views(contents: Contents) -> list[View]:
    """The cells of every image: of all labels, and of the stimuli with responses of each model."""
    images = {
        set_name: {
            number: stimulus.pixels_sha256 or stimulus.sha256
            for number, stimulus in stimuli_of(contents.study, set_name).items()
        }
        for set_name in contents.sets
    }
    of_models: dict[str, dict[str, Container[int]]] = {model: {} for model in contents.models}
    for each in contents.extractions:
        of_models[each.model][each.set] = each.with_responses
    return [
        _view(contents, images, images),
        *(_view(contents, images, shown) for shown in of_models.values()),
    ]


def _view(
    contents: Contents, images: Mapping[str, Mapping[int, str]], shown: Mapping[str, Container[int]]
) -> View:
    cells = defaultdict[str, list[Cell]](list)
    for (set_name, scheme), labels in contents.labels.items():
        for stimulus, category in labels.items():
            if stimulus in shown.get(set_name, ()):
                cells[images[set_name][stimulus]].append((set_name, scheme, category))
    return cells


def _last_withheld(contents: Contents) -> list[tuple[str, str]]:
    """Set and scheme of all labels, those that are meant first."""
    meant = contents.in_use.get("set")
    ranked = [
        (number, set_name != meant, set_name, scheme)
        for set_name, schemes in contents.schemes.items()
        for number, scheme in enumerate(schemes)
    ]
    return [(set_name, scheme) for _, _, set_name, scheme in sorted(ranked)]


def _small_cells(views: Sequence[View], least: int) -> frozenset[Cell]:
    """Cells of too few stimuli, of the set or of those with responses of any model."""
    counts = [Counter(cell for cells in view.values() for cell in cells) for view in views]
    return frozenset(cell for of_view in counts for cell, n in of_view.items() if n < least)


def _related_cells(
    views: Sequence[View], small: frozenset[Cell], least: int, last: Sequence[tuple[str, str]]
) -> frozenset[Cell]:
    """Further cells to withhold, until every atom of a published cell has enough images for every model."""
    order = {labels: number for number, labels in enumerate(last)}
    withheld = set(small)
    while True:
        fresh = set[Cell]()
        for view in views:
            atoms = _atoms(view, withheld)
            for atom in (atom for atom, n in atoms.items() if n < least):
                # the cells that it is in, and those that set it apart from the rest of these
                around = {cell for other in atoms if not {*other}.isdisjoint(atom) for cell in other}
                fresh.add(max(around, key=lambda cell: (order[cell[:2]], cell)))
        if not fresh:
            return frozenset(withheld - small)
        withheld |= fresh


def _atoms(view: View, withheld: Collection[Cell]) -> Counter[tuple[Cell, ...]]:
    """Numbers of images that are in the same published cells, of those that are in any."""
    atoms = Counter(tuple(sorted(cell for cell in cells if cell not in withheld)) for cells in view.values())
    del atoms[()]
    return atoms


def _unpublished(contents: Contents, set_name: str, withheld: Collection[Cell]) -> frozenset[int]:
    """The labelled stimuli of a set all of whose cells are withheld."""
    hidden = dict[int, bool]()
    for scheme in contents.schemes[set_name]:
        for stimulus, category in contents.labels[set_name, scheme].items():
            hidden[stimulus] = hidden.get(stimulus, True) and (set_name, scheme, category) in withheld
    return frozenset(stimulus for stimulus, is_hidden in hidden.items() if is_hidden)
