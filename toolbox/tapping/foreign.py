"""Opening a graph that somebody else made. Owns what is refused, and how any image input becomes `image`.

Inside, every tensor's name gets a prefix, so that none can be taken for a layer's name or the toolbox's own tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from toolbox.engines import CPU, import_onnxruntime
from toolbox.errors import UsageError
from toolbox.graph import Graph, Tensors
from toolbox.tapping.wiring import Observed, constants, observation
from toolbox.terms import IMAGE

INSIDE = "graph/"
"""What the name of a tensor of somebody else's graph begins with inside the toolbox."""
LARGEST = 2**31 - 1  # bytes of one protobuf message
LARGEST_SIDE = 4096  # pixels; above, the maps of a graph fit in no memory
TYPES = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
PROBES = 2
"""Images that are shown to a new graph to see what it does."""


@dataclass(frozen=True)
class Entrance:
    """The image input of a graph: sizes are None where the graph takes any."""

    name: str
    type: int
    is_channels_last: bool
    height: int | None
    width: int | None
    batch: int | None


def read_graph(path: Path) -> onnx.ModelProto:
    """A graph with all its tensors, those in files of their own included, and its local functions written out.

    Raises: UsageError when it is no ONNX file, is incomplete, too large, or branches while it runs.
    """
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
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX file or holds no operators; export the network as ONNX")
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _make_dense(model.graph)
    _check_operators(path, model.graph)
    return model


def _check_operators(path: Path, graph: onnx.GraphProto) -> None:
    """A graph must do the same to all images, whenever it is run."""
    fixed = constants(graph) | {
        node.output[0]: numpy_helper.to_array(entry.t)
        for node in graph.node
        if node.op_type == "Constant"
        for entry in node.attribute
        if entry.type == onnx.AttributeProto.TENSOR
    }
    for node in graph.node:
        if node.op_type in RANDOM or _is_training(node, fixed):
            raise UsageError(
                f"{path} draws random numbers, or learns from what it is shown ({node.op_type} {node.name!r}), and "
                "gives other results every time; export it for use (in PyTorch: after model.eval())"
            )
        if any(
            entry.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for entry in node.attribute
        ):
            raise UsageError(
                f"{path} branches while it runs ({node.op_type} {node.name!r}), and then its layers are not the same "
                "for all images; export it for one fixed path (in PyTorch: model.eval(), fixed sizes)"
            )


def _is_training(node: onnx.NodeProto, fixed: Mapping[str, NDArray[Any]]) -> bool:
    """Whether Dropout or BatchNormalization does what it does while a network learns."""
    if node.op_type == "Dropout":
        mode = fixed.get(node.input[2]) if len(node.input) > 2 else None
        return mode is not None and bool(mode.any())
    return node.op_type == "BatchNormalization" and any(
        entry.name == "training_mode" and entry.i for entry in node.attribute
    )


def _make_dense(graph: onnx.GraphProto) -> None:
    """Tensors of which only some values are written down are filled up with zeros."""
    for sparse in graph.sparse_initializer:
        values, indices = (numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices))
        whole = np.zeros(tuple(sparse.dims), values.dtype)
        places = tuple(indices.T) if indices.ndim == 2 else np.unravel_index(indices, whole.shape)
        whole[places] = values
        graph.initializer.append(numpy_helper.from_array(whole, sparse.values.name))
    del graph.sparse_initializer[:]


