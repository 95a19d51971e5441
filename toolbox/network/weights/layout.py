"""How programs lay kernels out, and the way from there to the toolbox's layout. Knows no file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.network.card import ChainLayer, Network

Axes = tuple[int, int, int, int]
Shape = tuple[int, ...]
Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Convention:
    """How a program lays kernels out.

    Attributes:
        convolution: the axes of a convolution's kernel that are filters, inputs, height, width.
        filters_first: a dense layer's kernel is (filters, inputs), not (inputs, filters).
        channels_first: a map enters a dense layer as channel, height, width, not as height, width, channel.
        program: whose files are so, in the word of a card's `layout`; empty where it may be anyone's.
    """

    name: str
    convolution: Axes
    filters_first: bool
    channels_first: bool
    program: str = ""


TOOLBOX = Convention("this toolbox", (0, 1, 2, 3), filters_first=False, channels_first=False)
KERAS = Convention(
    "Keras and TensorFlow", (3, 2, 0, 1), filters_first=False, channels_first=False, program="keras"
)
TORCH = Convention("PyTorch", (0, 1, 2, 3), filters_first=True, channels_first=True, program="torch")
PROGRAMS = {convention.program: convention.name for convention in (KERAS, TORCH)}


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its name and shape there, and how to read it.

    Attributes:
        part_of: what the kernel and the bias of one layer share.
        group: tensors of one group are in the order of the layers; between groups the file tells no order.
        convention: how it is laid out, where its file tells.
        below: the `part_of` of the layer whose responses enter this one, where its file tells; None for the image.
        remark: what provenance must say when it is used.
    """

    name: str
    shape: Shape
    read: Callable[[], NDArray[Any]]
    part_of: str = ""
    group: str = ""
    convention: Callable[[], Convention] | None = None
    below: Callable[[], str | None] | None = None
    remark: str = ""


@dataclass(frozen=True)
class Place:
    """A layer that has weights, and the map below it: (channels, height, width)."""

    layer: ChainLayer
    below: tuple[int, int, int]


def places(network: Network) -> list[Place]:
    """The layers with weights, from the input on."""
    below = (3, network.input.height, network.input.width)
    found = []
    for layer in network.chain:
        if layer.has_weights:
            found.append(Place(layer, below))
        below = (layer.filters, layer.height, layer.width)
    return found


def shape_in_file(place: Place, convention: Convention, rank: int) -> Shape:
    """The shape that a layer's kernel has in a file; with rank 4 a dense layer is a convolution over its whole map."""
    layer = place.layer
    if layer.kind == "dense" and rank != 4:
        return (layer.filters, layer.inputs) if convention.filters_first else (layer.inputs, layer.filters)
    ours = (layer.filters, *place.below) if layer.kind == "dense" else layer.kernel_shape
    return tuple(ours[convention.convolution.index(axis)] for axis in range(4))


def in_layout(kernel: NDArray[Any], place: Place, convention: Convention) -> NDArray[np.float32]:
    """A kernel of that convention's shape in the toolbox's layout."""
    if kernel.ndim == 4:
        kernel = kernel.transpose(convention.convolution)
        if place.layer.kind == "dense":
            kernel = kernel.transpose(2, 3, 1, 0).reshape(place.layer.kernel_shape)
    else:
        kernel = kernel.T if convention.filters_first else kernel
        if convention.channels_first:
            by_position = kernel.reshape(*place.below, place.layer.filters)
            kernel = by_position.transpose(1, 2, 0, 3).reshape(place.layer.kernel_shape)
    return np.ascontiguousarray(kernel, dtype=np.float32)
