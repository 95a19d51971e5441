"""Reading the card of a network. Owns the format of a card, refusing invalid cards, and the geometry of a chain.

The card of a *chain* lists layers that the toolbox builds itself, each on top of the previous one. The card of an
*imported* network names a graph from another program, and the tensors in it that are its layers (`toolbox model add`
writes such cards). `architecture` describes the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NoReturn

from toolbox.content import card, card_path
from toolbox.errors import CardError, UnknownNameError, expected_names
from toolbox.network.architecture import ChainLayer, ImportedLayer, Input, Layer, Network
from toolbox.network.card_values import (
    Fault,
    check_chain_counts,
    check_chain_size,
    check_resize,
    check_types,
    check_weight_sources,
    is_count,
    is_number,
)
from toolbox.terms import DECODINGS, FITS, IMAGE, PIXELS, STATISTICS

if TYPE_CHECKING:
    import polars as pl

LAYER_KINDS = ("convolution", "pool", "dense")
LAYOUTS = ("", "keras", "torch")
ACTIVATIONS = ("none", "relu", "softmax")
LAYER_NAME = re.compile(r"[\w.-]+")
IMPORTED_KEYS = ("axis", "rank", "filters", "height", "width", "stride", "receptive_field")
"""Whole numbers that a card gives for every layer of an imported network."""


def network(name: str) -> Network:
    """The network with the name of a shipped or added card, or of the user's own card (`path/to/card.toml`).

    Raises: UnknownNameError, CardError.

    Example:
        >>> network("vgg16").layers[2].name
        'block1_pool'
    """
    content = card("models", name)
    fault: Fault = partial(_fault, str(content["name"]))
    _check_keys(content, fault)
    check_types(content, fault)
    entry = _input(content["input"], fault)
    _check_layers(content["layers"], fault)
    _check_weights(content, fault)
    if "graph" in content:
        return _imported_network(content, entry, card_path("models", name).parent, fault)
    return _chain_network(content, entry, fault)


def select_layers(layers: Iterable[Layer], patterns: Iterable[str]) -> list[str]:
    """Names of the layers that match any of the patterns (`block5_*`, `fc?`), in the order of the network.

    Args:
        layers: layers of a network, in order.
        patterns: names in which * matches any characters, and ? one character.

    Raises: UnknownNameError for a pattern that matches nothing.
    """
    return matching_layers([layer.name for layer in layers], patterns)


def matching_layers(names: Sequence[str], patterns: Iterable[str]) -> list[str]:
    """Names that match any of the patterns, in their order.

    Args:
        names: of layers.
        patterns: as of `select_layers`.

    Raises: UnknownNameError for a pattern that matches nothing.
    """
    wanted = set()
    for pattern in patterns:
        matching = {name for name in names if fnmatchcase(name, pattern)}
        if not matching:
            raise UnknownNameError("layer", pattern, names, _quoting(pattern))
        wanted |= matching
    return [name for name in names if name in wanted]


def _quoting(pattern: str) -> str:
    """What to do about the name of a file that a shell put in the place of a pattern."""
    is_file = Path(pattern).exists()
    return "it is a file here: quote patterns, as in --layers 'block5_*'" if is_file else ""


def layer_table(net: Network) -> pl.DataFrame:
    """Geometry of all layers: position from 1; stride and receptive field in pixels of the network's input."""
    import polars as pl

    columns = ("position", "kind", "filters", "height", "width", "step", "receptive_field")
    rows = [{"layer": layer.name} | {name: getattr(layer, name) for name in columns} for layer in net.layers]
    table = pl.DataFrame(rows, schema_overrides=dict.fromkeys(set(columns) - {"kind"}, pl.Int32))
    return table.rename({"step": "stride"})


def _fault(name: str, problem: str) -> NoReturn:
    raise CardError(f"the card of network {name!r} {problem}")


def _check_keys(content: Mapping[str, Any], fault: Fault) -> None:
    known = {item.name for item in fields(Network)}
    if unknown := sorted(set(content) - known):
        fault(f"has an unknown key {unknown[0]!r}; expected {', '.join(sorted(known))}")
    for key in ("title", "input", "layers"):
        if key not in content:
            fault(f"lacks the key {key!r}; add it")


