"""What a network is: the input that it takes, its layers with their geometry, where its weights are. Holds no weights.

A *chain* has layers that the toolbox builds itself, on top of one another. An *imported* network has a graph that
somebody else made, and the tensors in it that are its layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Input:
    """How an image is prepared: resized to height x width, then (channel - mean) * scale, in the order of channels.

    `scale` is one number, or one for each channel.
    `decoding` is 'full', or 'scaled': large JPEGs are decoded to a half, a quarter or an eighth of their size.
    """

    height: int
    width: int
    resize: str = "nearest"
    channels: str = "RGB"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float | tuple[float, float, float] = 1.0
    decoding: str = "full"

    def describe(self) -> dict[str, Any]:
        """All that makes the images what they are; its text is a part of every layer's digest."""
        description = asdict(self)
        if self.decoding == "full":  # studies from before there was another decoding keep their digests
            del description["decoding"]
        return description


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of any network, with its geometry: position counts from 1; height and width are those of its map.

    `step` is how many image pixels one step in the map spans; `receptive_field` is in image pixels
    (Araujo, Norris and Sim 2019, doi 10.23915/distill.00021): of convolutions and pools the theoretical one, which may
    exceed the image; of what sees all of an image, the image's larger side. `axis` is where a batch of its responses
    has the filters: 1 in maps and vectors, 2 in (images, tokens, filters).
    """

    name: str
    kind: str
    filters: int
    position: int
    height: int
    width: int
    step: int
    receptive_field: int
    axis: int = 1


@dataclass(frozen=True, kw_only=True)
class ChainLayer(Layer):
    """A layer that the toolbox builds itself, on top of the one before it."""

    kernel: int
    stride: int
    padding: int
    activation: str
    inputs: int

    @property
    def has_weights(self) -> bool:
        """Whether it has a kernel and a bias."""
        return self.kind != "pool"

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """(filters, inputs, height, width) of a convolution, (inputs, filters) of a dense layer."""
        if self.kind == "dense":
            return self.inputs, self.filters
        return self.filters, self.inputs, self.kernel, self.kernel


@dataclass(frozen=True, kw_only=True)
class ImportedLayer(Layer):
    """A layer of a graph that somebody else made: the tensor in it whose values are the responses, and its axes."""

    tensor: str
    rank: int

    @property
    def shape(self) -> tuple[str | int, ...]:
        """Of its responses to a batch; a string where the size is open or not on the card."""
        places: list[str | int] = [f"place{number}" for number in range(self.rank - 2)]
        if self.rank - 2 == len(self._sides):
            places = [*self._sides]
        places.insert(self.axis - 1, self.filters)
        return ("images", *places)

    @property
    def _sides(self) -> tuple[int, ...]:
        return (self.height,) if self.kind == "tokens" else (self.height, self.width)


@dataclass(frozen=True)
class Network:
    """Layers, the input they take, and where their weights are available.

    Attributes:
        graph: file of an imported network's graph; None of a chain.
        sha256: of that file.
        activation: whether the layers of an imported network are recorded before or after their activation functions.
        batch: images at once that an imported network insists on; 0 for any number.
        layout: whose layout files of a chain's weights have, 'keras' or 'torch'; empty for anyone's. Where no digest
            tells the weights, a file of the other program is refused.
    """

    name: str
    title: str
    input: Input
    layers: tuple[Layer, ...]
    weights: tuple[Mapping[str, Any], ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    first_values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    description: str = ""
    citation: str = ""
    licence: str = ""
    graph: Path | None = None
    sha256: str = ""
    activation: str = "after"
    batch: int = 0
    layout: str = ""

    @property
    def imported_layers(self) -> tuple[ImportedLayer, ...]:
        """The layers of an imported network."""
        return tuple(layer for layer in self.layers if isinstance(layer, ImportedLayer))

    @property
    def chain(self) -> tuple[ChainLayer, ...]:
        """The layers as the toolbox builds them, each on top of the one before."""
        return tuple(layer for layer in self.layers if isinstance(layer, ChainLayer))

    def below(self, names: Iterable[str]) -> tuple[ChainLayer, ...]:
        """All layers of a chain that must run so that the named ones have a response."""
        wanted = set(names)
        deepest = max((layer.position for layer in self.layers if layer.name in wanted), default=0)
        return self.chain[:deepest]
