"""A graph that somebody else made, as it is wired and as it really runs. Owns what is known of its tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from toolbox.terms import IMAGE

POOLS = ("MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool")
REDUCED = ("ReduceMean", "ReduceMax")
SUMS = ("Add", "Sum")
VIEWS = ("Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that hand all values on, if in another shape."""
SAME = ("Identity", "Dropout", "Cast")
"""Operators that hand all values on in their places."""
REDUCTIONS = (
    "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp",
    "ReduceProd", "ArgMax", "ArgMin",
)  # fmt: skip
SHAPES = ("Shape", "Size")
"""Operators whose results say how large an image is and nothing of what it shows."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operator of a graph."""

    number: int
    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: onnx.NodeProto

    @property
    def output(self) -> str:
        return self.outputs[0]


@dataclass(frozen=True)
class Observed:
    """What running a graph showed.

    Attributes:
        batch: images shown at once: 2, or the number that the graph insists on.
        shapes: of all tensors with that batch, and of all constants.
        batched: tensors whose first axis, and no other, grows with the batch.
        values: small tensors that do not follow from what the image shows: constants, shapes, axes.
        floats: tensors of floating-point numbers.
    """

    batch: int
    shapes: Mapping[str, tuple[int, ...]]
    batched: frozenset[str]
    values: Mapping[str, NDArray[Any]]
    floats: frozenset[str]


class Wiring:
    """Who makes and who takes every tensor. Nodes are in an order in which they can run."""

    def __init__(self, model: onnx.ModelProto, observed: Observed) -> None:
        self.opsets = list(model.opset_import)
        self.nodes = tuple(_node(number, proto) for number, proto in enumerate(model.graph.node))
        self.outputs = tuple(output.name for output in model.graph.output)
        self.observed = observed

    @cached_property
    def producer(self) -> dict[str, Node]:
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def consumers(self) -> dict[str, list[Node]]:
        takers: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                takers[name].append(node)
        return takers

    @cached_property
    def seen(self) -> frozenset[str]:
        """Tensors that follow from what the image shows."""
        return frozenset(following(self.nodes, IMAGE))

    @cached_property
    def depth(self) -> dict[str, int]:
        """How many operators lie between the image, or a constant, and a tensor, on the longest way."""
        depths: dict[str, int] = defaultdict(int)
        for node in self.nodes:
            deepest = max((depths[name] for name in node.inputs), default=0)
            depths.update(dict.fromkeys(node.outputs, deepest + 1))
        return depths

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.observed.shapes.get(tensor, ())

    def value(self, node: Node, place: int) -> NDArray[Any] | None:
        """The constant at an input of a node, None where there is none or where it follows from the image."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        return self.observed.values.get(name)

    def seen_inputs(self, node: Node) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in node.inputs if name in self.seen))

    def axes(self, node: Node, place: int = 1) -> tuple[int, ...]:
        """Axes of a reduction, counted from 0: an input of newer operators, an attribute of older ones."""
        rank = len(self.shape(node.inputs[0]))
        given = self.value(node, place)
        chosen = node.attributes.get("axes") if given is None else given.ravel().tolist()
        if not chosen:
            return () if node.attributes.get("noop_with_empty_axes") else tuple(range(rank))
        return tuple(int(axis) % rank for axis in chosen)

    def is_scalar(self, tensor: str) -> bool:
        """Whether a tensor is one number that no image changes."""
        found = self.observed.values.get(tensor)
        return tensor not in self.seen and found is not None and found.size == 1

    def behind(self, tensor: str) -> Iterator[Node]:
        """Nodes that take a tensor's values, also through operators that hand them on in their places."""
        for node in self.consumers.get(tensor, ()):
            if node.operator in SAME:
                yield from self.behind(node.output)
            else:
                yield node

    def before(self, tensor: str, operators: tuple[str, ...] = SAME) -> str:
        """The tensor whose values this one has, back through operators that hand them on."""
        while (
            (node := self.producer.get(tensor)) and node.operator in operators and node.inputs[0] in self.seen
        ):
            tensor = node.inputs[0]
        return tensor


def following(nodes: Iterable[Node], tensor: str) -> set[str]:
    """A tensor and all that follow from its values."""
    reached = {tensor}
    for node in nodes:
        if node.operator not in SHAPES and reached.intersection(node.inputs):
            reached.update(name for name in node.outputs if name)
    return reached


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """The tensors that lie in a graph by name, without copies."""
    return {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}


def _node(number: int, proto: onnx.NodeProto) -> Node:
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in proto.attribute}
    texts = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in attributes.items()
    }
    return Node(number, proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), texts, proto)


def observation(
    model: onnx.ModelProto, runs: Mapping[int, Mapping[str, NDArray[Any]]], small: int = 4096
) -> Observed:
    """What one or two runs of a graph, by their batch, tell of its tensors."""
    batch = max(runs)
    fixed = constants(model.graph)
    shapes = {name: tensor.shape for name, tensor in fixed.items()}
    shapes |= {name: tensor.shape for name, tensor in runs[batch].items()}
    everything = {**fixed, **runs[batch]}
    values = {name: tensor for name, tensor in everything.items() if tensor.size <= small}
    floats = frozenset(
        name for name, tensor in everything.items() if np.issubdtype(tensor.dtype, np.floating)
    )
    batched = frozenset(
        name
        for name, tensor in runs[batch].items()
        if all(_grows(run.get(name), count, tensor.shape[1:]) for count, run in runs.items())
    )
    nodes = tuple(_node(number, proto) for number, proto in enumerate(model.graph.node))
    seen = following(nodes, IMAGE)
    return Observed(
        batch, shapes, batched, {name: value for name, value in values.items() if name not in seen}, floats
    )


def _grows(tensor: NDArray[Any] | None, count: int, rest: tuple[int, ...]) -> bool:
    return tensor is not None and tensor.ndim > 0 and tensor.shape == (count, *rest)