def _input(entry: Mapping[str, Any], fault: Fault) -> Input:
    """The preprocessing, with lists from TOML as tuples of numbers."""
    try:
        triples = {key: tuple(map(float, value)) for key, value in entry.items() if isinstance(value, list)}
        parsed = Input(**{**entry, **triples})
    except (TypeError, ValueError, OverflowError) as error:
        fault(f"has an invalid [input]: {error}")
    _check_input(parsed, fault)
    return parsed


def _check_input(entry: Input, fault: Fault) -> None:
    if not all(map(is_count, (entry.height, entry.width))):
        fault(
            f"has an invalid [input]: {entry.height!r} x {entry.width!r}; expected height and width in pixels"
        )
    for setting, known in (("decoding", DECODINGS), ("fit", FITS)):
        value = getattr(entry, setting)
        if value not in known:
            fault(f"has {setting} = {value!r}; {expected_names(value, known)}")
    check_resize(entry.resize, fault)
    if entry.channels not in ("RGB", "BGR") or not _is_triple(entry.mean):
        fault(
            f"has an invalid [input]: channels is {entry.channels!r} and mean is {entry.mean!r}; expected "
            "channels = 'RGB' or 'BGR', and three values of mean"
        )
    if not is_number(entry.scale) and not _is_triple(entry.scale):
        fault(
            f"has an invalid [input]: scale is {entry.scale!r}; expected one number, or three, one per channel"
        )


