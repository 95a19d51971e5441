"""An ONNX graph of the toolbox. Owns how its tensors are kept beside it, and how it is written to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Tensors = dict[str, NDArray[np.float32]]
"""Tensors by their names in the graph."""

OPSET = 18

IR_VERSION = 10  # read by every onnxruntime since 1.18


@dataclass(frozen=True)
class Graph:
    """An ONNX graph whose tensors are kept beside it, so that half a gigabyte of weights is never copied.

    `proto` declares the tensors as external data. They are passed to the session that runs the graph, and embedded in
    the file when the graph is written. `axes` gives the axis of the filters of an output, where it is not 1.
    """

    proto: onnx.ModelProto
    tensors: Tensors
    axes: Mapping[str, int] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the order of the graph."""
        return tuple(output.name for output in self.proto.graph.output)

    def embed_tensors(self) -> onnx.ModelProto:
        """The graph as one ONNX model that contains its tensors."""
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        for entry in model.graph.initializer:
            if entry.name in self.tensors:
                entry.CopyFrom(numpy_helper.from_array(self.tensors[entry.name], entry.name))
        return model


def external_tensor(name: str, tensor: NDArray[Any]) -> TensorProto:
    """The declaration, in a graph, of a tensor that is kept beside it.

    Args:
        name: name of the tensor in the graph.
        tensor: the tensor, of any type that ONNX supports.
    """
    number = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    entry = TensorProto(name=name, data_type=number, dims=tensor.shape, data_location=TensorProto.EXTERNAL)
    entry.external_data.add(key="location", value="memory")
    return entry


def make_node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """A node with one output, named as that output.

    Args:
        operator: the ONNX operator.
        inputs: names of the input tensors.
        output: name of the output.
        **attributes: attributes of the operator.
    """
    return helper.make_node(operator, inputs, [output], name=output, **attributes)


def write_graph(graph: Graph, path: Path) -> None:
    """Check a graph and write it, with its tensors, to a file.

    Args:
        graph: the graph.
        path: path of the file, which is overwritten.
    """
    model = graph.embed_tensors()
    onnx.checker.check_model(model)
    onnx.save(model, path)
