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
"""Images that the reference computes: VGG16's convolutions take it ten seconds each."""

# Bounds, with what was measured of VGG16 on two cores in brackets. What is found is a kernel, a runtime or a pooling
# that computes something else than the graph says. What is wrong in the graph itself, such as a tensor, an axis or the
# preprocessing, is the same on both sides of every comparison: that takes another framework.
POOLING_BOUND = 1e-5
"""Maxima are the very numbers of the map (measured: 0); means are summed in float32, not float64 (2e-7)."""
INDEPENDENT_BOUND = 1e-4
"""Other kernels sum thousands of products in another order, layer upon layer (8e-7; in fc1 of 25,088 inputs 2e-6)."""
HALF_BOUND = 2e-2
"""Of graphs that compute in float16, which resolves 5e-4, layer upon layer."""
BATCH_BOUND = 1e-5
"""onnxruntime on a CPU gave the same bits (0); a GPU may choose another kernel for another size of batch."""
THREADS_BOUND = 1e-6
"""onnxruntime gave the same bits (0): its threads share the filters and positions, never one sum."""

PIXELS_BOUND = 0.0
"""On a CPU the preprocessing in the graph is that outside it, and workers share nothing: the same bits (0)."""
PRECISION_BOUND = 5e-2
"""Of bf16 and TF32, which resolve 4e-3 and 5e-4 in every product: some ten such steps, one a layer, of the largest."""
WORKERS = 2

WINOGRAD_BOUND = 1e-4
"""Its transforms weigh numbers by up to 100, and sums by up to 361, before they cancel (3e-6)."""


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
    """Compare the pooled graph with the full one, onnxruntime with numpy, batches and threads with each other.

    Args:
        full: the graph with all layers' maps as outputs.
        pooled: the graph with their maxima and means.
        layers: those to compare; outputs of both graphs.
        images: two or more, as the network takes them, (images, 3, height, width).
        device: the processor that is compared with the others; threads are compared on the CPU.
        together: whether the graph takes several images at once; if not, batches are not compared.
        progress: is called as images are computed.

    Returns: all comparisons; one without a difference where the independent implementation lacks an operator.

    Raises: DeviceError.
    """
    names = [layer.name for layer in layers]
    total = len(images) + 4

    def tell(step: int) -> None:
        progress("check", step, total)

    tell(0)
    recording = _record_maps(full, layers, images, device, tell)
    run = _run_pooled(pooled, names, images, device=device, together=together, tell=tell)
    parts = [images] if together else [*images[:, None]]
    on_cpu = _compare_on_cpu(pooled, names, parts, is_rewritten=WINOGRAD in run.runtime)
    tell(total)
    pooling = "pooled graph against full graph and numpy"
    return (
        *compare_statistics(pooling, names, run.single, recording.summaries, POOLING_BOUND),
        _compare_with_reference(full, recording, run.runtime),
        *run.batches,
        *on_cpu,
    )


@dataclass(frozen=True)
class _PooledRun:
    """What the pooled graph gives on the chosen processor.

    Attributes:
        runtime: what computes it, and on which processor.
        single: the outputs for the images one by one.
        batches: these compared with those of all images at once, where the graph takes several.
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
    tell: Callable[[int], None],
) -> _PooledRun:
    """In a session that is gone afterwards: its memory is needed by the next ones."""
    session = start_session(pooled, device=device)
    runtime = f"{session.runtime} ({session.provider.removesuffix('ExecutionProvider')})"
    single = concatenate([session.run(image[None]) for image in images])
    tell(len(images) + 1)
    batches: list[Comparison] = []
    if together:
        comparison = f"batch of 1 against batch of {len(images)}"
        batches += compare_statistics(comparison, names, single, session.run(images), BATCH_BOUND)
    tell(len(images) + 2)
    return _PooledRun(runtime, single, batches)


def _compare_on_cpu(
    pooled: Graph, names: Sequence[str], parts: Sequence[NDArray[np.float32]], *, is_rewritten: bool
) -> list[Comparison]:
    """One thread with two, and the quick convolution with the plain sum where it is used."""

    def run(**choices: Any) -> Outputs:
        session = start_session(pooled, device="cpu", **choices)
        return concatenate([session.run(part) for part in parts])

    one, two = run(threads=1), run(threads=2)
    found = [*compare_statistics("one thread against two", names, one, two, THREADS_BOUND)]
    if is_rewritten:
        direct = run(convolution="direct")
        found += compare_statistics(f"{WINOGRAD} against direct", names, one, direct, WINOGRAD_BOUND)
    return found


@dataclass(frozen=True)
class _Recording:
    """Every layer's maps, as onnxruntime computes them from the full graph.

    Attributes:
        gaps: to the maps of the reference, for the first images.
        summaries: maxima and means of all images, by numpy.
        obstacle: why the reference cannot compute the graph, if so.
    """

    gaps: Gaps
    summaries: Outputs
    obstacle: str


def _record_maps(
    full: Graph,
    layers: Sequence[Layer],
    images: NDArray[np.float32],
    device: str,
    tell: Callable[[int], None],
) -> _Recording:
    """Image by image, for the maps of a whole batch may fit in no memory."""
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
        tell(number)
    return _Recording(gaps, concatenate(summaries), obstacle)


def _next_map(references: Iterator[Outputs]) -> tuple[Outputs | None, str]:
    """The reference's maps of the next image, None after the last; and why there are none, if it failed."""
    try:
        return next(references, None), ""
    except Exception as error:  # whatever it raises: onnxruntime has run this graph
        return None, " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _summary(maps: Outputs, layers: Sequence[Layer]) -> Outputs:
    """Maximum and mean over all positions, by numpy in float64, named as in the pooled graph."""
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
        comparison = f"not done: {REFERENCE} cannot compute this graph ({recording.obstacle})"
        return Comparison(comparison, "map", None, "", bound)
    comparison = f"{runtime} against {REFERENCE}, {REFERENCED} images"
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
    """Compare the graph that an extraction runs with the pooled one, on images that were preprocessed outside.

    Args:
        pooled: the graph with the maxima and means of all layers.
        layers: those to compare.
        entry: the preprocessing.
        pixels: as `noise_pixels` gives them.
        device: the processor that computes both.
        precision: a lower one is compared with float32 as well.

    Raises: DeviceError for a precision that the device lacks.
    """
    names = [layer.name for layer in layers]
    exact, bound = _run_preprocessed(pooled, entry, pixels, device)
    graph = pixel_graph(pooled, entry)

    def present(**choices: Any) -> Outputs:
        session = start_session(graph, device=device, **choices)
        with ThreadPoolExecutor(WORKERS) as pool:
            return concatenate([*pool.map(session.run, pixels[:, None])])

    comparison = f"pixels shown to {WORKERS} workers against preprocessed images"
    found = [*compare_statistics(comparison, names, present(workers=WORKERS), exact, bound)]
    if precision != "float32":
        lower = present(precision=precision)
        found += compare_statistics(f"{precision} against float32", names, lower, exact, PRECISION_BOUND)
    return tuple(found)


def _run_preprocessed(
    pooled: Graph, entry: Input, pixels: NDArray[np.uint8], device: str
) -> tuple[Outputs, float]:
    """What images give that are preprocessed outside, and how far others may be from that on this processor."""
    session = start_session(pooled, device=device)
    outputs = concatenate([session.run(preprocess(entry, image)[None]) for image in pixels])
    return outputs, PIXELS_BOUND if session.provider == CPU else BATCH_BOUND
