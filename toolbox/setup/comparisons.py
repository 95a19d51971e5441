"""The ways of computing a network, each compared with another. Owns the comparisons and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.graph import Graph
from toolbox.host import CPU
from toolbox.network.architecture import Input, Layer
from toolbox.network.pooling import pixel_graph, preprocess
from toolbox.progress import Progress, silent
from toolbox.runtime.session import start_session
from toolbox.runtime.winograd import WINOGRAD
from toolbox.setup.differences import (
    Comparison,
    Gaps,
    Outputs,
    compare_statistics,
    concatenate,
    gap,
    worst_gap,
)
from toolbox.setup.reference import REFERENCE, has_halves, reference_maps

REFERENCED = 2
"""Images that the reference computes: VGG16's convolutions take about ten seconds per image."""

# Bounds of the differences, with the values measured for VGG16 on two cores in parentheses. The comparisons detect a
# kernel, a runtime or a pooling that does not compute what the graph specifies. An error in the graph itself, such as
# in a tensor, an axis or the preprocessing, is the same on both sides; only another framework can detect it.
POOLING_BOUND = 1e-5
"""Maxima are values of the map itself (measured: 0); means are summed in float32 instead of float64 (2e-7)."""
INDEPENDENT_BOUND = 1e-4
"""Other kernels sum thousands of products in another order in every layer (8e-7; in fc1 with 25,088 inputs 2e-6)."""
HALF_BOUND = 2e-2
"""For graphs that compute in float16, whose resolution is 5e-4; errors accumulate over the layers."""
BATCH_BOUND = 1e-5
"""onnxruntime on a CPU gave identical bits (0); a GPU may choose another kernel for another batch size."""
THREADS_BOUND = 1e-6
"""onnxruntime gave identical bits (0): its threads divide the filters and positions, but never a sum."""

PIXELS_BOUND = 0.0
"""On a CPU, preprocessing inside and outside the graph is the same, and workers share nothing: identical bits (0)."""
PRECISION_BOUND = 5e-2
"""For bf16 and TF32, whose resolutions are 4e-3 and 5e-4 per product: about ten such errors, one per layer."""
WORKERS = 2

WINOGRAD_BOUND = 1e-4
"""The transforms weight values by up to 100, and sums by up to 361, before these cancel (3e-6)."""


def compare(
    full: Graph,
    pooled: Graph,
    layers: Sequence[Layer],
    images: NDArray[np.float32],
    *,
    device: str = "auto",
    together: bool = True,
    progress: Progress = silent,
) -> tuple[Comparison, ...]:
    """Compare the pooled graph with the full one, onnxruntime with numpy, and batches and threads with each other.

    Args:
        full: the graph with the maps of all layers as outputs.
        pooled: the graph with the maxima and means of these maps as outputs.
        layers: the layers to compare; they are outputs of both graphs.
        images: two or more preprocessed images, (images, 3, height, width).
        device: the processor that is compared with the others; threads are compared on the CPU.
        together: whether the graph accepts several images at once; if not, batches are not compared.
        progress: is called as images are computed.

    Returns: all comparisons; a comparison has no difference where the independent implementation lacks an operator.

    Raises: DeviceError.
    """
    names = [layer.name for layer in layers]
    total = len(images) + 4

    def report(step: int) -> None:
        progress("check", step, total)

    report(0)
    recording = _record_maps(full, layers, images, device, report)
    run = _run_pooled(pooled, names, images, device=device, together=together, report=report)
    parts = [images] if together else [*images[:, None]]
    on_cpu = _compare_on_cpu(pooled, names, parts, is_rewritten=WINOGRAD in run.runtime)
    report(total)
    pooling = "pooled graph vs full graph and numpy"
    return (
        *compare_statistics(pooling, names, run.single, recording.summaries, POOLING_BOUND),
        _compare_with_reference(full, recording, run.runtime),
        *run.batches,
        *on_cpu,
    )


@dataclass(frozen=True)
class _PooledRun:
    """The results of the pooled graph on the chosen processor.

    Attributes:
        runtime: the engine and the processor.
        single: the outputs for the images presented one by one.
        batches: comparisons of these outputs with those of one batch, where the graph accepts batches.
    """

    runtime: str
    single: Outputs
    batches: list[Comparison]


def _run_pooled(
    pooled: Graph,
    names: Sequence[str],
    images: NDArray[np.float32],
    *,
    device: str,
    together: bool,
    report: Callable[[int], None],
) -> _PooledRun:
    """Run the pooled graph in a session that is released afterwards, because the next ones need its memory."""
    session = start_session(pooled, device=device)
    runtime = f"{session.runtime} ({session.provider.removesuffix('ExecutionProvider')})"
    single = concatenate([session.run(image[None]) for image in images])
    report(len(images) + 1)
    batches: list[Comparison] = []
    if together:
        comparison = f"batch of 1 vs batch of {len(images)}"
        batches += compare_statistics(comparison, names, single, session.run(images), BATCH_BOUND)
    report(len(images) + 2)
    return _PooledRun(runtime, single, batches)


