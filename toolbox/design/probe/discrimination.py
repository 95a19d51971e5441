"""What a probe has to solve: features of stimuli, their categories, and what stays in one fold. Reads no study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolbox.design.kernels import standard_scores
from toolbox.resampling.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Discrimination:
    """Stimuli whose category is to be predicted from responses.

    Attributes:
        features: float32 (stimuli, 2 * filters): of all layers the maxima, then of all layers the means.
        layers: names, in the order of depth.
        widths: (layers,): filters of each layer.
        categories: names, in the order of their numbers.
        labels: (stimuli,): numbers of categories.
        groups: (stimuli,): what stays in one fold.
    """

    features: NDArray[np.float32]
    layers: Sequence[str]
    widths: IntArray
    categories: Sequence[str]
    labels: IntArray
    groups: IntArray

    @property
    def filters(self) -> int:
        """Filters of all layers."""
        return int(self.widths.sum())

    @property
    def layer_of_filter(self) -> IntArray:
        """(filters,): number of the layer of each."""
        return np.repeat(np.arange(len(self.layers)), self.widths)

    def columns(self, filters: IntArray) -> IntArray:
        """The columns of some filters: their maxima, then their means.

        Args:
            filters: their numbers over all layers.
        """
        return np.concatenate([filters, filters + self.filters])

    def filters_of(self, layer: int) -> IntArray:
        """The numbers of a layer's filters over all layers.

        Args:
            layer: its number.
        """
        end = int(self.widths[: layer + 1].sum())
        return np.arange(end - int(self.widths[layer]), end)

    def with_labels(self, labels: IntArray) -> Discrimination:
        """The same with other labels.

        Args:
            labels: (stimuli,): numbers of categories.
        """
        return replace(self, labels=labels)


@dataclass(frozen=True, eq=False)
class Split:
    """Training images and test images, with features that are standardised by the training images alone.

    Attributes:
        problem: of which it is.
        training: (stimuli,): which are training images.
        test: (stimuli,): which are test images.
        scores: float32 (stimuli, 2 * filters): standard scores.
        inside: (layers, training, training): kernels of the layers, each with a mean of 1 on its diagonal.
        outside: (layers, test, training): the same between test and training images.
        live: (layers,): features of each layer that vary over the training images.
    """

    problem: Discrimination
    training: BoolArray
    test: BoolArray
    scores: NDArray[np.float32]
    inside: FloatArray
    outside: FloatArray
    live: FloatArray

    @property
    def groups(self) -> IntArray:
        """Of the training images."""
        return self.problem.groups[self.training]

    def kernels_of(self, filters: IntArray) -> tuple[FloatArray, FloatArray]:
        """Kernels of some filters of any layers: (training, training) and (test, training).

        Args:
            filters: their numbers over all layers.
        """
        inside, outside, _ = _kernels(self.scores[:, self.problem.columns(filters)], self.training, self.test)
        return inside, outside


def split(problem: Discrimination, training: BoolArray, test: BoolArray) -> Split:
    """A split of the stimuli, with the kernels of all layers.

    Args:
        problem: with the stimuli.
        training: (stimuli,): which are training images.
        test: (stimuli,): which are test images.
    """
    scores = standard_scores(problem.features, training)
    of_layers = [
        _kernels(scores[:, problem.columns(problem.filters_of(number))], training, test)
        for number in range(len(problem.layers))
    ]
    inside, outside, live = (np.array(each) for each in zip(*of_layers, strict=True))
    return Split(problem, training, test, scores, inside, outside, live)


def _kernels(
    scores: NDArray[np.float32], training: BoolArray, test: BoolArray
) -> tuple[FloatArray, FloatArray, float]:
    """Kernels between training images, and of test with training images; and how many features vary."""
    known = scores[training]
    inside, outside = (known @ known.T).astype(float), (scores[test] @ known.T).astype(float)
    scale = float(inside.diagonal().mean())
    return inside / (scale or 1), outside / (scale or 1), scale
