"""Gradient x input: how much each pixel contributes to the response of a unit. Owns the choice of the unit.

What is stored of a filter is the maximum of its activation map, so the gradient is that of the unit at the position of
the maximum. The contribution of a pixel is the sum over its channels of gradient * input. The input is the image after
its preprocessing, so the baseline is an input of zeros: the colour that the card subtracts as the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.gradient import gradient_graph
from toolbox.network.architecture import Layer
from toolbox.network.model import Model
from toolbox.network.pooling import CHOSEN, map_graph
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.differentiable import start_differentiable
from toolbox.runtime.session import Session

Inputs = NDArray[np.float32]
"""(images, 3, height, width), preprocessed."""


@dataclass(frozen=True, eq=False)
class Unit:
    """One filter at one position of a layer.

    Attributes:
        layer, filter: which.
        session: the network, whose only output is the filter's map.
        place: the position, as an index of the map of the filter; empty for a dense layer.
    """

    layer: Layer
    filter: int
    session: Session
    place: tuple[int, ...]

    def response(self, image: Inputs) -> float:
        """The response of the unit.

        Args:
            image: a single one.
        """
        return float(_map(self.session, self.layer, image)[self.place])


def unit_of_maximum(model: Model, layer: Layer, number: int, image: Inputs) -> Unit:
    """The unit of a filter that responds most to an image: the first one in reading order of several.

    Args:
        model: the network.
        layer: of the filter.
        number: of the filter.
        image: a single one.
    """
    graph = map_graph(model.graph, {layer.name: [number]})
    pixels = probe_image(model.network.input)
    session = start_fastest(graph, pixels, device="cpu", batch=1, probe=False)
    found = _map(session, layer, image)
    return Unit(layer, number, session, tuple(map(int, np.unravel_index(int(found.argmax()), found.shape))))


def contributions(model: Model, unit: Unit, image: Inputs) -> NDArray[np.float32]:
    """The contribution of every pixel to the response of a unit.

    Args:
        model: the network.
        unit: of the network.
        image: a single one.

    Returns: (height, width) of the input.
    Raises: GradientError when the gradient would have to pass an operator without a rule.
    """
    name, axis = unit.layer.name, unit.layer.axis
    network = start_differentiable(gradient_graph(model.graph, name), name)
    sides = _map(unit.session, unit.layer, image).shape
    direction = np.zeros((1, *sides[: axis - 1], unit.layer.filters, *sides[axis - 1 :]), np.float32)
    direction[(0, *unit.place[: axis - 1], unit.filter, *unit.place[axis - 1 :])] = 1
    _, gradient = network.run(image, direction)
    product: NDArray[np.float32] = (gradient * image)[0].sum(axis=0)
    return product


def _map(session: Session, layer: Layer, image: Inputs) -> NDArray[np.float32]:
    """The map of the chosen filter for a single image, along one axis or several; of a dense layer, without axes."""
    outputs: NDArray[np.float32] = session.run(image)[f"{layer.name}{CHOSEN}"]
    found: NDArray[np.float32] = outputs.squeeze(layer.axis)[0]
    return found
