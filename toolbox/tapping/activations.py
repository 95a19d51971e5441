"""Finding the activation functions of a graph, including those that exporters decompose into several operators.

An activation is an element-wise function: between the tensors before and after it there are only element-wise operators
with constants. Gates (the sigmoid that scales other filters, the softmax of attention) are not layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from toolbox.tapping.operators import Effect, has_effect
from toolbox.tapping.wiring import Node, Wiring, dependents

Curve = NDArray[np.float64]
"""Values of a function of one number."""
SINGLE_OPERATORS = (Effect.ACTIVATION, Effect.GATE)
"""Effects of operators that are activations on their own."""
BENDS = (*SINGLE_OPERATORS, Effect.CORNER, Effect.BEND)
"""Effects of which an element-wise function needs at least one to be an activation; the others are arithmetic."""
VALUE_BY_VALUE = (*BENDS, Effect.COPY, Effect.ARITHMETIC, Effect.COMPARISON)
HAND_ON = (Effect.COPY, Effect.VIEW, Effect.MOVE)
SMALLEST_BOUND = 1e-3
"""Smaller bounds only prevent a division by zero."""
GRID = np.linspace(-8, 8, 65)
"""Values at which functions are compared."""
NEAR = 1e-2
"""Functions whose values differ by less at all of these points are equal: the resolution of float16 is 4e-3 near 8."""


@dataclass(frozen=True)
class Activation:
    """An activation function in a graph: the tensors before and after it, and its name."""

    before: str
    after: str
    operator: str
    node: Node


@dataclass(frozen=True)
class _Composite:
    """An activation that is decomposed into several operators, and these operators in order."""

    activation: Activation
    nodes: list[Node]


def activations(wiring: Wiring, origins: Origins) -> list[Activation]:
    """All activation functions of a graph, in the order in which they run, without gates.

    Args:
        wiring: the wiring of the graph.
        origins: the origins of its tensors.
    """
    composites = _composites(wiring, origins)
    inside = {node.number for composite in composites for node in composite.nodes}
    single = [
        Activation(node.inputs[0], node.output, node.operator, node)
        for node in wiring.nodes
        if has_effect(node, *SINGLE_OPERATORS)
        and node.number not in inside
        and node.inputs[0] in wiring.responsive
        and not is_gate(wiring, node)
    ]
    every = [*single, *(composite.activation for composite in composites)]
    return sorted(every, key=lambda activation: activation.node.number)


class Origins:
    """For every tensor, the nearest earlier tensor of which it is an element-wise function."""

    def __init__(self, wiring: Wiring) -> None:
        """Find the origins of all tensors of a graph."""
        self._wiring = wiring
        self._known: dict[str, str | None] = {}
        for node in wiring.nodes:
            for name in node.outputs:
                self._known[name] = self._origin(node)

    def chain(self, tensor: str) -> Iterator[str]:
        """The tensor itself, its origin, the origin of its origin, and so on."""
        current: str | None = tensor
        while current is not None:
            yield current
            current = self._known.get(current)

    def __getitem__(self, tensor: str) -> str | None:
        """The origin of a tensor, None where it has none."""
        return self._known.get(tensor)

    def _origin(self, node: Node) -> str | None:
        inputs = self._wiring.responsive_inputs(node)
        if not inputs or not has_effect(node, *VALUE_BY_VALUE):
            return None
        if not all(self._wiring.is_scalar(name) for name in node.inputs if name and name not in inputs):
            return None
        # For x * Sigmoid(x), the nearest tensor in the chains of both x and Sigmoid(x) is x.
        chains = [set(self.chain(name)) for name in inputs]
        return next((name for name in self.chain(inputs[-1]) if all(name in chain for chain in chains)), None)


def _composites(wiring: Wiring, origins: Origins) -> list[_Composite]:
    """Activations that consist of several operators.

    These are products of two functions of one tensor, such as x * Sigmoid(x), and maxima, minima or choices of one
    tensor, such as Max(x, 0).
    """
    composites: dict[str, _Composite] = {}
    for node in wiring.nodes:
        before = origins[node.output]
        if before is None or not (_is_product(wiring, node) or _is_corner(wiring, node)):
            continue
        if before in composites and len(wiring.consumers[before]) == 1 and has_effect(node, Effect.CORNER):
            before = composites[before].activation.before  # Min(Max(x, 0), 6) is one function
        composite = _compose(wiring, before, node)
        if composite is None:
            continue
        for part in composite.nodes:
            composites.pop(part.output, None)  # a product inside this activation is not an activation itself
        composites[composite.activation.after] = composite
    return [one for one in composites.values() if not _is_written_out_gate(wiring, one)]


def _compose(wiring: Wiring, before: str, last: Node) -> _Composite | None:
    """The activation that the operators from a tensor to a node compute; None where they are only arithmetic."""
    nodes = _nodes_between(wiring, before, last.output)
    if not any(has_effect(part, *BENDS) for part in nodes):
        return None
    name, nodes = _name_function(wiring, before, nodes)
    return _Composite(Activation(before, nodes[-1].output, name, nodes[-1]), nodes)


def _is_product(wiring: Wiring, node: Node) -> bool:
    return node.operator == "Mul" and len(wiring.responsive_inputs(node)) == 2


def _is_corner(wiring: Wiring, node: Node) -> bool:
    """Whether a node is a maximum, minimum or choice that does more than prevent a division by zero."""
    constants = [wiring.observation.values.get(name) for name in node.inputs if name not in wiring.responsive]
    return has_effect(node, Effect.CORNER) and not any(
        value is not None and value.size == 1 and 0 < float(value.ravel()[0]) < SMALLEST_BOUND
        for value in constants
    )


def _is_written_out_gate(wiring: Wiring, composite: _Composite) -> bool:
    """Whether Min and Max form a hard sigmoid that scales other values."""
    last = composite.activation.node
    if not has_effect(last, Effect.CORNER):
        return False
    curve = _curve(wiring, composite.activation.before, composite.nodes)
    return curve is not None and _is_scale(wiring, last, (float(curve.min()), float(curve.max())))


def _nodes_between(wiring: Wiring, before: str, after: str) -> list[Node]:
    """The operators from one tensor to another, in the order in which they run."""
    numbered: dict[int, Node] = {}
    open_ends = [after]
    while open_ends:
        name = open_ends.pop()
        if name != before and name in wiring.responsive and (node := wiring.producer.get(name)) is not None:
            numbered[node.number] = node
            open_ends += node.inputs
    return [numbered[number] for number in sorted(numbered)]


def _name_function(wiring: Wiring, before: str, nodes: list[Node]) -> tuple[str, list[Node]]:
    """The name of an activation, found by its values, and its operators, with a final multiplication if it has one."""
    last = list(wiring.consumers.get(nodes[-1].output, ()))
    longer = [nodes]
    if len(last) == 1 and last[0].operator in ("Mul", "Div") and len(wiring.responsive_inputs(last[0])) == 1:
        longer.append([*nodes, last[0]])
    for candidate in longer:
        if name := _known_function(_curve(wiring, before, candidate)):
            return name, candidate
    bend = next(node.operator for node in nodes if has_effect(node, *BENDS))
    return f"x * {bend}" if nodes[-1].operator == "Mul" else nodes[-1].operator, nodes


def _curve(wiring: Wiring, before: str, nodes: list[Node]) -> Curve | None:
    """The results of some operators for the values of the grid, None where they cannot be computed."""
    from onnx.reference import ReferenceEvaluator

    model = _curve_graph(wiring, before, nodes)
    try:
        results = ReferenceEvaluator(model).run(None, {before: GRID})
    except (NotImplementedError, RuntimeError, TypeError, ValueError, onnx.checker.ValidationError):
        return None  # the activation then gets no specific name
    return np.asarray(next(iter(results)), np.float64)


def _curve_graph(wiring: Wiring, before: str, nodes: list[Node]) -> onnx.ModelProto:
    """A graph of only these operators, in float64."""
    values = wiring.observation.values
    names = dict.fromkeys(name for node in nodes for name in node.inputs if name in values)
    constants = [numpy_helper.from_array(_in_doubles(values[name]), name) for name in names]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in (before, nodes[-1].output)
    ]
    graph = helper.make_graph([node.proto for node in nodes], "curve", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=wiring.opsets)


def _in_doubles(values: NDArray[Any]) -> NDArray[Any]:
    """Constants in float64, because functions that differ by 5e-4 could not be distinguished in float16."""
    return np.asarray(values, np.float64 if values.dtype.kind == "f" else values.dtype)


def _gelu(x: Curve) -> Curve:
    from scipy.special import erf

    return np.asarray(0.5 * x * (1 + erf(x / sqrt(2))))


def _logistic(x: Curve) -> Curve:
    return np.asarray(1 / (1 + np.exp(-x)))


FUNCTIONS: dict[str, Callable[[Curve], Curve]] = {
    # Gelu and its approximation: Hendrycks and Gimpel (2016), arXiv:1606.08415
    "Gelu": _gelu,
    "FastGelu": lambda x: np.asarray(0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))),
    "QuickGelu": lambda x: x * _logistic(1.702 * x),
    "Swish": lambda x: x * _logistic(x),
    "HardSwish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "Mish": lambda x: np.asarray(x * np.tanh(np.log1p(np.exp(x)))),
    "Relu": lambda x: np.maximum(x, 0),
}


def _known_function(curve: Curve | None) -> str | None:
    """The name of the most similar function, if it is as similar as float16 allows."""
    if curve is None or curve.shape != GRID.shape:
        return None
    distances = {name: float(np.abs(curve - function(GRID)).max()) for name, function in FUNCTIONS.items()}
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] < NEAR:
        return nearest
    if np.abs(curve - np.clip(GRID, curve.min(), curve.max())).max() < NEAR:
        return "Clip"
    slope = float(curve[0] / GRID[0])  # at -8, where a leaky function is slope * x
    is_leaky = 0 < slope < 1 and np.abs(curve - np.where(GRID > 0, GRID, slope * GRID)).max() < NEAR
    return "LeakyRelu" if is_leaky else None


def is_gate(wiring: Wiring, node: Node) -> bool:
    """Whether an operator is a gate, which is not a layer: its results scale values that do not depend on them.

    Args:
        wiring: the wiring of the graph.
        node: a node of the graph.
    """
    if not has_effect(node, Effect.GATE):
        return False
    return _is_scale(wiring, node, _clip_bounds(wiring, node) if node.operator == "Clip" else (0, 1))


def _is_scale(wiring: Wiring, node: Node, bounds: tuple[float, float] | None) -> bool:
    """Whether bounded results are brought to the range 0 to 1, and then scale values that do not depend on them."""
    own: set[str] | None = None
    open_ends = [(node.output, bounds == (0, 1))]
    while open_ends:
        tensor, is_unit = open_ends.pop()
        for taker in wiring.consumers.get(tensor, ()):
            others = [name for name in wiring.responsive_inputs(taker) if name != tensor]
            if has_effect(taker, *HAND_ON):
                open_ends.append((taker.output, is_unit))
            elif not others and taker.operator in ("Mul", "Div"):
                # A decomposed hard sigmoid: values from 0 to 6 are scaled to 0 to 1.
                open_ends.append((taker.output, is_unit or bounds == (0, 6)))
            elif others and taker.operator == "Mul" and is_unit:
                own = own or dependents(wiring.nodes, node.output)
                if others[0] not in own:
                    return True
    return False


def _clip_bounds(wiring: Wiring, node: Node) -> tuple[float, float] | None:
    """The bounds of Clip: attributes before opset 11, inputs since then."""
    bounds = []
    for place, name in ((1, "min"), (2, "max")):
        value = wiring.value(node, place)
        bound = node.attributes.get(name) if value is None else float(value.ravel()[0])
        if bound is None:
            return None
        bounds.append(float(bound))
    return bounds[0], bounds[1]
