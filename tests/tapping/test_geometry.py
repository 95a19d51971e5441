"""Receptive fields against measurement: change one row or column of an image and see which positions change."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from support.foreign_graphs import Builder
from toolbox.errors import UsageError
from toolbox.tapping.axes import reshape_axes
from toolbox.tapping.entrance import INSIDE, enter_graph
from toolbox.tapping.flow import trace_tensors
from toolbox.tapping.geometry import Span, unite_spans
from toolbox.tapping.trial import observe, run_all
from toolbox.tapping.wiring import Wiring

HEIGHT, WIDTH = 26, 22


class Positive(Builder):
    """Positive weights throughout, so that a brighter pixel makes every value brighter that depends on it."""

    def weight(self, *shape: int) -> str:
        return self.fixed(self.random.uniform(0.5, 1.5, shape))


def window(
    b: Builder, below: str, operator: str, kernel: tuple[int, int], stride: int, apart: int, how: str
) -> str:
    """A convolution or a pool, with pads that keep the size, none, or SAME_*."""
    attributes: dict[str, Any] = {"strides": [stride, stride]}
    if how.startswith("SAME") and (apart > 1 or min(kernel) < stride):
        how = "none"  # onnxruntime computes no others
    if how == "pads":
        attributes["pads"] = [(side - 1) * apart // 2 for side in kernel] * 2
    elif how != "none":
        attributes["auto_pad"] = how
    if operator == "Conv":
        return b.add("Conv", below, b.weight(2, 2, *kernel), dilations=[apart, apart], **attributes)
    return b.add(operator, below, kernel_shape=list(kernel), **attributes)


def stack_layers(b: Builder, steps: list[tuple[Any, ...]]) -> str:
    """Layers on top of one another; a map of two filters throughout."""
    below = b.add("Conv", "x", b.weight(2, 3, 1, 1))
    for step in steps:
        if step[0] in ("Conv", "MaxPool", "AveragePool"):
            below = window(b, below, *step)
        elif step[0] == "residual":
            below = b.add("Add", below, window(b, below, "Conv", (step[1], 1), 1, 1, "pads"))
        elif step[0] == "branches":
            one = window(b, below, "Conv", (1, step[1]), 1, 1, "pads")
            joined = b.add("Concat", one, window(b, below, "MaxPool", (3, 3), 1, 1, "pads"), axis=1)
            below = b.add("Conv", joined, b.weight(2, 4, 1, 1))
        elif step[0] == "pad":
            below = b.add("Pad", below, b.fixed([0, 0, step[1], 1, 0, 0, 1, step[1]]), b.fixed(0.0))
        elif step[0] == "slice":
            ends, axes = b.fixed([100, 100]), b.fixed([2, 3])
            below = b.add("Slice", below, b.fixed([step[1], 0]), ends, axes, b.fixed([1, step[2]]))
        else:
            rows = b.add("MatMul", b.add("Transpose", below, perm=[0, 2, 3, 1]), b.weight(2, 2))
            below = b.add("Transpose", rows, perm=[0, 3, 1, 2])
    return below


PADS = st.sampled_from(["pads", "none", "SAME_UPPER", "SAME_LOWER"])
SIDES = st.tuples(st.integers(1, 4), st.integers(1, 4))
STEP = st.one_of(
    st.tuples(st.just("Conv"), SIDES, st.integers(1, 3), st.just(1), PADS),
    st.tuples(st.just("Conv"), SIDES, st.just(1), st.integers(1, 2), PADS),
    st.tuples(st.sampled_from(["MaxPool", "AveragePool"]), SIDES, st.integers(1, 2), st.just(1), PADS),
    st.tuples(st.just("residual"), st.sampled_from([1, 3, 5])),
    st.tuples(st.just("branches"), st.sampled_from([1, 3, 5])),
    st.tuples(st.just("pad"), st.integers(0, 2)),
    st.tuples(st.just("slice"), st.integers(0, 2), st.integers(1, 2)),
    st.tuples(st.just("dense")),
)


def measure_sight(model: onnx.ModelProto, tensor: str, axis: int) -> NDArray[np.bool_]:
    """(positions, pixels): which positions along one axis change with which rows or columns of the image."""
    image = np.ones((1, 3, HEIGHT, WIDTH), np.float32)
    base = run_all(model, image)[tensor]
    changes = []
    for line in range(image.shape[axis]):
        brighter = image.copy()
        np.moveaxis(brighter, axis, 0)[line] += 1000
        changed = run_all(model, brighter)[tensor] != base
        changes.append(changed.any(axis=tuple(place for place in range(4) if place != axis)))
    return np.stack(changes, axis=1)


def predict_spans(model: onnx.ModelProto, tensor: str) -> tuple[Span, Span]:
    wiring = Wiring(model, observe(model, HEIGHT, WIDTH))
    return trace_tensors(wiring)[tensor].spans


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=4), seed=st.integers(0, 3))
def test_what_a_position_sees_is_what_changes_it(steps: list[tuple[Any, ...]], seed: int) -> None:
    b = Positive(seed=seed)
    top = stack_layers(b, steps)
    model = enter_graph(b.model(top, shape=("n", 3, HEIGHT, WIDTH)), HEIGHT, WIDTH)
    try:
        foreseen = predict_spans(model, INSIDE + top)
    except UsageError:
        reject()  # the map became too small for a kernel
    cut = sum(step[1] for step in steps if step[0] == "slice")  # padding may lie where the image still is
    for axis, span in zip((2, 3), foreseen, strict=True):
        seen = measure_sight(model, INSIDE + top, axis)
        for position, pixels in enumerate(seen):
            first, last = position * span.step + span.left, position * span.step + span.right
            if first >= cut * span.step and last < len(pixels):  # at the border, a part lies in the padding
                assert (np.flatnonzero(pixels)[[0, -1]] == (first, last)).all(), (axis, position, span)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("nearest", {"mode": "nearest"}),
        ("linear", {"mode": "linear"}),
        ("cubic", {"mode": "cubic"}),
        ("ConvTranspose", {"strides": [2, 2]}),
        ("ConvTranspose", {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("ConvTranspose", {"strides": [3, 3], "dilations": [2, 2]}),
        ("DepthToSpace", {"blocksize": 2}),
        ("SpaceToDepth", {"blocksize": 2}),
    ],
)
def test_what_changes_a_position_is_never_outside_what_it_sees(
    operator: str, attributes: dict[str, Any]
) -> None:
    """Between coarser and finer maps, positions see differently far; the prediction holds for all of them."""
    b = Positive()
    below = window(
        b, b.add("Conv", "x", b.weight(4, 3, 3, 3), strides=[2, 2]), "MaxPool", (2, 2), 1, 1, "none"
    )
    if operator == "ConvTranspose":
        top = b.add(operator, below, b.weight(4, 2, 3, 3), **attributes)
    elif "mode" in attributes:
        top = b.add("Resize", below, "", b.fixed([1.0, 1.0, 2.0, 2.0]), **attributes)
    else:
        sliced = b.add("Slice", below, b.fixed([0, 0]), b.fixed([10, 8]), b.fixed([2, 3]))
        top = b.add(operator, sliced, **attributes)
    model = enter_graph(b.model(top, shape=("n", 3, HEIGHT, WIDTH)), HEIGHT, WIDTH)
    for axis, span in zip((2, 3), predict_spans(model, INSIDE + top), strict=True):
        seen = measure_sight(model, INSIDE + top, axis)
        assert seen.any()
        for position, pixels in enumerate(seen):
            for pixel in np.flatnonzero(pixels):
                assert position * span.step + span.left <= pixel <= position * span.step + span.right


def test_two_windows_by_hand() -> None:
    """Twice 3 x 3 with a stride of 2 and a margin of 1: -1 to 1, then a step of 2 more on both sides."""
    first = Span().slide(3, 2, 1)
    assert first == Span(step=2, left=-1, right=1)
    assert first.slide(3, 2, 1) == Span(step=4, left=-3, right=3)


def test_of_tensors_that_meet_the_widest_interval_holds_and_the_step_of_the_larger() -> None:
    spans = {"map": (Span(2, -1, 1), Span(2, -1, 1)), "gate": (Span(32, -inf, inf), Span(32, -3, 0))}
    height, width = unite_spans(spans, {"map": 800, "gate": 8})
    assert (height, width) == (Span(2, -inf, inf), Span(2, -3, 1))


@pytest.mark.parametrize(
    ("old", "of", "new", "expected"),
    [
        ((2, 8, 5, 4), "bchw", (2, 8, 20), "bct"),
        ((2, 8, 5, 4), "bchw", (2, 160), "b-"),
        ((2, 8, 1, 1), "bchw", (2, 8), "bc"),
        ((1, 8, 5, 4), "bchw", (1, 8, 20), "bct"),  # a single image
        ((2, 20, 8), "btc", (2, 20, 2, 4), "btss"),  # heads
        ((2, 20, 2, 4), "btss", (2, 20, 8), "btc"),
        ((2, 20, 8), "btc", (2, 5, 4, 8), "bhwc"),
        ((2, 8, 5, 4), "bchw", (2, 2, 4, 5, 4), "bsshw"),  # groups of filters
        ((2, 2, 4, 5, 4), "bsshw", (2, 8, 5, 4), "bchw"),
        ((2, 8, 6), "bct", (16, 6), "-t"),
        ((2, 8, 5, 4), "bchw", (2, 8, 10, 2), "bc--"),
    ],
)
def test_axes_after_a_reshape(old: tuple[int, ...], of: str, new: tuple[int, ...], expected: str) -> None:
    words = {
        "b": "batch",
        "c": "channel",
        "h": "height",
        "w": "width",
        "t": "token",
        "s": "share of channel",
        "-": None,
    }
    assert reshape_axes(old, tuple(words[letter] for letter in of), new) == tuple(
        words[letter] for letter in expected
    )
