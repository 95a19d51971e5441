"""One step backward through a graph: what a rule sees and may add. Owns the names and types of the added tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from toolbox.errors import GradientError
from toolbox.graph import Graph, external_tensor

Sizes = tuple[int | str, ...]
"""Sizes of a tensor; a name where a size is variable. Sizes of one name are equal."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
ADDED = "gradient/"
"""Prefix of the names of tensors that are added to a graph."""


@dataclass
class Sketch:
    """A graph in the making: the given one, with the nodes of its gradient.

    Attributes:
        graph: the given graph.
        nodes: its nodes, and those that rules have added.
        constants: small constants that rules have added.
        tensors: large ones, which are kept beside the graph.
    """

    graph: Graph
    nodes: list[onnx.NodeProto]
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    tensors: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node, and return the name of its first output; the others have the same name with a number.

        Args:
            operator: the ONNX operator.
            *inputs: names of its inputs.
            outputs: number of its outputs.
            **attributes: its attributes.
        """
        first = f"{ADDED}{len(self.nodes)}"
        names = [first, *(f"{first}.{place}" for place in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return first

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """Add a small constant, and return its name.

        Args:
            values: a number, or numbers in lists.
            dtype: their type, as numpy names it.
        """
        array = np.asarray(values, dtype)
        name = f"{ADDED}{array.dtype}{array.tolist()}"
        self.constants[name] = array
        return name

    def keep(self, name: str, tensor: NDArray[np.float32]) -> str:
        """Add a large tensor that is kept beside the graph, and return its full name.

        Args:
            name: the name, without the prefix of what is added.
            tensor: the tensor.
        """
        self.tensors[f"{ADDED}{name}"] = tensor
        return f"{ADDED}{name}"

    @property
    def opset(self) -> int:
        """The version of the operators."""
        entries = self.graph.proto.opset_import
        return next(int(entry.version) for entry in entries if entry.domain in ("", "ai.onnx"))

    def value(self, name: str) -> NDArray[Any] | None:
        """The values of a constant of the given graph; None where a tensor is computed."""
        if name in self.graph.tensors:
            return self.graph.tensors[name]
        entry = self._stored.get(name)
        return None if entry is None else numpy_helper.to_array(entry)

    def shape(self, name: str) -> Sizes | None:
        """The sizes of a tensor; None where one of them is unknown."""
        entry = self._types.get(name)
        if entry is None or not entry.HasField("shape"):
            return None
        sizes = tuple(side.dim_value or side.dim_param for side in entry.shape.dim)
        return sizes if all(sizes) else None

    def rank(self, name: str) -> int | None:
        """The number of axes of a tensor; None where it is unknown."""
        entry = self._types.get(name)
        return len(entry.shape.dim) if entry is not None and entry.HasField("shape") else None

    def type(self, name: str) -> int:
        """The type of a tensor's values, as ONNX numbers it; float32 where it is unknown."""
        entry = self._types.get(name)
        return entry.elem_type if entry is not None and entry.elem_type else TensorProto.FLOAT

    @cached_property
    def _stored(self) -> dict[str, TensorProto]:
        """Initializers, and the tensors of Constant nodes."""
        found = {entry.name: entry for entry in self.graph.proto.graph.initializer}
        for node in self.graph.proto.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                found[node.output[0]] = node.attribute[0].t
        return found

    @cached_property
    def _types(self) -> dict[str, Any]:
        inferred = shape_inference.infer_shapes(self.graph.proto).graph
        entries = (*inferred.value_info, *inferred.input, *inferred.output)
        types = {entry.name: entry.type.tensor_type for entry in entries}
        for entry in self.graph.proto.graph.initializer:
            types[entry.name] = helper.make_tensor_type_proto(entry.data_type, entry.dims).tensor_type
        return types

    def declared(self) -> list[TensorProto]:
        """All constants of the finished graph, as it declares them."""
        used = {name for node in self.nodes for name in node.input}
        kept = [entry for entry in self.graph.proto.graph.initializer if entry.name in used]
        kept += [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        return kept + [external_tensor(name, tensor) for name, tensor in self.tensors.items()]


@dataclass(frozen=True)
class StepBack:
    """The way back through one node to one of its inputs.

    Attributes:
        node: the node.
        place: number of the input, from 0.
        gradients: for every output of the node, the tensor with the gradient of the sum with respect to it; empty
            where there is none.
    """

    sketch: Sketch
    node: onnx.NodeProto
    place: int
    gradients: Sequence[str]

    @property
    def x(self) -> str:
        """The input whose gradient is computed."""
        return str(self.node.input[self.place])

    @property
    def y(self) -> str:
        """The first output of the node."""
        return str(self.node.output[0])

    @property
    def gradient(self) -> str:
        """The gradient with respect to the first output."""
        return self.gradients[0]

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes of the node, text as str."""
        given = {entry.name: helper.get_attribute_value(entry) for entry in self.node.attribute}
        return {name: value.decode() if isinstance(value, bytes) else value for name, value in given.items()}

    def operand(self, place: int) -> str:
        """The name of an input of the node; empty where it has none."""
        return str(self.node.input[place]) if place < len(self.node.input) else ""

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its first output.

        Args:
            operator: the ONNX operator.
            *inputs: names of its inputs.
            **attributes: its attributes.
        """
        return self.sketch.add(operator, *inputs, **attributes)

    def integers(self, *values: int) -> str:
        """A constant list of whole numbers."""
        return self.sketch.constant(values)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the input's values."""
        return helper.tensor_dtype_to_np_dtype(self.sketch.type(self.x))

    def number(self, value: float) -> str:
        """A constant number of the type of the input."""
        return self.sketch.constant(value, self.dtype)

    def times(self, *factors: str) -> str:
        """The product of several tensors, element by element."""
        product = factors[0]
        for factor in factors[1:]:
            product = self.add("Mul", product, factor)
        return product

    def as_floats(self, tensor: str) -> str:
        """A tensor of whole numbers or truth values in the type of the input."""
        return self.add("Cast", tensor, to=self.sketch.type(self.x))

    def like_input(self, gradient: str) -> str:
        """A tensor with the values of a gradient in their order, in the shape of the input."""
        return self.add("Reshape", gradient, self.add("Shape", self.x))

    def where(self, condition: str, gradient: str) -> str:
        """A gradient where a condition is met, else 0.

        Args:
            condition: name of the tensor of truth values.
            gradient: name of the tensor of the gradient.
        """
        return self.add("Where", condition, gradient, self.number(0))

    def sum_to_input(self, gradient: str) -> str:
        """A gradient summed over the axes along which the input was repeated to the shape of the output."""
        own, whole = self.sketch.shape(self.x), self.sketch.shape(self.y)
        if own is not None and own == whole:
            return gradient
        return self.sum_to(gradient, self.x)

    def sum_to(self, gradient: str, tensor: str) -> str:
        """A gradient summed over the axes along which a tensor was repeated, in the shape of that tensor.

        Args:
            gradient: name of the tensor of the gradient.
            tensor: name of the tensor that was repeated.
        """
        shape, above = self.add("Shape", tensor), self.add("Shape", gradient)
        missing = self.add("Sub", self.add("Shape", above), self.add("Shape", shape))
        ones = self.add("ConstantOfShape", missing, value=numpy_helper.from_array(np.ones(1, np.int64)))
        aligned = self.add("Concat", ones, shape, axis=0)
        differs = self.add("Not", self.add("Equal", aligned, above))
        axes = self.add("Reshape", self.add("NonZero", differs), self.integers(-1))
        total = self.add("ReduceSum", gradient, axes, keepdims=1, noop_with_empty_axes=1)
        return self.add("Reshape", total, shape)

    def refuse(self, reason: str) -> NoReturn:
        """Refuse a node whose rule does not cover what it does.

        Raises: GradientError, always.
        """
        raise refusal(self.node, reason)


Rule = Callable[[StepBack], str]
"""Adds the nodes of one step, and returns the gradient with respect to the input; empty where it is 0 everywhere."""


def refusal(node: onnx.NodeProto, reason: str) -> GradientError:
    """The error for a node through which no gradient can be computed.

    Args:
        node: the node.
        reason: what is missing.
    """
    name = (node.name or node.output[0]).removeprefix("graph/")
    return GradientError(
        f"the gradient through operator {node.op_type} (layer {name!r}) cannot be computed: {reason}; choose a layer "
        "before it"
    )
