"""A graph without padding, for a crop of exactly a receptive field. Owns where that is the same graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import onnx
from onnx import helper

from toolbox.graph import Graph
from toolbox.terms import IMAGE

WINDOWS = ("Conv", "MaxPool", "AveragePool", "LpPool")
"""Operators whose padding is removed."""
_FUNCTIONS = (
    "Relu LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Clip Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign "
    "Swish Mish Gelu Erf Neg Abs Sqrt Exp Log Reciprocal Identity Dropout Cast"
)
_ARITHMETIC = "Add Sub Mul Div Pow Max Min Sum Mean Where Greater Less GreaterOrEqual LessOrEqual"
PLACE_BY_PLACE = frozenset(f"{_FUNCTIONS} {_ARITHMETIC} BatchNormalization LRN Concat".split())
"""Operators whose value at a position depends on the values at this position alone."""


@dataclass(frozen=True)
class _Margin:
    """What has been removed before and after a map, in pixels of the image, and the pixels between two positions."""

    removed: tuple[float, ...] = (0, 0, 0, 0)
    steps: tuple[int, int] = (1, 1)


def without_padding(graph: Graph) -> Graph:
    """The same graph with valid convolutions and pools, for images of any size.

    For a crop of exactly the receptive field of a unit that lies inside the image, the map of its layer is this unit
    alone, with its value in the full graph.

    Args:
        graph: a graph whose input is `image`.

    Returns: a graph of the tensors that depend on their surroundings alone. It lacks those from the first operator on
        that takes the whole map (a dense layer, a global pool), or that joins branches whose padding differs, as in a
        ResNet.
    """
    fixed = {entry.name for entry in graph.proto.graph.initializer} | {""}
    margins, nodes = {IMAGE: _Margin()}, []
    for node in graph.proto.graph.node:
        if fixed.issuperset(node.input):
            fixed.update(node.output)
            nodes.append(node)
        elif (margin := _margin(node, margins, fixed)) is not None:
            margins.update(dict.fromkeys(node.output, margin))
            nodes.append(_without_pads(node))
    return _rebuild(graph, nodes, margins)


def _margin(node: onnx.NodeProto, margins: Mapping[str, _Margin], fixed: set[str]) -> _Margin | None:
    """The margin after a node; None where it takes the whole map, or something that is left out."""
    below = [margins.get(name) for name in node.input if name not in fixed]
    if None in below or len(set(below)) > 1 or not below[0]:
        return None
    if node.op_type in PLACE_BY_PLACE:
        return below[0] if node.op_type != "Concat" or _attributes(node)["axis"] == 1 else None
    return _slide(node, below[0]) if node.op_type in WINDOWS else None


def _slide(node: onnx.NodeProto, below: _Margin) -> _Margin | None:
    """The margin after windows whose padding is removed."""
    given = _attributes(node)
    strides, pads = given.get("strides", (1, 1)), given.get("pads", (0, 0, 0, 0))
    if len(strides) != 2 or len(pads) != 4:
        return None
    if given.get("auto_pad", b"NOTSET").startswith(b"SAME"):
        pads = (nan,) * 4  # it depends on the size of the map, so that it is equal to no other
    removed = (
        all_of + pad * step for all_of, pad, step in zip(below.removed, pads, below.steps * 2, strict=True)
    )
    return _Margin(tuple(removed), (below.steps[0] * strides[0], below.steps[1] * strides[1]))


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}


def _without_pads(node: onnx.NodeProto) -> onnx.NodeProto:
    """The node with complete windows only."""
    own = onnx.NodeProto()
    own.CopyFrom(node)
    kept = [entry for entry in node.attribute if entry.name not in ("pads", "auto_pad", "ceil_mode")]
    del own.attribute[:]
    own.attribute.extend(kept)
    return own


def _rebuild(graph: Graph, nodes: Sequence[onnx.NodeProto], margins: Mapping[str, _Margin]) -> Graph:
    """The graph of these nodes, whose outputs are those that are left."""
    given = graph.proto.graph
    used = {name for node in nodes for name in node.input}
    kept = [entry for entry in given.initializer if entry.name in used]
    image = next(entry for entry in given.input if entry.name == IMAGE).type.tensor_type
    sides = [image.shape.dim[0].dim_value or "images", 3, "height", "width"]
    entry = helper.make_tensor_value_info(IMAGE, image.elem_type, sides)
    outputs = [_of_any_size(output) for output in given.output if output.name in margins]
    model = onnx.ModelProto()
    model.CopyFrom(graph.proto)
    model.graph.CopyFrom(helper.make_graph(nodes, given.name, [entry], outputs, kept))
    tensors = {name: values for name, values in graph.tensors.items() if name in used}
    return Graph(model, tensors, graph.axes)


def _of_any_size(output: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """The declaration of a map of any height and width."""
    tensor = output.type.tensor_type
    first = [side.dim_value or side.dim_param or None for side in tensor.shape.dim][:2]
    return helper.make_tensor_value_info(output.name, tensor.elem_type, [*first, None, None])
