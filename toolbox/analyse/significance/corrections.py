"""p values corrected for all filters and categories that are tested together. Never computes an uncorrected one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from toolbox.resampling import FloatArray, ResampledLayer


@dataclass(frozen=True)
class CorrectedP:
    """Corrected p values of one layer, (categories, filters) each; NaN for a dead filter and outside the family.

    Attributes:
        q: Benjamini and Hochberg's, of the permutation p.
        p_fwe: family-wise error (FWE) corrected p of the largest value.
        q_welch: Benjamini and Hochberg's, of Welch's p.
    """

    q: FloatArray
    p_fwe: FloatArray
    q_welch: FloatArray


def correct_p_values(layers: Mapping[str, ResampledLayer], family: Sequence[str]) -> dict[str, CorrectedP]:
    """The p values of all layers, corrected for all filters and categories of the family's layers.

    Args:
        layers: by name.
        family: names of the layers whose filters are tested.
    """
    # the largest value of each permutation over the whole family: all layers share the permutations
    largest = np.sort(np.max([layers[name].largest for name in family], axis=0))
    q = _control_discoveries({name: layers[name].p for name in family})
    q_welch = _control_discoveries({name: layers[name].p_welch for name in family})
    corrected = {}
    for name, layer in layers.items():
        if name in q:
            corrected[name] = CorrectedP(q[name], layer.p_fwe(largest), q_welch[name])
        else:
            nothing = np.full_like(layer.value, np.nan)
            corrected[name] = CorrectedP(nothing, nothing, nothing)
    return corrected


def _control_discoveries(p: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Benjamini-Hochberg q values over all layers together; missing p values stay missing, and count in no number."""
    whole = np.concatenate([values.ravel() for values in p.values()])
    known = np.isfinite(whole)
    q = np.full_like(whole, np.nan)
    if known.any():
        q[known] = false_discovery_control(whole[known])
    cuts = np.cumsum([values.size for values in p.values()])[:-1]
    pieces = zip(p.items(), np.split(q, cuts), strict=True)
    return {layer: piece.reshape(values.shape) for (layer, values), piece in pieces}
