"""Reading a graph from an ONNX file of any program. Owns which files and which operators are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from numpy.typing import NDArray
from onnx import AttributeProto, numpy_helper

from toolbox.errors import UsageError
from toolbox.tapping.bounds import check_file_size, check_functions, check_stored_tensors
from toolbox.tapping.trial import first_line
from toolbox.tapping.wiring import constants

RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
"""Operators that generate random numbers."""


def read_graph(path: Path) -> onnx.ModelProto:
    """A graph with all its tensors, including those in separate files, and with its local functions inlined.

    Raises: UsageError when the file is not an ONNX file, is incomplete or too large, or when the graph branches.
    """
    model = _load(path)
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX file, or contains no operators; export the network as ONNX")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _make_dense(model.graph)
    _check_operators(path, model.graph)
    return model


def _load(path: Path) -> onnx.ModelProto:
    """The graph in a file, with the tensors from its other files."""
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise UsageError(f"the file {str(path)!r} does not exist; expected an ONNX file")
    check_file_size(path)
    try:
        model = onnx.load(path, load_external_data=False)
        check_functions(path, model)
        check_stored_tensors(path, model, tensors_of(model))
        onnx.load_external_data_for_model(model, str(path.parent))
    except DecodeError as error:
        raise UsageError(f"{path} is not an ONNX file ({error}); export the network as ONNX") from error
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise UsageError(
            f"{path} has tensors in other files that cannot be read ({first_line(error)}); move them to its folder"
        ) from error
    return model


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors that a graph stores: weights, and constants in attributes of its operators."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        for entry in node.attribute:
            yield from [entry.t] if entry.type == AttributeProto.TENSOR else entry.tensors


def _check_operators(path: Path, graph: onnx.GraphProto) -> None:
    """Check that a graph computes the same for every image in every run."""
    values = constants(graph) | _constant_nodes(graph)
    for node in graph.node:
        if node.op_type in RANDOM or _is_training(node, values):
            raise UsageError(
                f"{path} uses random numbers or training mode ({node.op_type} {node.name!r}), so that its results "
                "differ between runs; export it for inference (in PyTorch: after model.eval())"
            )
        if any(entry.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS) for entry in node.attribute):
            raise UsageError(
                f"{path} branches while it runs ({node.op_type} {node.name!r}), so that its layers are not the same "
                "for all images; export it without branches (in PyTorch: model.eval(), fixed sizes)"
            )


def _constant_nodes(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    """Constants that are stored in operators."""
    return {
        node.output[0]: numpy_helper.to_array(entry.t)
        for node in graph.node
        if node.op_type == "Constant"
        for entry in node.attribute
        if entry.type == AttributeProto.TENSOR
    }


def _is_training(node: onnx.NodeProto, values: Mapping[str, NDArray[Any]]) -> bool:
    """Whether a Dropout or BatchNormalization node is in training mode."""
    if node.op_type == "Dropout":
        mode = values.get(node.input[2]) if len(node.input) > 2 else None
        return mode is not None and bool(mode.any())
    return node.op_type == "BatchNormalization" and any(
        entry.name == "training_mode" and entry.i for entry in node.attribute
    )


def _make_dense(graph: onnx.GraphProto) -> None:
    """Convert sparse tensors to dense ones."""
    for sparse in graph.sparse_initializer:
        values, indices = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
        whole = np.zeros(tuple(sparse.dims), values.dtype)
        # Indices are stored either per axis, one row per value, or as positions in the flattened tensor.
        places = tuple(indices.T) if indices.ndim == 2 else np.unravel_index(indices, whole.shape)
        whole[places] = values
        graph.initializer.append(numpy_helper.from_array(whole, sparse.values.name))
    del graph.sparse_initializer[:]
