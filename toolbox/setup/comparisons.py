"""How far the ways of computing a network differ. Owns the comparisons and their bounds.

A difference is told relative to its layer: the largest |a - b| over all images, filters and positions, divided by the
layer's largest absolute value. So 1 is the whole range of the layer, and float32 itself resolves 6e-8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from toolbox.engines import CPU
from toolbox.graph import Graph
from toolbox.network.card import Input, Layer
from toolbox.network.pooling import pixel_graph, preprocess
from toolbox.progress import Progress, silent
from toolbox.runtime.session import start_session
from toolbox.runtime.winograd import NAME as WINOGRAD
from toolbox.terms import IMAGE, STATISTICS

Images = NDArray[np.float32]
Values = Mapping[str, NDArray[np.floating]]
Gaps = dict[str, list[tuple[float, float]]]
"""Of every layer, one (largest difference, largest absolute value) for each image or batch that was compared."""

REFERENCE = f"onnx.reference {onnx.__version__} (numpy)"
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


@dataclass(frozen=True)
class Comparison:
    """Two ways of computing the same responses.

    Attributes:
        statistic: 'map' for all positions, else 'maximum' or 'mean' of the map.
        difference: the largest one over all layers, relative to its layer's largest absolute value; infinite where
            a value is not finite; None where the comparison could not be made, and then its name says why.
        layer: where it is; empty where nothing differs.
    """

    comparison: str
    statistic: str
    difference: float | None
    layer: str
    bound: float

    @property
    def ok(self) -> bool:
        return self.difference is not None and self.difference <= self.bound


def compare(
    full: Graph,
    pooled: Graph,
    layers: Sequence[Layer],
    images: Images,
    *,
    device: str = "auto",
    together: bool = True,
    progress: Progress = silent,
) -> tuple[Comparison, ...]:
    """Hold the pooled graph against the full one, onnxruntime against numpy, batches and threads against each other.

    Args:
        layers: those to compare; outputs of both graphs.
        images: two or more, as the network takes them, (images, 3, height, width).
        device: the processor that is held against the others; threads are compared on the CPU.
        together: whether the graph takes several images at once; if not, batches are not compared.

    Returns: all comparisons; one without a difference where the independent implementation lacks an operator.

    Raises: DeviceError.
    """
    names = [layer.name for layer in layers]
    total = len(images) + 4

    def tell(step: int) -> None:
        progress("check", step, total)

    tell(0)
    maps, summaries, obstacle = _maps(full, layers, images, device, tell)
    session = start_session(pooled, device=device)
    single = _concatenate([session.run(image[None]) for image in images])
    tell(total - 3)
    batch = session.run(images) if together else single
    tell(total - 2)
    runtime = f"{session.runtime} ({session.provider.removesuffix('ExecutionProvider')})"
    is_rewritten = WINOGRAD in session.runtime
    del session

    def on_cpu(**choices: Any) -> Values:
        found = start_session(pooled, device="cpu", **choices)
        return _concatenate([found.run(part) for part in ([images] if together else images[:, None])])

    one, two = on_cpu(threads=1), on_cpu(threads=2)
    direct = on_cpu(convolution="direct") if is_rewritten else one
    tell(total)
    bound = HALF_BOUND if _has_halves(full) else INDEPENDENT_BOUND
    batches = f"batch of 1 against batch of {len(images)}"
    independent = f"{runtime} against {REFERENCE}, {REFERENCED} images"
    worst: tuple[float | None, str] = _worst(maps) if not obstacle else (None, "")
    if obstacle:
        independent = f"not done: {REFERENCE} cannot compute this graph ({obstacle})"
    return (
        *_by_statistic("pooled graph against full graph and numpy", names, single, summaries, POOLING_BOUND),
        Comparison(independent, "map", *worst, bound),
        *(_by_statistic(batches, names, single, batch, BATCH_BOUND) if together else ()),
        *_by_statistic("one thread against two", names, one, two, THREADS_BOUND),
        *(
            _by_statistic(f"{WINOGRAD} against direct", names, one, direct, WINOGRAD_BOUND)
            if is_rewritten
            else ()
        ),
    )


def compare_extraction(
    pooled: Graph,
    layers: Sequence[Layer],
    entry: Input,
    pixels: NDArray[np.uint8],
    *,
    device: str = "auto",
    precision: str = "float32",
) -> tuple[Comparison, ...]:
    """Hold the graph that an extraction runs against the pooled one, on images that were preprocessed outside.

    Args:
        pixels: as `noise_pixels` gives them.
        precision: a lower one is held against float32 as well.

    Raises: DeviceError for a precision that the device lacks.
    """
    names = [layer.name for layer in layers]
    plain = start_session(pooled, device=device)
    exact = _concatenate([plain.run(preprocess(entry, image)[None]) for image in pixels])
    bound = PIXELS_BOUND if plain.provider == CPU else BATCH_BOUND
    del plain
    graph = pixel_graph(pooled, entry)

    def shown(**choices: Any) -> Values:
        session = start_session(graph, device=device, **choices)
        with ThreadPoolExecutor(WORKERS) as pool:
            return _concatenate([*pool.map(session.run, pixels[:, None])])

    comparison = f"pixels shown to {WORKERS} workers against preprocessed images"
    found = [*_by_statistic(comparison, names, shown(workers=WORKERS), exact, bound)]
    if precision != "float32":
        lower = shown(precision=precision)
        found += _by_statistic(f"{precision} against float32", names, lower, exact, PRECISION_BOUND)
    return tuple(found)


def noise(entry: Input, count: int, seed: int = 0) -> Images:
    """Noise as the network takes it.

    Returns: (count, 3, height, width), preprocessed; equal seeds give equal images.
    """
    return np.stack([preprocess(entry, image) for image in noise_pixels(entry, count, seed)])


def noise_pixels(entry: Input, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coloured noise with the amplitude spectrum of photographs, 1/f.

    Returns: (count, height, width, 3) in RGB.
    Source: Field (1987), doi 10.1364/JOSAA.4.002379.
    """
    frequency = np.hypot(np.fft.fftfreq(entry.height)[:, None], np.fft.rfftfreq(entry.width))
    frequency[0, 0] = np.inf  # no mean
    white = np.random.default_rng(seed).standard_normal((count, 4, entry.height, entry.width))
    fields = np.fft.irfft2(np.fft.rfft2(white) / frequency, s=(entry.height, entry.width))
    fields /= fields.std(axis=(2, 3), keepdims=True)
    colours = fields[:, :1] + 0.3 * fields[:, 1:]  # in photographs most of the variance is in luminance
    return np.clip(np.rint(118 + 55 * colours), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def _maps(
    full: Graph, layers: Sequence[Layer], images: Images, device: str, tell: Callable[[int], None]
) -> tuple[Gaps, Values, str]:
    """Every layer's map of onnxruntime against that of the reference, image by image; and maximum and mean of all.

    Returns: the differences, maxima and means, and why the reference cannot compute the graph, if so.
    """
    session = start_session(full, device=device)
    references, obstacle = _reference(full, layers, images[:REFERENCED]), ""
    gaps: Gaps = {layer.name: [] for layer in layers}
    summaries: list[Values] = []
    for number, image in enumerate(images, start=1):
        found = session.run(image[None])
        try:
            expected = next(references, None)
        except Exception as error:  # whatever it raises: onnxruntime has run this graph
            expected, obstacle = None, " ".join(f"{type(error).__name__}: {error}".split())[:200]
        if expected is not None:
            for layer in layers:
                gaps[layer.name].append(_gap(found[layer.name], expected[layer.name]))
        summaries.append(_summary(found, layers))
        tell(number)
    return gaps, _concatenate(summaries), obstacle


class BatchNormalization(OpRun):
    """As it was before opset 14, where the number of outputs tells inference from training.

    The reference takes those for training; its loader finds an operator by the name of its class.
    """

    op_domain = ""

    def _run(
        self, x: Any, scale: Any, bias: Any, mean: Any, variance: Any, epsilon: float = 1e-5, **_: Any
    ) -> tuple[Any]:
        of_channel = (-1, *[1] * (x.ndim - 2))
        scale, bias, mean, variance = (each.reshape(of_channel) for each in (scale, bias, mean, variance))
        return (((x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + bias).astype(x.dtype),)


def _reference(full: Graph, layers: Sequence[Layer], images: Images) -> Iterator[Values]:
    """The maps of one image after the other, by ONNX's own definition of every operator, in numpy."""
    proto = onnx.ModelProto()
    proto.CopyFrom(full.proto)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(
        entry for entry in full.proto.graph.initializer if entry.name not in full.tensors
    )
    names = [layer.name for layer in layers]
    evaluator = ReferenceEvaluator(proto, new_ops=[BatchNormalization] if _is_old(proto) else None)
    for image in images:
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # numpy need not warn: it counts as an infinite difference
            maps: Sequence[Any] = list(evaluator.run(names, {IMAGE: image[None], **full.tensors}))
        yield dict(zip(names, maps, strict=True))


def _has_halves(graph: Graph) -> bool:
    """Whether a graph computes in float16."""
    kept = (entry.data_type for entry in graph.proto.graph.initializer)
    return onnx.TensorProto.FLOAT16 in kept


def _is_old(proto: onnx.ModelProto) -> bool:
    """Whether batch normalisation is told from that of training by its outputs."""
    return any(9 <= entry.version < 14 for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))


def _summary(found: Values, layers: Sequence[Layer]) -> Values:
    """Maximum and mean over all positions, by numpy in float64, named as in the pooled graph."""
    summary: dict[str, NDArray[np.float64]] = {}
    for layer in layers:
        values = np.moveaxis(found[layer.name].astype(np.float64), layer.axis, 1)
        positions = values.reshape(*values.shape[:2], -1)
        summary[f"{layer.name}.maximum"] = positions.max(axis=2)
        summary[f"{layer.name}.mean"] = positions.mean(axis=2)
    return summary


def _by_statistic(
    comparison: str, layers: Sequence[str], found: Values, expected: Values, bound: float
) -> Iterator[Comparison]:
    for statistic in STATISTICS:
        outputs = {layer: f"{layer}.{statistic}" for layer in layers}
        gaps = {layer: [_gap(found[output], expected[output])] for layer, output in outputs.items()}
        yield Comparison(comparison, statistic, *_worst(gaps), bound)


def _gap(found: NDArray[np.floating], expected: NDArray[np.floating]) -> tuple[float, float]:
    """Largest difference and largest absolute value; infinite where a value is not finite, or shapes differ."""
    if found.shape != expected.shape:
        return math.inf, math.inf
    with np.errstate(invalid="ignore"):
        gap = float(np.abs(found.astype(np.float64) - expected).max())
    return math.inf if math.isnan(gap) else gap, float(max(np.abs(found).max(), np.abs(expected).max()))


def _worst(gaps: Gaps) -> tuple[float, str]:
    """The largest relative difference, and its layer; no layer where nothing differs."""
    difference, layer = max(
        ((_relative(found), layer) for layer, found in gaps.items()), key=lambda pair: pair[0]
    )
    return difference, layer if difference else ""


def _relative(found: Sequence[tuple[float, float]]) -> float:
    difference = max(difference for difference, _ in found)
    value = max(value for _, value in found)
    return difference if difference in (0, math.inf) else difference / value


def _concatenate(outputs: Sequence[Values]) -> Values:
    return {name: np.concatenate([output[name] for output in outputs]) for name in outputs[0]}
