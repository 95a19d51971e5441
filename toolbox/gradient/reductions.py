"""Rules for operators that summarise values along axes."""

from __future__ import annotations

import numpy as np
from onnx import numpy_helper

from toolbox.gradient.selections import zeros
from toolbox.gradient.step import StepBack


def pass_total(step: StepBack) -> str:
    """ReduceSum: every value receives the gradient."""
    return step.add("Expand", _kept(step, step.gradient), step.add("Shape", step.x))


def pass_mean(step: StepBack) -> str:
    """ReduceMean and GlobalAveragePool: every value receives an equal part."""
    sizes = [step.as_floats(step.add("Size", name)) for name in (step.y, step.x)]
    return step.times(pass_total(step), step.add("Div", *sizes))


def pass_extreme(step: StepBack) -> str:
    """ReduceMax and ReduceMin: equal extremes receive equal parts, as in torch's amax."""
    is_extreme = step.as_floats(step.add("Equal", step.x, _kept(step, step.y)))
    others = [name for name in step.node.input[1:] if name]
    layout = {name: value for name, value in step.attributes.items() if name != "keepdims"}
    count = step.add("ReduceSum", is_extreme, *others, keepdims=1, **layout)
    return step.times(is_extreme, step.add("Div", _kept(step, step.gradient), count))


def pass_sum_of_squares(step: StepBack) -> str:
    """ReduceSumSquare: 2 x."""
    return step.times(pass_total(step), step.x, step.number(2))


def pass_absolute_sum(step: StepBack) -> str:
    """ReduceL1: the sign of x."""
    return step.times(pass_total(step), step.add("Sign", step.x))


def pass_length(step: StepBack) -> str:
    """ReduceL2: x / y, and 0 where y is 0."""
    y = _kept(step, step.y)
    quotient = step.add("Div", step.x, y)
    is_some = step.add("Greater", y, step.number(0))
    return step.times(pass_total(step), step.add("Where", is_some, quotient, step.number(0)))


def pass_log_sum_exp(step: StepBack) -> str:
    """ReduceLogSumExp: exp(x - y)."""
    return step.times(pass_total(step), step.add("Exp", step.add("Sub", step.x, _kept(step, step.y))))


def pass_largest_of_map(step: StepBack) -> str:
    """GlobalMaxPool: the position of each maximum, the first one of equal ones, receives the gradient."""
    rows = step.add("Flatten", step.x, axis=2)
    places = step.add("ArgMax", rows, axis=1, keepdims=1)
    values = step.add("Flatten", step.gradient, axis=2)
    nothing = zeros(step, step.add("Shape", rows))
    return step.like_input(step.add("ScatterElements", nothing, places, values, axis=1))


def _kept(step: StepBack, tensor: str) -> str:
    """A tensor in the shape of the output, with the summarised axes as axes of size 1."""
    if step.attributes.get("keepdims", 1):
        return tensor
    if step.operand(1):
        return step.add("Unsqueeze", tensor, step.operand(1))
    rank = step.add("Shape", step.add("Shape", step.x))
    one = numpy_helper.from_array(np.ones(1, np.int64))
    return step.add("Reshape", tensor, step.add("ConstantOfShape", rank, value=one))
