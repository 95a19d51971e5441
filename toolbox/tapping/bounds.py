"""What a graph of anybody may cost before it is known. Owns the bounds, which are checked before anything expands.

A file of some kilobytes can state tensors of terabytes, call functions that call functions that double each other, or
compute a constant that fills the memory. Sizes are therefore computed from what the file states; and a graph whose
sizes cannot be computed is first run in a process of its own, which has a limit of memory and of time.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx
from onnx import AttributeProto, TensorProto, helper

from toolbox.errors import UsageError
from toolbox.graph import Tensors
from toolbox.terms import IMAGE

LARGEST_FILE = 2**31 - 1
"""Largest size of a protobuf message in bytes."""
MOST_NODES = 100_000
"""Operators of a graph with its functions written out; large networks have some thousands."""
LARGEST_RUN = 3 * 2**30
"""Bytes of all tensors that a graph computes for the images of a trial."""
TRIAL_SECONDS = 120
"""Time in which a trial must end where its sizes are not known before."""
CANNOT_RUN = 3
"""Exit code of a confined run of a graph that cannot run at all."""
_MEMORY = 4 * 2**30
"""Bytes of a trial where its sizes are not known before, besides four times those of its weights."""
_SMALL = 4096
"""Numbers of a constant that may decide the shape of another tensor."""


def check_file_size(path: Path) -> None:
    """Refuse a file that is larger than an ONNX file can be, before it is read.

    Args:
        path: the file.

    Raises: UsageError.
    """
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise _too_many_weights(path, size)


def _too_many_weights(path: Path, size: int) -> UsageError:
    return UsageError(
        f"{path} has {size / 2**30:.1f} GB of weights; expected less than 2 GB; use a smaller network"
    )


def check_functions(path: Path, model: onnx.ModelProto) -> None:
    """Refuse a graph that has too many operators once its local functions are written out, before they are.

    Args:
        path: its file, for messages.
        model: the graph.

    Raises: UsageError; also for functions that call themselves.
    """
    functions = {(function.domain, function.name): function for function in model.functions}
    counts: dict[tuple[str, str], int] = {}

    def count(nodes: Iterable[onnx.NodeProto], callers: int) -> int:
        total = 0
        for node in _all_nodes(nodes):
            called = (node.domain, node.op_type)
            if callers > _MOST_CALLS:
                raise UsageError(
                    f"{path} has the function {node.op_type!r}, which calls itself, or others {_MOST_CALLS} deep; "
                    "export the network without functions"
                )
            if called in functions and called not in counts:
                counts[called] = count(functions[called].node, callers + 1)
            total += counts.get(called, 1)
        return total

    if (total := count(model.graph.node, 0)) > MOST_NODES:
        raise UsageError(
            f"{path} has {_short(total)} operators with its functions written out; expected at most {MOST_NODES:,}; "
            "export the network without functions"
        )


_MOST_CALLS = 100
"""Functions that call each other, one in the other."""


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The operators, and those of the graphs in their attributes."""
    left = [*nodes]
    while left:
        node = left.pop()
        yield node
        for entry in node.attribute:
            graphs = [entry.g] if entry.type == AttributeProto.GRAPH else entry.graphs
            left += [inner for graph in graphs for inner in graph.node]


def _short(count: int) -> str:
    return f"{count:,}" if count < 10**12 else f"10^{len(str(count)) - 1}"


def check_stored_tensors(path: Path, model: onnx.ModelProto, tensors: Iterable[TensorProto]) -> None:
    """Refuse a graph that does not store as many numbers as it states, or more than a graph of 2 GB can have.

    Args:
        path: its file; tensors in other files are located in its folder.
        model: the graph.
        tensors: all that it stores.

    Raises: UsageError.
    """
    total = path.stat().st_size
    for tensor in tensors:
        size = _stated_bytes(path, tensor)
        if tensor.data_location == TensorProto.EXTERNAL:
            total += size
        elif tensor.HasField("raw_data") and len(tensor.raw_data) != size:
            raise UsageError(
                f"{path} has a tensor {tensor.name!r} of {_short(size)} bytes, but stores {len(tensor.raw_data):,}; "
                "export the network again"
            )
        elif size > 16 * path.stat().st_size + 16:  # a number that is not raw takes a byte at least
            raise UsageError(
                f"{path} has a tensor {tensor.name!r} of {_short(size)} bytes, more than the file; "
                "export the network again"
            )
    dense = sum(_bytes_of(path, sparse.values, sparse.dims) for sparse in model.graph.sparse_initializer)
    if total + dense > LARGEST_FILE:
        raise _too_many_weights(path, total + dense)


def _stated_bytes(path: Path, tensor: TensorProto) -> int:
    return _bytes_of(path, tensor, tensor.dims)