def _check_size(path: Path, model: onnx.ModelProto) -> None:
    """One protobuf message holds 2 GB; tensors in other files must fit in as well."""
    size = path.stat().st_size
    for tensor in tensors_of(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            size += (
                int(np.prod(tensor.dims, dtype=np.int64))
                * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            )
    if size > LARGEST:
        raise UsageError(
            f"{path} holds {size / 2**30:.1f} GB of weights; expected less than 2 GB: use a smaller network"
        )


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All tensors that are written down in a graph: weights, and constants among its operators."""
    yield from model.graph.initializer
    for sparse in model.graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in [*model.graph.node, *(node for function in model.functions for node in function.node)]:
        for entry in node.attribute:
            yield from [entry.t] if entry.type == onnx.AttributeProto.TENSOR else entry.tensors


def entrance(model: onnx.ModelProto) -> Entrance:
    """The one image input of a graph.

    Raises: UsageError when there are several inputs or it takes no colour images.
    """
    inside = {tensor.name for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in inside]
    if len(inputs) != 1:
        named = ", ".join(entry.name for entry in inputs) or "none"
        raise UsageError(
            f"the graph has {len(inputs)} inputs ({named}); expected one, the image: fix the others in the export"
        )
    entry = inputs[0]
    tensor = entry.type.tensor_type
    sizes = [dimension.dim_value or None for dimension in tensor.shape.dim]
    said = [dimension.dim_param or dimension.dim_value or "?" for dimension in tensor.shape.dim]
    if len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
        raise UsageError(
            f"the graph's input {entry.name!r} has shape ({', '.join(map(str, said))}); expected colour images: "
            "(images, 3, height, width) or (images, height, width, 3)"
        )
    if tensor.elem_type not in TYPES:
        found = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise UsageError(
            f"the graph's input {entry.name!r} takes {found}; expected float32 or float16 images"
        )
    is_last = sizes[1] != 3
    height, width = sizes[1:3] if is_last else sizes[2:]
    return Entrance(entry.name, tensor.elem_type, is_last, height, width, sizes[0])


def image_size(found: Entrance, size: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of the images a graph is shown: its own, or the chosen ones where it leaves them open.

    Raises: UsageError when it leaves them open and none are chosen, or insists on others.
    """
    if size is None and (found.height is None or found.width is None):
        raise UsageError(
            "the graph takes images of any size; choose the one it was trained on, such as --size 224"
        )
    chosen = (found.height or 0, found.width or 0) if size is None else size
    if max(chosen) > LARGEST_SIDE:
        raise UsageError(
            f"size {chosen[0]} x {chosen[1]} is too large; expected up to {LARGEST_SIDE} pixels along each side"
        )
    for own, asked in zip((found.height, found.width), chosen, strict=True):
        if own not in (None, asked) or asked < 1:
            wanted = " x ".join(str(side or "any") for side in (found.height, found.width))
            raise UsageError(
                f"size {chosen[0]} x {chosen[1]} does not fit: the graph takes images of {wanted}"
            )
    return chosen


def entered(model: onnx.ModelProto, height: int, width: int, batch: int = 0) -> onnx.ModelProto:
    """The graph with the toolbox's own input: `image`, float32 (images, 3, height, width); its outputs stay.

    Args:
        batch: images at once that the graph insists on; 0 for any number, whatever the graph declares.

    Returns: a copy in which the name of every other tensor starts with `graph/`.
    """
    found = entrance(model)
    own = onnx.ModelProto()
    own.CopyFrom(model)
    graph = own.graph
    _rename(graph)
    nodes = _entry_nodes(found, INSIDE + found.name)
    body = list(graph.node)
    del graph.node[:], graph.input[:], graph.value_info[:]
    graph.node.extend([*nodes, *body])
    sizes = [batch or "images", 3, height, width]
    graph.input.append(helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, sizes))
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")  # it may say a batch that holds no longer
    return own


def _rename(graph: onnx.GraphProto) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [INSIDE + name if name else "" for name in names]
    for entry in (*graph.initializer, *graph.output):
        entry.name = INSIDE + entry.name


def _entry_nodes(found: Entrance, target: str) -> list[onnx.NodeProto]:
    """From `image` to what the graph takes."""
    steps: list[tuple[str, dict[str, Any]]] = []
    if found.is_channels_last:
        steps.append(("Transpose", {"perm": [0, 2, 3, 1]}))
    if found.type != TensorProto.FLOAT:
        steps.append(("Cast", {"to": found.type}))
    steps = steps or [("Identity", {})]
    names = [IMAGE, *(f"{IMAGE}.{operator.lower()}" for operator, _ in steps[:-1]), target]
    return [
        helper.make_node(operator, [below], [above], name=f"{IMAGE}.{operator.lower()}", **attributes)
        for (operator, attributes), below, above in zip(steps, names[:-1], names[1:], strict=True)
    ]


