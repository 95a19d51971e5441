"""The list of chosen stimuli: in which set each is, and with which others it is alike. Owns the numbers of tuples."""

from __future__ import annotations

import numpy as np
import polars as pl

from toolbox.design.matching.choices import Matching
from toolbox.design.matching.designs import Design
from toolbox.design.matching.pairs import MOST_COMPARED, optimal_tuples, tuple_distances
from toolbox.design.matching.pools import Pool
from toolbox.design.matching.search import Pairing, Solution
from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.arrays import BoolArray

MATCH = "match"
"""Column of the list: the number of the tuple."""
LIST_MEANINGS = {
    "set": "number of the set in which the stimulus is, from 1",
    MATCH: "number of the pair or tuple, with one stimulus of each set; the closest first",
    "distance": "within the pair or tuple, in standard deviations of what was to agree",
}
"""What columns of the list mean that are no variables."""


def group_names(pool: Pool, design: Design, options: Matching) -> list[str]:
    """Names of the groups that are compared, as the design counts them.

    Args:
        pool: the candidates.
        design: of the choice.
        options: of the user.
    """
    if options.sets is None:
        return [*pool.categories]
    sets = [str(number) for number in range(1, options.sets + 1)]
    within = [*pool.categories] if design.groups_in_place > 1 else [""]
    return [f"set {number} {name}".rstrip() for number in sets for name in within]


def places_of(design: Design, solution: Solution) -> IntArray:
    """The set of every candidate; the number of sets for none.

    Args:
        design: of the choice.
        solution: where every unit is.
    """
    return solution.place[design.unit]


def members_of(design: Design, place: IntArray) -> list[BoolArray]:
    """Which candidates are in each group.

    Args:
        design: of the choice.
        place: (candidates,) the set of each.
    """
    return [
        (place == number) & (design.group == group)
        for number in range(design.places)
        for group in range(design.groups_in_place)
    ]


def chosen_list(
    pool: Pool, design: Design, solution: Solution, pairing: Pairing, options: Matching
) -> pl.DataFrame:
    """The chosen stimuli, tuple by tuple where sets have equal numbers.

    Args:
        pool: the candidates.
        design: of the choice.
        solution: where every unit is.
        pairing: how close two candidates are.
        options: of the user.
    """
    place = places_of(design, solution)
    is_chosen = place < design.places
    columns = [column for names in pool.criteria.values() for column in names]
    number, distance = _tuples(design, solution, pairing, place)
    rows = pool.rows.select("stimulus_id", "path", "category", *columns).with_columns(
        pl.Series("set", place + 1), pl.Series(MATCH, number), pl.Series("distance", distance)
    )
    numbers = (*(["set"] if options.sets else []), MATCH, "distance")
    kept = rows.filter(is_chosen).with_columns(
        pl.col("category").cast(pl.Enum(list(pool.categories))), pl.col(MATCH).replace(0, None),
        pl.col("distance").fill_nan(None),
    )  # fmt: skip
    ordered = kept.sort(MATCH, "set", "category", "stimulus_id", nulls_last=True)
    return ordered.select("stimulus_id", "path", pl.col("category").cast(pl.String), *numbers, *columns)


def _tuples(
    design: Design, solution: Solution, pairing: Pairing, place: IntArray
) -> tuple[IntArray, FloatArray]:
    """The number of each candidate's tuple, and the distance within it; 0 and NaN for those that have none."""
    number, distance = np.zeros(len(place), np.int64), np.full(len(place), np.nan)
    done = 0
    for groups in _groups_of_tuples(design, place):
        sizes = {len(group) for group in groups}
        if len(sizes) > 1 or len(groups) < 2 or max(sizes) ** 2 > MOST_COMPARED:
            continue
        tuples = solution.tuples
        if tuples is None:
            tuples = optimal_tuples(groups, pairing.values, len(groups[0]))
        distances = tuple_distances(tuples, pairing.values)
        order = np.argsort(distances, kind="stable")
        for count, row in enumerate(order, done + 1):
            number[tuples[row]], distance[tuples[row]] = count, distances[row]
        done += len(tuples)
    return number, distance


def _groups_of_tuples(design: Design, place: IntArray) -> list[list[IntArray]]:
    """The groups of which tuples have one stimulus each; where categories need not agree, within each category."""
    if design.groups_in_place > 1 or design.places == 1:
        return [[np.flatnonzero(members) for members in members_of(design, place)]]
    return [
        [np.flatnonzero((place == number) & (design.category == category)) for number in range(design.places)]
        for category in range(int(design.category.max()) + 1)
    ]
