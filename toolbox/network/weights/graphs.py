"""The kernels in the graph of an ONNX file from any exporter, found by operators and order instead of names.

Owns finding the layers with weights, their constants, and the order in which a map is flattened for a dense layer.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from toolbox.errors import UsageError, WeightsError
from toolbox.network.weights.layout import KERAS_LAYOUT, TORCH_LAYOUT, KernelLayout, Shape, StoredTensor
from toolbox.tapping.bounds import check_file_size, check_stored_tensors
from toolbox.tapping.graph_file import tensors_of

_LAYERS = ("Conv", "Gemm", "MatMul")
# Operators that may be applied to a constant before it is used as a kernel or a bias.
_FOLDED = {"Constant", "Transpose", "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"}
# Operators that a chain of layers may have between two kernels; any other operator changes the meaning of a kernel.
_BETWEEN = {
    "Relu", "Softmax", "MaxPool", "AveragePool", "GlobalAveragePool", "Transpose", "Flatten", "Reshape", "Squeeze",
    "Unsqueeze", "Identity", "Dropout", "Cast",
}  # fmt: skip
# The program of the weights, by the name of the exporter in its files.
_PRODUCERS = {"pytorch": "torch", "tf2onnx": "keras", "keras2onnx": "keras"}
_SMALL = 4096  # numbers of a constant that is kept
_CHANNELS_FIRST, _CHANNELS_LAST = [0, 1, 2, 3], [0, 2, 3, 1]


def graph_tensors(path: Path) -> list[StoredTensor]:
    """Kernel and bias of every convolution and dense layer of an ONNX file, in the order of its graph."""
    try:
        check_file_size(path)
        model = onnx.load(path, load_external_data=False)
        check_stored_tensors(path, model, tensors_of(model))
    except UsageError as error:
        raise WeightsError(str(error)) from error
    _check_order(path, model.graph)
    graph = _Graph(path, model)
    return [tensor for node in graph.layers for tensor in (graph.kernel(node), graph.bias(node))]


def _check_order(path: Path, graph: onnx.GraphProto) -> None:
    """Refuse nodes that are not in an order in which they can run, so that no way through them is a circle."""
    known = {"", *(entry.name for entry in (*graph.input, *graph.initializer))}
    known |= {entry.values.name for entry in graph.sparse_initializer}
    for node in graph.node:
        made = {name for name in node.output if name}
        if not known.issuperset(node.input) or made & known:
            raise WeightsError(
                f"{path}: {node.op_type} {node.name!r} is not in an order in which it can run; export the network again"
            )
        known |= made


class _Graph:
    """A loaded graph, and the nodes that produce and consume each tensor."""

    def __init__(self, path: Path, model: onnx.ModelProto) -> None:
        self.path, self.nodes = path, model.graph.node
        self.program = _PRODUCERS.get(model.producer_name.lower(), "")
        self.opsets = {entry.domain: entry.version for entry in model.opset_import}
        self.initialisers = {tensor.name: tensor for tensor in model.graph.initializer}
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.takers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.takers[name].append(node)
        self.shapes: dict[str, Shape] = {}
        self.small: dict[str, NDArray[Any]] = {}

    @cached_property
    def layers(self) -> list[NodeProto]:
        """Nodes whose kernel and bias are constants."""
        candidates = [node for node in self.nodes if node.op_type in _LAYERS]
        return [
            node
            for node in candidates
            if all(self.is_constant(name) for name in node.input[1:] if name)
            and len(self.shape(node.input[1])) > 1
        ]

    @cached_property
    def additions(self) -> dict[str, tuple[NodeProto, str]]:
        """For layers without their own bias: the Add node after them and its constant, by the layer's output."""
        found = {node.output[0]: self._addition(node) for node in self.layers if not _own_bias(node)}
        return {output: addition for output, addition in found.items() if addition}

    def _addition(self, node: NodeProto) -> tuple[NodeProto, str] | None:
        output = node.output[0]
        while len(self.takers[output]) == 1:
            (taker,) = self.takers[output]
            if taker.op_type == "Add":
                constants = [name for name in taker.input if self.is_constant(name)]
                return (taker, constants[0]) if constants else None
            if taker.op_type not in ("Transpose", "Identity", "Cast"):
                return None
            output = taker.output[0]
        return None

    def is_constant(self, name: str) -> bool:
        return name in self.constants

    @cached_property
    def constants(self) -> set[str]:
        """Tensors that do not depend on the image; nodes are listed in an order in which they can run."""
        found = {name for name in self.initialisers if name not in self.makers}
        for node in self.nodes:
            if node.op_type in _FOLDED and all(name in found for name in node.input if name):
                found.update(name for name in node.output if name)
        return found

    def value(self, name: str) -> NDArray[Any]:
        """A constant, computed where other operators are applied to it."""
        if name in self.initialisers:
            return numpy_helper.to_array(self.initialisers[name], base_dir=str(self.path.parent))
        if name in self.small:
            return self.small[name]
        maker = self.makers[name]
        evaluator: Any = ReferenceEvaluator(maker, opsets=self.opsets)
        result: NDArray[Any] = evaluator.run(None, {each: self.value(each) for each in maker.input if each})[
            0
        ]
        if result.size <= _SMALL:  # such as a shape, which operators may share; a kernel is read once
            self.small[name] = result
        return result

    def shape(self, name: str) -> Shape:
        if name not in self.shapes:
            is_stored = name in self.initialisers
            self.shapes[name] = tuple(self.initialisers[name].dims) if is_stored else self.value(name).shape
        return self.shapes[name]

    def kernel(self, node: NodeProto) -> StoredTensor:
        name = node.input[1]
        return StoredTensor(
            _title(node, name),
            self.shape(name),
            partial(self._scale, name, _attribute(node, "alpha", 1.0)),
            node.output[0],
            layout=partial(self._layout, node),
            below=lambda: self._path(node)[1],
        )

    def bias(self, node: NodeProto) -> StoredTensor:
        """The bias: that of the node, the constant of an Add node after it, or zero without either."""
        shape = self.shape(node.input[1])
        is_first = node.op_type == "Conv" or _attribute(node, "transB", 0)
        filters = (shape[0] if is_first else shape[-1],)
        name = _own_bias(node) or self.additions.get(node.output[0], (node, ""))[1]
        if not name:
            note = f"{self.path.name} has no bias in {node.name or node.output[0]}; zero is used"
            read = partial(np.zeros, filters, np.float32)
            return StoredTensor(_title(node, name), filters, read, node.output[0], note=note)
        size = (int(np.prod(self.shape(name))),)  # a single number applies to all filters
        factor = _attribute(node, "beta", 1.0)
        return StoredTensor(
            _title(node, name),
            filters if size == (1,) else size,
            lambda: np.broadcast_to(self._scale(name, factor).reshape(-1), filters),
            node.output[0],
        )

    def _scale(self, name: str, factor: float) -> NDArray[Any]:
        value = self.value(name)
        return value if factor == 1 else value * np.float32(factor)

    def _path(self, node: NodeProto) -> tuple[list[NodeProto], str | None]:
        """The nodes from the previous layer to this one, and the output of that layer; None for the graph's input."""
        ends = {layer.output[0] for layer in self.layers}
        additions = {addition.output[0] for addition, _ in self.additions.values()}
        nodes: list[NodeProto] = []
        name = node.input[0]
        while name not in ends:
            maker = self.makers.get(name)
            if maker is None:
                return nodes, None
            if maker.op_type in _LAYERS:
                raise self._refusal(node, f"follows {maker.op_type}, whose kernel is not constant")
            if maker.op_type not in _BETWEEN and name not in additions:
                raise self._refusal(node, f"follows {maker.op_type}, which changes the meaning of its kernel")
            nodes.insert(0, maker)
            name = next((each for each in maker.input if not self.is_constant(each)), maker.input[0])
        return nodes, name

    def _layout(self, node: NodeProto) -> KernelLayout:
        """The layout of this node's kernel; for a dense layer it depends on how the input map was flattened."""
        if node.op_type == "Conv":
            return KernelLayout("ONNX", TORCH_LAYOUT.convolution, True, True, self.program)
        if node.op_type == "Gemm" and _attribute(node, "transA", 0):
            raise self._refusal(node, "transposes its input")
        axes, is_unrolled = _CHANNELS_FIRST, False
        for each in self._path(node)[0]:
            if each.op_type == "Transpose":
                turn = list(_attribute(each, "perm", []))
                if is_unrolled or sorted(turn) != _CHANNELS_FIRST:
                    raise self._refusal(node, f"follows a Transpose by {turn}, which is not supported")
                axes = [axes[int(axis)] for axis in turn]
            is_unrolled = is_unrolled or each.op_type in ("Flatten", "Reshape")
        if axes not in (_CHANNELS_FIRST, _CHANNELS_LAST):
            raise self._refusal(
                node, f"has an input map with the axes in the order {axes}, which is not supported"
            )
        is_turned = bool(_attribute(node, "transB", 0))
        return KernelLayout(
            "ONNX", KERAS_LAYOUT.convolution, is_turned, axes == _CHANNELS_FIRST, self.program
        )

    def _refusal(self, node: NodeProto, problem: str) -> WeightsError:
        return WeightsError(
            f"{self.path}: {node.op_type} {node.name or node.output[0]!r} {problem}; expected a chain of Conv, "
            "pooling, Gemm or MatMul with constant kernels; export the network again with its operators folded"
        )


def _own_bias(node: NodeProto) -> str:
    return str(node.input[2]) if node.op_type != "MatMul" and len(node.input) > 2 else ""


def _title(node: NodeProto, tensor: str) -> str:
    """All names of a layer in the file: of its tensor, its node, and its output."""
    names: list[str] = [tensor, node.name, node.output[0]]
    return " ".join(dict.fromkeys(name for name in names if name))


def _attribute(node: NodeProto, name: str, default: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return onnx.helper.get_attribute_value(attribute)
    return default
