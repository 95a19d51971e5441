"""What is chosen from, into which sets, and what must hold of the choice. Owns the arrays of a search; reads no file.

A *unit* is what is chosen as a whole: a stimulus, or stimuli that stay together. A *place* is one of the sets that are
made, or none of them. Within a place, *groups* are compared with each other: the categories, if they are to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.arrays import BoolArray


@dataclass(frozen=True, eq=False)
class Design:
    """A choice of units for some places, such that groups agree in some criteria.

    Attributes:
        values: (stimuli, columns), in units of the standard deviation of their criterion.
        category: (stimuli,) number of the category of each, from 0.
        group: (stimuli,) number of the group of each within its place.
        criterion: (columns,) number of the criterion that each column belongs to, ascending from 0.
        quota: (places, categories) stimuli that are chosen.
        unit: (stimuli,) number of the unit of each.
        allowed: (units, places + 1) where a unit may be; the last place is none of the sets.
        apart: (units, kinds) units that share a kind may not be in one place.
        different: criterion that is to differ; None if all are to agree.
        wanted: standard deviations by which it is to differ.
        order: pairs of groups (counted over all places), the first of which is to have the smaller values.
    """

    values: FloatArray
    category: IntArray
    group: IntArray
    criterion: IntArray
    quota: IntArray
    unit: IntArray
    allowed: BoolArray
    apart: BoolArray
    different: int | None = None
    wanted: float = 0.0
    order: Sequence[tuple[int, int]] = ()

    @property
    def places(self) -> int:
        """Number of sets that are made."""
        return len(self.quota)

    @property
    def groups(self) -> int:
        """Number of groups over all places."""
        return self.places * self.groups_in_place

    @property
    def groups_in_place(self) -> int:
        """Number of groups within a place."""
        return int(self.group.max()) + 1

    @property
    def is_plain(self) -> bool:
        """Whether every unit is one stimulus that may be anywhere, in any company."""
        return len(self.allowed) == len(self.unit) and bool(self.allowed.all()) and not self.apart.any()


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a design, summed.

    Attributes:
        count: (units, groups in a place) stimuli.
        sums: (units, groups in a place, columns) of the values.
        squares: (units, groups in a place, columns) of the squared values.
        kind: (units,) units of one kind have as many stimuli of each category, so that one may replace another.
        sizes: (kinds, categories) stimuli of each category.
    """

    count: FloatArray
    sums: FloatArray
    squares: FloatArray
    kind: IntArray
    sizes: IntArray


def sum_units(design: Design) -> Units:
    """The sums of all units.

    Args:
        design: with the values of stimuli.
    """
    shape = (len(design.allowed), design.groups_in_place)
    place = (design.unit, design.group)
    count, sums, squares = (
        np.zeros(shape),
        np.zeros((*shape, design.values.shape[1])),
        np.zeros((*shape, design.values.shape[1])),
    )
    np.add.at(count, place, 1)
    np.add.at(sums, place, design.values)
    np.add.at(squares, place, design.values**2)
    sizes = np.zeros((shape[0], design.quota.shape[1]), np.int64)
    np.add.at(sizes, (design.unit, design.category), 1)
    kinds, kind = np.unique(sizes, axis=0, return_inverse=True)
    return Units(count, sums, squares, kind.ravel(), kinds)