def _compare_on_cpu(
    pooled: Graph, names: Sequence[str], parts: Sequence[NDArray[np.float32]], *, is_rewritten: bool
) -> list[Comparison]:
    """Compare one thread with two, and the Winograd convolution with the direct one where it is used."""

    def run(**choices: Any) -> Outputs:
        session = start_session(pooled, device="cpu", **choices)
        return concatenate([session.run(part) for part in parts])

    one, two = run(threads=1), run(threads=2)
    found = [*compare_statistics("one thread vs two", names, one, two, THREADS_BOUND)]
    if is_rewritten:
        direct = run(convolution="direct")
        found += compare_statistics(f"{WINOGRAD} vs direct", names, one, direct, WINOGRAD_BOUND)
    return found


@dataclass(frozen=True)
class _Recording:
    """The maps of every layer, computed by onnxruntime from the full graph.

    Attributes:
        gaps: differences from the maps of the reference, for the first images.
        summaries: maxima and means of all images, computed by numpy.
        obstacle: the reason why the reference cannot compute the graph; empty if it can.
    """

    gaps: Gaps
    summaries: Outputs
    obstacle: str


def _record_maps(
    full: Graph,
    layers: Sequence[Layer],
    images: NDArray[np.float32],
    device: str,
    report: Callable[[int], None],
) -> _Recording:
    """Record image by image, because the maps of a whole batch may exceed the memory."""
    session = start_session(full, device=device)
    references = reference_maps(full, [layer.name for layer in layers], images[:REFERENCED])
    gaps: Gaps = {layer.name: [] for layer in layers}
    summaries, obstacle = [], ""
    for number, image in enumerate(images, start=1):
        maps = session.run(image[None])
        expected, failure = _next_map(references)
        obstacle = obstacle or failure
        if expected is not None:
            for name, gaps_of_layer in gaps.items():
                gaps_of_layer.append(gap(maps[name], expected[name]))
        summaries.append(_summary(maps, layers))
        report(number)
    return _Recording(gaps, concatenate(summaries), obstacle)


def _next_map(references: Iterator[Outputs]) -> tuple[Outputs | None, str]:
    """The reference's maps of the next image, None after the last one; and the reason if the reference failed."""
    try:
        return next(references, None), ""
    except Exception as error:  # any failure is the reference's, since onnxruntime has run this graph
        return None, " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _summary(maps: Outputs, layers: Sequence[Layer]) -> Outputs:
    """Maximum and mean over all positions, computed by numpy in float64 and named as in the pooled graph."""
    summary: dict[str, NDArray[np.float64]] = {}
    for layer in layers:
        values = np.moveaxis(maps[layer.name].astype(np.float64), layer.axis, 1)
        positions = values.reshape(*values.shape[:2], -1)
        summary[f"{layer.name}.maximum"] = positions.max(axis=2)
        summary[f"{layer.name}.mean"] = positions.mean(axis=2)
    return summary


def _compare_with_reference(full: Graph, recording: _Recording, runtime: str) -> Comparison:
    bound = HALF_BOUND if has_halves(full) else INDEPENDENT_BOUND
    if recording.obstacle:
        comparison = f"not compared: {REFERENCE} cannot compute this graph ({recording.obstacle})"
        return Comparison(comparison, "map", None, "", bound)
    comparison = f"{runtime} vs {REFERENCE}, {REFERENCED} images"
    return Comparison(comparison, "map", *worst_gap(recording.gaps), bound)


def compare_extraction(
    pooled: Graph,
    layers: Sequence[Layer],
    entry: Input,
    pixels: NDArray[np.uint8],
    *,
    device: str = "auto",
    precision: str = "float32",
) -> tuple[Comparison, ...]:
    """Compare the graph that an extraction runs with the pooled graph, whose images are preprocessed outside it.

    Args:
        pooled: the graph with the maxima and means of all layers.
        layers: the layers to compare.
        entry: the preprocessing.
        pixels: images as returned by `noise_pixels`.
        device: the processor that computes both graphs.
        precision: a precision other than 'float32' is also compared with 'float32'.

    Raises: DeviceError for a precision that the device lacks.
    """
    names = [layer.name for layer in layers]
    exact, bound = _run_preprocessed(pooled, entry, pixels, device)
    graph = pixel_graph(pooled, entry)

    def present(**choices: Any) -> Outputs:
        session = start_session(graph, device=device, **choices)
        with ThreadPoolExecutor(WORKERS) as pool:
            return concatenate([*pool.map(session.run, pixels[:, None])])

    comparison = f"pixels presented by {WORKERS} workers vs preprocessed images"
    found = [*compare_statistics(comparison, names, present(workers=WORKERS), exact, bound)]
    if precision != "float32":
        lower = present(precision=precision)
        found += compare_statistics(f"{precision} vs float32", names, lower, exact, PRECISION_BOUND)
    return tuple(found)


def _run_preprocessed(
    pooled: Graph, entry: Input, pixels: NDArray[np.uint8], device: str
) -> tuple[Outputs, float]:
    """The outputs for images that are preprocessed outside the graph, and the bound for differences from them."""
    session = start_session(pooled, device=device)
    outputs = concatenate([session.run(preprocess(entry, image)[None]) for image in pixels])
    return outputs, PIXELS_BOUND if session.provider == CPU else BATCH_BOUND
