"""An index in every resample, from its formula and the quantities to which the formula refers. Knows no index."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np

from toolbox.resampling.arrays import FloatArray
from toolbox.resampling.moments import Moments
from toolbox.resampling.ranks import rank_quantities
from toolbox.resampling.resamples import Resamples, ResponseMatrix


class Formula(Protocol):
    """The formula of an index.

    Attributes:
        family: 'moments' or 'ranks', whose quantities it refers to.
        quantities: their names.
    """

    @property
    def family(self) -> str:
        """The family of the index."""
        ...

    @property
    def quantities(self) -> Collection[str]:
        """Names of the quantities."""
        ...

    def values(self, quantities: Mapping[str, FloatArray]) -> FloatArray:
        """The index from its quantities, arrays that broadcast against each other; NaN where it is null."""
        ...


def resampled_values(
    formula: Formula, responses: ResponseMatrix, resamples: Resamples, peak: float | None = None
) -> FloatArray:
    """An index of some filters, (resamples, categories, filters); NaN where it is null.

    Args:
        formula: of the index.
        responses: of some filters.
        resamples: which stimuli stand for which category.
        peak: as of `Moments`; ranks have no range.
    """
    shape = (resamples.count, len(resamples.sizes), responses.values.shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        if formula.family == "ranks":
            quantities = rank_quantities(responses, resamples, formula.quantities)
        else:
            moments = Moments(responses, resamples, peak)
            quantities = {name: getattr(moments, name) for name in formula.quantities}
    quantities = {name: np.broadcast_to(array, shape) for name, array in quantities.items()}
    values = formula.values(quantities)
    is_dead = responses.high == responses.low
    return np.where(is_dead | ~np.isfinite(values), np.nan, values)
