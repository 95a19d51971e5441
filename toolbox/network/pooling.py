"""The extensions of a full graph: preprocessing before it; after its layers pooling, or the maps of chosen filters.

The *pooled* graph computes the maximum and the mean of every map: `<layer>.maximum` and `<layer>.mean`, each (images,
filters). Pooling inside the graph avoids the transfer of 54 MB of maps per image. The input of the *pixel* graph is
decoded images without preprocessing. The *map* graph has the maps of a few filters. Owns these three graphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from toolbox.errors import UnknownNameError
from toolbox.graph import Graph, make_node
from toolbox.network.architecture import Input
from toolbox.terms import IMAGE, PIXELS, STATISTICS

CHOSEN = ".chosen"
"""Ending of the output with the maps of chosen filters of a layer."""
AXES_ARE_INPUTS = 18
"""The opset since which the axes of ReduceMean and ReduceMax are an input."""


def pooled_graph(full: Graph, layers: Iterable[str]) -> Graph:
    """The full graph with the maximum and the mean of every named layer's map as its only outputs.

    Args:
        full: a graph with the maps of all layers as outputs.
        layers: names of the layers to record.

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
        model.graph.node.extend(_pooling(layer, places, opset) if places else _single_position(layer))
        model.graph.output.extend(map(_output, _pooled_names(layer)))
        reduced.update(places)
    if opset >= AXES_ARE_INPUTS:
        axes = [numpy_helper.from_array(np.array([axis]), f"axis{axis}") for axis in sorted(reduced)]
        model.graph.initializer.extend(axes)
    return Graph(model, full.tensors)


def map_graph(full: Graph, filters: Mapping[str, Sequence[int]]) -> Graph:
    """The full graph with the activation maps of some filters as its only outputs, `<layer>.chosen`.

    Args:
        full: a graph with the maps of all layers as outputs, none of them deeper than is needed.
        filters: numbers of the filters, by layer.

    Returns: a graph whose outputs have as many filters as are named, in that order, along the same axis.
    Raises: UnknownNameError for a layer that the full graph lacks.
    """
    known = {output.name for output in full.proto.graph.output}
    model = onnx.ModelProto()
    model.CopyFrom(full.proto)
    del model.graph.output[:]
    for layer, numbers in filters.items():
        if layer not in known:
            raise UnknownNameError("layer", layer, known)
        name, chosen = f"{layer}{CHOSEN}", f"{layer}{CHOSEN}.numbers"
        model.graph.initializer.append(numpy_helper.from_array(np.array(numbers, np.int64), chosen))
        model.graph.node.append(make_node("Gather", [layer, chosen], name, axis=full.axes.get(layer, 1)))
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return Graph(model, full.tensors, full.axes)


def _pooled_names(layer: str) -> list[str]:
    return [f"{layer}.{statistic}" for statistic in STATISTICS]


def _output(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["images", "filters"])


def _pooling(layer: str, places: Sequence[int], opset: int) -> list[onnx.NodeProto]:
    """Maximum and mean over all positions, which are along the axes `places`.

    The mean is computed within rows, then over the means of the rows. A single mean over 50,176 positions
    (GlobalAveragePool) loses two digits in float32, and is slower.
    """
    maximum, mean = _pooled_names(layer)
    if tuple(places) == (2, 3):
        largest = [
            make_node("GlobalMaxPool", [layer], f"{maximum}.map"),
            make_node("Flatten", [f"{maximum}.map"], maximum),
        ]
    else:
        largest = _reduce("ReduceMax", layer, maximum, places, opset)
    return [*largest, *_reduce("ReduceMean", layer, mean, places, opset)]


def _reduce(
    operator: str, below: str, output: str, places: Sequence[int], opset: int
) -> list[onnx.NodeProto]:
    """Reduce one axis after the other, the last one first, so that the others keep their numbers."""
    nodes = []
    for place in sorted(places, reverse=True):
        rows = f"{output}.rows" if place == max(places) else f"{output}.rows{place}"
        above = output if place == min(places) else rows
        if opset >= AXES_ARE_INPUTS:
            nodes.append(make_node(operator, [below, f"axis{place}"], above, keepdims=0))
        else:
            nodes.append(make_node(operator, [below], above, keepdims=0, axes=[place]))
        below = above
    return nodes


def _single_position(layer: str) -> list[onnx.NodeProto]:
    """The maximum and the mean of a dense layer's one position are its value."""
    return [make_node("Identity", [layer], name) for name in _pooled_names(layer)]


def pixel_graph(graph: Graph, entry: Input) -> Graph:
    """The graph with the preprocessing before it: its input is `pixels`, uint8 (images, height, width, 3) in RGB.

    The results are identical to those of `preprocess`, to the bit; only a quarter of the bytes is transferred, and no
    copy is made outside the graph.

    Args:
        graph: a graph whose input is `image`.
        entry: the preprocessing.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    nodes = [*_preprocessing(entry), *proto.graph.node]
    del proto.graph.input[:], proto.graph.node[:]
    sides: list[str | int] = ["images", entry.height, entry.width, 3]
    proto.graph.input.append(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, sides))
    proto.graph.node.extend(nodes)
    proto.graph.initializer.extend(_preprocessing_constants(entry))
    return Graph(proto, graph.tensors)


def _preprocessing(entry: Input) -> list[onnx.NodeProto]:
    """The nodes that turn pixels into the input of the network: the steps of `preprocess`, in the same order."""
    nodes = [make_node("Cast", [PIXELS], f"{PIXELS}.float", to=TensorProto.FLOAT)]
    if entry.channels == "BGR":
        nodes.append(make_node("Gather", [f"{PIXELS}.float", f"{PIXELS}.reversed"], f"{PIXELS}.bgr", axis=3))
    nodes.append(make_node("Sub", [nodes[-1].output[0], f"{PIXELS}.mean"], f"{PIXELS}.centred"))
    nodes.append(make_node("Mul", [f"{PIXELS}.centred", f"{PIXELS}.scale"], f"{PIXELS}.scaled"))
    nodes.append(make_node("Transpose", [f"{PIXELS}.scaled"], IMAGE, perm=[0, 3, 1, 2]))
    return nodes


def _preprocessing_constants(entry: Input) -> list[TensorProto]:
    constants = {"mean": np.array(entry.mean, np.float32), "scale": np.array(entry.scale, np.float32)}
    if entry.channels == "BGR":
        constants["reversed"] = np.array([2, 1, 0])
    return [numpy_helper.from_array(value, f"{PIXELS}.{name}") for name, value in constants.items()]


def preprocess(entry: Input, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """One preprocessed image.

    Args:
        entry: the preprocessing.
        pixels: uint8 (height, width, 3) in RGB.

    Returns: float32 (3, height, width).
    """
    ordered = pixels[:, :, ::-1] if entry.channels == "BGR" else pixels
    mean, scale = np.array(entry.mean, np.float32), np.array(entry.scale, np.float32)
    values = (ordered.astype(np.float32) - mean) * scale
    return np.ascontiguousarray(values.transpose(2, 0, 1))
