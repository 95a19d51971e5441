"""Finding the activation functions of a graph, also those that exporters write out in several operators.

An activation is a function of every value by itself: between the tensor before it and the tensor after it lie only
operators that work value by value with fixed numbers. Gates (the sigmoid that scales other filters, the softmax of
attention) are no layers.
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

from toolbox.tapping.wiring import SAME, Node, Wiring, following

Values = NDArray[np.float64]
SINGLE = frozenset(
    {
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Gelu",
        "FastGelu", "QuickGelu", "Softplus", "Softsign", "Tanh", "Clip", "ThresholdedRelu", "Swish",
    }
)  # fmt: skip
"""Operators that are an activation by themselves."""
CORNERS = frozenset({"Max", "Min", "Where"})
"""Operators of which exporters make Relu, LeakyRelu and Clip."""
BENDS = SINGLE | CORNERS | {"Erf"}
"""Operators without which a function of single values is no activation: all others are arithmetic."""
GATES = frozenset({"Sigmoid", "HardSigmoid", "Tanh", "Clip"})
"""Operators whose results scale other values where they are gates."""
ALONE = BENDS | set(SAME) | {"Neg", "Abs", "Sqrt", "Exp", "Log", "Reciprocal"}
COMPARISONS = frozenset({"Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
SEVERAL = frozenset({"Add", "Sub", "Mul", "Div", "Pow"}) | CORNERS | COMPARISONS
SMALLEST = 1e-3
"""Smaller numbers than that keep a divisor from being zero."""
RESHAPES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Transpose")


@dataclass(frozen=True)
class Activation:
    """An activation function in a graph: the tensors before and after it, and what it is called."""

    before: str
    after: str
    operator: str
    node: Node


def activations(wiring: Wiring, origins: Origins) -> list[Activation]:
    """All activation functions of a graph in the order in which they run; gates are left out."""
    composed = _composed(wiring, origins)
    inside = {node.number for found, nodes in composed for node in nodes}
    single = [
        Activation(node.inputs[0], node.output, node.operator, node)
        for node in wiring.nodes
        if node.operator in SINGLE
        and node.number not in inside
        and node.inputs[0] in wiring.seen
        and not is_gate(wiring, node)
    ]
    return sorted([*single, *(found for found, _ in composed)], key=lambda found: found.node.number)


class Origins:
    """For every tensor, the nearest one before it of which it is a function value by value."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._known: dict[str, str | None] = {}
        for node in wiring.nodes:
            for name in node.outputs:
                self._known[name] = self._origin(node)

    def chain(self, tensor: str) -> Iterator[str]:
        """The tensor itself, its origin, the origin of that, and so on."""
        current: str | None = tensor
        while current is not None:
            yield current
            current = self._known.get(current)

    def __getitem__(self, tensor: str) -> str | None:
        return self._known.get(tensor)

    def _origin(self, node: Node) -> str | None:
        seen = self._wiring.seen_inputs(node)
        if not seen or node.operator not in ALONE | SEVERAL:
            return None
        if not all(self._wiring.is_scalar(name) for name in node.inputs if name and name not in seen):
            return None
        above = [set(self.chain(name)) for name in seen]
        return next((name for name in self.chain(seen[-1]) if all(name in names for names in above)), None)


def _composed(wiring: Wiring, origins: Origins) -> list[tuple[Activation, list[Node]]]:
    """Activations of several operators: a product of two functions of one tensor, such as x * Sigmoid(x), and what
    maxima and choices make of one, such as Max(x, 0)."""
    found: dict[str, tuple[Activation, list[Node]]] = {}
    for node in wiring.nodes:
        before = origins[node.output]
        if before is None or not (_is_product(wiring, node) or _is_corner(wiring, node)):
            continue
        if before in found and len(wiring.consumers[before]) == 1 and node.operator in CORNERS:
            before = found[before][0].before  # Min(Max(x, 0), 6) is one function
        nodes = _between(wiring, before, node.output)
        if not any(part.operator in BENDS for part in nodes):
            continue
        name, nodes = _named(wiring, before, nodes)
        for part in nodes:
            found.pop(part.output, None)  # a product inside this one is a step of it
        after = nodes[-1].output
        found[after] = (Activation(before, after, name, nodes[-1]), nodes)
    return [one for one in found.values() if not _is_written_out_gate(wiring, *one)]


def _is_product(wiring: Wiring, node: Node) -> bool:
    return node.operator == "Mul" and len(wiring.seen_inputs(node)) == 2


def _is_corner(wiring: Wiring, node: Node) -> bool:
    """Maxima, minima and choices, but for those that keep a divisor from being zero."""
    fixed = [wiring.observed.values.get(name) for name in node.inputs if name not in wiring.seen]
    return node.operator in CORNERS and not any(
        value is not None and value.size == 1 and 0 < float(value.ravel()[0]) < SMALLEST for value in fixed
    )


def _is_written_out_gate(wiring: Wiring, found: Activation, nodes: list[Node]) -> bool:
    """Whether Min and Max make a hard sigmoid that scales other values."""
    curve = _curve(wiring, found.before, nodes) if found.node.operator in CORNERS else None
    return curve is not None and _scales(wiring, found.node, (float(curve.min()), float(curve.max())))


