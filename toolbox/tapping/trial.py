"""Running a graph on noise images, as a test. Owns recording all its tensors, and the messages for its failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from toolbox.errors import UsageError
from toolbox.graph import Graph, Tensors
from toolbox.host import CPU, import_onnxruntime
from toolbox.tapping.bounds import check_run
from toolbox.tapping.entrance import INSIDE
from toolbox.tapping.wiring import Observation, observation
from toolbox.terms import IMAGE

PROBES = 2
"""Number of images that are presented to a new graph as a test."""
Results = dict[str, NDArray[Any]]
"""The tensors of one run, by name."""


def observe(model: onnx.ModelProto, height: int, width: int) -> Observation:
    """Run a graph on two images, one by one and together, and describe its tensors.

    A graph accepts batches only if the results for two images together equal those for the single images.

    Args:
        model: a graph with the toolbox's own input.
        height: height of the images in pixels.
        width: width of the images in pixels.

    Raises: UsageError when onnxruntime cannot run it.
    """
    check_run(model, PROBES, height, width)
    images = probes(PROBES, height, width)
    alone = run_all(model, images[:1])
    try:
        together = run_all(model, images)
        other = next(_runs(model, images[1:], 1))
    except UsageError:
        return observation(model, {1: alone})
    pairs = [
        (together[output.name], np.concatenate([alone[output.name], other[output.name]]))
        for output in model.graph.output
        if alone[output.name].ndim
    ]
    if all(whole.shape == parts.shape and _is_nearly_equal(whole, parts) for whole, parts in pairs):
        return observation(model, {1: alone, PROBES: together})
    return observation(model, {1: alone})


def probes(count: int, height: int, width: int) -> NDArray[np.float32]:
    """Noise images for testing a new graph: (count, 3, height, width), from -1 to 1.

    Args:
        count: number of images.
        height: height of the images in pixels.
        width: width of the images in pixels.
    """
    return np.random.default_rng(0).uniform(-1, 1, (count, 3, height, width)).astype(np.float32)


def check_repeatable(model: onnx.ModelProto, height: int, width: int) -> None:
    """Refuse a graph whose responses to the same image differ between two presentations.

    Args:
        model: a graph with the toolbox's own input.
        height: height of the image in pixels.
        width: width of the image in pixels.

    Raises: UsageError when the responses differ.
    """
    first, second = _runs(model, probes(1, height, width), 2)
    for name, values in first.items():
        if not np.array_equal(values, second[name], equal_nan=values.dtype.kind == "f"):
            raise UsageError(
                f"the graph computes different results for the same image (at its output "
                f"{name.removeprefix(INSIDE)!r}), because it uses random numbers; export it for inference (in PyTorch: "
                "after model.eval())"
            )


def _is_nearly_equal(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Whether two results differ by no more than the effect of another order of summation."""
    if not np.issubdtype(first.dtype, np.floating):
        return bool((first == second).all())
    bound = 0.02 if first.dtype == np.float16 else 1e-3
    largest = float(np.abs(second[np.isfinite(second)]).max(initial=0))
    return bool(np.allclose(first, second, rtol=bound, atol=bound * largest, equal_nan=True))


def run_all(model: onnx.ModelProto, images: NDArray[np.float32]) -> Results:
    """The images and every tensor that a graph computes from them, by name.

    Args:
        model: a graph with the toolbox's own input.
        images: (images, 3, height, width), preprocessed.

    Raises: UsageError when onnxruntime cannot load or run the graph.
    """
    names = (name for node in model.graph.node for name in node.output if name)
    return next(_runs(_add_outputs(model, names), images, 1))


def run_graph(graph: Graph, images: NDArray[np.float32]) -> Results:
    """The outputs of a graph whose tensors are kept beside it.

    Args:
        graph: a graph of the toolbox.
        images: (images, 3, height, width), preprocessed.

    Raises: UsageError when onnxruntime cannot load or run the graph.
    """
    count, _, height, width = images.shape
    check_run(graph.proto, count, height, width, graph.tensors)
    return next(_runs(graph.proto, images, 1, graph.tensors))


def _runs(
    model: onnx.ModelProto, images: NDArray[np.float32], times: int, tensors: Tensors | None = None
) -> Iterator[Results]:
    """The images and the outputs of a graph, for several runs of one session."""
    onnxruntime = import_onnxruntime()
    names = [output.name for output in model.graph.output]
    try:
        session = _start_session(model, tensors or {})
        runs = [session.run(names, {IMAGE: images}) for _ in range(times)]
    except (
        Exception
    ) as error:  # the exceptions of onnxruntime have no common class; the graph causes all of them
        raise UsageError(
            f"onnxruntime {onnxruntime.__version__} cannot run the graph ({first_line(error)}); export it with "
            "standard operators of opset 11 to 20, or update onnxruntime"
        ) from error
    for values in runs:
        arrays = {
            name: value for name, value in zip(names, values, strict=True) if isinstance(value, np.ndarray)
        }
        yield {IMAGE: images, **arrays}


def _start_session(model: onnx.ModelProto, tensors: Tensors) -> Any:
    """A session without optimisations, which would remove tensors."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # for this session only, instead of the setting of the host program
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in tensors.items()}
    options.add_external_initializers([*values], [*values.values()])
    return onnxruntime.InferenceSession(model.SerializeToString(), sess_options=options, providers=[CPU])


def _add_outputs(model: onnx.ModelProto, names: Iterable[str]) -> onnx.ModelProto:
    """A graph with further tensors as outputs."""
    more = onnx.ModelProto()
    more.CopyFrom(model)
    outputs = {output.name for output in more.graph.output}
    more.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in outputs
    )
    return more


def first_line(error: Exception) -> str:
    """The first line of an error, without error codes and locations in the source code of onnxruntime."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    line = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", lines[0])
    line = re.sub(r"^(/\S+:\d+ .*?\)(?: const)? )|(\S+\.cc:\d+ \S+ )", "", line)
    return line.replace(f'"{INSIDE}', '"')[:300].rstrip(". ")
