"""Activation functions of one operator and of several, and gates, which are no layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.foreign_graphs import SIDE, Builder, mobile
from support.taps import operators, rows
from toolbox.tapping.taps import survey


def find_activations(*steps: tuple[Any, ...], opset: int = 17) -> list[tuple[str, str, str]]:
    """(operator, what makes the tensor before, what makes the one after) of a convolution with some operators on top.

    A step is an operator, its inputs (`x` is the convolution's result, numbers are constants, negative indices are
    earlier steps) and attributes.
    """
    b = Builder(opset)
    made = [b.convolution("image.in", 4, 3, 3)]
    for operator, *rest in steps:
        attributes = rest.pop() if rest and isinstance(rest[-1], dict) else {}
        named = {"x": made[0], "last": made[-1], "one before": made[max(len(made) - 2, 0)]}
        made.append(
            b.add(operator, *(named[i] if isinstance(i, str) else b.fixed(i) for i in rest), **attributes)
        )
    flat = b.add("Flatten", b.add("GlobalMaxPool", made[-1]))
    model = b.model(b.add("Gemm", flat, b.weight(4, 2)), entry="image.in")
    makers = operators(model)
    taps = [tap for tap in survey(model, 16, 16).taps if tap.operator not in ("GlobalMaxPool", "Gemm")]
    return [(tap.operator, makers[tap.before], makers[tap.after]) for tap in taps]


SINGLE = (
    "Relu",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Celu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Softplus",
    "Tanh",
)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        *(
            ([(operator, "x")], [(operator, "Conv", operator)])
            for operator in SINGLE
        ),
        ([("PRelu", "x", np.full((4, 1, 1), 0.1))], [("PRelu", "Conv", "PRelu")]),
        ([("Clip", "x", 0.0, 6.0)], [("Clip", "Conv", "Clip")]),
        ([("Sigmoid", "x"), ("Mul", "x", "last")], [("Swish", "Conv", "Mul")]),
        ([("Sigmoid", "x"), ("Mul", "last", "x")], [("Swish", "Conv", "Mul")]),
        ([("Softplus", "x"), ("Tanh", "last"), ("Mul", "x", "last")], [("Mish", "Conv", "Mul")]),
        (
            [("HardSigmoid", "x", {"alpha": 1 / 6, "beta": 0.5}), ("Mul", "x", "last")],
            [("HardSwish", "Conv", "Mul")],
        ),
        ([("Mul", "x", 1.702), ("Sigmoid", "last"), ("Mul", "x", "last")], [("QuickGelu", "Conv", "Mul")]),
        ([("Mul", "x", 3.0), ("Sigmoid", "last"), ("Mul", "x", "last")], [("x * Sigmoid", "Conv", "Mul")]),
        # a sum of two streams that a function follows is recorded there, and not twice
        (
            [("Sigmoid", "x"), ("Add", "x", "last"), ("Relu", "last")],
            [("Sigmoid", "Conv", "Sigmoid"), ("Relu", "Add", "Relu")],
        ),
        # two functions on top of one another are two layers
        (
            [("Relu", "x"), ("Sigmoid", "last"), ("Mul", "one before", "last")],
            [("Relu", "Conv", "Relu"), ("Swish", "Relu", "Mul")],
        ),
        ([("Max", "x", 0.0)], [("Relu", "Conv", "Max")]),
        ([("Max", 0.0, "x")], [("Relu", "Conv", "Max")]),
        ([("Max", "x", 0.0), ("Min", "last", 6.0)], [("Clip", "Conv", "Min")]),
        ([("Mul", "x", 0.1), ("Max", "x", "last")], [("LeakyRelu", "Conv", "Max")]),
        ([("Max", "x", 1e-6)], []),  # that keeps a divisor from being zero
        ([("Greater", "x", 0.0), ("Where", "last", "x", 0.0)], [("Relu", "Conv", "Where")]),
        ([("Less", "x", 0.0), ("Where", "last", 0.0, "x")], [("Relu", "Conv", "Where")]),
        (
            [("Max", "x", 0.0), ("Max", "last", "x"), ("Sigmoid", "last")],
            [("Relu", "Conv", "Max"), ("Sigmoid", "Max", "Sigmoid")],
        ),
        (
            [("Add", "x", 3.0), ("Max", "last", 0.0), ("Min", "last", 6.0), ("Mul", "x", "last"), ("Div", "last", 6.0)],
            [("HardSwish", "Conv", "Div")],
        ),
        # a fixed factor for every filter is no function
        ([("Mul", "x", np.ones((4, 1, 1))), ("Relu", "last")], [("Relu", "Mul", "Relu")]),
    ],
)  # fmt: skip
def test_activation_functions(steps: list[tuple[Any, ...]], expected: list[tuple[str, str, str]]) -> None:
    assert find_activations(*steps) == expected


@pytest.mark.parametrize("operator", ["Gelu", "Mish"])
def test_functions_of_newer_opsets(operator: str) -> None:
    assert find_activations((operator, "x"), opset=20) == [(operator, "Conv", operator)]


def test_gates_are_no_layers() -> None:
    taps = survey(mobile(), SIDE, SIDE).taps
    # what follows the excitation follows from the whole image: a single pixel can change all of it
    assert rows(taps) == [
        ("stem.act", "convolution", "HardSwish", (8, 16, 16), 2, 3),
        ("expand.act", "convolution", "HardSwish", (16, 16, 16), 2, 3),
        ("depth.act", "convolution", "Clip", (16, 16, 16), 2, 11),
        ("se.pool", "pool", "ReduceMean", (16, 1, 1), 32, 32),
        ("se.act", "convolution", "Relu", (4, 1, 1), 32, 32),
        ("project.add", "sum", "Add", (8, 16, 16), 2, 32),
        ("last.act", "convolution", "Swish", (12, 16, 16), 2, 32),
        ("pool", "pool", "ReduceMean", (12, 1, 1), 32, 32),
        ("head", "dense", "Gemm", (5, 1, 1), 32, 32),
    ]


def test_gates_of_minima_and_maxima_are_no_layers() -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    gate = b.add("Add", b.convolution(b.add("GlobalAveragePool", below), 4, 4, 1), b.fixed(3.0))
    gate = b.add("Div", b.add("Min", b.add("Max", gate, b.fixed(0.0)), b.fixed(6.0)), b.fixed(6.0))
    model = b.model(b.add("GlobalMaxPool", b.add("Mul", below, gate)))
    assert [tap.operator for tap in survey(model, SIDE, SIDE).taps] == [
        "Relu",
        "GlobalAveragePool",
        "GlobalMaxPool",
    ]


def test_the_activation_that_a_gate_scales_is_a_layer() -> None:
    """The sigmoid at the bottom is what the map is, the one at the top only scales it."""
    b = Builder()
    below = b.add("Sigmoid", b.convolution("x", 4, 3))
    gate = b.add("Sigmoid", b.convolution(b.add("GlobalAveragePool", below), 4, 4, 1))
    scaled = b.add("Mul", below, gate)
    model = b.model(b.add("Gemm", b.add("Flatten", b.add("GlobalMaxPool", scaled)), b.weight(4, 2)))
    taps = survey(model, SIDE, SIDE).taps
    assert [(tap.operator, tap.height) for tap in taps] == [
        ("Sigmoid", 32), ("GlobalAveragePool", 1), ("GlobalMaxPool", 1), ("Gemm", 1),
    ]  # fmt: skip
