"""Graphs of one convolution, a chain of layers, and sessions whose speed and results a test decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from toolbox.graph import IR_VERSION, OPSET, Graph, external_tensor
from toolbox.runtime.session import Session
from toolbox.terms import IMAGE

CHAIN = """
name = "chain"
title = "Every kind of layer"
[input]
height = 13
width = 11
channels = "BGR"
mean = [10.0, 20.0, 30.0]
scale = 0.5
[layers]
a = { kind = "convolution", filters = 5, kernel = 3, padding = 1, activation = "relu" }
b = { kind = "convolution", filters = 4, kernel = 5, stride = 2, padding = 2 }
c = { kind = "pool", kernel = 3, stride = 2 }
d = { kind = "dense", filters = 6, activation = "relu" }
e = { kind = "dense", filters = 3, activation = "softmax" }
"""
"""A card with every kind of layer."""

Runner = Callable[[Any], Sequence[NDArray[np.float32]]]


def convolution(
    kernel: NDArray[Any],
    height: int,
    width: int,
    *,
    bias: NDArray[Any] | None,
    dtype: int = TensorProto.FLOAT,
    group: int = 1,
    **attributes: Any,
) -> Graph:
    """`image` through one convolution to `map`, its tensors beside it."""
    tensors = {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}
    node = helper.make_node("Conv", [IMAGE, *tensors], ["map"], group=group, **attributes)
    entry = helper.make_tensor_value_info(IMAGE, dtype, ["images", kernel.shape[1] * group, height, width])
    outcome = helper.make_tensor_value_info("map", dtype, ["images", kernel.shape[0], None, None])
    beside = [external_tensor(name, tensor) for name, tensor in tensors.items()]
    for initialiser in beside:
        initialiser.data_type = dtype
    return graph_of([node], [entry], [outcome], beside, tensors)


def graph_of(nodes: Any, entries: Any, outcomes: Any, beside: Any, tensors: dict[str, Any]) -> Graph:
    """A graph of these nodes."""
    graph = helper.make_graph(nodes, "small", entries, outcomes, beside)
    opset = [helper.make_opsetid("", OPSET)]
    return Graph(helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION), tensors)


def session_of(
    runners: Sequence[Runner], *, provider: str = "CPUExecutionProvider", batch: int = 1
) -> Session:
    """A session around functions of images, one a worker, with the single output `sum`."""
    free: SimpleQueue[Any] = SimpleQueue()
    for runner in runners:
        free.put(runner)
    return Session(provider, "made by hand", "float32", ("sum",), len(runners), 1, batch, free)
