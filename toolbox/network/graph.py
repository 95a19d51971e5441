"""The ONNX graphs of a network. Owns their making, their output names and the identity of every layer.

Two graphs come from one card. The *full* graph is the faithful export: every layer's activation map is an output,
named as the layer. The *pooled* graph is the full one with the maximum and the mean of every map taken inside it:
`<layer>.maximum` and `<layer>.mean`, each (images, filters). Pooling inside keeps 54 MB of maps per image off the bus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from toolbox.errors import UnknownNameError
from toolbox.network.card import ChainLayer, Input, Network
from toolbox.network.weights import Tensors, Weights, tensor_digest

IMAGE = "image"
"""Name of the input: float32 (images, 3, height, width), preprocessed as the card says."""
PIXELS = "pixels"
"""Name of the input of a graph that does the preprocessing too."""
STATISTICS = ("maximum", "mean")
OPSET = 18
AXES_ARE_INPUTS = 18
"""The opset since which ReduceMean and ReduceMax take their axes as an input."""
IR_VERSION = 10  # read by every onnxruntime since 1.18


@dataclass(frozen=True)
class Graph:
    """An ONNX graph whose tensors lie beside it, so that half a gigabyte of weights is never copied.

    In `proto` they are named as external data; whoever runs the graph hands them over, whoever writes it embeds them.
    `axes` says on which axis an output has its filters, where that is not 1.
    """

    proto: onnx.ModelProto
    tensors: Tensors
    axes: Mapping[str, int] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.proto.graph.output)

    def embedded(self) -> onnx.ModelProto:
        """The whole as one ONNX model, tensors included."""
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        for entry in model.graph.initializer:
            if entry.name in self.tensors:
                entry.CopyFrom(numpy_helper.from_array(self.tensors[entry.name], entry.name))
        return model


def full_graph(network: Network, weights: Weights, digests: Mapping[str, str] | None = None) -> Graph:
    """The network with every layer's activation map as an output: convolutions after their ReLU, pools, dense layers.

    Args:
        weights: tensors down to the deepest layer that is to be in the graph.
        digests: of the layers, where they are known already: to digest half a gigabyte takes a second.

    Returns: a graph whose input is `image` and whose outputs are named as the layers.
    """
    nodes: list[onnx.NodeProto] = []
    below, is_map = IMAGE, True
    for layer in weights.layers:
        nodes += _nodes(layer, below, is_map)
        below, is_map = layer.name, layer.kind != "dense"
    entry = helper.make_tensor_value_info(
        IMAGE, TensorProto.FLOAT, ["images", 3, network.input.height, network.input.width]
    )
    maps = [helper.make_tensor_value_info(layer.name, TensorProto.FLOAT, _map_shape(layer)) for layer in weights.layers]
    beside = [apart(name, tensor) for name, tensor in weights.tensors.items()]
    graph = helper.make_graph(nodes, network.name, [entry], maps, beside, doc_string=network.title)
    model = helper.make_model(
        graph,
        producer_name="selectivity-toolbox",
        producer_version=version("selectivity-toolbox"),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, _properties(network, weights, digests or layer_digests(network.input, weights)))
    return Graph(model, weights.tensors)


def apart(name: str, tensor: NDArray[Any]) -> TensorProto:
    """What stands in a graph for a tensor that lies beside it."""
    number = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    entry = TensorProto(name=name, data_type=number, dims=tensor.shape, data_location=TensorProto.EXTERNAL)
    entry.external_data.add(key="location", value="memory")
    return entry


def pooled_graph(full: Graph, layers: Iterable[str]) -> Graph:
    """The full graph with the maximum and the mean over every named layer's map as its only outputs.

    Raises: UnknownNameError for a layer that the full graph lacks.
    """
    ranks = {output.name: len(output.type.tensor_type.shape.dim) for output in full.proto.graph.output}
    model = onnx.ModelProto()
    model.CopyFrom(full.proto)
    del model.graph.output[:]
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    reduced: set[int] = set()
    for layer in layers:
        if layer not in ranks:
            raise UnknownNameError("layer", layer, ranks)
        places = [place for place in range(1, ranks[layer]) if place != full.axes.get(layer, 1)]
        nodes = _pooling(layer, places, opset) if places else _single_position(layer)
        model.graph.node.extend(nodes)
        reduced.update(places)
        model.graph.output.extend(
            helper.make_tensor_value_info(f"{layer}.{statistic}", TensorProto.FLOAT, ["images", "filters"])
            for statistic in STATISTICS
        )
    if opset >= AXES_ARE_INPUTS:
        axes = [numpy_helper.from_array(np.array([axis]), f"axis{axis}") for axis in sorted(reduced)]
        model.graph.initializer.extend(axes)
    return Graph(model, full.tensors)


def _pooling(layer: str, places: Sequence[int], opset: int) -> list[onnx.NodeProto]:
    """Maximum and mean over all positions, which lie along the axes `places`. The mean is taken over rows, then over
    their means: in one sweep over 50,176 positions (GlobalAveragePool) float32 loses two digits, and it is slower."""
    maximum, mean = (f"{layer}.{statistic}" for statistic in STATISTICS)
    if tuple(places) == (2, 3):
        largest = [
            _make("GlobalMaxPool", [layer], f"{maximum}.map"),
            _make("Flatten", [f"{maximum}.map"], maximum),
        ]
    else:
        largest = _reduced("ReduceMax", layer, maximum, places, opset)
    return [*largest, *_reduced("ReduceMean", layer, mean, places, opset)]


def _reduced(operator: str, below: str, output: str, places: Sequence[int], opset: int) -> list[onnx.NodeProto]:
    """One axis after the other, the last one first, so that the others keep their numbers."""
    nodes = []
    for place in sorted(places, reverse=True):
        rows = f"{output}.rows" if place == max(places) else f"{output}.rows{place}"
        above = output if place == min(places) else rows
        if opset >= AXES_ARE_INPUTS:
            nodes.append(_make(operator, [below, f"axis{place}"], above, keepdims=0))
        else:
            nodes.append(_make(operator, [below], above, keepdims=0, axes=[place]))
        below = above
    return nodes


def _single_position(layer: str) -> list[onnx.NodeProto]:
    """The maximum and the mean of a dense layer's one position are its value."""
    return [_make("Identity", [layer], f"{layer}.{statistic}") for statistic in STATISTICS]


