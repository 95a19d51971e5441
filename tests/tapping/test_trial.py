"""Trying out graphs on one image and on two: batches, and what onnxruntime cannot run."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from support.foreign_graphs import SIDE, Builder, residual
from toolbox.errors import UsageError
from toolbox.graph import Graph
from toolbox.tapping.taps import survey
from toolbox.tapping.trial import probes, run_graph
from toolbox.terms import IMAGE


@pytest.mark.parametrize("declared", ["n", 1, 8])
def test_whatever_batch_is_declared_a_graph_is_tried_with_several_images(declared: str | int) -> None:
    assert survey(residual(shape=(declared, 3, SIDE, SIDE)), SIDE, SIDE).batch == 0


def fixed_batch(images: int) -> onnx.ModelProto:
    """A graph that writes the number of images down in a Reshape."""
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    flat = b.add("Reshape", b.add("GlobalMaxPool", below), b.fixed([images, 4]))
    return b.model(b.add("Gemm", flat, b.weight(4, 5)), shape=(images, 3, SIDE, SIDE))


def test_a_graph_for_one_image_at_a_time_is_reported() -> None:
    found = survey(fixed_batch(1), SIDE, SIDE)
    assert found.batch == 1
    assert [(tap.operator, tap.filters, tap.axis) for tap in found.taps] == [
        ("Relu", 4, 1), ("GlobalMaxPool", 4, 1), ("Gemm", 5, 1),
    ]  # fmt: skip
    assert "presented one at a time" in found.notes[-1]


def test_images_that_influence_one_another_are_shown_one_at_a_time() -> None:
    b = Builder()
    below = b.add("Relu", b.convolution("x", 4, 3))
    mean = b.reduce("ReduceMean", below, [0])
    model = b.model(b.add("Flatten", b.add("GlobalMaxPool", b.add("Sub", below, mean))))
    assert survey(model, SIDE, SIDE).batch == 1


def test_a_graph_for_a_fixed_number_of_several_images_is_refused() -> None:
    with pytest.raises(
        UsageError, match="runs only with 8 images at a time; export it with a batch size of 1"
    ):
        survey(fixed_batch(8), SIDE, SIDE)


def test_an_operator_that_onnxruntime_lacks_is_refused() -> None:
    model = residual()
    model.graph.node[0].op_type = "Convolute"
    with pytest.raises(
        UsageError,
        match=r"onnxruntime .* cannot run the graph \(.*Convolute.*\); export it with standard operators",
    ):
        survey(model, SIDE, SIDE)


def test_an_opset_of_the_future_is_refused() -> None:
    model = residual()
    model.opset_import[0].version = 99
    with pytest.raises(UsageError, match="cannot run the graph") as caught:
        survey(model, SIDE, SIDE)
    assert "onnxruntime_src" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_with_its_weights_beside_it_is_bounded_before_it_runs() -> None:
    """A card of somebody else comes with such a graph."""
    b = Builder()
    padded = b.add("Pad", IMAGE, b.fixed(np.array([0, 0, 0, 0, 0, 0, 2**20, 2**20])))
    model = b.model(b.add("GlobalMaxPool", padded), entry=IMAGE)
    with pytest.raises(UsageError, match=r"the graph computes tensors of 10\^13 bytes for 1 images"):
        run_graph(Graph(model, {}), probes(1, SIDE, SIDE))
