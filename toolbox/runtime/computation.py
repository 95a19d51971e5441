"""A graph as a function of images, by onnxruntime. Owns its sessions and execution providers."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.cache import cache_folder
from toolbox.distribution import install_command
from toolbox.errors import DeviceError
from toolbox.graph import Graph
from toolbox.host import CPU, import_onnxruntime, temporary_entry
from toolbox.runtime.device import TF32_SWITCH
from toolbox.runtime.hardware import CUDA, library_failure

onnxruntime = import_onnxruntime()

TENSORRT = "TensorrtExecutionProvider"
PROVIDERS = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
SILENT, WARNING = 4, 2
"""Severities from which on onnxruntime prints: what it dies of alone, and its own default."""

ImageBatch = NDArray[np.float32] | NDArray[np.uint8]
"""Images in the first dimension, otherwise as the graph's input says."""
Computation = Callable[[ImageBatch], Sequence[NDArray[np.float32]]]
"""All outputs of a graph for some images."""
Provider = tuple[str, dict[str, str]]
"""An execution provider of onnxruntime, and its options."""

_PLANNING = threading.Lock()


@dataclass(frozen=True)
class OnnxComputation:
    """A session of onnxruntime, and the numbers that it reads but does not own."""

    session: Any
    outputs: list[str]
    entry: str
    tensors: Any

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in their order."""
        results: Sequence[NDArray[np.float32]] = self.session.run(self.outputs, {self.entry: images})
        return results


@dataclass(frozen=True)
class FullPrecision:
    """A computation by TensorRT without TF32, which it would use by itself.

    No option of onnxruntime's forbids it; an environment variable does, which must be there while TensorRT plans. It
    plans when a session starts, or when it meets a new shape of input. At any other time the variable is as the host
    program has it, so that a later computation in TF32 is one.
    """

    computation: Computation
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    """Of images for which there is a plan."""

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in their order."""
        if images.shape in self.shapes:
            return self.computation(images)
        with without_tf32():
            results = self.computation(images)
        self.shapes.add(images.shape)
        return results


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """Keep NVIDIA's libraries from TF32 inside the block, without a word about it; one thread at a time."""
    with _PLANNING, _silence(), temporary_entry(os.environ, TF32_SWITCH, "0"):
        yield


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let onnxruntime log nothing inside the block.

    What belongs to no session follows a severity of the whole process, which can be set, but not asked for.
    """
    onnxruntime.set_default_logger_severity(SILENT)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(WARNING)


def cpu_computation(graph: Graph, workers: int, threads: int) -> Computation:
    """A computation for all workers: its weights lie in memory once, and every caller is a thread beside its pool.

    Args:
        graph: whose outputs are computed.
        workers: threads that will call it at once.
        threads: of one worker; 0 for as many as there are cores.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers * (threads - 1) + 1 if threads else 0
    return start_computation(graph, options, [(CPU, {})])


def gpu_computation(graph: Graph, kind: str, gpu: int, precision: str) -> Computation:
    """A computation on one GPU.

    Args:
        graph: whose outputs are computed.
        kind: 'cuda' or 'tensorrt'.
        gpu: its number.
        precision: 'float32' or 'tf32'.

    Raises: DeviceError when it cannot be used.
    """
    providers = provider_options(kind, gpu, precision)
    if kind == "cuda":
        return _start_on_gpu(graph, providers)
    if failure := library_failure("tensorrt"):
        raise DeviceError(
            f"device 'tensorrt' cannot be used: {failure}; use --device cuda, or install TensorRT"
        )
    with without_tf32():
        return FullPrecision(_start_on_gpu(graph, providers))


def provider_options(kind: str, gpu: int, precision: str) -> list[Provider]:
    """Execution providers with their options, in the order in which they may take a part of the graph.

    Args:
        kind: 'cuda' or 'tensorrt'.
        gpu: its number.
        precision: 'float32' or 'tf32'.
    """
    # Ten bits of mantissa are too few for a number that is published, so TF32 is on only if asked for.
    cuda = (CUDA, {"device_id": str(gpu), "use_tf32": str(int(precision == "tf32")), **CUDA_OPTIONS})
    if kind == "cuda":
        return [cuda]
    engines = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(cache_folder() / "tensorrt"),
        "trt_timing_cache_enable": "1",
    }
    return [(TENSORRT, {"device_id": str(gpu), "trt_fp16_enable": "0", **engines}), cuda]


def _start_on_gpu(graph: Graph, providers: Sequence[Provider]) -> Computation:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
        onnxruntime.preload_dlls()
    with _silence():
        return start_computation(graph, onnxruntime.SessionOptions(), providers)


def start_computation(graph: Graph, options: Any, providers: Sequence[Provider]) -> OnnxComputation:
    """A session of onnxruntime as a function of images.

    Args:
        graph: whose outputs are computed.
        options: onnxruntime's SessionOptions.
        providers: of which the first must take part.

    Raises: DeviceError when it does not run on the first of the providers.
    """
    first = providers[0][0]
    options.log_severity_level = SILENT
    content, values = _model_content(graph, options, first)
    try:
        # Else a GPU that fails in the middle of a run is replaced by the CPU, with a line on stdout.
        session = onnxruntime.InferenceSession(content, options, [*providers], enable_fallback=0)
    except Exception as error:  # onnxruntime's have no common class
        if first == CPU:
            raise
        reason = " ".join(str(error).split())
        raise DeviceError(f"{first} cannot be used: {reason}; use --device cpu") from error
    if session.get_providers()[0] != first:
        raise DeviceError(
            f"a GPU answers, but onnxruntime could not load the libraries of {first}; install them with: "
            f"{install_command('cuda')}, or use --device cpu (toolbox doctor tells which are missing)"
        )
    return OnnxComputation(session, [*graph.outputs], session.get_inputs()[0].name, (graph.tensors, values))


def _model_content(graph: Graph, options: Any, provider: str) -> tuple[bytes, dict[str, Any]]:
    """The model as bytes, and the tensors that the options refer to, which must live as long as the session."""
    if provider == TENSORRT:  # it reads tensors from the model alone
        return graph.embed_tensors().SerializeToString(), {}
    values = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in graph.tensors.items()
    }
    options.add_external_initializers([*values], [*values.values()])
    if provider == CPU:
        for name, value in values.items():  # it computes on these very numbers instead of a copy
            options.add_initializer(name, value)
    return graph.proto.SerializeToString(), values


def onnxruntime_version() -> str:
    """Name and version of the engine."""
    return f"onnxruntime {onnxruntime.__version__}"
