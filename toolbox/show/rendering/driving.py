"""The gradient of a network as the function that an ascent climbs. Owns the colours that a network expects.

Red, green and blue of 0 to 255 become the input of the network as the card describes it; the gradient goes the same way
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.gradient import gradient_graph
from toolbox.network.architecture import Input
from toolbox.runtime.differentiable import Differentiable, start_differentiable
from toolbox.show.rendering.canvas import Canvas
from toolbox.show.rendering.waves import RealArray


@dataclass(frozen=True)
class NetworkDriver:
    """The network on a canvas, which returns how much crops drive their filters, and how to change them.

    Attributes:
        weights: (pictures, filters), by which the values of a picture's filters are multiplied and summed.
    """

    canvas: Canvas
    entry: Input
    weights: NDArray[np.float32]
    network: Differentiable

    def __call__(self, crops: RealArray, numbers: Sequence[int]) -> tuple[RealArray, RealArray]:
        """The responses to crops, and their gradients.

        Args:
            crops: (pictures, 3, height, width), 0 to 255.
            numbers: of their pictures.
        """
        direction = self.canvas.direction(self.weights[list(numbers)])
        values, gradient = self.network.run(presented(crops, self.entry), direction)
        responses = (values * direction).reshape(len(values), -1).sum(axis=1)
        return responses, presented_gradient(gradient, self.entry)


def start_network_driver(canvas: Canvas, entry: Input, weights: NDArray[np.float32]) -> NetworkDriver:
    """Load the gradient of a network on a canvas.

    Args:
        canvas: what is driven.
        entry: the preprocessing.
        weights: as of `NetworkDriver`.

    Raises: GradientError when the gradient would have to pass an operator without a rule.
    """
    graph = gradient_graph(canvas.graph, canvas.tensor)
    return NetworkDriver(canvas, entry, weights, start_differentiable(graph, canvas.tensor))


def check_gradient(canvas: Canvas) -> None:
    """Refuse a canvas whose gradient cannot be computed.

    Args:
        canvas: what is driven.

    Raises: GradientError naming operator and layer.
    """
    gradient_graph(canvas.graph, canvas.tensor)


def presented(pixels: NDArray[np.floating[Any]], entry: Input) -> NDArray[np.float32]:
    """The input of a network, as `network.pooling.preprocess` makes it, from colours between whole numbers.

    Args:
        pixels: (pictures, 3, height, width), red, green and blue, 0 to 255.
        entry: the preprocessing.
    """
    mean, scale = _constants(entry)
    ordered = pixels[:, ::-1] if entry.channels == "BGR" else pixels
    return np.ascontiguousarray((ordered - mean) * scale, np.float32)


def presented_gradient(gradient: NDArray[np.float32], entry: Input) -> NDArray[np.float32]:
    """The gradient by the pixels, of one by the input of the network.

    Args:
        gradient: (pictures, 3, height, width), by the input.
        entry: the preprocessing.
    """
    scaled = gradient * _constants(entry)[1]
    return scaled[:, ::-1] if entry.channels == "BGR" else scaled


def _constants(entry: Input) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and scale of the channels, in their order."""
    mean = np.array(entry.mean, np.float32).reshape(-1, 1, 1)
    return mean, np.broadcast_to(np.array(entry.scale, np.float32), 3).reshape(-1, 1, 1)
