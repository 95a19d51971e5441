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

    In `proto` they are named as external data; whoever runs the graph hands them over, whoever writes it embeds them.
    `axes` says on which axis an output has its filters, where that is not 1.
    """

    proto: onnx.ModelProto
    tensors: Tensors
    axes: Mapping[str, int] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs, in their order."""
        return tuple(output.name for output in self.proto.graph.output)

    def embed_tensors(self) -> onnx.ModelProto:
        """The whole as one ONNX model, tensors included."""
        model = onnx.ModelProto()
        model.CopyFrom(self.proto)
        for entry in model.graph.initializer:
            if entry.name in self.tensors:
                entry.CopyFrom(numpy_helper.from_array(self.tensors[entry.name], entry.name))
        return model


def external_tensor(name: str, tensor: NDArray[Any]) -> TensorProto:
    """What a graph has in the place of a tensor that is kept beside it.

    Args:
        name: of the tensor in the graph.
        tensor: of any type that ONNX knows.
    """
    number = helper.np_dtype_to_tensor_dtype(tensor.dtype)
    entry = TensorProto(name=name, data_type=number, dims=tensor.shape, data_location=TensorProto.EXTERNAL)
    entry.external_data.add(key="location", value="memory")
    return entry


def make_node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
    """An operator that goes by the name of its one result.

    Args:
        operator: its name in ONNX.
        inputs: names of tensors.
        output: name of the result.
        **attributes: of the operator.
    """
    return helper.make_node(operator, inputs, [output], name=output, **attributes)


def write_graph(graph: Graph, path: Path) -> None:
    """Check a graph and write it to a file, its tensors inside.

    Args:
        graph: the graph.
        path: of the file, which is overwritten.
    """
    model = graph.embed_tensors()
    onnx.checker.check_model(model)
    onnx.save(model, path)