def observe(model: onnx.ModelProto, height: int, width: int) -> Observed:
    """Run an entered graph on two images, one by one and together, and say what its tensors are.

    A graph counts as one that takes batches only if two images together give what they give one by one.

    Raises: UsageError when onnxruntime cannot run it.
    """
    images = probes(PROBES, height, width)
    alone = run_all(model, images[:1])
    try:
        together = run_all(model, images)
        other = run_all(model, images[1:], everything=False)
    except UsageError:
        return observation(model, {1: alone})
    names = [output.name for output in model.graph.output]
    pairs = [
        (together[name], np.concatenate([alone[name], other[name]])) for name in names if alone[name].ndim
    ]
    if all(whole.shape == parts.shape and _nearly(whole, parts) for whole, parts in pairs):
        return observation(model, {1: alone, PROBES: together})
    return observation(model, {1: alone})


def probes(count: int, height: int, width: int) -> NDArray[np.float32]:
    """Images of noise that a new graph is shown."""
    return np.random.default_rng(0).uniform(-1, 1, (count, 3, height, width)).astype(np.float32)


def check_repeatable(model: onnx.ModelProto, height: int, width: int) -> None:
    """Raises: UsageError when an entered graph gives two results for one image."""
    first, second = _runs(model, probes(1, height, width), 2)
    for name, values in first.items():
        if not np.array_equal(values, second[name], equal_nan=values.dtype.kind == "f"):
            raise UsageError(
                f"the graph gives two results for one image (at its output {name.removeprefix(INSIDE)!r}): it "
                "draws random numbers; export it for use (in PyTorch: after model.eval())"
            )


def _nearly(first: NDArray[Any], second: NDArray[Any]) -> bool:
    if not np.issubdtype(first.dtype, np.floating):
        return bool((first == second).all())
    bound = 0.02 if first.dtype == np.float16 else 1e-3
    largest = float(np.abs(second[np.isfinite(second)]).max(initial=0))
    return bool(np.allclose(first, second, rtol=bound, atol=bound * largest, equal_nan=True))


def run_all(
    model: onnx.ModelProto, images: NDArray[np.float32], *, everything: bool = True
) -> dict[str, NDArray[Any]]:
    """The images and every tensor that a graph makes of them, by name; or its outputs alone.

    Raises: UsageError when onnxruntime cannot load or run the graph.
    """
    if everything:
        model = with_outputs(model, (name for node in model.graph.node for name in node.output if name))
    return next(_runs(model, images, 1))


def run_graph(graph: Graph, images: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """The outputs of a graph whose tensors are kept beside it.

    Raises: UsageError when onnxruntime cannot load or run the graph.
    """
    return next(_runs(graph.proto, images, 1, graph.tensors))


def _runs(
    model: onnx.ModelProto, images: NDArray[np.float32], times: int, tensors: Tensors | None = None
) -> Iterator[dict[str, NDArray[Any]]]:
    """The images and the outputs of a graph, again and again from one session."""
    onnxruntime = import_onnxruntime()
    wanted = [output.name for output in model.graph.output]
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    beside = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in (tensors or {}).items()
    }
    options.add_external_initializers([*beside], [*beside.values()])
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), sess_options=options, providers=[CPU]
        )
        found = [session.run(wanted, {IMAGE: images}) for _ in range(times)]
    except (
        Exception
    ) as error:  # onnxruntime's own failures have no common class, and all of them are the graph's
        raise UsageError(
            f"onnxruntime {onnxruntime.__version__} cannot run the graph ({first_line(error)}); export it with "
            "standard operators of opset 11 to 20, or update onnxruntime"
        ) from error
    for values in found:
        made = {
            name: value for name, value in zip(wanted, values, strict=True) if isinstance(value, np.ndarray)
        }
        yield {IMAGE: images, **made}


def with_outputs(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A graph with more tensors as outputs."""
    more = onnx.ModelProto()
    more.CopyFrom(model)
    there = {output.name for output in more.graph.output}
    more.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in there
    )
    return more


def first_line(error: Exception) -> str:
    """What went wrong, without error codes and places in somebody else's source code."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    told = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])
    told = re.sub(r"^(/\S+:\d+ .*?\)(?: const)? )|(\S+\.cc:\d+ \S+ )", "", told)
    return told.replace(f'"{INSIDE}', '"')[:300].rstrip(". ")
