"""Optimal pairs, and tuples of more: one stimulus of each group, alike in all criteria. Owns distances and calipers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial.distance import cdist

from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.arrays import BoolArray

SMALL_POOL = 500
"""Stimuli of a group up to which all pairs are solved at once; of more, those that are close enough."""
MOST_COMPARED = 25_000_000
"""Pairs of stimuli of two groups that are compared; of more, random choices are improved alone."""
_ROUNDS = 20
_FORBIDDEN = 1e9


def whitened(values: FloatArray, within: FloatArray) -> FloatArray:
    """Columns without correlation, so that Euclidean distances are Mahalanobis distances.

    Args:
        values: (stimuli, columns).
        within: (stimuli, columns) the same, each less the mean of its group.

    Source: Mahalanobis (1936), Proceedings of the National Institute of Sciences of India 2, 49.
    """
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(within, rowvar=False)))
    kept = variances > variances.max(initial=0) * 1e-10
    return np.asarray(values @ directions[:, kept] / np.sqrt(variances[kept]))


def close_pairs(values: FloatArray, criterion: IntArray, within: float) -> BoolArray:
    """Whether two stimuli differ by no more than a caliper in any criterion.

    Args:
        values: (stimuli, columns) in standard deviations of their criterion.
        criterion: (columns,) number of the criterion of each.
        within: the caliper, in standard deviations.

    Returns: (stimuli, stimuli).
    """
    close = np.ones((len(values), len(values)), bool)
    for number in np.unique(criterion):
        columns = values[:, criterion == number]
        close &= cdist(columns, columns) <= within + 1e-9
    return close


def optimal_pairs(distances: FloatArray, count: int) -> tuple[IntArray, IntArray]:
    """The pairs with the smallest sum of distances, of all choices of so many disjoint pairs.

    Args:
        distances: (stimuli, others); infinite where two may not be a pair.
        count: number of pairs; fewer are returned where there are not so many.

    Returns: rows and columns of the pairs, the closest first.

    Example:
        >>> first, second = optimal_pairs(np.array([[1.0, 9.0], [0.0, 5.0]]), 1)
        >>> first.tolist(), second.tolist()
        ([1], [0])
    """
    if max(distances.shape) > SMALL_POOL and 4 * count < 3 * min(distances.shape):
        rows, columns = _priced_pairs(distances, count)
    else:
        rows, columns = _exact_pairs(distances, count)
    order = np.argsort(distances[rows, columns], kind="stable")[:count]
    return rows[order], columns[order]


def _exact_pairs(distances: FloatArray, count: int) -> tuple[IntArray, IntArray]:
    """All pairs solved at once: partners that cost nothing are added, for stimuli without a real one."""
    size = sum(distances.shape) - count
    cost = np.zeros((size, size))
    cost[: distances.shape[0], : distances.shape[1]] = np.where(np.isfinite(distances), distances, _FORBIDDEN)
    cost[distances.shape[0] :, distances.shape[1] :] = _FORBIDDEN * size
    left, right = linear_sum_assignment(cost)
    return _real_pairs(left, right, distances)


def _real_pairs(rows: IntArray, columns: IntArray, distances: FloatArray) -> tuple[IntArray, IntArray]:
    is_real = (rows < distances.shape[0]) & (columns < distances.shape[1])
    rows, columns = rows[is_real], columns[is_real]
    is_allowed = np.isfinite(distances[rows, columns])
    return rows[is_allowed], columns[is_allowed]


def _priced_pairs(distances: FloatArray, count: int) -> tuple[IntArray, IntArray]:
    """Pairs that cost less than a price, at which one stimulus may be left out; the price decides how many there are.

    The sum of distances is a convex function of the number of pairs, so that the optimum of every number has a price.
    """
    nearest = np.sort(distances.min(axis=1))[: count + 1]
    low, high, found = 0.0, float(nearest[np.isfinite(nearest)].max(initial=1e-6)) * 1.01, None
    for _ in range(4 * _ROUNDS):
        price = high if found is None else (low + high) / 2
        pairs = _pairs_below(distances, price)
        if len(pairs[0]) >= count:
            found, high = pairs, price
        elif found is None and high < np.nanmax(distances[np.isfinite(distances)], initial=0):
            low, high = high, 1.5 * high
        elif found is None:
            return pairs
        else:
            low = price
        if found is not None and (len(found[0]) == count or high - low < 1e-9 * high):
            return found
    return found if found is not None else pairs


def _pairs_below(distances: FloatArray, price: float) -> tuple[IntArray, IntArray]:
    """The pairs with the smallest sum of distances, where a stimulus without a pair costs a price."""
    rows, columns = np.nonzero(distances < price)
    first, second = distances.shape
    # Beside the real ones, each row has a column of its own, each column a row, and those two sets fit in any way.
    nodes = (
        np.concatenate([rows, np.arange(first), first + np.arange(second), first + columns]),
        np.concatenate([columns, second + np.arange(first), np.arange(second), second + rows]),
    )
    costs = np.concatenate(
        [distances[rows, columns], np.full(first, price), np.zeros(second), np.zeros(len(rows))]
    )
    graph = csr_array((costs + 1, nodes), shape=(first + second, first + second))  # 0 would be no edge
    left, right = min_weight_full_bipartite_matching(graph)
    return _real_pairs(left, right, distances)


def optimal_tuples(
    groups: Sequence[IntArray], values: FloatArray, count: int, close: BoolArray | None = None
) -> IntArray:
    """Disjoint tuples of one stimulus of each group with small distances within them.

    Two groups: the optimum. More: stimuli of each group in turn are assigned to the tuples of the others, until nothing
    changes.

    Args:
        groups: the stimuli of each.
        values: (stimuli, columns), whose Euclidean distance counts.
        count: number of tuples; fewer are returned where there are not so many.
        close: (stimuli, stimuli) whether two may be in one tuple; None for all.

    Returns: (tuples, groups), the closest first.
    """
    order = sorted(range(len(groups)), key=lambda number: len(groups[number]))
    tuples = np.full((len(groups[order[0]]), len(groups)), -1)
    tuples[:, order[0]] = groups[order[0]]
    for place, number in enumerate(order[1:], 1):
        cost = _cost(tuples[:, order[:place]], groups[number], values, close)
        is_last = place == len(order) - 1
        rows, columns = optimal_pairs(cost, min(count if is_last else len(tuples), *cost.shape))
        tuples = tuples[rows]
        tuples[:, number] = groups[number][columns]
    if len(groups) > 2 and len(tuples):
        tuples = _reassigned(tuples, groups, values, close)
    return tuples[np.argsort(tuple_distances(tuples, values), kind="stable")]


def _cost(tuples: IntArray, group: IntArray, values: FloatArray, close: BoolArray | None) -> FloatArray:
    """Sum of the distances of stimuli to the members of each tuple; infinite where they may not join it."""
    total = np.zeros((len(tuples), len(group)))
    for members in tuples.T:
        total += cdist(values[members], values[group])
        if close is not None:
            total[~close[np.ix_(members, group)]] = np.inf
    return total


def _reassigned(
    tuples: IntArray, groups: Sequence[IntArray], values: FloatArray, close: BoolArray | None
) -> IntArray:
    """Tuples whose members of each group are the optimum, given the others."""
    least = tuple_distances(tuples, values).sum()
    for _ in range(_ROUNDS):
        for number, group in enumerate(groups):
            cost = _cost(np.delete(tuples, number, axis=1), group, values, close)
            rows, columns = optimal_pairs(cost, len(tuples))
            if len(rows) == len(tuples):
                tuples[rows, number] = group[columns]
        total = tuple_distances(tuples, values).sum()
        if total >= least * (1 - 1e-9):
            break
        least = total
    return tuples


def tuple_distances(tuples: IntArray, values: FloatArray) -> FloatArray:
    """The sum of the distances of all pairs within each tuple, (tuples,).

    Args:
        tuples: (tuples, groups) numbers of stimuli.
        values: (stimuli, columns).
    """
    total = np.zeros(len(tuples))
    for number in range(tuples.shape[1]):
        for other in range(number):
            total += np.linalg.norm(values[tuples[:, number]] - values[tuples[:, other]], axis=1)
    return total
