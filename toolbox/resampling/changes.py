"""Whether an index changed between two sets of stimuli by more than sampling explains."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from toolbox.resampling.arrays import FloatArray

REACH_OF_95 = 1.959963984540054
"""Standard errors on each side of an estimate in its 95 % interval."""


class ChangeTest(NamedTuple):
    """Tests of changes, as many as there are; NaN where an error is not known.

    Attributes:
        p: two-sided, of a change relative to its standard error.
        q: p corrected over all of them by the method of Benjamini and Hochberg.
    """

    p: FloatArray
    q: FloatArray


def changes_beyond_error(change: FloatArray, error: FloatArray) -> ChangeTest:
    """Test whether changes differ from 0.

    Args:
        change: (tests,), differences between two independent estimates.
        error: (tests,), their standard errors.

    Source: Benjamini and Hochberg (1995), doi 10.1111/j.2517-6161.1995.tb02031.x.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * stats.norm.sf(np.abs(change) / error)
    p = np.where(change == 0, np.where(np.isnan(error), np.nan, 1.0), p)
    known = np.isfinite(p)
    q = np.full(p.shape, np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(p[known], method="bh")
    return ChangeTest(p, q)
