"""Which images stay in one fold: near-duplicates, and images with one value of a column. Reads no study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolbox.design.copies import connected_groups, relative_distances
from toolbox.resampling.arrays import BoolArray, IntArray

LARGEST_PROPORTION = 0.1
"""Of the images in one group of near-duplicates, from which distances tell nothing of copies."""
LEAST_LARGE = 10
"""Images of a group that is called large."""


def near_duplicates(maxima: NDArray[np.float32], distance: float) -> BoolArray:
    """(stimuli, stimuli): whether two have nearly the same responses, as in `sets/near_duplicates`.

    Args:
        maxima: (stimuli, filters) of one deep layer.
        distance: norm(a - b) / max(norm(a), norm(b)) up to which they count as copies.

    Example:
        >>> near_duplicates(np.float32([[3, 4], [3, 4.1], [4, 3]]), 0.25).sum(axis=1)
        array([2, 2, 1])
    """
    return relative_distances(maxima, maxima) <= distance


def linked_groups(links: BoolArray, keys: Sequence[object]) -> IntArray:
    """(stimuli,): numbers of groups: linked images, and those of one key, directly or by way of others.

    Args:
        links: (stimuli, stimuli).
        keys: of the stimuli; None for one that belongs to no other.

    Example:
        >>> linked_groups(np.eye(4, dtype=bool), ["a", None, None, "a"])
        array([0, 1, 2, 0])
    """
    first: dict[object, int] = {}
    partners = [place if key is None else first.setdefault(key, place) for place, key in enumerate(keys)]
    rows, columns = np.nonzero(links)
    return connected_groups(np.append(rows, np.arange(len(keys))), np.append(columns, partners), len(keys))


def tells_copies(links: BoolArray) -> bool:
    """Whether the links are few enough to be copies: where all responses are alike, distances tell nothing.

    Args:
        links: as of `near_duplicates`.
    """
    largest = int(np.bincount(linked_groups(links, [None] * len(links))).max())
    return largest < max(LEAST_LARGE, LARGEST_PROPORTION * len(links))
