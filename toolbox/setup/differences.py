"""Differences between two ways of computing the same responses. Owns how a difference is measured.

A difference is relative to its layer: the largest |a - b| over all images, filters and positions, divided by the
layer's largest absolute value. A difference of 1 is as large as that value; the resolution of float32 is 6e-8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.terms import STATISTICS

Outputs = Mapping[str, NDArray[np.floating]]
"""The outputs of a graph, by name."""
Gap = tuple[float, float]
"""The largest difference and the largest absolute value of an image, or of a batch."""
Gaps = dict[str, list[Gap]]
"""By layer, one gap for each image or batch that was compared."""


@dataclass(frozen=True)
class Comparison:
    """Two ways of computing the same responses.

    Attributes:
        statistic: 'map' for all positions, else 'maximum' or 'mean' of the map.
        difference: the largest difference over all layers, relative to the layer's largest absolute value; infinite
            where a value is not finite; None where the comparison could not be made, for a reason that its name gives.
        layer: the layer with this difference; empty where nothing differs.
    """

    comparison: str
    statistic: str
    difference: float | None
    layer: str
    bound: float

    @property
    def ok(self) -> bool:
        """Whether the comparison could be made and its difference is within the bound."""
        return self.difference is not None and self.difference <= self.bound


def compare_statistics(
    comparison: str, layers: Sequence[str], first: Outputs, second: Outputs, bound: float
) -> Iterator[Comparison]:
    """One comparison of the maxima of all layers, and one of their means.

    Args:
        comparison: description of what is compared.
        layers: names of the layers.
        first: outputs of a pooled graph: `<layer>.maximum` and `<layer>.mean`, each (images, filters).
        second: the same outputs, computed in another way.
        bound: the largest acceptable difference.
    """
    for statistic in STATISTICS:
        outputs = {layer: f"{layer}.{statistic}" for layer in layers}
        gaps = {layer: [gap(first[output], second[output])] for layer, output in outputs.items()}
        yield Comparison(comparison, statistic, *worst_gap(gaps), bound)


def gap(first: NDArray[np.floating], second: NDArray[np.floating]) -> Gap:
    """The difference between two results.

    Args:
        first: an array of any shape.
        second: an array of the same shape.

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
    """The largest difference divided by the largest value, over all images."""
    difference = max(difference for difference, _ in gaps)
    value = max(value for _, value in gaps)
    return difference if difference in (0, math.inf) else difference / value


def concatenate(outputs: Sequence[Outputs]) -> Outputs:
    """The outputs of several runs, one after the other along the axis of images."""
    return {name: np.concatenate([output[name] for output in outputs]) for name in outputs[0]}
