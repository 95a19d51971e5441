"""3 x 3 convolutions by Winograd's algorithm, written in plain ONNX operators. Owns which ones, and their tensors.

The map is cut into overlapping tiles of 6 x 6; each gives 4 x 4 outputs. With d a tile, g a kernel, and * element by
element, F(4 x 4, 3 x 3) is y = Aᵀ [(G g Gᵀ) * (Bᵀ d B)] A, summed over channels: 36 products where the plain sum has
144 (Lavin and Gray 2016, arXiv:1509.09308). Both transforms are convolutions with one fixed kernel a channel, and the
sum over channels is a product of matrices, so any runtime with those runs it.

It pays on a processor; GPU libraries choose such algorithms by themselves. Responses of VGG16 differ from the plain
sum by some 2e-6 of a layer's largest one, as much as between two processors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

from toolbox.graph import Graph, external_tensor

WINOGRAD = "Winograd F(4x4, 3x3)"
LEAST_CHANNELS = 128
"""Channels on both sides from which on it wins: below, moving the tiles costs what the products save."""
OLDEST_OPSET = 11
"""The opset since which a slice is cut by inputs."""

# The interpolation points are 0, 1, -1, 2, -2 and infinity.
B = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
).T
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
A = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]).T


def with_winograd(graph: Graph) -> Graph:
    """The same graph with its larger 3 x 3 convolutions done by Winograd's algorithm; itself where it has none."""
    if any(
        entry.version < OLDEST_OPSET for entry in graph.proto.opset_import if entry.domain in ("", "ai.onnx")
    ):
        return graph
    sizes = _map_sizes(graph.proto)
    chosen = [node for node in graph.proto.graph.node if _is_eligible(node, graph, sizes)]
    if not chosen:
        return graph
    tensors, constants = dict(graph.tensors), dict[str, NDArray[np.float32 | np.int64]]()
    outputs = {node.output[0] for node in chosen}
    nodes: list[onnx.NodeProto] = []
    for node in graph.proto.graph.node:
        if node.output[0] not in outputs:
            nodes.append(node)
            continue
        tensors[f"{node.output[0]}.winograd"] = _transform_kernel(graph.tensors[node.input[1]])
        nodes += _tile_nodes(node, graph.tensors[node.input[1]].shape, sizes[node.output[0]], constants)
    return _rebuild(graph, nodes, tensors, constants)


def _map_sizes(proto: onnx.ModelProto) -> dict[str, tuple[int, int]]:
    """Height and width of every map of known size."""
    inferred = shape_inference.infer_shapes(proto).graph
    sizes = {}
    for entry in (*inferred.value_info, *inferred.output):
        shape = [dimension.dim_value for dimension in entry.type.tensor_type.shape.dim]
        if len(shape) == 4 and min(shape[2:]) > 0:
            sizes[entry.name] = (shape[2], shape[3])
    return sizes


def _is_eligible(node: onnx.NodeProto, graph: Graph, sizes: dict[str, tuple[int, int]]) -> bool:
    """A convolution of 3 x 3, in steps of one, that keeps the size of a map, with many channels on both sides."""
    if node.op_type != "Conv" or node.output[0] not in sizes:
        return False
    kernel = graph.tensors.get(node.input[1])
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return (
        kernel is not None
        and kernel.dtype == np.float32
        and kernel.shape[2:] == (3, 3)
        and min(kernel.shape[:2]) >= LEAST_CHANNELS
        and list(given.get("pads", ())) == [1, 1, 1, 1]
        and set(given.get("strides", (1,))) | set(given.get("dilations", (1,))) == {1}
        and given.get("group", 1) == 1
        and given.get("auto_pad", b"NOTSET") == b"NOTSET"
    )


def _transform_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """G g Gᵀ of every kernel: (36, filters, inputs)."""
    filters, inputs = kernel.shape[:2]
    spread: NDArray[np.float64] = np.einsum("ti,fcij,uj->tufc", G, kernel, G, optimize=True)
    return np.ascontiguousarray(spread.reshape(36, filters, inputs), np.float32)


def _tile_nodes(
    node: onnx.NodeProto,
    shape: tuple[int, ...],
    size: tuple[int, int],
    constants: dict[str, NDArray[np.float32 | np.int64]],
) -> list[onnx.NodeProto]:
    """The nodes that take the place of one convolution; its fixed tensors are added to the constants."""
    filters, inputs = shape[:2]
    (height, width), below, out = size, node.input[0], node.output[0]
    rows, columns = -(-height // 4), -(-width // 4)
    is_whole = (4 * rows, 4 * columns) == (height, width)

    def constant(name: str, value: NDArray[np.float32 | np.int64]) -> str:
        constants[f"winograd.{name}"] = value
        return f"winograd.{name}"

    def sized(*dimensions: int) -> str:
        return constant("x".join(map(str, dimensions)), np.array(dimensions, np.int64))

    def make(operator: str, operands: list[str], result: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(operator, operands, [f"{out}.{result}" if result else out], **attributes)

    into = constant(f"into{inputs}", _for_each(inputs, np.kron(B, B).T, 6))
    back = constant(f"back{filters}", _for_each(filters, np.kron(A, A), 4))
    pads = [1, 1, 4 * rows + 1 - height, 4 * columns + 1 - width]
    nodes = [
        make("Conv", [below, into], "tiles", group=inputs, strides=[4, 4], pads=pads, kernel_shape=[6, 6]),
        make("Reshape", [f"{out}.tiles", sized(0, inputs, 36, rows * columns)], "tiles.by.channel"),
        make("Transpose", [f"{out}.tiles.by.channel"], "tiles.by.position", perm=[0, 2, 1, 3]),
        # Each image by itself: its responses must not depend on the batch it came in.
        make("MatMul", [f"{out}.winograd", f"{out}.tiles.by.position"], "products"),
        make("Transpose", [f"{out}.products"], "products.by.channel", perm=[0, 2, 1, 3]),
        make("Reshape", [f"{out}.products.by.channel", sized(0, filters * 36, rows, columns)], "products.as.map"),
        make(
            "ConvTranspose", [f"{out}.products.as.map", back, *node.input[2:]], "" if is_whole else "whole",
            group=filters, strides=[4, 4], kernel_shape=[4, 4],
        ),
    ]  # fmt: skip
    if not is_whole:
        nodes.append(make("Slice", [f"{out}.whole", sized(0, 0), sized(height, width), sized(2, 3)], ""))
    return nodes


def _for_each(channels: int, transform: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    """A transform between 36 values and a square, as the kernels of a convolution that does it for every channel."""
    return np.tile(transform.reshape(36, 1, side, side), (channels, 1, 1, 1)).astype(np.float32)


def _rebuild(
    graph: Graph,
    nodes: list[onnx.NodeProto],
    tensors: dict[str, NDArray[np.float32]],
    constants: dict[str, NDArray[np.float32 | np.int64]],
) -> Graph:
    """The graph with other nodes, without the tensors that none of them takes any more."""
    taken = {name for node in nodes for name in node.input}
    proto = onnx.ModelProto()
    proto.CopyFrom(graph.proto)
    kept = [entry for entry in proto.graph.initializer if entry.name in taken]
    named = {entry.name for entry in kept}
    tensors = {name: tensor for name, tensor in tensors.items() if name in taken}
    kept += [external_tensor(name, tensor) for name, tensor in tensors.items() if name not in named]
    kept += [numpy_helper.from_array(value, name) for name, value in constants.items()]
    del proto.graph.node[:], proto.graph.initializer[:]
    proto.graph.node.extend(nodes)
    proto.graph.initializer.extend(kept)
    return Graph(proto, tensors)