def pixel_graph(graph: Graph, entry: Input) -> Graph:
    """The graph with the preprocessing before it: its input is `pixels`, uint8 (images, height, width, 3) in RGB.

    The numbers are those of `preprocessed`, to the bit; a quarter of the bytes travels, and no copy is made outside.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    pixels = helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, ["images", entry.height, entry.width, 3])
    constants = {"mean": np.array(entry.mean, np.float32), "scale": np.array(entry.scale, np.float32)}
    nodes = [_make("Cast", [PIXELS], f"{PIXELS}.float", to=TensorProto.FLOAT)]
    if entry.channels == "BGR":
        constants["reversed"] = np.array([2, 1, 0])
        nodes.append(_make("Gather", [nodes[-1].output[0], f"{PIXELS}.reversed"], f"{PIXELS}.bgr", axis=3))
    nodes.append(_make("Sub", [nodes[-1].output[0], f"{PIXELS}.mean"], f"{PIXELS}.centred"))
    nodes.append(_make("Mul", [nodes[-1].output[0], f"{PIXELS}.scale"], f"{PIXELS}.scaled"))
    nodes.append(_make("Transpose", [nodes[-1].output[0]], IMAGE, perm=[0, 3, 1, 2]))
    nodes += proto.graph.node
    del proto.graph.input[:], proto.graph.node[:]
    proto.graph.input.append(pixels)
    proto.graph.node.extend(nodes)
    proto.graph.initializer.extend(
        numpy_helper.from_array(value, f"{PIXELS}.{name}") for name, value in constants.items()
    )
    return Graph(proto, graph.tensors)


def write_graph(graph: Graph, path: Path) -> None:
    """Check a graph and write it to a file, its tensors inside."""
    model = graph.embedded()
    onnx.checker.check_model(model)
    onnx.save(model, path)


def layer_digests(entry: Input, weights: Weights) -> dict[str, str]:
    """The identity of every layer: a digest of all that its responses follow from.

    It chains the preprocessing, and the architecture and tensors of this layer and all below. Two extractions may
    share a table for a layer exactly if these are equal, whatever other layers were asked for.
    """
    digests: dict[str, str] = {}
    below = entry_digest(entry)
    for layer in weights.layers:
        parts = [below, json.dumps(_architecture(layer), sort_keys=True)]
        parts += [tensor_digest(tensor) for name, tensor in weights.tensors.items() if _belongs(name, layer)]
        below = digests[layer.name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return digests


def entry_digest(entry: Input) -> str:
    """The identity of what an image goes through before the first layer."""
    return hashlib.sha256(json.dumps(entry.described(), sort_keys=True).encode()).hexdigest()


def _belongs(tensor: str, layer: ChainLayer) -> bool:
    return tensor in (f"{layer.name}.kernel", f"{layer.name}.bias")


def _architecture(layer: ChainLayer) -> dict[str, int | str]:
    keys = ("kind", "filters", "kernel", "stride", "padding", "activation", "inputs", "height", "width")
    return {key: getattr(layer, key) for key in keys}


def _nodes(layer: ChainLayer, below: str, is_map: bool) -> Sequence[onnx.NodeProto]:
    """ONNX nodes of one layer; the last one's output carries the layer's name."""
    raw = layer.name if layer.activation == "none" else f"{layer.name}.sum"
    if layer.kind == "pool":
        nodes = [_make("MaxPool", [below], raw, **_window(layer))]
    elif layer.kind == "convolution":
        nodes = [_make("Conv", [below, f"{layer.name}.kernel", f"{layer.name}.bias"], raw, **_window(layer))]
    else:
        nodes = _dense(layer, below, is_map, raw)
    if layer.activation == "relu":
        nodes.append(_make("Relu", [raw], layer.name))
    elif layer.activation == "softmax":
        nodes.append(_make("Softmax", [raw], layer.name, axis=1))
    return nodes


def _dense(layer: ChainLayer, below: str, is_map: bool, raw: str) -> list[onnx.NodeProto]:
    """A dense layer; a map below is laid out as height, width, channel first, the order of its kernel's inputs."""
    flat = f"{layer.name}.inputs" if is_map else below
    unrolled = [
        _make("Transpose", [below], f"{flat}.map", perm=[0, 2, 3, 1]),
        _make("Flatten", [f"{flat}.map"], flat),
    ]
    gemm = _make("Gemm", [flat, f"{layer.name}.kernel", f"{layer.name}.bias"], raw)
    return [*unrolled, gemm] if is_map else [gemm]