def _is_triple(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(map(is_number, value))


def _check_layers(layers: Any, fault: Fault) -> None:
    """Check that every layer has a table, and a name that can be an output of a graph."""
    if not isinstance(layers, Mapping) or not layers:
        fault(f"has layers = {layers!r}; expected a table [layers] with at least one layer")
    ends = tuple(f".{statistic}" for statistic in STATISTICS)  # of a layer's pooled outputs
    for name, given in layers.items():
        if not isinstance(given, Mapping):
            fault(f"has layer {name!r} = {given!r}; expected a table such as {{ kind = 'dense', … }}")
        if not LAYER_NAME.fullmatch(name) or name in (IMAGE, PIXELS) or name.endswith(ends):
            fault(
                f"has a layer with the invalid name {name!r}; expected letters, digits, '.', '_' and '-', but not "
                f"{IMAGE} or {PIXELS}, and not ending in {' or '.join(ends)}"
            )


def _check_weights(content: Mapping[str, Any], fault: Fault) -> None:
    """Check that every source has format and layers, and that a download also has address, size and digest."""
    if content.get("layout", "") not in LAYOUTS:
        fault(
            f"has layout = {content['layout']!r}; expected keras or torch, or no layout for files of any program"
        )
    check_weight_sources(content.get("weights", []), fault)


def _imported_network(content: Mapping[str, Any], entry: Input, folder: Path, fault: Fault) -> Network:
    """A network with an imported graph."""
    is_sided = content.get("activation") in ("before", "after")
    if not is_sided or not content.get("sha256") or content.get("weights"):
        fault("has a graph; expected also its sha256, activation = 'before' or 'after', and no [[weights]]")
    place = PurePath(content["graph"])
    if not place.name or place.is_absolute() or ".." in place.parts or "\0" in content["graph"]:
        fault(f"has graph = {content['graph']!r}; expected the name of a file beside the card")
    layers = tuple(
        _imported_layer(name, given, position, fault)
        for position, (name, given) in enumerate(content["layers"].items(), 1)
    )
    return Network(**{**content, "input": entry, "layers": layers, "graph": folder / place})


def _imported_layer(name: str, given: Mapping[str, Any], position: int, fault: Fault) -> ImportedLayer:
    is_complete = set(given) == {"tensor", "kind", *IMPORTED_KEYS}
    if not is_complete or not (
        all(is_count(given[key]) for key in IMPORTED_KEYS)
        and all(isinstance(given[key], str) for key in ("tensor", "kind"))
    ):
        fault(
            f"has layer {name!r} = {dict(given)}; expected tensor, kind, and the whole numbers "
            f"{', '.join(IMPORTED_KEYS)}"
        )
    if not given["axis"] < given["rank"]:
        fault(
            f"has layer {name!r} with axis = {given['axis']} and rank = {given['rank']}; expected an axis below the "
            "rank, counted from 0"
        )
    values = {key: value for key, value in given.items() if key != "stride"}
    return ImportedLayer(name=name, position=position, step=given["stride"], **values)


def _chain_network(content: Mapping[str, Any], entry: Input, fault: Fault) -> Network:
    """A network that the toolbox builds itself."""
    if alone := sorted({"sha256", "activation", "batch"} & {*content}):
        fault(f"has {', '.join(alone)} without a graph; expected also graph = 'NAME.onnx'")
    first_values = {key: tuple(pair) for key, pair in content.get("first_values", {}).items()}
    return Network(
        **{
            **content,
            "input": entry,
            "layers": _chain(content["layers"], entry, fault),
            "weights": tuple(content.get("weights", ())),
            "first_values": first_values,
        }
    )


@dataclass(frozen=True)
class _Map:
    """The map that a layer of a chain passes to the next one, and the step and receptive field of its positions."""

    filters: int
    height: int
    width: int
    step: int
    receptive_field: int


def _chain(entries: Mapping[str, Mapping[str, Any]], entry: Input, fault: Fault) -> tuple[ChainLayer, ...]:
    """The layers of a chain, with the geometry computed from layer to layer."""
    layers: list[ChainLayer] = []
    below = _Map(filters=3, height=entry.height, width=entry.width, step=1, receptive_field=1)
    for position, (name, given) in enumerate(entries.items(), start=1):
        values = _chain_values(name, given, below.filters, fault)
        is_dense = values["kind"] == "dense"
        inputs = below.filters * below.height * below.width if is_dense else below.filters
        below = _dense_map(values, entry) if is_dense else _window_map(values, below)
        if min(below.height, below.width) < 1:
            fault(f"has a layer {name!r} whose kernel is larger than its input map; reduce kernel or stride")
        geometry = {key: getattr(below, key) for key in ("height", "width", "step", "receptive_field")}
        layers.append(ChainLayer(name=name, position=position, inputs=inputs, **values, **geometry))
    check_chain_size(layers, fault)
    return tuple(layers)


def _chain_values(name: str, given: Mapping[str, Any], inputs: int, fault: Fault) -> dict[str, Any]:
    """The keys of a layer of a chain, with defaults; a pool has as many filters as its input."""
    values = {"kernel": 1, "stride": 1, "padding": 0, "activation": "none", "filters": inputs, **given}
    unknown = set(values) - {"kind", "kernel", "stride", "padding", "activation", "filters"}
    if unknown or values.get("kind") not in LAYER_KINDS or values["activation"] not in ACTIVATIONS:
        fault(
            f"has layer {name!r} = {dict(given)}; expected kind ({', '.join(LAYER_KINDS)}), filters, kernel, "
            f"stride, padding, activation ({', '.join(ACTIVATIONS)})"
        )
    if ("filters" in given) == (values["kind"] == "pool"):
        fault(f"has layer {name!r} = {dict(given)}; expected filters for every layer except pools")
    check_chain_counts(name, values, fault)
    return values


def _dense_map(values: Mapping[str, Any], entry: Input) -> _Map:
    """The output of a dense layer: one position that sees the whole image."""
    side = max(entry.height, entry.width)
    return _Map(values["filters"], height=1, width=1, step=side, receptive_field=side)


def _window_map(values: Mapping[str, Any], below: _Map) -> _Map:
    """The output of a convolution or pool: a kernel of k positions adds k - 1 steps to the receptive field.

    A pool of 2 with stride 2 over a map of step 1 and receptive field 5, as block1_pool of VGG16: step 2, field 6.
    """
    kernel, stride, padding = values["kernel"], values["stride"], values["padding"]
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (below.height, below.width))
    field = below.receptive_field + (kernel - 1) * below.step
    return _Map(values["filters"], height, width, step=below.step * stride, receptive_field=field)
