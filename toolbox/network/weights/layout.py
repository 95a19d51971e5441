"""How programs lay kernels out, and the way from there to the toolbox's layout. Knows no file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.network.architecture import ChainLayer, Network

PARTS = ("kernel", "bias")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class KernelLayout:
    """How a program lays kernels out.

    Attributes:
        name: for messages.
        convolution: the axes of a convolution's kernel that are filters, inputs, height, width.
        filters_first: a dense layer's kernel is (filters, inputs), not (inputs, filters).
        channels_first: a map enters a dense layer as channel, height, width, not as height, width, channel.
        program: whose files are so, in the word of a card's `layout`; empty where it may be anyone's.
    """

    name: str
    convolution: tuple[int, int, int, int]
    filters_first: bool
    channels_first: bool
    program: str = ""


TOOLBOX_LAYOUT = KernelLayout("this toolbox", (0, 1, 2, 3), filters_first=False, channels_first=False)
KERAS_LAYOUT = KernelLayout("Keras and TensorFlow", (3, 2, 0, 1), False, False, program="keras")
TORCH_LAYOUT = KernelLayout("PyTorch", (0, 1, 2, 3), filters_first=True, channels_first=True, program="torch")
PROGRAM_NAMES = {layout.program: layout.name for layout in (KERAS_LAYOUT, TORCH_LAYOUT)}
CONVOLUTION_LAYOUTS = (TOOLBOX_LAYOUT, KERAS_LAYOUT)
DENSE_LAYOUTS = (  # exporters of graphs mix the two habits
    TOOLBOX_LAYOUT,
    TORCH_LAYOUT,
    replace(TOOLBOX_LAYOUT, channels_first=True),
    replace(TORCH_LAYOUT, channels_first=False),
)


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: its name and shape there, and how to read it.

    Attributes:
        name: all names by which the file knows it.
        shape: its shape in the file.
        read: returns its numbers.
        part_of: what the kernel and the bias of one layer share.
        group: tensors of one group are in the order of the layers; the file gives no order of the groups.
        layout: how it is laid out, where its file tells.
        below: the `part_of` of the layer whose responses enter this one, where its file tells; None for the image.
        remark: what provenance must say when it is used.
    """

    name: str
    shape: Shape
    read: Callable[[], NDArray[Any]]
    part_of: str = ""
    group: str = ""
    layout: Callable[[], KernelLayout] | None = None
    below: Callable[[], str | None] | None = None
    remark: str = ""

    @property
    def part(self) -> str:
        """'bias' for a vector, else 'kernel'."""
        return "bias" if len(self.shape) == 1 else "kernel"


@dataclass(frozen=True)
class WeightFile:
    """An open file of weights: its tensors, in the order of the layers as far as names or graph tell it."""

    path: Path
    tensors: list[StoredTensor]


@dataclass(frozen=True)
class WeightedLayer:
    """A layer that has weights, and the shape of the map below it: (channels, height, width)."""

    layer: ChainLayer
    below: tuple[int, int, int]

    @property
    def name(self) -> str:
        """As on the card."""
        return self.layer.name

    @property
    def bias_shape(self) -> Shape:
        """One number for each filter, in every layout."""
        return (self.layer.filters,)

    def kernel_shape(self, layout: KernelLayout, rank: int) -> Shape:
        """The shape that the kernel has in a file.

        Args:
            layout: of the file.
            rank: how many axes it has there; with 4 a dense layer is a convolution over its whole map.
        """
        inputs, filters = self.layer.inputs, self.layer.filters
        if self.layer.kind == "dense" and rank != 4:
            return (filters, inputs) if layout.filters_first else (inputs, filters)
        ours = (filters, *self.below) if self.layer.kind == "dense" else self.layer.kernel_shape
        return tuple(ours[layout.convolution.index(axis)] for axis in range(4))

    def arrange_kernel(self, kernel: NDArray[Any], layout: KernelLayout) -> NDArray[np.float32]:
        """The kernel in the toolbox's layout, as float32.

        Args:
            kernel: of the shape that `kernel_shape` gives for the layout.
            layout: of the file.
        """
        if kernel.ndim == 4:
            kernel = kernel.transpose(layout.convolution)
            if self.layer.kind == "dense":
                # A convolution over the whole map: its inputs run over height, width, channel from here on.
                kernel = kernel.transpose(2, 3, 1, 0).reshape(self.layer.kernel_shape)
        else:
            kernel = kernel.T if layout.filters_first else kernel
            if layout.channels_first:
                by_position = kernel.reshape(*self.below, self.layer.filters)
                kernel = by_position.transpose(1, 2, 0, 3).reshape(self.layer.kernel_shape)
        return np.ascontiguousarray(kernel, dtype=np.float32)


def weighted_layers(network: Network) -> list[WeightedLayer]:
    """The layers with weights, from the input on."""
    below = (3, network.input.height, network.input.width)
    layers = []
    for layer in network.chain:
        if layer.has_weights:
            layers.append(WeightedLayer(layer, below))
        below = (layer.filters, layer.height, layer.width)
    return layers