def _make(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [output], name=output, **attributes)


def _window(layer: ChainLayer) -> dict[str, list[int]]:
    return {
        "kernel_shape": [layer.kernel] * 2,
        "strides": [layer.stride] * 2,
        "pads": [layer.padding] * 4,
    }


def _map_shape(layer: ChainLayer) -> list[str | int]:
    return ["images", layer.filters, *([] if layer.kind == "dense" else [layer.height, layer.width])]


def _properties(network: Network, weights: Weights, digests: Mapping[str, str]) -> dict[str, str]:
    """What a reader of the file alone must know to use it."""
    return {
        "network": network.name,
        "weights": weights.source,
        "input": "float32 (images, channel, height, width) from pixels of 0 to 255, preprocessed as said here",
        "preprocessing": json.dumps(network.input.described()),
        "outputs": "one activation map a layer, after its activation function; .maximum and .mean of it if pooled",
        "layers": json.dumps([layer.name for layer in weights.layers]),
        "digest": digests[weights.layers[-1].name],
        "digest_of": "preprocessing, architecture and weights from the input to the last layer (SHA-256)",
        "citation": network.citation,
        "licence": network.licence,
    }


def preprocessed(entry: Input, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 pixels (height, width, 3 in RGB) of one image as the float32 (3, height, width) that the graph takes."""
    ordered = pixels[:, :, ::-1] if entry.channels == "BGR" else pixels
    values = (ordered.astype(np.float32) - np.array(entry.mean, np.float32)) * np.array(entry.scale, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))
