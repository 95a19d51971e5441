"""Rules for convolutions and pools.

The windows of neighbouring outputs overlap, so what reaches an input from all of them is summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.gradient.selections import add_at, zeros
from toolbox.gradient.step import StepBack


@dataclass(frozen=True)
class _Window:
    """The windows of an operator, a number for each axis of a map.

    `begins` and `ends` is the padding before and after the map; None where it depends on the size of the map.
    """

    strides: list[int]
    dilations: list[int]
    sides: list[int]
    begins: list[int] | None
    ends: list[int] | None

    @property
    def reach(self) -> list[int]:
        """The distance between the first and the last position of a window."""
        return [dilation * (side - 1) for dilation, side in zip(self.dilations, self.sides, strict=True)]


def _window(step: StepBack) -> _Window:
    given = step.attributes
    sides = list(given.get("kernel_shape", ())) or _kernel_sides(step)
    ones = [1] * len(sides)
    strides, dilations = list(given.get("strides", ones)), list(given.get("dilations", ones))
    how = given.get("auto_pad", "NOTSET")
    if how.startswith("SAME"):
        if set(strides) != {1}:
            return _Window(strides, dilations, sides, None, None)
        totals = [dilation * (side - 1) for dilation, side in zip(dilations, sides, strict=True)]
        small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
        pads = [*small, *large] if how == "SAME_UPPER" else [*large, *small]
    else:
        pads = list(given.get("pads", ())) if how == "NOTSET" else []
    pads = pads or [0] * 2 * len(sides)
    return _Window(strides, dilations, sides, pads[: len(sides)], pads[len(sides) :])


def _kernel_sides(step: StepBack) -> list[int]:
    shape = step.sketch.shape(step.operand(1))
    if shape is None:
        step.refuse("the size of its kernels is unknown")
    return [int(side) for side in shape[2:]]


def pass_convolution(step: StepBack) -> str:
    """Conv: with stride 1 a convolution with turned kernels, which machines compute fastest; else a transposed one."""
    if step.place:
        step.refuse("its kernels depend on the image")
    kernel, window = step.sketch.value(step.operand(1)), _window(step)
    if kernel is not None and set(window.strides) == {1} and window.begins is not None:
        padding = [*window.begins, *(window.ends or [])]
        pads = [reach - pad for reach, pad in zip(window.reach * 2, padding, strict=True)]
        if min(pads) >= 0:
            return _turned_convolution(step, kernel, window, pads)
    group = step.attributes.get("group", 1)
    return _spread(step, window, step.gradient, step.operand(1), group)


def _turned_convolution(step: StepBack, kernel: NDArray[np.float32], window: _Window, pads: list[int]) -> str:
    group = step.attributes.get("group", 1)
    turned = step.sketch.keep(f"{step.operand(1)}.turned", _turn(kernel, group))
    layout = {"kernel_shape": window.sides, "strides": window.strides, "dilations": window.dilations}
    return step.add("Conv", step.gradient, turned, group=group, pads=pads, **layout)


def _turn(kernel: NDArray[np.float32], group: int) -> NDArray[np.float32]:
    """Kernels (filters, inputs, …) turned by 180 degrees, from filters to inputs within each group."""
    filters, inputs, *sides = kernel.shape
    grouped = kernel.reshape(group, filters // group, inputs, *sides).swapaxes(1, 2)
    turned = np.flip(grouped, axis=tuple(range(3, grouped.ndim)))
    return np.ascontiguousarray(turned.reshape(group * inputs, filters // group, *sides))


def _spread(step: StepBack, window: _Window, gradient: str, kernel: str, group: int) -> str:
    """Every value spread over its window with the weights of a kernel, cut to the map before the windows."""
    # The last strides - 1 positions of a map may be in no window; output_padding adds them, with 0.
    whole = step.add(
        "ConvTranspose",
        gradient,
        kernel,
        group=group,
        kernel_shape=window.sides,
        strides=window.strides,
        dilations=window.dilations,
        output_padding=[stride - 1 for stride in window.strides],
    )
    begins = _begins(step, window)
    ends = step.add("Add", begins, step.add("Shape", step.x, start=2))
    return step.add("Slice", whole, begins, ends, step.integers(*range(2, 2 + len(window.sides))))


def _begins(step: StepBack, window: _Window) -> str:
    """The padding before each axis as a tensor, computed from the sizes of the maps where it depends on them."""
    if window.begins is not None:
        return step.integers(*window.begins)
    before, after = (step.add("Shape", name, start=2) for name in (step.x, step.y))
    steps = step.add("Mul", step.add("Sub", after, step.integers(1)), step.integers(*window.strides))
    covered = step.add("Add", steps, step.integers(*(reach + 1 for reach in window.reach)))
    total = step.add("Max", step.add("Sub", covered, before), step.integers(0))
    half = step.add("Div", total, step.integers(2))
    return half if step.attributes["auto_pad"] == "SAME_UPPER" else step.add("Sub", total, half)


def pass_transposed_convolution(step: StepBack) -> str:
    """ConvTranspose: the convolution with the same kernels."""
    if step.place:
        step.refuse("its kernels depend on the image")
    if "output_shape" in step.attributes or step.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        step.refuse("its padding is not written out")
    names = ("kernel_shape", "strides", "dilations", "pads", "group")
    layout = {name: step.attributes[name] for name in names if name in step.attributes}
    return step.add("Conv", step.gradient, step.operand(1), **layout)


def pass_maximum_pool(step: StepBack) -> str:
    """MaxPool: the position of each maximum, the first one of equal ones, receives the gradient.

    Where windows overlap, one position may be the maximum of several, so gradients are added, not written.
    """
    if step.attributes.get("storage_order"):
        step.refuse("it counts positions by columns")
    if len(step.node.output) == 1:
        step.node.output.append(f"{step.y}.indices")
    whole = zeros(step, step.add("Reshape", step.add("Size", step.x), step.integers(1)))
    return step.like_input(add_at(step, whole, step.node.output[1], step.gradient))


def pass_average_pool(step: StepBack) -> str:
    """AveragePool: every position of a window receives the gradient, divided by the number of values in the mean."""
    window = _window(step)
    one_map = step.add("Concat", step.integers(1, 1), step.add("Shape", step.x, start=2), axis=0)
    ones = step.add("Expand", step.number(1), one_map)
    layout: dict[str, Any] = dict(step.attributes)
    mean = step.add("AveragePool", ones, **layout)  # below 1 where padding counts
    layout.pop("count_include_pad", None)
    inside = step.add("LpPool", ones, p=1, **layout)
    shares = step.times(step.gradient, step.add("Div", mean, inside))
    # All channels alike: as single maps, so that one kernel of ones serves any number.
    single = step.add("Concat", step.integers(-1, 1), step.add("Shape", shares, start=2), axis=0)
    kernel = step.sketch.constant(np.ones((1, 1, *window.sides)), step.dtype)
    return step.like_input(_spread(step, window, step.add("Reshape", shares, single), kernel, 1))
