"""The full graph of a chain, built from its card. Owns its operators and the identity of its layers.

In the *full* graph, the activation map of every layer is an output, named as the layer. `pooling` adds what extraction
needs.
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
        network: the network of a chain's card.
        weights: tensors of all layers up to the deepest layer of the graph.
        digests: digests of the layers, where they are known: computing them for half a gigabyte takes a second.

    Returns: a graph whose input is `image`, and whose outputs are named as the layers.
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
    """The operators of all layers, each on top of the previous one, with input and outputs."""
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
    """The identity of every layer: a digest of everything that determines its responses.

    The digest covers the preprocessing, and the architecture and tensors of this layer and all layers below. Two
    extractions may share a table for a layer if and only if these digests are equal, whatever other layers were
    recorded. With | for a line break,

        digest(layer) = SHA-256(digest(below) | architecture(layer) | digest(kernel) | digest(bias))

    Args:
        entry: the preprocessing, whose digest is used below the first layer.
        weights: tensors of all layers up to the deepest one.

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
    """The identity of the preprocessing."""
    return hashlib.sha256(json.dumps(entry.describe(), sort_keys=True).encode()).hexdigest()


def _is_tensor_of(tensor: str, layer: ChainLayer) -> bool:
    return tensor in (f"{layer.name}.kernel", f"{layer.name}.bias")


def _architecture(layer: ChainLayer) -> dict[str, int | str]:
    keys = ("kind", "filters", "kernel", "stride", "padding", "activation", "inputs", "height", "width")
    return {key: getattr(layer, key) for key in keys}


def _nodes(layer: ChainLayer, below: str, is_map: bool) -> Sequence[onnx.NodeProto]:
    """The ONNX nodes of one layer; the output of the last node has the name of the layer."""
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
    """A dense layer; an input map is first flattened in the order height, width, channel, as its kernel expects."""
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
    """The metadata that a reader needs to use the file."""
    return {
        "network": network.name,
        "weights": weights.source,
        "input": "float32 (images, channel, height, width) from pixels of 0 to 255, preprocessed as described below",
        "preprocessing": json.dumps(network.input.describe()),
        "outputs": "one activation map per layer, after its activation function; if pooled, its .maximum and .mean",
        "layers": json.dumps([layer.name for layer in weights.layers]),
        "digest": digests[weights.layers[-1].name],
        "digest_of": "preprocessing, architecture and weights from the input to the last layer (SHA-256)",
        "citation": network.citation,
        "licence": network.licence,
    }
