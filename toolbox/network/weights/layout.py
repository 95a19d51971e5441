"""The layouts of kernels in different programs, and their conversion to that of the toolbox. Knows no file format."""

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
    """The layout of kernels in a program.

    Attributes:
        name: the name for messages.
        convolution: the axes of filters, inputs, height and width in the kernel of a convolution.
        filters_first: whether the kernel of a dense layer is (filters, inputs) instead of (inputs, filters).
        channels_first: whether a map is flattened for a dense layer as channel, height, width instead of height,
            width, channel.
        program: the program with this layout, as in the key `layout` of a card; empty for any program.
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
DENSE_LAYOUTS = (  # exporters of graphs mix the two conventions
    TOOLBOX_LAYOUT,
    TORCH_LAYOUT,
    replace(TOOLBOX_LAYOUT, channels_first=True),
    replace(TORCH_LAYOUT, channels_first=False),
)


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file: its name and shape there, and how to read it.

    Attributes:
        name: all its names in the file.
        shape: its shape in the file.
        read: returns its values.
        part_of: an identifier that the kernel and the bias of one layer share.
        group: tensors of one group are in the order of the layers; the order of the groups is unknown.
        layout: returns its layout, where the file specifies it.
        below: returns the `part_of` of the layer whose responses are the input, where the file specifies it; None for
            the image.
        note: a warning for provenance, if the tensor is used.
    """

    name: str
    shape: Shape
    read: Callable[[], NDArray[Any]]
    part_of: str = ""
    group: str = ""
    layout: Callable[[], KernelLayout] | None = None
    below: Callable[[], str | None] | None = None
    note: str = ""

    @property
    def part(self) -> str:
        """'bias' for a vector, else 'kernel'."""
        return "bias" if len(self.shape) == 1 else "kernel"


@dataclass(frozen=True)
class WeightFile:
    """An open file of weights: its tensors, in the order of the layers as far as names or the graph specify it."""

    path: Path
    tensors: list[StoredTensor]


@dataclass(frozen=True)
class WeightedLayer:
    """A layer that has weights, and the shape of its input map: (channels, height, width)."""

    layer: ChainLayer
    below: tuple[int, int, int]

    @property
    def name(self) -> str:
        """The name in the card."""
        return self.layer.name

    @property
    def bias_shape(self) -> Shape:
        """The shape of the bias: one number per filter, in every layout."""
        return (self.layer.filters,)

    def kernel_shape(self, layout: KernelLayout, rank: int) -> Shape:
        """The shape of the kernel in a file.

        Args:
            layout: the layout of the file.
            rank: the number of axes in the file; with 4 axes, a dense layer is a convolution over its whole map.
        """
        inputs, filters = self.layer.inputs, self.layer.filters
        if self.layer.kind == "dense" and rank != 4:
            return (filters, inputs) if layout.filters_first else (inputs, filters)
        ours = (filters, *self.below) if self.layer.kind == "dense" else self.layer.kernel_shape
        return tuple(ours[layout.convolution.index(axis)] for axis in range(4))

    def arrange_kernel(self, kernel: NDArray[Any], layout: KernelLayout) -> NDArray[np.float32]:
        """The kernel in the toolbox's layout, as float32.

        Args:
            kernel: a kernel with the shape that `kernel_shape` returns for the layout.
            layout: the layout of the file.
        """
        if kernel.ndim == 4:
            kernel = kernel.transpose(layout.convolution)
            if self.layer.kind == "dense":
                # A convolution over the whole map becomes a dense layer with inputs as height, width, channel.
                kernel = kernel.transpose(2, 3, 1, 0).reshape(self.layer.kernel_shape)
        else:
            kernel = kernel.T if layout.filters_first else kernel
            if layout.channels_first:
                by_position = kernel.reshape(*self.below, self.layer.filters)
                kernel = by_position.transpose(1, 2, 0, 3).reshape(self.layer.kernel_shape)
        return np.ascontiguousarray(kernel, dtype=np.float32)


def weighted_layers(network: Network) -> list[WeightedLayer]:
    """The layers with weights, starting at the input."""
    below = (3, network.input.height, network.input.width)
    layers = []
    for layer in network.chain:
        if layer.has_weights:
            layers.append(WeightedLayer(layer, below))
        below = (layer.filters, layer.height, layer.width)
    return layers
