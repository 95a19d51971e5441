"""One small network as other programs hold it: the same layers, with their layouts, names and operators.

The kernels are drawn in the layout of the program, so that what its graph computes is the reference: whoever reads the
file right gets the same responses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
Pairs = list[tuple[Array, Array]]

CARD = """
name = "small"
title = "Two convolutions and three dense layers"
[input]
height = 8
width = 6
[layers]
edges = { kind = "convolution", filters = 5, kernel = 3, padding = 1, activation = "relu" }
half = { kind = "pool", kernel = 2, stride = 2 }
parts = { kind = "convolution", filters = 4, kernel = 3, padding = 1, activation = "relu" }
fc1 = { kind = "dense", filters = 7, activation = "relu" }
fc2 = { kind = "dense", filters = 7, activation = "relu" }
answer = { kind = "dense", filters = 3, activation = "softmax" }
"""
LAYERS = ("edges", "parts", "fc1", "fc2", "answer")
MAP = (4, 4, 3)  # channels, height, width of `parts`
TORCH_NAMES = ("features.0", "features.3", "classifier.0", "classifier.3", "classifier.10")


def write_card(folder: Path) -> str:
    path = folder / "small.toml"
    path.write_text(CARD)
    return str(path)


def torch_pairs(seed: int = 0) -> Pairs:
    """Kernels as (filters, inputs, height, width) and (filters, inputs)."""
    return _drawn(seed, [(5, 3, 3, 3), (4, 5, 3, 3), (7, 48), (7, 7), (3, 7)], filters=0)


def keras_pairs(seed: int = 0) -> Pairs:
    """Kernels as (height, width, inputs, filters) and (inputs, filters)."""
    return _drawn(seed, [(3, 3, 3, 5), (3, 3, 5, 4), (48, 7), (7, 7), (7, 3)], filters=-1)


def _drawn(seed: int, shapes: list[tuple[int, ...]], filters: int) -> Pairs:
    draw = np.random.default_rng(seed)
    return [
        (
            (draw.standard_normal(shape) / np.sqrt(np.prod(shape) / shape[filters])).astype(np.float32),
            draw.normal(0, 0.5, shape[filters]).astype(np.float32),
        )
        for shape in shapes
    ]


@dataclass
class Writer:
    """Builds a graph node by node; constants are initialisers, or Constant nodes, of any precision."""

    constants_as_nodes: bool = False
    precision: type = np.float32
    prefix: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: list[TensorProto] = field(default_factory=list)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, value: Array, name: str = "") -> str:
        """A constant; floats below single precision come through a Cast, as converters write them."""
        is_short = value.dtype == np.float32 and self.precision is not np.float32
        tensor = numpy_helper.from_array(
            np.ascontiguousarray(value.astype(self.precision) if is_short else value)
        )
        if self.constants_as_nodes:
            name = self.node("Constant", value=tensor)
        else:
            tensor.name = name = name or f"{self.prefix}value{len(self.initialisers)}"
            self.initialisers.append(tensor)
        return self.node("Cast", name, to=TensorProto.FLOAT) if is_short else name

    def write(self, path: Path, image: tuple[Any, ...], output: str) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "foreign",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, image)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["images", 3])],
            self.initialisers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


NCHW, NHWC = ("images", 3, 8, 6), ("images", 8, 6, 3)


def write_torch_graph(
    path: Path, pairs: Pairs, writer: Writer | None = None, names: tuple[str, ...] = ()
) -> Path:
    """As PyTorch exports it: channels first throughout, Flatten, Gemm with transB."""
    writer = writer or Writer()
    named = names or ("",) * 5
    below = "pixels"
    for number, ((kernel, bias), name) in enumerate(zip(pairs, named, strict=True)):
        stored = [
            writer.constant(kernel, name and f"{name}.weight"),
            writer.constant(bias, name and f"{name}.bias"),
        ]
        if number < 2:
            below = writer.node(
                "Relu", writer.node("Conv", below, *stored, pads=[1] * 4, kernel_shape=[3, 3])
            )
        else:
            below = writer.node("Flatten", below) if number == 2 else below
            below = writer.node("Gemm", below, *stored, transB=1)
            below = writer.node("Softmax", below) if number == 4 else writer.node("Relu", below)
        if number == 0:
            below = writer.node("MaxPool", below, kernel_shape=[2, 2], strides=[2, 2])
    return writer.write(path, NCHW, below)


def write_tensorflow_graph(path: Path, pairs: Pairs, writer: Writer | None = None) -> Path:
    """As a converter writes what came from TensorFlow: channels last between the operators, MatMul and Add."""
    writer = writer or Writer()
    below = "pixels"
    for number, (kernel, bias) in enumerate(pairs):
        if number < 2:
            turned = writer.node("Transpose", writer.constant(kernel), perm=[3, 2, 0, 1])
            map_first = writer.node("Transpose", below, perm=[0, 3, 1, 2])
            sums = writer.node("Conv", map_first, turned, pads=[1] * 4, kernel_shape=[3, 3])
            channels_last = writer.node("Transpose", sums, perm=[0, 2, 3, 1])
            below = writer.node("Relu", writer.node("Add", channels_last, writer.constant(bias)))
        else:
            if number == 2:
                below = writer.node("Reshape", below, writer.constant(np.array([-1, 48])))
            below = writer.node(
                "Add", writer.node("MatMul", below, writer.constant(kernel)), writer.constant(bias)
            )
            below = writer.node("Softmax", below) if number == 4 else writer.node("Relu", below)
        if number == 0:
            map_first = writer.node("Transpose", below, perm=[0, 3, 1, 2])
            pooled = writer.node("MaxPool", map_first, kernel_shape=[2, 2], strides=[2, 2])
            below = writer.node("Transpose", pooled, perm=[0, 2, 3, 1])
    return writer.write(path, NHWC, below)


def write_odd_graph(path: Path, pairs: Pairs) -> Path:
    """What is rare but allowed: factors, an Add behind a convolution, a turned kernel, no bias at all."""
    writer = Writer()
    (edges, b0), (parts, b1), (whole, b2), (again, b3), (answer, _) = pairs
    sums = writer.node("Conv", "pixels", writer.constant(edges), pads=[1] * 4, kernel_shape=[3, 3])
    below = writer.node("Relu", writer.node("Add", writer.constant(b0.reshape(1, 5, 1, 1)), sums))
    below = writer.node("MaxPool", below, kernel_shape=[2, 2], strides=[2, 2])
    flat_kernel = writer.node(
        "Reshape", writer.constant(parts.reshape(4, 45)), writer.constant(np.array([4, 5, 3, 3]))
    )
    below = writer.node("Conv", below, flat_kernel, writer.constant(b1), pads=[1] * 4, kernel_shape=[3, 3])
    below = writer.node("Flatten", writer.node("Identity", writer.node("Relu", below)))
    turned = writer.node("Transpose", writer.constant(whole), perm=[1, 0])
    below = writer.node(
        "Relu", writer.node("Gemm", below, turned, writer.constant(b2[None]), alpha=2.0, beta=0.5)
    )
    turned = writer.node("Transpose", writer.constant(again))
    below = writer.node("Relu", writer.node("Gemm", below, turned, writer.constant(b3[:1])))
    below = writer.node("Softmax", writer.node("MatMul", below, writer.constant(answer.T)))
    return writer.write(path, NCHW, below)


def write_convolutional_graph(path: Path, pairs: Pairs) -> Path:
    """Dense layers as convolutions over the whole map, then over its one position."""
    writer = Writer()
    below = "pixels"
    shapes = ((5, 3, 3, 3), (4, 5, 3, 3), (7, *MAP), (7, 7, 1, 1), (3, 7, 1, 1))
    for number, ((kernel, bias), shape) in enumerate(zip(pairs, shapes, strict=True)):
        stored = writer.constant(kernel.reshape(shape)), writer.constant(bias)
        below = writer.node("Conv", below, *stored, kernel_shape=shape[2:], pads=[1 if number < 2 else 0] * 4)
        if number < 4:
            below = writer.node("Relu", below)
        if number == 0:
            below = writer.node("MaxPool", below, kernel_shape=[2, 2], strides=[2, 2])
    return writer.write(path, NCHW, writer.node("Softmax", writer.node("Flatten", below)))


def foreign_responses(path: Path, images: Array) -> Array:
    """The responses of the file's own graph to images (images, 3, height, width)."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    given = images if entry.shape[1] == 3 else images.transpose(0, 2, 3, 1)
    answer: Array = session.run(None, {entry.name: np.ascontiguousarray(given)})[0]
    return answer
