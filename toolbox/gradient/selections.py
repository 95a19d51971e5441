"""Rules for operators that only move, repeat or leave out values."""

from __future__ import annotations

from onnx import TensorProto

from toolbox.gradient.step import StepBack

PLACES = {"Resize": TensorProto.INT32, "DepthToSpace": TensorProto.DOUBLE, "SpaceToDepth": TensorProto.DOUBLE}
"""Types of numbers of places for operators that onnxruntime does not compute with int64."""


def pass_view(step: StepBack) -> str:
    """Operators that pass all values on in order, in another shape."""
    return step.like_input(step.gradient)


def pass_transpose(step: StepBack) -> str:
    """Transpose: the axes are moved back."""
    order = step.attributes.get("perm")
    if order is None:  # all axes in reverse
        return step.add("Transpose", step.gradient)
    return step.add("Transpose", step.gradient, perm=[order.index(axis) for axis in range(len(order))])


def pass_expand(step: StepBack) -> str:
    """Expand: summed over the axes along which values were repeated."""
    return step.sum_to_input(step.gradient)


def pass_concatenation(step: StepBack) -> str:
    """Concat: the part of the gradient that belongs to this input."""
    axis = step.attributes["axis"]
    place = step.integers(axis)
    sizes = [step.add("Gather", step.add("Shape", name), place) for name in step.node.input]
    lengths = step.add("Concat", *sizes, axis=0)
    first = step.add("Split", step.gradient, lengths, axis=axis, outputs=len(sizes))
    return f"{first}.{step.place}" if step.place else first


def pass_resize(step: StepBack) -> str:
    """Resize, where it only repeats or leaves out values."""
    if step.attributes.get("mode", "nearest") != "nearest":
        step.refuse("it interpolates between values")
    return pass_selection(step)


def pass_selection(step: StepBack) -> str:
    """Operators that only move, repeat or leave out values: applied to places, they report where each value is from.

    Places are counted from 1; a border that an operator adds is 0, and its gradient is cut off.
    """
    count = step.add("Size", step.x)
    one = step.sketch.constant(1)
    numbers = step.add("Range", one, step.add("Add", count, one), one)
    places = step.add("Cast", step.like_input(numbers), to=PLACES.get(step.node.op_type, TensorProto.INT64))
    others = [name for place, name in enumerate(step.node.input) if place]
    if step.node.op_type == "Pad":
        others[1:2] = [""] if len(others) > 1 else []  # a border has no place
    taken = step.add(step.node.op_type, places, *others, outputs=len(step.node.output), **step.attributes)
    whole = zeros(step, step.add("Reshape", step.add("Add", count, one), step.integers(1)))
    for number, gradient in enumerate(step.gradients):
        if gradient:
            whole = add_at(step, whole, f"{taken}.{number}" if number else taken, gradient)
    return step.like_input(step.add("Slice", whole, step.integers(1), step.integers(2**62)))


def zeros(step: StepBack, shape: str) -> str:
    """A tensor of zeros of the type of the input.

    Args:
        step: the step.
        shape: name of the tensor with its sizes.
    """
    return step.add("Expand", step.number(0), shape)


def add_at(step: StepBack, whole: str, places: str, values: str) -> str:
    """Values added to a flat tensor at their places, each of which may occur several times.

    In float32 where the values are narrower: onnxruntime adds no others on a CPU, and a sum of many would lose digits.

    Args:
        step: the step.
        whole: name of the flat tensor.
        places: name of the tensor of places, of any shape.
        values: name of the tensor of values, of the same shape.
    """
    flat = step.integers(-1)
    numbers = step.add("Cast", step.add("Reshape", places, flat), to=TensorProto.INT64)
    own, taken = step.add("Reshape", values, flat), whole
    is_narrow = step.sketch.type(step.x) in (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    if is_narrow:
        own, taken = (step.add("Cast", each, to=TensorProto.FLOAT) for each in (own, taken))
    total = step.add("ScatterElements", taken, numbers, own, axis=0, reduction="add")
    return step.as_floats(total) if is_narrow else total
