"""What cannot be matched, and why. Owns finding what prevents it, and how many stimuli would be possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from toolbox.design.differences import BALANCED
from toolbox.design.matching.balance import AGREE
from toolbox.design.matching.designs import Design, sum_units
from toolbox.design.matching.pairs import close_pairs, optimal_tuples
from toolbox.design.matching.pools import LEAST_SET, Pool
from toolbox.design.matching.search import Pairing, best_solution
from toolbox.design.matching.starts import feasible_choice

_FEW_RANDOM_CHOICES = 200
"""Random choices where only a number is looked for."""


def possible_tuples(design: Design, pairing: Pairing) -> int:
    """The number of disjoint tuples whose members are close.

    Args:
        design: with one place.
        pairing: with a caliper.
    """
    groups = _candidates(design)
    return len(optimal_tuples(groups, pairing.values, min(map(len, groups)), pairing.close))


def _candidates(design: Design) -> list[np.ndarray]:
    numbers = range(design.groups_in_place)
    return [np.flatnonzero((design.group == group) & design.allowed[design.unit, 0]) for group in numbers]


def explain_pairs(pool: Pool, design: Design, pairing: Pairing, within: float | None) -> str:
    """How many tuples there are, and which variable leaves the fewest.

    Args:
        pool: the candidates.
        design: with one place.
        pairing: which candidates may be in one tuple.
        within: largest difference in each variable; None for no limit.
    """
    found = possible_tuples(design, pairing)
    noun = "pairs" if design.groups == 2 else "groups of one of each category"
    possible = f"n of at most {found} is possible" if found >= LEAST_SET else "no n is possible"
    if within is None:
        return f"only {found} {noun} have the same value of what members must have in common; {possible}"
    groups, alone = _candidates(design), dict[str, int]()
    for number, name in enumerate(pool.criteria):
        columns = pool.criterion == number
        close = close_pairs(pool.values[:, columns], pool.criterion[columns], within)
        alone[name] = len(optimal_tuples(groups, pool.values[:, columns], min(map(len, groups)), close))
    least = min(alone, key=lambda name: alone[name])
    return (
        f"only {found} {noun} agree within {within:g} standard deviations in {', '.join(pool.criteria)}; {possible}, "
        f"or a larger within; {least} alone leaves {alone[least]}{describe_ranges(pool, least)}"
    )


def describe_ranges(pool: Pool, criterion: str) -> str:
    """The range of a variable in each category, and how many stimuli are where all categories are.

    Args:
        pool: the candidates.
        criterion: one variable; of a layer, which has no range, nothing is described.
    """
    columns = pool.criteria[criterion]
    if len(columns) > 1:
        return ""
    by_category = {
        name: pool.rows.filter(pl.col("category") == name)[columns[0]].to_numpy() for name in pool.categories
    }
    low = max(values.min() for values in by_category.values())
    high = min(values.max() for values in by_category.values())
    parts = [f"{name} {values.min():.3g} to {values.max():.3g}" for name, values in by_category.items()]
    if low > high:
        return f" ({', '.join(parts)}: no overlap)"
    inside = [f"{((values >= low) & (values <= high)).sum()} {name}" for name, values in by_category.items()]
    return f" ({', '.join(parts)}; in common {low:.3g} to {high:.3g}, with {', '.join(inside)})"


def explain_constraints(design: Design) -> str:
    """Why no choice satisfies the constraints: what n would be possible.

    Args:
        design: with constraints.
    """
    possible = _largest(design, _is_feasible)
    remedy = f"n of at most {possible} is possible" if possible else "no n is possible"
    return (
        "no choice satisfies what is asked of stimuli that stay together, stay apart, are fixed, kept or left out; "
        f"{remedy}, or leave out one of these"
    )


def _is_feasible(design: Design) -> bool:
    units = sum_units(design)
    return feasible_choice(design, units, np.zeros((len(design.allowed), design.places))) is not None


def _largest(design: Design, is_possible: Callable[[Design], bool], least: int = LEAST_SET) -> int:
    """The largest number of stimuli of each category for which something holds; 0 if there is none."""
    low, high = 0, int(design.quota.max()) - 1
    while low < high:
        middle = -(-(low + high) // 2)
        smaller = replace(design, quota=np.minimum(design.quota, middle))
        if middle >= least and is_possible(smaller):
            low = middle
        else:
            high = middle - 1
    return low


def possible_count(design: Design, pairing: Pairing, limit: float = BALANCED) -> int:
    """The largest number of stimuli of each category that agree; 0 if there is none.

    Args:
        design: whose numbers of stimuli do not.
        pairing: which stimuli are close.
        limit: largest standardised difference.
    """

    def agrees(smaller: Design) -> bool:
        found = best_solution(smaller, replace(pairing, close=None), starts=1, randoms=_FEW_RANDOM_CHOICES)
        return found is not None and found.largest <= limit

    return _largest(design, agrees)


def least_difference(pool: Pool, criterion: str, counts: Mapping[str, int], pair: tuple[str, str]) -> float:
    """The smallest difference of two categories in one variable that any choice has, in standard deviations of all.

    It is that of the stimuli of each that are nearest to the other; 0 where these overlap.

    Args:
        pool: the candidates.
        criterion: one variable, with one column.
        counts: stimuli of each category.
        pair: two categories.
    """
    column = int(np.flatnonzero(pool.criterion == [*pool.criteria].index(criterion))[0])
    sides = [np.sort(pool.values[pool.category == pool.categories.index(name), column]) for name in pair]
    gaps = [
        sides[high][: counts[pair[high]]].mean() - sides[low][-counts[pair[low]] :].mean()
        for high, low in ((0, 1), (1, 0))
    ]
    return float(max(0.0, *gaps))


def remaining_differences(
    balance: pl.DataFrame, pool: Pool, counts: Mapping[str, int], possible: int
) -> Iterator[str]:
    """One line for each variable that was to agree and still differs.

    Args:
        balance: of the chosen stimuli.
        pool: the candidates.
        counts: stimuli of each category that were chosen.
        possible: number of stimuli of each category with which all would agree; 0 if it is not known.
    """
    asked = balance.filter((pl.col("role") == AGREE) & (pl.col("difference_after").abs() > BALANCED))
    for (name,), rows in asked.group_by("variable", maintain_order=True):
        worst = rows.sort(pl.col("difference_after").abs(), descending=True).row(0, named=True)
        pair = (worst["first"], worst["second"])
        is_single = len(pool.criteria[str(name)]) == 1 and {*pair} <= {*counts}
        least = least_difference(pool, str(name), counts, pair) if is_single else 0.0
        alone = f", at least {least:.2f} whichever are chosen" if least > BALANCED else ""
        yield (
            f"{name} still differs by {abs(worst['difference_after']):.2f} standard deviations between "
            f"{pair[0]} and {pair[1]}{alone}{describe_ranges(pool, str(name))}"
        )
    if not asked.is_empty():
        remedy = f"n of {possible}" if possible >= LEAST_SET else "other stimuli"
        yield (
            f"differences above {BALANCED:g} are left: the stimuli do not overlap enough; fewer variables, or "
            f"{remedy}, would agree"
        )
