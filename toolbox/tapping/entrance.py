"""The image input of an imported graph. Owns refusing unsuitable inputs, and replacing the input by `image`.

The names of all tensors of the graph get a prefix, so that they cannot equal names of layers or of the toolbox's own
tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx
from onnx import TensorProto, helper

from toolbox.errors import UsageError
from toolbox.terms import IMAGE

INSIDE = "graph/"
"""Prefix of the names of tensors of an imported graph."""
LARGEST_SIDE = 4096
"""Largest side of an image in pixels; the maps of larger images would not fit in memory."""
IMAGE_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16)


@dataclass(frozen=True)
class Entrance:
    """The image input of a graph; a size is None where the graph accepts any."""

    name: str
    type: int
    is_channels_last: bool
    height: int | None
    width: int | None
    batch: int | None


def entrance(model: onnx.ModelProto) -> Entrance:
    """The single image input of a graph.

    Raises: UsageError when there are several inputs, or the input is not colour images.
    """
    entry = _only_input(model.graph)
    tensor = entry.type.tensor_type
    sizes = [dimension.dim_value or None for dimension in tensor.shape.dim]
    if len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
        shape = ", ".join(str(side.dim_param or side.dim_value or "?") for side in tensor.shape.dim)
        raise UsageError(
            f"the graph's input {entry.name!r} has shape ({shape}); expected colour images: "
            "(images, 3, height, width) or (images, height, width, 3)"
        )
    if tensor.elem_type not in IMAGE_TYPES:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise UsageError(
            f"the graph's input {entry.name!r} has the type {kind}; expected float32 or float16 images"
        )
    is_last = sizes[1] != 3
    height, width = sizes[1:3] if is_last else sizes[2:]
    return Entrance(entry.name, tensor.elem_type, is_last, height, width, sizes[0])


def _only_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    tensors = {tensor.name for tensor in graph.initializer}  # older graphs also list these as inputs
    inputs = [entry for entry in graph.input if entry.name not in tensors]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs) or "none"
        raise UsageError(
            f"the graph has {len(inputs)} inputs ({names}); expected only the image; make the others constant in the "
            "export"
        )
    entry: onnx.ValueInfoProto = inputs[0]
    return entry


def image_size(place: Entrance, size: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the images for a graph: those of the graph, or the chosen ones where it accepts any.

    Args:
        place: the image input of the graph.
        size: the chosen height and width in pixels; None for those of the graph.

    Raises: UsageError when the graph accepts any size and none is chosen, or does not accept the chosen size.
    """
    if size is None and (place.height is None or place.width is None):
        raise UsageError(
            "the graph accepts images of any size; choose the size used in training, such as size='224' (--size 224)"
        )
    chosen = (place.height or 0, place.width or 0) if size is None else size
    if max(chosen) > LARGEST_SIDE:
        raise UsageError(
            f"size {chosen[0]} x {chosen[1]} is too large; expected at most {LARGEST_SIDE} pixels per side"
        )
    for own, asked in zip((place.height, place.width), chosen, strict=True):
        if own not in (None, asked) or asked < 1:
            wanted = " x ".join(str(side or "any") for side in (place.height, place.width))
            raise UsageError(
                f"size {chosen[0]} x {chosen[1]} does not fit; the graph accepts images of {wanted}"
            )
    return chosen


def enter_graph(model: onnx.ModelProto, height: int, width: int, batch: int = 0) -> onnx.ModelProto:
    """The graph with the toolbox's own input: `image`, float32 (images, 3, height, width); its outputs are unchanged.

    Args:
        model: an imported graph.
        height: height of the images in pixels.
        width: width of the images in pixels.
        batch: the only batch size that the graph accepts; 0 for any size, whatever the graph declares.

    Returns: a copy in which the name of every other tensor starts with `graph/`.
    """
    own = onnx.ModelProto()
    own.CopyFrom(model)
    graph = own.graph
    _prefix_names(graph)
    nodes = [*_entry_nodes(entrance(model)), *graph.node]
    del graph.node[:], graph.input[:], graph.value_info[:]
    graph.node.extend(nodes)
    sizes = [batch or "images", 3, height, width]
    graph.input.append(helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, sizes))
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")  # it may declare an outdated batch size
    return own


def _prefix_names(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [INSIDE + name if name else "" for name in names]
    for entry in (*graph.initializer, *graph.output):
        entry.name = INSIDE + entry.name


def _entry_nodes(place: Entrance) -> list[onnx.NodeProto]:
    """The nodes that turn `image` into the input of the graph."""
    steps: list[tuple[str, dict[str, Any]]] = []
    if place.is_channels_last:
        steps.append(("Transpose", {"perm": [0, 2, 3, 1]}))
    if place.type != TensorProto.FLOAT:
        steps.append(("Cast", {"to": place.type}))
    steps = steps or [("Identity", {})]
    names = [IMAGE, *(f"{IMAGE}.{operator.lower()}" for operator, _ in steps[:-1]), INSIDE + place.name]
    return [
        helper.make_node(operator, [below], [above], name=f"{IMAGE}.{operator.lower()}", **attributes)
        for (operator, attributes), below, above in zip(steps, names[:-1], names[1:], strict=True)
    ]
