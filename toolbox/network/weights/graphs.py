"""The kernels in the graph of an ONNX file, whoever exported it: by operators and order, not by names.

Owns finding the layers with weights, their constants, and how a map was unrolled before a dense layer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from toolbox.errors import WeightsError
from toolbox.network.weights.layout import KERAS, TORCH, KernelLayout, Shape, StoredTensor

Array = NDArray[Any]
LAYERS = ("Conv", "Gemm", "MatMul")
FOLDED = {"Constant", "Transpose", "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"}
"""Operators through which a constant may pass before it is a kernel or a bias."""
BETWEEN = {
    "Relu", "Softmax", "MaxPool", "AveragePool", "GlobalAveragePool", "Transpose", "Flatten", "Reshape", "Squeeze",
    "Unsqueeze", "Identity", "Dropout", "Cast",
}  # fmt: skip
"""Operators that a chain of layers may have between two kernels; any other changes what the kernels mean."""
PRODUCERS = {"pytorch": "torch", "tf2onnx": "keras", "keras2onnx": "keras"}
"""Whose weights an exporter writes, by the name that it leaves in its files."""
MAP_FIRST, CHANNELS_LAST = [0, 1, 2, 3], [0, 2, 3, 1]


def graph_tensors(path: Path) -> list[StoredTensor]:
    """Kernel and bias of every convolution and dense layer of an ONNX file, in the order of its graph."""
    graph = _Graph(path, onnx.load(path, load_external_data=False))
    return [tensor for node in graph.layers for tensor in (graph.kernel(node), graph.bias(node))]


@dataclass(frozen=True)
class _Graph:
    """A loaded graph, and who makes and takes which of its tensors."""

    path: Path
    model: onnx.ModelProto
    makers: dict[str, onnx.NodeProto] = field(default_factory=dict)
    takers: dict[str, list[onnx.NodeProto]] = field(default_factory=lambda: defaultdict(list))
    shapes: dict[str, Shape] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.model.graph.node:
            self.makers.update(dict.fromkeys(node.output, node))
            for name in node.input:
                self.takers[name].append(node)

    @cached_property
    def initialisers(self) -> dict[str, onnx.TensorProto]:
        return {tensor.name: tensor for tensor in self.model.graph.initializer}

    @cached_property
    def opsets(self) -> dict[str, int]:
        return {entry.domain: entry.version for entry in self.model.opset_import}

    @property
    def program(self) -> str:
        """Whose weights these are, in the word of a card's `layout`, if the file tells who exported it."""
        return PRODUCERS.get(self.model.producer_name.lower(), "")

    @cached_property
    def layers(self) -> list[onnx.NodeProto]:
        """Nodes whose kernel and bias are constants."""
        return [
            node
            for node in self.model.graph.node
            if node.op_type in LAYERS
            and self.is_constant(node.input[1])
            and len(self.shape(node.input[1])) > 1
            and all(self.is_constant(name) for name in node.input[2:] if name)
        ]

    @cached_property
    def additions(self) -> dict[str, tuple[onnx.NodeProto, str]]:
        """For layers without a bias of their own: the Add behind them, and its constant, by the layer's output."""
        found = {node.output[0]: self._addition(node) for node in self.layers if not self._own_bias(node)}
        return {output: addition for output, addition in found.items() if addition}

    def is_constant(self, name: str) -> bool:
        maker = self.makers.get(name)
        if maker is None:
            return name in self.initialisers
        return maker.op_type in FOLDED and all(self.is_constant(each) for each in maker.input if each)

    def value(self, name: str) -> Array:
        """A constant, worked out where it passes through other operators."""
        if name in self.initialisers:
            return numpy_helper.to_array(self.initialisers[name], base_dir=str(self.path.parent))
        maker = self.makers[name]
        inputs = {each: self.value(each) for each in maker.input if each}
        evaluator: Any = ReferenceEvaluator(maker, opsets=self.opsets)
        result: Array = evaluator.run(None, inputs)[0]
        return result

    def shape(self, name: str) -> Shape:
        if name not in self.shapes:
            is_stored = name in self.initialisers
            self.shapes[name] = tuple(self.initialisers[name].dims) if is_stored else self.value(name).shape
        return self.shapes[name]

    def kernel(self, node: onnx.NodeProto) -> StoredTensor:
        factor = _attribute(node, "alpha", 1.0) if node.op_type == "Gemm" else 1.0
        return StoredTensor(
            self._title(node, node.input[1]),
            self.shape(node.input[1]),
            partial(self._times, node.input[1], factor),
            node.output[0],
            layout=partial(self._layout, node),
            below=partial(self._below, node),
        )

    def bias(self, node: onnx.NodeProto) -> StoredTensor:
        """The constant that is added: the node's own, that of an Add behind it, or none, which is zero."""
        filters = self._filters(node)
        read: Callable[[], Array]
        remark = ""
        if name := self._own_bias(node) or self.additions.get(node.output[0], (node, ""))[1]:
            factor = _attribute(node, "beta", 1.0) if node.op_type == "Gemm" else 1.0
            count = int(np.prod(self.shape(name)))
            read = partial(self._spread, name, factor, filters)
            shape: Shape = (filters,) if count in (1, filters) else (count,)
        else:
            read, shape = partial(np.zeros, filters, np.float32), (filters,)
            remark = f"{self.path.name} has no bias in {node.name or node.output[0]}: zero is taken"
        return StoredTensor(self._title(node, name), shape, read, node.output[0], remark=remark)

    def _times(self, name: str, factor: float) -> Array:
        value = self.value(name)
        return value if factor == 1 else value * np.float32(factor)

    def _spread(self, name: str, factor: float, filters: int) -> Array:
        return np.broadcast_to(self._times(name, factor).reshape(-1), (filters,))

    def _title(self, node: onnx.NodeProto, tensor: str) -> str:
        """All names by which a layer may be known: of the tensor, the node, and its output."""
        names: list[str] = [tensor, node.name, node.output[0]]
        return " ".join(dict.fromkeys(name for name in names if name))

    def _filters(self, node: onnx.NodeProto) -> int:
        shape = self.shape(node.input[1])
        return shape[0] if node.op_type == "Conv" or _attribute(node, "transB", 0) else shape[-1]

    def _own_bias(self, node: onnx.NodeProto) -> str:
        if node.op_type == "MatMul" or len(node.input) < 3 or not node.input[2]:
            return ""
        return str(node.input[2])

    def _addition(self, node: onnx.NodeProto) -> tuple[onnx.NodeProto, str] | None:
        output = node.output[0]
        while len(takers := self.takers[output]) == 1:
            if takers[0].op_type == "Add":
                constants = [name for name in takers[0].input if self.is_constant(name)]
                return (takers[0], constants[0]) if constants else None
            if takers[0].op_type not in ("Transpose", "Identity", "Cast"):
                return None
            output = takers[0].output[0]
        return None

    def _path(self, node: onnx.NodeProto) -> tuple[list[onnx.NodeProto], str | None]:
        """The nodes from the layer below to this one, and that layer's output; None for the graph's input."""
        ends = {layer.output[0] for layer in self.layers}
        added = [addition.output[0] for addition, _ in self.additions.values()]
        nodes: list[onnx.NodeProto] = []
        name = node.input[0]
        while name not in ends:
            maker = self.makers.get(name)
            if maker is None:
                return nodes, None
            if maker.op_type not in BETWEEN and name not in added:
                reason = (
                    "whose kernel is no constant"
                    if maker.op_type in LAYERS
                    else "which changes what it means"
                )
                raise self._refusal(node, f"comes behind {maker.op_type}, {reason}")
            nodes.insert(0, maker)
            name = next((each for each in maker.input if not self.is_constant(each)), maker.input[0])
        return nodes, name

    def _below(self, node: onnx.NodeProto) -> str | None:
        return self._path(node)[1]

    def _layout(self, node: onnx.NodeProto) -> KernelLayout:
        """How this node's kernel is laid out; that of a dense layer follows from what unrolled the map below it."""
        if node.op_type == "Conv":
            return replace(TORCH, name="ONNX", program=self.program)
        if node.op_type == "Gemm" and _attribute(node, "transA", 0):
            raise self._refusal(node, "takes its input transposed")
        axes, unrolled = MAP_FIRST, False
        for each in self._path(node)[0]:
            if each.op_type == "Transpose":
                turn = list(_attribute(each, "perm", []))
                if unrolled or sorted(turn) != MAP_FIRST:
                    raise self._refusal(node, f"comes behind a Transpose by {turn} that is not understood")
                axes = [axes[int(axis)] for axis in turn]
            unrolled = unrolled or each.op_type in ("Flatten", "Reshape")
        if axes not in (MAP_FIRST, CHANNELS_LAST):
            raise self._refusal(node, f"takes a map whose axes are in the order {axes}")
        is_turned = bool(_attribute(node, "transB", 0))
        return KernelLayout("ONNX", KERAS.convolution, is_turned, axes == MAP_FIRST, self.program)

    def _refusal(self, node: onnx.NodeProto, problem: str) -> WeightsError:
        name = node.name or node.output[0]
        return WeightsError(
            f"{self.path}: {node.op_type} {name!r} {problem}; expected a chain of Conv, pooling, Gemm or MatMul with "
            "constant kernels; export it anew with its operators folded"
        )


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    for attribute in node.attribute:
        if attribute.name == name:
            return onnx.helper.get_attribute_value(attribute)
    return default
