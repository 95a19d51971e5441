"""Whether gradient x input and occlusion rank the patches of an image alike. Owns that number."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

ENOUGH_PATCHES = 3
"""Fewer patches have no ranks to compare."""


def rank_agreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    """Spearman's rank correlation over patches: 1 if both rank them alike, 0 if one says nothing of the other.

    The patches overlap, so that they are no independent observations: there is no p value.

    Args:
        first: a value for each patch.
        second: another one.

    Returns: -1 to 1; None where all values of one are equal, or the patches are too few.

    Example:
        >>> rank_agreement(np.array([1.0, 2.0, 9.0]), np.array([10.0, 11.0, 12.0]))
        1.0
    """
    if len(first) < ENOUGH_PATCHES or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    frame = pl.DataFrame({"first": first, "second": second})
    return float(frame.select(pl.corr("first", "second", method="spearman")).item())
