"""Differences between two ways of computing the same responses. Owns how a difference is measured.

A difference is relative to its layer: the largest |a - b| over all images, filters and positions, divided by the
layer's largest absolute value. So 1 is the whole range of the layer, and float32 itself resolves 6e-8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.terms import STATISTICS

Outputs = Mapping[str, NDArray[np.floating]]
"""What a graph gives, by the names of its outputs."""
Gap = tuple[float, float]
"""The largest difference and the largest absolute value of an image, or of a batch."""
Gaps = dict[str, list[Gap]]
"""By layer, one for each image or batch that was compared."""


@dataclass(frozen=True)
class Comparison:
    """Two ways of computing the same responses.

    Attributes:
        statistic: 'map' for all positions, else 'maximum' or 'mean' of the map.
        difference: the largest one over all layers, relative to its layer's largest absolute value; infinite where
            a value is not finite; None where the comparison could not be made, and then its name says why.
        layer: where it is; empty where nothing differs.
    """

    comparison: str
    statistic: str
    difference: float | None
    layer: str
    bound: float

    @property
    def ok(self) -> bool:
        """Whether it could be made, and the difference is within the bound."""
        return self.difference is not None and self.difference <= self.bound


def compare_statistics(
    comparison: str, layers: Sequence[str], first: Outputs, second: Outputs, bound: float
) -> Iterator[Comparison]:
    """One comparison of the maxima of all layers, and one of their means.

    Args:
        comparison: what is compared, in words.
        layers: their names.
        first: of a pooled graph: `<layer>.maximum` and `<layer>.mean`, each (images, filters).
        second: the same, computed in another way.
        bound: of the difference.
    """
    for statistic in STATISTICS:
        outputs = {layer: f"{layer}.{statistic}" for layer in layers}
        gaps = {layer: [gap(first[output], second[output])] for layer, output in outputs.items()}
        yield Comparison(comparison, statistic, *worst_gap(gaps), bound)


def gap(first: NDArray[np.floating], second: NDArray[np.floating]) -> Gap:
    """How far two results are apart.

    Args:
        first: of any shape.
        second: of the same shape.

    Returns: largest difference and largest absolute value; infinite where a value is not finite, or shapes differ.
    """
    if first.shape != second.shape:
        return math.inf, math.inf
    with np.errstate(invalid="ignore"):
        difference = float(np.abs(first.astype(np.float64) - second).max())
    largest = float(max(np.abs(first).max(), np.abs(second).max()))
    return math.inf if math.isnan(difference) else difference, largest


def worst_gap(gaps: Gaps) -> tuple[float, str]:
    """The largest relative difference, and its layer; no layer where nothing differs."""
    relative = {layer: _relative_difference(found) for layer, found in gaps.items()}
    layer = max(relative, key=relative.__getitem__)
    return relative[layer], layer if relative[layer] else ""


def _relative_difference(gaps: Sequence[Gap]) -> float:
    """The largest difference divided by the largest value, of all images together."""
    difference = max(difference for difference, _ in gaps)
    value = max(value for _, value in gaps)
    return difference if difference in (0, math.inf) else difference / value


def concatenate(outputs: Sequence[Outputs]) -> Outputs:
    """The outputs of several runs, one after the other along the axis of images."""
    return {name: np.concatenate([output[name] for output in outputs]) for name in outputs[0]}
