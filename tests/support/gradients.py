"""Gradients of graphs: by onnxruntime, and by central differences of onnx's own evaluator in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator

from support.foreign_graphs import Builder
from toolbox.gradient import gradient_graph
from toolbox.graph import Graph
from toolbox.terms import DIRECTION, GRADIENT, IMAGE

PIXELS = 20
"""Number of pixels whose gradients are compared."""
STEP = 1e-5


def graph_of_builder(
    builder: Builder, output: str, shape: tuple[int | str, ...] = ("images", 3, 6, 7)
) -> Graph:
    """The graph of a builder whose input is `image`, with its tensors inside."""
    model = builder.model(output, shape=shape, entry=IMAGE)
    model.ir_version = 10
    return Graph(model, {})


def run(graph: Graph, image: NDArray[np.float32], direction: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """The outputs of the graph of a gradient."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    model = graph.embed_tensors().SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    results = session.run(None, {IMAGE: image, DIRECTION: direction})
    return dict(zip(graph.outputs, results, strict=True))


def run_alone(graph: Graph, image: NDArray[np.float32]) -> NDArray[Any]:
    """The only output of a graph of the toolbox."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    model = graph.embed_tensors().SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {IMAGE: image})[0])


def in_doubles(graph: Graph, tensor: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """A tensor as a function of images, by onnx's own evaluator in float64."""
    model = graph.embed_tensors()
    for entry in model.graph.initializer:
        if entry.data_type == TensorProto.FLOAT:
            entry.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(entry).astype(np.float64), entry.name)
            )
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    del model.graph.output[:], model.graph.value_info[:]
    model.graph.output.append(onnx.ValueInfoProto(name=tensor))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    evaluator = ReferenceEvaluator(model)
    return lambda image: np.asarray(evaluator.run(None, {IMAGE: image})[0])


def check_gradient(
    graph: Graph,
    tensor: str,
    image: NDArray[np.float64],
    forward: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
) -> None:
    """Compare the gradient of a random weighted sum over a tensor with central differences, at 20 pixels.

    Half of them are those with the largest gradients, half are random. The largest difference must be at most a
    thousandth of the largest of these gradients.
    """
    random = np.random.default_rng(5)
    forward = forward or in_doubles(graph, tensor)
    value = forward(image)
    direction = random.normal(0, 1, value.shape)
    outcome = run(gradient_graph(graph, tensor), image.astype(np.float32), direction.astype(np.float32))
    assert outcome[tensor].shape == value.shape
    np.testing.assert_allclose(outcome[tensor], value, rtol=1e-3, atol=1e-4 * np.abs(value).max())
    assert outcome[GRADIENT].shape == image.shape
    gradient = outcome[GRADIENT].ravel()
    largest = np.argsort(-np.abs(gradient))[: PIXELS // 2]
    places = [*largest, *random.choice(image.size, PIXELS // 2, replace=False)]
    expected = np.array([_difference(forward, image, direction, place) for place in places])
    found = gradient[places]
    assert np.abs(expected).max() > 0, "the test has no gradient to compare"
    assert np.abs(found - expected).max() <= 1e-3 * np.abs(expected).max()


def _difference(
    forward: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    image: NDArray[np.float64],
    direction: NDArray[np.float64],
    place: int,
) -> float:
    """The central difference of the weighted sum with respect to one pixel."""
    sums = []
    for sign in (1, -1):
        moved = image.copy()
        moved.ravel()[place] += sign * STEP
        sums.append(float((direction * forward(moved)).sum()))
    return (sums[0] - sums[1]) / (2 * STEP)
