"""A loaded graph that is ready to run. Owns its workers, and the choice of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import UsageError, expected_names
from toolbox.graph import Graph
from toolbox.host import CPU
from toolbox.runtime import openvino
from toolbox.runtime.computation import (
    PROVIDERS,
    TENSORRT,
    Computation,
    ImageBatch,
    cpu_computation,
    gpu_computation,
    onnxruntime_version,
)
from toolbox.runtime.device import Device, check_precision, choose_device
from toolbox.runtime.hardware import CUDA
from toolbox.runtime.winograd import WINOGRAD, with_winograd
from toolbox.terms import CONVOLUTIONS


@dataclass(frozen=True)
class Session:
    """A loaded graph, and the engine that runs it. `workers` threads may call `run` at once.

    Attributes:
        provider: an execution provider of onnxruntime, or OpenVINO.
        runtime: the version of the engine, and the algorithm of convolutions where it is not the direct one.
        batch: best number of images in a batch; on a GPU, smaller batches are padded to this number.
    """

    provider: str
    runtime: str
    precision: str
    outputs: tuple[str, ...]
    workers: int
    threads: int
    batch: int
    _free: SimpleQueue[Computation]

    @property
    def has_gpu(self) -> bool:
        """Whether a GPU computes."""
        return self.provider in (CUDA, TENSORRT)

    @property
    def arrangement(self) -> str:
        """Workers, threads and batch, in words."""
        threads = f" of {self.threads} thread{'s' * (self.threads != 1)}" if self.threads else ""
        return f"{self.workers} worker{'s' * (self.workers != 1)}{threads}, batches of {self.batch}"

    def for_parts(self, stimuli: int) -> Session:
        """The session with batches of nearly the same size in a part: a smaller one costs a GPU as much as a whole one.

        TensorRT keeps its batches, for each size of which it plans; smaller ones are padded.

        Args:
            stimuli: the number of stimuli in a part.
        """
        if self.provider != CUDA or not stimuli:
            return self
        return replace(self, batch=-(-stimuli // -(-stimuli // self.batch)))

    def run(self, images: ImageBatch) -> dict[str, NDArray[np.float32]]:
        """All outputs by name, each with the images along the first dimension; `images` are inputs of the graph."""
        count = len(images)
        if self.has_gpu and count < self.batch:  # a GPU plans again for every new shape
            images = np.concatenate([images, np.zeros((self.batch - count, *images.shape[1:]), images.dtype)])
        computation = self._free.get()
        try:
            results = computation(images)
        finally:
            self._free.put(computation)
        return {name: result[:count] for name, result in zip(self.outputs, results, strict=True)}


@dataclass(frozen=True)
class _Engine:
    """The engine of a loaded graph, and a function for every worker."""

    provider: str
    runtime: str
    computations: Sequence[Computation]


def start_session(
    graph: Graph,
    *,
    device: Device | str = "auto",
    precision: str = "float32",
    convolution: str = "winograd",
    workers: int = 1,
    threads: int = 0,
    batch: int = 0,
    spinning: bool = True,
) -> Session:
    """Load a graph on a device, in a given arrangement and precision.

    Args:
        graph: the graph whose outputs are computed.
        device: a name as for `choose_device`, or its result, for which the driver is not queried again. Every GPU is
            one worker.
        precision: 'float32'; 'tf32', with ten bits of mantissa, computed by CUDA; or 'bf16', with seven bits, computed
            by OpenVINO on a CPU with bf16 instructions.
        convolution: 'winograd' where that is faster on a CPU, or 'direct', the plain sum.
        workers: on a CPU, the number of batches that are computed at once.
        threads: threads per worker on a CPU; 0 for as many as there are cores.
        batch: on a GPU, smaller batches are padded to this number of images.
        spinning: on a CPU, whether threads without work keep their cores busy; not beside other processes.

    Raises: UsageError for an unknown device or precision; DeviceError when the device cannot be used.
    """
    found = choose_device(device) if isinstance(device, str) else device
    check_precision(precision, found)
    if convolution not in CONVOLUTIONS:
        raise UsageError(f"unknown convolution {convolution!r}; {expected_names(convolution, CONVOLUTIONS)}")
    if found.gpus:
        engine = _start_on_gpus(graph, found, precision)
    elif precision == "bf16":
        engine = _start_in_bf16(graph, workers, threads)
    else:
        engine = _start_on_cpu(graph, convolution, workers, threads, spinning)
    free: SimpleQueue[Computation] = SimpleQueue()
    for computation in engine.computations:
        free.put(computation)
    count = len(engine.computations)
    return Session(engine.provider, engine.runtime, precision, graph.outputs, count, threads, batch, free)


def _start_on_gpus(graph: Graph, device: Device, precision: str) -> _Engine:
    computations = [gpu_computation(graph, device.kind, number, precision) for number in device.gpus]
    return _Engine(PROVIDERS[device.kind], onnxruntime_version(), computations)


def _start_in_bf16(graph: Graph, workers: int, threads: int) -> _Engine:
    computations = openvino.start_computations(graph, precision="bf16", workers=workers, threads=threads)
    return _Engine("OpenVINO", openvino.version(), computations)


def _start_on_cpu(graph: Graph, convolution: str, workers: int, threads: int, spinning: bool) -> _Engine:
    rewritten = with_winograd(graph) if convolution == "winograd" else graph
    version = onnxruntime_version()
    runtime = version if rewritten is graph else f"{version}, {WINOGRAD}"
    return _Engine(CPU, runtime, [cpu_computation(rewritten, workers, threads, spinning=spinning)] * workers)
