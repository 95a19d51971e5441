"""Gradient x input: how much each pixel contributes to the response of a unit. Owns the choice of the unit.

What is stored of a filter is the maximum of its activation map, so the gradient is that of the unit at the position of
the maximum. The contribution of a pixel is the sum over its channels of gradient * input. The input is the image after
its preprocessing, so the baseline is an input of zeros: the colour that the card subtracts as the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.gradient import gradient_graph, without_padding
from toolbox.graph import Graph
from toolbox.network.architecture import Layer
from toolbox.network.model import Model
from toolbox.network.pooling import CHOSEN, map_graph
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.differentiable import start_differentiable
from toolbox.runtime.session import Session
from toolbox.stimuli.fitting import Box

Inputs = NDArray[np.float32]
"""(images, 3, height, width), preprocessed."""
SAME = 1e-4
"""Relative difference of two responses of one unit, which other algorithms round differently."""


@dataclass(frozen=True, eq=False)
class Unit:
    """One filter at one position of a layer.

    Attributes:
        layer, filter: which.
        session: the network, whose only output is the filter's map.
        place: the position, as an index of the map of the filter; empty for a dense layer.
        field: the part of an image that is presented; all of it if None.
    """

    layer: Layer
    filter: int
    session: Session
    place: tuple[int, ...]
    field: Box | None = None

    def response(self, image: Inputs) -> float:
        """The response of the unit.

        Args:
            image: a single one.
        """
        if self.field is not None:
            top, left, bottom, right = self.field.outward()
            image = np.ascontiguousarray(image[:, :, top:bottom, left:right])
        return float(_map(self.session, self.layer, image)[self.place])


def unit_of_maximum(model: Model, layer: Layer, number: int, image: Inputs) -> Unit:
    """The unit of a filter that responds most to an image: the first one in reading order of several.

    Args:
        model: the network.
        layer: of the filter.
        number: of the filter.
        image: a single one.
    """
    session = _start(model, model.graph, layer, number)
    found = _map(session, layer, image)
    return Unit(layer, number, session, tuple(map(int, np.unravel_index(int(found.argmax()), found.shape))))


def narrowed(model: Model, unit: Unit, image: Inputs, field: Box) -> Unit:
    """The same unit of a network that is presented with what the unit sees, which is quicker.

    Args:
        model: the network.
        unit: of the whole network.
        image: a single one.
        field: what the unit sees, in pixels of the image.

    Returns: the given unit where it sees padding, or where the network depends on the size of the image.
    """
    bare = without_padding(model.graph)
    if field.exceeds((image.shape[2], image.shape[3])) or unit.layer.name not in bare.outputs:
        return unit
    session = _start(model, bare, unit.layer, unit.filter)
    alone = Unit(unit.layer, unit.filter, session, (0,) * len(unit.place), field)
    return alone if np.isclose(alone.response(image), unit.response(image), rtol=SAME) else unit


def _start(model: Model, graph: Graph, layer: Layer, number: int) -> Session:
    """The network with the map of one filter as its output, for single images."""
    pixels = probe_image(model.network.input)
    chosen = map_graph(graph, {layer.name: [number]})
    return start_fastest(chosen, pixels, device="cpu", batch=1, probe=False)


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