def _bytes_of(path: Path, tensor: TensorProto, dims: Iterable[int]) -> int:
    """Bytes of a tensor by its type and its sides."""
    sides = list(dims)
    if any(side < 0 for side in sides) or tensor.data_type not in _BITS:
        raise UsageError(
            f"{path} has a tensor {tensor.name!r} of the type {tensor.data_type} and the sides {sides[:8]}; "
            "expected a type of ONNX, and sides of at least 0; export the network again"
        )
    return -(-math.prod(sides) * _BITS[tensor.data_type] // 8)


def _bits() -> dict[int, int]:
    """Bits of a number of every type, which are in its name (FLOAT8E5M2, UINT4); those of a text do not count."""
    named = {"FLOAT": 32, "DOUBLE": 64, "BOOL": 8, "STRING": 0}
    numbered = {name: re.search(r"\d+", name) for name in TensorProto.DataType.keys()}  # noqa: SIM118 no dictionary
    bits = {name: int(found[0]) for name, found in numbered.items() if found} | named
    return {TensorProto.DataType.Value(name): count for name, count in bits.items()}


_BITS = _bits()


def check_run(
    model: onnx.ModelProto, images: int, height: int, width: int, tensors: Tensors | None = None
) -> None:
    """Refuse a graph whose run needs too much memory or time, before it is run here.

    Args:
        model: a graph with the toolbox's own input.
        images: number of images that are presented at once.
        height: height of the images in pixels.
        width: width of the images in pixels.
        tensors: those that are kept beside the graph.

    Raises: UsageError.
    """
    sizes = inferred_bytes(model, images, height, width)
    known = [size for size in sizes.values() if size is not None]
    if sum(known) > LARGEST_RUN:
        raise UsageError(
            f"the graph computes tensors of {_short(sum(known))} bytes for {images} images; expected at most "
            f"{LARGEST_RUN >> 30} GB; choose smaller images with size=… (--size), or use a smaller network"
        )
    if len(known) < len(sizes) or any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        _run_confined(model, images, height, width, tensors or {})


def inferred_bytes(model: onnx.ModelProto, images: int, height: int, width: int) -> Mapping[str, int | None]:
    """The size of every tensor that a graph computes, by its name; None where it cannot be inferred.

    Args:
        model: a graph with the toolbox's own input.
        images: number of images that are presented at once.
        height: height of the images in pixels.
        width: width of the images in pixels.
    """
    shapes = _inferred_shapes(_skeleton(model, images, height, width))
    return {name: shapes.get(name) for node in model.graph.node for name in node.output if name}


def _skeleton(model: onnx.ModelProto, images: int, height: int, width: int) -> onnx.ModelProto:
    """The graph without its weights, and without what it states about its own sizes."""
    graph = onnx.GraphProto(name="skeleton", node=model.graph.node)
    graph.input.append(helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [images, 3, height, width]))
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL:
            graph.initializer.append(tensor)
        else:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, [*tensor.dims]))
    graph.output.extend(onnx.ValueInfoProto(name=output.name) for output in model.graph.output)
    return onnx.ModelProto(graph=graph, ir_version=max(model.ir_version, 4), opset_import=model.opset_import)


def _inferred_shapes(skeleton: onnx.ModelProto) -> dict[str, int]:
    """Bytes of the tensors whose type and sides can be inferred."""
    try:
        inferred = onnx.shape_inference.infer_shapes(skeleton, data_prop=True)
    except Exception:
        return {}
    sizes = {}
    for entry in (*inferred.graph.value_info, *inferred.graph.output):
        tensor = entry.type.tensor_type
        sides = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
        if tensor.HasField("shape") and None not in sides and tensor.elem_type in _BITS:
            sizes[entry.name] = math.prod(side or 0 for side in sides) * max(_BITS[tensor.elem_type], 8) // 8
    return sizes


def _run_confined(model: onnx.ModelProto, images: int, height: int, width: int, tensors: Tensors) -> None:
    """Run a graph in a process that has a limit of memory and of time."""
    from toolbox.graph import Graph

    with tempfile.TemporaryDirectory(prefix="toolbox-") as folder:
        file = Path(folder) / "graph.onnx"
        onnx.save(Graph(model, tensors).embed_tensors(), file)
        memory = _MEMORY + 4 * file.stat().st_size
        words = map(str, (file, images, height, width, memory, TRIAL_SECONDS))
        command = [sys.executable, "-m", "toolbox.tapping.confined", *words]
        path = os.pathsep.join(filter(None, sys.path))  # so that the same toolbox is found
        try:
            answer = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=TRIAL_SECONDS,
                env={**os.environ, "PYTHONPATH": path}, errors="replace",
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise UsageError(
                f"the graph runs longer than {TRIAL_SECONDS} s for {images} images; {_REMEDY}"
            ) from None
    if answer.returncode not in (
        0,
        CANNOT_RUN,
    ):  # what a graph itself does wrong is reported when it runs here
        raise UsageError(
            f"the graph needs more than {memory / 2**30:.0f} GB of memory for {images} images; {_REMEDY}"
        )


_REMEDY = "choose smaller images with size=… (--size), or use a smaller network"
