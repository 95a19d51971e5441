"""The full graph of a chain, which the toolbox builds from its card. Owns its operators and its layers' identity.

The *full* graph is the faithful export: every layer's activation map is an output, named as the layer. What extraction
adds to it is in `pooling`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto, helper

from toolbox.distribution import DISTRIBUTION, toolbox_version
from toolbox.graph import IR_VERSION, OPSET, Graph, external_tensor, make_node
from toolbox.network.architecture import ChainLayer, Input, Network
from toolbox.network.weights import Weights, tensor_digest
from toolbox.terms import IMAGE


def full_graph(network: Network, weights: Weights, digests: Mapping[str, str] | None = None) -> Graph:
    """The network with every layer's activation map as an output: convolutions after their ReLU, pools, dense layers.

    Args:
        network: of a chain's card.
        weights: tensors down to the deepest layer that is to be in the graph.
        digests: of the layers, where they are known already: to digest half a gigabyte takes a second.

    Returns: a graph whose input is `image` and whose outputs are named as the layers.
    """
    model = helper.make_model(
        _bare_graph(network, weights),
        producer_name=DISTRIBUTION,
        producer_version=toolbox_version(),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    digests = digests or layer_digests(network.input, weights)
    helper.set_model_props(model, _properties(network, weights, digests))
    return Graph(model, weights.tensors)


def _bare_graph(network: Network, weights: Weights) -> onnx.GraphProto:
    """The operators of all layers, each on top of the one before, and where they start and end."""
    nodes: list[onnx.NodeProto] = []
    below, is_map = IMAGE, True
    for layer in weights.layers:
        nodes += _nodes(layer, below, is_map)
        below, is_map = layer.name, layer.kind != "dense"
    sides: list[str | int] = ["images", 3, network.input.height, network.input.width]
    entry = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, sides)
    maps = [
        helper.make_tensor_value_info(layer.name, TensorProto.FLOAT, _map_shape(layer))
        for layer in weights.layers
    ]
    beside = [external_tensor(name, tensor) for name, tensor in weights.tensors.items()]
    return helper.make_graph(nodes, network.name, [entry], maps, beside, doc_string=network.title)


def layer_digests(entry: Input, weights: Weights) -> dict[str, str]:
    """The identity of every layer: a digest of all that its responses follow from.

    It chains the preprocessing, and the architecture and tensors of this layer and all below. Two extractions may
    share a table for a layer exactly if these are equal, whatever other layers were asked for. With | for a line break,

        digest(layer) = SHA-256(digest(below) | architecture(layer) | digest(kernel) | digest(bias))

    Args:
        entry: the preprocessing, whose digest is that below the first layer.
        weights: tensors down to the deepest layer.

    Returns: SHA-256 in hexadecimal digits, by layer.
    """
    digests: dict[str, str] = {}
    below = entry_digest(entry)
    for layer in weights.layers:
        parts = [below, json.dumps(_architecture(layer), sort_keys=True)]
        parts += [
            tensor_digest(tensor) for name, tensor in weights.tensors.items() if _is_tensor_of(name, layer)
        ]
        below = digests[layer.name] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return digests


def entry_digest(entry: Input) -> str:
    """The identity of what an image goes through before the first layer."""
    return hashlib.sha256(json.dumps(entry.describe(), sort_keys=True).encode()).hexdigest()


def _is_tensor_of(tensor: str, layer: ChainLayer) -> bool:
    return tensor in (f"{layer.name}.kernel", f"{layer.name}.bias")


def _architecture(layer: ChainLayer) -> dict[str, int | str]:
    keys = ("kind", "filters", "kernel", "stride", "padding", "activation", "inputs", "height", "width")
    return {key: getattr(layer, key) for key in keys}


def _nodes(layer: ChainLayer, below: str, is_map: bool) -> Sequence[onnx.NodeProto]:
    """ONNX nodes of one layer; the last one's output carries the layer's name."""
    raw = layer.name if layer.activation == "none" else f"{layer.name}.sum"
    if layer.kind == "pool":
        nodes = [make_node("MaxPool", [below], raw, **_window(layer))]
    elif layer.kind == "convolution":
        nodes = [
            make_node("Conv", [below, f"{layer.name}.kernel", f"{layer.name}.bias"], raw, **_window(layer))
        ]
    else:
        nodes = _dense(layer, below, is_map, raw)
    if layer.activation == "relu":
        nodes.append(make_node("Relu", [raw], layer.name))
    elif layer.activation == "softmax":
        nodes.append(make_node("Softmax", [raw], layer.name, axis=1))
    return nodes


def _dense(layer: ChainLayer, below: str, is_map: bool, raw: str) -> list[onnx.NodeProto]:
    """A dense layer; a map below is laid out as height, width, channel first, the order of its kernel's inputs."""
    flat = f"{layer.name}.inputs" if is_map else below
    unrolled = [
        make_node("Transpose", [below], f"{flat}.map", perm=[0, 2, 3, 1]),
        make_node("Flatten", [f"{flat}.map"], flat),
    ]
    gemm = make_node("Gemm", [flat, f"{layer.name}.kernel", f"{layer.name}.bias"], raw)
    return [*unrolled, gemm] if is_map else [gemm]


def _window(layer: ChainLayer) -> dict[str, list[int]]:
    return {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.padding] * 4}


def _map_shape(layer: ChainLayer) -> list[str | int]:
    return ["images", layer.filters, *([] if layer.kind == "dense" else [layer.height, layer.width])]


def _properties(network: Network, weights: Weights, digests: Mapping[str, str]) -> dict[str, str]:
    """What a reader of the file alone must know to use it."""
    return {
        "network": network.name,
        "weights": weights.source,
        "input": "float32 (images, channel, height, width) from pixels of 0 to 255, preprocessed as said here",
        "preprocessing": json.dumps(network.input.describe()),
        "outputs": "one activation map a layer, after its activation function; .maximum and .mean of it if pooled",
        "layers": json.dumps([layer.name for layer in weights.layers]),
        "digest": digests[weights.layers[-1].name],
        "digest_of": "preprocessing, architecture and weights from the input to the last layer (SHA-256)",
        "citation": network.citation,
        "licence": network.licence,
    }
