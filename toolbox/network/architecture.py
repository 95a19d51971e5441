"""The description of a network: its input, its layers with their geometry, and the sources of its weights.

A *chain* has layers that the toolbox builds itself, each on top of the previous one. An *imported* network has a graph
from another program; tensors of this graph are its layers. Holds no weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_LATER_SETTINGS = {"decoding": "full", "fit": "stretch"}
"""Settings and their usual values, which are left out to keep the digests of studies that are older than a setting."""
_SAME_RESIZE = {"area": "box"}
"""Two names of one method must not be two identities."""


@dataclass(frozen=True)
class Input:
    """The preprocessing of an image: resized to height x width, then (channel - mean) * scale.

    `resize` is how new pixels are made of old ones; `fit` is 'stretch' (the aspect ratio is not kept), 'crop' or 'pad'.
    `channels` is the order of the channels, also in `mean` and `scale`; `scale` is one number, or one per channel.
    `decoding` is 'full', or 'scaled': large JPEGs are decoded to a half, a quarter or an eighth of their size.
    """

    height: int
    width: int
    resize: str = "nearest"
    channels: str = "RGB"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float | tuple[float, float, float] = 1.0
    decoding: str = "full"
    fit: str = "stretch"

    def describe(self) -> dict[str, Any]:
        """All settings that determine the input of the network; they are part of every layer's digest."""
        description = asdict(self)
        description["resize"] = _SAME_RESIZE.get(self.resize, self.resize)
        for setting, usual in _LATER_SETTINGS.items():
            if description[setting] == usual:
                del description[setting]
        return description


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of any network, with its geometry: position counts from 1; height and width are those of its map.

    `step` is the distance between neighbouring positions of the map, in image pixels. `receptive_field` is in image
    pixels (Araujo, Norris and Sim 2019, doi 10.23915/distill.00021): for convolutions and pools it is the theoretical
    one, which may exceed the image; for a layer whose positions see the whole image, it is the larger side of the
    image. `axis` is the axis of the filters in a batch of responses: 1 in maps and vectors, 2 in (images, tokens,
    filters).
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
    """A layer that the toolbox builds itself, on top of the previous one."""

    kernel: int
    stride: int
    padding: int
    activation: str
    inputs: int

    @property
    def has_weights(self) -> bool:
        """Whether the layer has a kernel and a bias."""
        return self.kind != "pool"

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """(filters, inputs, height, width) of a convolution, (inputs, filters) of a dense layer."""
        if self.kind == "dense":
            return self.inputs, self.filters
        return self.filters, self.inputs, self.kernel, self.kernel


@dataclass(frozen=True, kw_only=True)
class ImportedLayer(Layer):
    """A layer of an imported graph: the tensor that contains the responses, and its axes."""

    tensor: str
    rank: int

    @property
    def shape(self) -> tuple[str | int, ...]:
        """The shape of its responses to a batch; a string where a size is variable or not in the card."""
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
    """The layers of a network, its input, and the sources of its weights.

    Attributes:
        graph: file of the graph of an imported network; None for a chain.
        sha256: digest of that file.
        activation: whether the layers of an imported network are recorded before or after their activation functions.
        batch: the only batch size that an imported network accepts; 0 for any size.
        layout: the program whose layout the weight files of a chain have, 'keras' or 'torch'; empty for any. Where no
            digest identifies the weights, a file of the other program is refused.
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
        """The layers of a chain, each on top of the previous one."""
        return tuple(layer for layer in self.layers if isinstance(layer, ChainLayer))

    def below(self, names: Iterable[str]) -> tuple[ChainLayer, ...]:
        """All layers of a chain that must be computed for the responses of the named layers."""
        wanted = set(names)
        deepest = max((layer.position for layer in self.layers if layer.name in wanted), default=0)
        return self.chain[:deepest]
