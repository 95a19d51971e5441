"""Distances of pictures by their responses, and groups of those that belong together. Reads no file."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from toolbox.resampling.arrays import IntArray

Maxima = NDArray[np.float32]
"""(stimuli, filters)."""


def relative_distances(a: Maxima, b: Maxima) -> NDArray[np.float32]:
    """norm(a - b) / max(norm(a), norm(b)) of every row of the one and every row of the other; 0 where both are 0.

    Args:
        a: (stimuli, filters).
        b: (other stimuli, filters).

    Example:
        >>> relative_distances(np.float32([[3, 4]]), np.float32([[3, 4], [0, 0], [6, 8]])).tolist()
        [[0.0, 1.0, 0.5]]
    """
    exact_a, exact_b = a.astype(np.float64), b.astype(np.float64)
    squares_a, squares_b = (exact_a**2).sum(axis=1)[:, None], (exact_b**2).sum(axis=1)
    larger = np.maximum(squares_a, squares_b)
    apart = np.maximum(squares_a + squares_b - 2 * exact_a @ exact_b.T, 0)
    # The difference of large squares is inexact by some of their last digits, which is no distance.
    apart[apart < larger * 1e-12] = 0
    return np.sqrt(np.divide(apart, larger, out=np.zeros_like(apart), where=larger > 0)).astype(np.float32)


def connected_groups(first: ArrayLike, second: ArrayLike, count: int) -> IntArray:
    """(stimuli,): numbers of groups: the two of a pair are in one, directly or by way of others.

    Args:
        first: (pairs,): places of stimuli.
        second: (pairs,): those of the stimuli that belong to them.
        count: number of stimuli.

    Example:
        >>> connected_groups([0, 3], [3, 2], 4)
        array([0, 1, 0, 0])
    """
    pairs = (np.asarray(first, int), np.asarray(second, int))
    graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
