"""The wiring of an imported graph, and the observation of its run. Owns the facts about its tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from toolbox.terms import IMAGE

SIZE_OPERATORS = ("Shape", "Size")
"""Operators whose results depend on the size of an image, but not on its content."""


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
        """The first output; the operators that are relevant here have only one."""
        return self.outputs[0]


@dataclass(frozen=True)
class Observation:
    """Facts about the tensors of a graph, observed by running it.

    Attributes:
        batch: number of images presented at once: 2, or the only number that the graph accepts.
        shapes: shapes of all tensors for that batch, and of all constants.
        by_image: tensors whose first axis, and no other, grows with the batch.
        values: small tensors that do not depend on the content of the image: constants, shapes, axes.
        floats: tensors of floating-point numbers.
    """

    batch: int
    shapes: Mapping[str, tuple[int, ...]]
    by_image: frozenset[str]
    values: Mapping[str, NDArray[Any]]
    floats: frozenset[str]


class Wiring:
    """The nodes that produce and consume every tensor, in an order in which they can run."""

    def __init__(self, model: onnx.ModelProto, observation: Observation) -> None:
        """The wiring of a graph.

        Args:
            model: a graph whose image input is `image`.
            observation: the observation of its run.
        """
        self.opsets = list(model.opset_import)
        self.nodes = _read_nodes(model.graph)
        self.outputs = tuple(output.name for output in model.graph.output)
        self.observation = observation

    @cached_property
    def producer(self) -> dict[str, Node]:
        """The node that produces a tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    @cached_property
    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that consume a tensor, each once."""
        takers: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                takers[name].append(node)
        return takers

    @cached_property
    def responsive(self) -> frozenset[str]:
        """Tensors that depend on the content of the image."""
        return frozenset(dependents(self.nodes, IMAGE))

    @cached_property
    def depth(self) -> dict[str, int]:
        """Number of operators on the longest path from the image, or a constant, to a tensor."""
        depths: dict[str, int] = defaultdict(int)
        for node in self.nodes:
            deepest = max((depths[name] for name in node.inputs), default=0)
            depths.update(dict.fromkeys(node.outputs, deepest + 1))
        return depths

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of a tensor in the observed run; empty for a tensor that was not computed."""
        return self.observation.shapes.get(tensor, ())

    def value(self, node: Node, place: int) -> NDArray[Any] | None:
        """The constant at an input of a node.

        Args:
            node: a node of this graph.
            place: number of the input, from 0.

        Returns: None where there is no input, or where it depends on the image.
        """
        name = node.inputs[place] if place < len(node.inputs) else ""
        return self.observation.values.get(name)

    def responsive_inputs(self, node: Node) -> tuple[str, ...]:
        """Inputs of a node that depend on the content of the image, each once."""
        return tuple(dict.fromkeys(name for name in node.inputs if name in self.responsive))

    def reduction_axes(self, node: Node) -> tuple[int, ...]:
        """Axes of a reduction, counted from 0; they are an input of newer operators, and an attribute of older ones."""
        rank = len(self.shape(node.inputs[0]))
        given = self.value(node, 1)
        chosen = node.attributes.get("axes") if given is None else given.ravel().tolist()
        if not chosen:
            return () if node.attributes.get("noop_with_empty_axes") else tuple(range(rank))
        return tuple(int(axis) % rank for axis in chosen)

    def is_scalar(self, tensor: str) -> bool:
        """Whether a tensor is a single number that does not depend on the image."""
        value = self.observation.values.get(tensor)
        return tensor not in self.responsive and value is not None and value.size == 1


def dependents(nodes: Iterable[Node], tensor: str) -> set[str]:
    """A tensor and all tensors that depend on its values.

    Args:
        nodes: the nodes, in the order in which they run.
        tensor: name of the tensor.
    """
    reached = {tensor}
    for node in nodes:
        if node.operator not in SIZE_OPERATORS and reached.intersection(node.inputs):
            reached.update(name for name in node.outputs if name)
    return reached


def constants(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """The tensors stored in a graph, by name, without copies."""
    return {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}


def _read_nodes(graph: onnx.GraphProto) -> tuple[Node, ...]:
    return tuple(_read_node(number, proto) for number, proto in enumerate(graph.node))


def _read_node(number: int, proto: onnx.NodeProto) -> Node:
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in proto.attribute}
    texts = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in attributes.items()
    }
    return Node(number, proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), texts, proto)


def observation(
    model: onnx.ModelProto, runs: Mapping[int, Mapping[str, NDArray[Any]]], small: int = 4096
) -> Observation:
    """The observation of one or two runs of a graph.

    Args:
        model: the graph.
        runs: all tensors by name, by the number of images that were presented at once.
        small: largest number of values of a constant that is kept.
    """
    batch = max(runs)
    tensors = {**constants(model.graph), **runs[batch]}
    responsive = dependents(_read_nodes(model.graph), IMAGE)
    return Observation(
        batch=batch,
        shapes={name: tensor.shape for name, tensor in tensors.items()},
        by_image=frozenset(name for name in runs[batch] if _is_by_image(name, runs)),
        values={
            name: tensor
            for name, tensor in tensors.items()
            if tensor.size <= small and name not in responsive
        },
        floats=frozenset(
            name for name, tensor in tensors.items() if np.issubdtype(tensor.dtype, np.floating)
        ),
    )


def _is_by_image(name: str, runs: Mapping[int, Mapping[str, NDArray[Any]]]) -> bool:
    """Whether the first axis of a tensor, and no other, has the size of the batch in every run."""
    rest = runs[max(runs)][name].shape[1:]
    tensors = {count: run.get(name) for count, run in runs.items()}
    return all(
        tensor is not None and tensor.ndim > 0 and tensor.shape == (count, *rest)
        for count, tensor in tensors.items()
    )
