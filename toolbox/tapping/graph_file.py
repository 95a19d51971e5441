"""Reading a graph that somebody else made from its file. Owns which files and which operators are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from numpy.typing import NDArray
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from toolbox.errors import UsageError
from toolbox.tapping.trial import first_line
from toolbox.tapping.wiring import constants

LARGEST_FILE = 2**31 - 1
"""Bytes of one protobuf message."""
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
"""Operators that draw numbers."""


def read_graph(path: Path) -> onnx.ModelProto:
    """A graph with all its tensors, those in files of their own included, and its local functions written out.

    Raises: UsageError when it is no ONNX file, is incomplete, too large, or branches while it runs.
    """
    model = _load(path)
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX file or holds no operators; export the network as ONNX")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _make_dense(model.graph)
    _check_operators(path, model.graph)
    return model


def _load(path: Path) -> onnx.ModelProto:
    """What a file says, with the tensors that it keeps in other files."""
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise UsageError(f"no file {str(path)!r}; expected an ONNX graph")
    try:
        model = onnx.load(path, load_external_data=False)
        _check_size(path, model)
        onnx.load_external_data_for_model(model, str(path.parent))
    except DecodeError as error:
        raise UsageError(f"{path} is not an ONNX file ({error}); export the network as ONNX") from error
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise UsageError(
            f"{path} keeps tensors in other files that cannot be read ({first_line(error)}); put them beside it"
        ) from error
    return model


def _check_size(path: Path, model: onnx.ModelProto) -> None:
    """One protobuf message holds 2 GB; tensors in other files must fit in as well."""
    apart = (tensor for tensor in tensors_of(model) if tensor.data_location == TensorProto.EXTERNAL)
    size = path.stat().st_size + sum(map(_bytes_of, apart))
    if size > LARGEST_FILE:
        raise UsageError(
            f"{path} holds {size / 2**30:.1f} GB of weights; expected less than 2 GB: use a smaller network"
        )


def _bytes_of(tensor: onnx.TensorProto) -> int:
    count = int(np.prod(tensor.dims, dtype=np.int64))
    return count * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors that are written down in a graph: weights, and constants among its operators."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        for entry in node.attribute:
            yield from [entry.t] if entry.type == AttributeProto.TENSOR else entry.tensors


def _check_operators(path: Path, graph: onnx.GraphProto) -> None:
    """A graph must do the same to all images, whenever it is run."""
    values = constants(graph) | _constant_nodes(graph)
    for node in graph.node:
        if node.op_type in RANDOM or _is_training(node, values):
            raise UsageError(
                f"{path} draws random numbers, or learns from what it is shown ({node.op_type} {node.name!r}), and "
                "gives other results every time; export it for use (in PyTorch: after model.eval())"
            )
        if any(entry.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for entry in node.attribute):
            raise UsageError(
                f"{path} branches while it runs ({node.op_type} {node.name!r}), and then its layers are not the same "
                "for all images; export it for one fixed path (in PyTorch: model.eval(), fixed sizes)"
            )


def _constant_nodes(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Constants that are written as operators."""
    return {
        node.output[0]: numpy_helper.to_array(entry.t)
        for node in graph.node
        if node.op_type == "Constant"
        for entry in node.attribute
        if entry.type == AttributeProto.TENSOR
    }


def _is_training(node: onnx.NodeProto, values: Mapping[str, NDArray[Any]]) -> bool:
    """Whether Dropout or BatchNormalization does what it does while a network learns."""
    if node.op_type == "Dropout":
        mode = values.get(node.input[2]) if len(node.input) > 2 else None
        return mode is not None and bool(mode.any())
    return node.op_type == "BatchNormalization" and any(
        entry.name == "training_mode" and entry.i for entry in node.attribute
    )


def _make_dense(graph: onnx.GraphProto) -> None:
    """Tensors of which only some values are written down are filled up with zeros."""
    for sparse in graph.sparse_initializer:
        values, indices = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
        whole = np.zeros(tuple(sparse.dims), values.dtype)
        # Places are written either by axes, one row each, or as numbers in the flat tensor.
        places = tuple(indices.T) if indices.ndim == 2 else np.unravel_index(indices, whole.shape)
        whole[places] = values
        graph.initializer.append(numpy_helper.from_array(whole, sparse.values.name))
    del graph.sparse_initializer[:]
