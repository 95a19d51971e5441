"""A graph as a function of images, by onnxruntime. Owns its sessions and execution providers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.cache import cache_folder
from toolbox.distribution import install_command
from toolbox.errors import DeviceError, ResourceError, ToolboxError
from toolbox.graph import Graph
from toolbox.host import CPU, import_onnxruntime, temporary_entry
from toolbox.runtime.device import TF32_SWITCH
from toolbox.runtime.hardware import CUDA, library_failure, load_libraries, tensorrt_command

onnxruntime = import_onnxruntime()

TENSORRT = "TensorrtExecutionProvider"
PROVIDERS = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
GPU_BINDING = False
"""Whether the images of a batch go through one buffer that stays on the GPU (onnxruntime's IOBinding)."""
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
SILENT, WARNING = 4, 2
"""Lowest severity of the messages that onnxruntime prints: only fatal errors, and its default."""

ImageBatch = NDArray[np.float32] | NDArray[np.uint8]
"""Images along the first dimension; the other dimensions are those of the graph's input."""
Computation = Callable[[ImageBatch], Sequence[NDArray[np.float32]]]
"""A function that computes all outputs of a graph for a batch of images."""
Provider = tuple[str, dict[str, str]]
"""An execution provider of onnxruntime, and its options."""

_PLANNING = threading.Lock()
_OUT_OF_MEMORY = re.compile(
    r"failed to allocate|out of memory|OUT_OF_MEMORY|ALLOC_FAILED|MEMORY_ALLOCATION", re.I
)
"""What onnxruntime, CUDA, cuDNN and cuBLAS report where a GPU has too little memory."""
_OF_THE_GPU = re.compile(r"cuda|cudnn|cublas|tensorrt|memory|failed to allocate", re.I)
"""What the message of a failure names that a GPU, its driver or its libraries cause; all other failures are bugs."""


@dataclass(frozen=True)
class OnnxComputation:
    """A session of onnxruntime, and the tensors that it reads but does not own."""

    session: Any
    outputs: list[str]
    entry: str
    tensors: Any

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in the order of the graph."""
        results: Sequence[NDArray[np.float32]] = self.session.run(self.outputs, {self.entry: images})
        return results


@dataclass(frozen=True)
class BoundComputation:
    """A computation whose input stays in the memory of a device (onnxruntime's IOBinding), per shape of a batch."""

    computation: OnnxComputation
    device: str
    gpu: int = 0
    bindings: dict[tuple[int, ...], tuple[Any, Any]] = field(default_factory=dict)
    """Shape of the images -> the input on the device, and the binding of inputs and outputs."""

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in the order of the graph."""
        given, binding = self.bindings.get(images.shape) or self._bind(images)
        given.update_inplace(np.ascontiguousarray(images))
        self.computation.session.run_with_iobinding(binding)
        results: Sequence[NDArray[np.float32]] = binding.copy_outputs_to_cpu()
        return results

    def _bind(self, images: ImageBatch) -> tuple[Any, Any]:
        given = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
            images.shape, images.dtype.type, self.device, self.gpu
        )
        binding = self.computation.session.io_binding()
        binding.bind_ortvalue_input(self.computation.entry, given)
        for name in self.computation.outputs:
            binding.bind_output(name, self.device, self.gpu)
        self.bindings[images.shape] = given, binding
        return given, binding


@dataclass(frozen=True)
class ExplainedComputation:
    """A computation on a GPU, whose failures are those of its memory, its driver or its libraries."""

    computation: Computation

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in the order of the graph.

        Raises: ResourceError where the batch does not fit in the memory of the GPU; DeviceError where the GPU fails.
        """
        try:
            return self.computation(images)
        except Exception as error:  # the exceptions of onnxruntime have no common class
            if not _OF_THE_GPU.search(str(error)):
                raise
            raise _gpu_error(error, len(images)) from error


def _gpu_error(error: Exception, images: int) -> ToolboxError:
    reason = " ".join(str(error).split())
    if _OUT_OF_MEMORY.search(reason):
        smaller = (
            f"choose fewer images with batch={images // 2} (--batch {images // 2})" if images > 1 else ""
        )
        remedy = smaller or "choose device='cpu' (--device cpu)"
        return ResourceError(
            f"the memory of the GPU is too small for {images} image{'s' * (images > 1)}, perhaps beside other programs "
            f"(nvidia-smi lists them); {remedy}"
        )
    return DeviceError(
        f"the GPU cannot compute ({reason}); toolbox doctor reports what to fix; or choose device='cpu' (--device cpu)"
    )


@dataclass(frozen=True)
class FullPrecision:
    """A computation by TensorRT without TF32, which TensorRT would use by default.

    onnxruntime has no option that disables TF32. An environment variable does; it must be set while TensorRT plans,
    which happens when a session starts and when the input has a new shape. At all other times the variable has the
    value of the host program, so that a later computation in TF32 is possible.
    """

    computation: Computation
    shapes: set[tuple[int, ...]] = field(default_factory=set)
    """Input shapes that are already planned."""

    def __call__(self, images: ImageBatch) -> Sequence[NDArray[np.float32]]:
        """All outputs, in the order of the graph."""
        if images.shape in self.shapes:
            return self.computation(images)
        with without_tf32():
            results = self.computation(images)
        self.shapes.add(images.shape)
        return results


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """Disable TF32 in NVIDIA's libraries inside the block, without messages; one thread at a time."""
    with _PLANNING, _silence(), temporary_entry(os.environ, TF32_SWITCH, "0"):
        yield


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the log of onnxruntime inside the block.

    Messages outside sessions follow a severity of the whole process, which can be set but not read.
    """
    onnxruntime.set_default_logger_severity(SILENT)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(WARNING)


def cpu_computation(graph: Graph, workers: int, threads: int, *, spinning: bool = True) -> Computation:
    """A computation that all workers share: its weights are in memory once, and callers add threads to its pool.

    Args:
        graph: the graph whose outputs are computed.
        workers: number of threads that will call the computation at once.
        threads: threads per worker; 0 for as many as there are cores.
        spinning: whether threads without work keep their cores busy, so that they start again at once.
    """
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    options.intra_op_num_threads = workers * (threads - 1) + 1 if threads else 0
    return start_computation(graph, options, [(CPU, {})])


def gpu_computation(graph: Graph, kind: str, gpu: int, precision: str) -> Computation:
    """A computation on one GPU.

    Args:
        graph: the graph whose outputs are computed.
        kind: 'cuda' or 'tensorrt'.
        gpu: number of the GPU.
        precision: 'float32' or 'tf32'.

    Raises: DeviceError when the GPU cannot be used.
    """
    network = _network_digest(graph) if kind == "tensorrt" else ""
    providers = provider_options(kind, gpu, precision, network)
    if kind == "cuda":
        return ExplainedComputation(_start_on_gpu(graph, providers))
    if failure := library_failure("tensorrt"):
        raise DeviceError(
            f"device 'tensorrt' cannot be used ({failure}); choose device='cuda' (--device cuda), or install TensorRT "
            f"({tensorrt_command()})"
        )
    Path(providers[0][1]["trt_engine_cache_path"]).mkdir(parents=True, exist_ok=True)
    with without_tf32():
        return ExplainedComputation(FullPrecision(_start_on_gpu(graph, providers)))


def provider_options(kind: str, gpu: int, precision: str, network: str = "") -> list[Provider]:
    """Execution providers with their options, in the order in which they are offered the operators of the graph.

    Args:
        kind: 'cuda' or 'tensorrt'.
        gpu: number of the GPU.
        precision: 'float32' or 'tf32'.
        network: what distinguishes the graph with its weights from all others.
    """
    # Ten bits of mantissa are too few for published numbers, so TF32 is used only on request.
    cuda = (CUDA, {"device_id": str(gpu), "use_tf32": str(int(precision == "tf32")), **CUDA_OPTIONS})
    if kind == "cuda":
        return [cuda]
    folder = cache_folder() / "tensorrt"
    engines = {
        "trt_engine_cache_enable": "1",
        # The name that onnxruntime gives to an engine depends on the graph, but not on the weights in it.
        "trt_engine_cache_path": str(folder / network),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }
    return [(TENSORRT, {"device_id": str(gpu), "trt_fp16_enable": "0", **engines}), cuda]


def _network_digest(graph: Graph) -> str:
    """A digest of a graph with its weights."""
    known = hashlib.sha256(graph.proto.SerializeToString(deterministic=True))
    for name, tensor in sorted(graph.tensors.items()):
        known.update(name.encode())
        known.update(np.ascontiguousarray(tensor).data)
    return known.hexdigest()[:32]


def _start_on_gpu(graph: Graph, providers: Sequence[Provider]) -> Computation:
    load_libraries()
    with _silence():
        started = start_computation(graph, onnxruntime.SessionOptions(), providers)
    return BoundComputation(started, "cuda", int(providers[0][1]["device_id"])) if GPU_BINDING else started


def start_computation(graph: Graph, options: Any, providers: Sequence[Provider]) -> OnnxComputation:
    """A session of onnxruntime as a function of images.

    Args:
        graph: the graph whose outputs are computed.
        options: onnxruntime's SessionOptions.
        providers: execution providers, the first of which must be used.

    Raises: DeviceError when the session does not use the first provider.
    """
    first = providers[0][0]
    options.log_severity_level = SILENT
    content, values = _model_content(graph, options, first)
    try:
        # With the fallback, a GPU that fails during a run would be replaced by the CPU, with a line on stdout.
        session = onnxruntime.InferenceSession(content, options, [*providers], enable_fallback=0)
    except Exception as error:  # the exceptions of onnxruntime have no common class
        if first == CPU:
            raise
        reason = " ".join(str(error).split())
        raise DeviceError(f"{first} cannot be used ({reason}); choose device='cpu' (--device cpu)") from error
    if session.get_providers()[0] != first:
        raise DeviceError(
            f"a GPU is available, but onnxruntime could not load the libraries of {first}; install them with: "
            f"{install_command('cuda')}, or choose device='cpu' (--device cpu); toolbox doctor lists what is missing"
        )
    return OnnxComputation(session, [*graph.outputs], session.get_inputs()[0].name, (graph.tensors, values))


def _model_content(graph: Graph, options: Any, provider: str) -> tuple[bytes, dict[str, Any]]:
    """The model as bytes, and the tensors to which the options refer; these must exist as long as the session."""
    if provider == TENSORRT:  # it reads tensors only from the model
        return graph.embed_tensors().SerializeToString(), {}
    values = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in graph.tensors.items()
    }
    options.add_external_initializers([*values], [*values.values()])
    if provider == CPU:
        for name, value in values.items():  # the CPU then uses these tensors instead of a copy
            options.add_initializer(name, value)
    return graph.proto.SerializeToString(), values


def onnxruntime_version() -> str:
    """Name and version of the engine."""
    return f"onnxruntime {onnxruntime.__version__}"