def _between(wiring: Wiring, before: str, after: str) -> list[Node]:
    """The operators from one tensor to another, in the order in which they run."""
    numbered: dict[int, Node] = {}
    open_ends = [after]
    while open_ends:
        name = open_ends.pop()
        if name != before and name in wiring.seen and (node := wiring.producer.get(name)) is not None:
            numbered[node.number] = node
            open_ends += node.inputs
    return [numbered[number] for number in sorted(numbered)]


def _named(wiring: Wiring, before: str, nodes: list[Node]) -> tuple[str, list[Node]]:
    """The name of an activation by the values it gives, with a last multiplication that belongs to it."""
    last = list(wiring.consumers.get(nodes[-1].output, ()))
    longer = [nodes]
    if len(last) == 1 and last[0].operator in ("Mul", "Div") and len(wiring.seen_inputs(last[0])) == 1:
        longer.append([*nodes, last[0]])
    for candidate in longer:
        if name := _known_function(_curve(wiring, before, candidate)):
            return name, candidate
    bend = next(node.operator for node in nodes if node.operator in BENDS)
    return f"x * {bend}" if nodes[-1].operator == "Mul" else nodes[-1].operator, nodes


GRID = np.linspace(-8, 8, 65)
"""Values at which functions are told apart."""


def _curve(wiring: Wiring, before: str, nodes: list[Node]) -> Values | None:
    """What some operators make of the values of the grid, None where that cannot be computed here."""
    from onnx.reference import ReferenceEvaluator

    known = wiring.observed.values
    names = dict.fromkeys(name for node in nodes for name in node.inputs if name in known)
    fixed = [numpy_helper.from_array(_in_doubles(known[name]), name) for name in names]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in (before, nodes[-1].output)
    ]
    graph = helper.make_graph([node.proto for node in nodes], "curve", ends[:1], ends[1:], fixed)
    model = helper.make_model(graph, opset_imports=wiring.opsets)
    try:
        found = ReferenceEvaluator(model).run(None, {before: GRID})
    except (NotImplementedError, RuntimeError, TypeError, ValueError, onnx.checker.ValidationError):
        return None  # then it has no name of its own
    return np.asarray(next(iter(found)), np.float64)


def _in_doubles(values: NDArray[Any]) -> NDArray[Any]:
    """In float16, two functions that differ by 5e-4 could not be told apart."""
    return np.asarray(values, np.float64 if values.dtype.kind == "f" else values.dtype)


def _gelu(x: Values) -> Values:
    from scipy.special import erf

    return np.asarray(0.5 * x * (1 + erf(x / sqrt(2))))


def _logistic(x: Values) -> Values:
    return np.asarray(1 / (1 + np.exp(-x)))


FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    # Gelu and its approximation: Hendrycks and Gimpel (2016), arXiv:1606.08415
    "Gelu": _gelu,
    "FastGelu": lambda x: np.asarray(0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))),
    "QuickGelu": lambda x: x * _logistic(1.702 * x),
    "Swish": lambda x: x * _logistic(x),
    "HardSwish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "Mish": lambda x: np.asarray(x * np.tanh(np.log1p(np.exp(x)))),
    "Relu": lambda x: np.maximum(x, 0),
}


def _known_function(curve: Values | None) -> str | None:
    """The name of the nearest function, if it is as near as float16 allows."""
    if curve is None or curve.shape != GRID.shape:
        return None
    distances = {name: float(np.abs(curve - function(GRID)).max()) for name, function in FUNCTIONS.items()}
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] < 1e-2:
        return nearest
    if np.abs(curve - np.clip(GRID, curve.min(), curve.max())).max() < 1e-2:
        return "Clip"
    slope = float(curve[0] / GRID[0])
    is_leaky = 0 < slope < 1 and np.abs(curve - np.where(GRID > 0, GRID, slope * GRID)).max() < 1e-2
    return "LeakyRelu" if is_leaky else None


def is_gate(wiring: Wiring, node: Node) -> bool:
    """Whether the results of an operator scale values that do not follow from them: then it is no layer."""
    if node.operator not in GATES:
        return False
    return _scales(wiring, node, _bounds(wiring, node) if node.operator == "Clip" else (0, 1))


def _scales(wiring: Wiring, node: Node, bounds: tuple[float, float] | None) -> bool:
    """Whether results within some bounds come to 0 to 1, and then scale values that do not follow from them."""
    own: set[str] | None = None
    open_ends = [(node.output, bounds == (0, 1))]
    while open_ends:
        tensor, is_unit = open_ends.pop()
        for taker in wiring.consumers.get(tensor, ()):
            others = [name for name in wiring.seen_inputs(taker) if name != tensor]
            if taker.operator in (*SAME, *RESHAPES):
                open_ends.append((taker.output, is_unit))
            elif not others and taker.operator in ("Mul", "Div"):
                # the hard sigmoid written out: values from 0 to 6 are brought to 0 to 1
                open_ends.append((taker.output, is_unit or bounds == (0, 6)))
            elif others and taker.operator == "Mul" and is_unit:
                own = own or following(wiring.nodes, node.output)
                if others[0] not in own:
                    return True
    return False


def _bounds(wiring: Wiring, node: Node) -> tuple[float, float] | None:
    """What Clip cuts off at: attributes before opset 11, inputs since."""
    found = []
    for place, name in ((1, "min"), (2, "max")):
        value = wiring.value(node, place)
        bound = node.attributes.get(name) if value is None else float(value.ravel()[0])
        if bound is None:
            return None
        found.append(float(bound))
    return found[0], found[1]
