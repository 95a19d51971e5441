"""Running a graph on the processor that was asked for. Owns the choice of device; never falls back silently."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.cache import cache_folder
from toolbox.engines import CPU, import_onnxruntime
from toolbox.errors import DeviceError, UsageError
from toolbox.graph import Graph
from toolbox.runtime import openvino
from toolbox.runtime.hardware import (
    CUDA,
    Driver,
    cuda_obstacle,
    find_driver,
    has_bf16,
    install_command,
    library_failure,
)
from toolbox.runtime.winograd import NAME as WINOGRAD
from toolbox.runtime.winograd import with_winograd

onnxruntime = import_onnxruntime()

TENSORRT = "TensorrtExecutionProvider"
PROVIDERS = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
PRECISIONS = ("float32", "tf32", "bf16")
CONVOLUTIONS = ("winograd", "direct")
CUDA_OPTIONS = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}

Images = NDArray[np.float32] | NDArray[np.uint8]
Runner = Callable[[Images], Sequence[NDArray[np.float32]]]


@dataclass(frozen=True)
class Device:
    """What a graph is to run on: 'cpu', 'cuda' or 'tensorrt', and the numbers of the GPUs."""

    kind: str
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class Session:
    """A loaded graph, and what really runs it. `workers` threads may call `run` at once.

    Attributes:
        provider: of onnxruntime, or OpenVINO.
        runtime: its version, and how convolutions are done where that is not the plain sum.
        batch: images that are best shown together; on a GPU smaller batches are filled up to that.
    """

    provider: str
    runtime: str
    precision: str
    outputs: tuple[str, ...]
    workers: int
    threads: int
    batch: int
    _runners: SimpleQueue[Runner]

    @property
    def arrangement(self) -> str:
        """How it is run, in words."""
        threads = f" of {self.threads} thread{'s' * (self.threads != 1)}" if self.threads else ""
        return f"{self.workers} worker{'s' * (self.workers != 1)}{threads}, batches of {self.batch}"

    def run(self, images: Images) -> dict[str, NDArray[np.float32]]:
        """All outputs by name, each with the images in its first dimension, for images as the graph's input says."""
        count = len(images)
        if self.provider in (CUDA, TENSORRT) and count < self.batch:  # a GPU plans anew for every new shape
            images = np.concatenate([images, np.zeros((self.batch - count, *images.shape[1:]), images.dtype)])
        runner = self._runners.get()
        try:
            results = runner(images)
        finally:
            self._runners.put(runner)
        return {name: result[:count] for name, result in zip(self.outputs, results, strict=True)}


def start_session(
    graph: Graph,
    *,
    device: Device | str = "auto",
    precision: str = "float32",
    convolution: str = "winograd",
    workers: int = 1,
    threads: int = 0,
    batch: int = 0,
) -> Session:
    """Load a graph.

    Args:
        device: 'auto' takes CUDA where a GPU answers, else the CPU; 'cpu'; 'cuda' or 'tensorrt' insist on a GPU,
            of which 'cuda:1', 'cuda:0,2' and 'cuda:all' choose; every GPU is one worker. Or one that
            `choose_device` found before: the driver is then not asked again.
        precision: 'float32'; 'tf32' multiplies with ten bits of mantissa, through CUDA; 'bf16' with seven on a CPU
            that has such instructions, through OpenVINO.
        convolution: 'winograd' where that is faster on a CPU, or 'direct', the plain sum.
        workers: on a CPU, images or batches that are computed at once.
        threads: of one worker on a CPU; 0 for as many as there are cores.
        batch: on a GPU, smaller batches are filled up to this many images.

    Raises: UsageError for another device or precision; DeviceError when what is asked for, or found, cannot be used.
    """
    found = choose_device(device) if isinstance(device, str) else device
    check_precision(precision, found)
    if convolution not in CONVOLUTIONS:
        raise UsageError(f"no convolution {convolution!r}; expected {', '.join(CONVOLUTIONS)}")
    onnxruntime.set_default_logger_severity(4)
    if precision == "bf16":
        runners = openvino.runners(graph, precision="bf16", workers=workers, threads=threads)
        return _session("OpenVINO", openvino.version(), precision, graph, runners, threads, batch)
    if found.gpus:
        runners = [_on_gpu(graph, found.kind, number, precision) for number in found.gpus]
        return _session(PROVIDERS[found.kind], _version(), precision, graph, runners, threads, batch)
    chosen = with_winograd(graph) if convolution == "winograd" else graph
    version = _version() if chosen is graph else f"{_version()}, {WINOGRAD}"
    return _session(
        CPU, version, precision, graph, [_on_cpu(chosen, workers, threads)] * workers, threads, batch
    )


def choose_device(
    device: str,
    obstacle: Callable[[], str | None] = cuda_obstacle,
    driver: Callable[[], Driver] = find_driver,
) -> Device:
    """The device that a text such as 'auto', 'cpu', 'cuda:0,1' or 'tensorrt' asks for, if it is there.

    Args:
        obstacle: tells why CUDA cannot be used, or None.
        driver: the driver that knows the GPUs.

    Raises: UsageError for another text; DeviceError when there is no such GPU.
    """
    kind, colon, numbers = device.partition(":")
    if device in ("auto", "cpu"):
        usable = device == "auto" and obstacle() is None
        return Device("cuda", (0,)) if usable else Device("cpu")
    chosen = [number.strip() for number in numbers.split(",")]
    if kind not in ("cuda", "tensorrt") or (
        colon and numbers != "all" and not all(map(str.isdecimal, chosen))
    ):
        raise UsageError(
            f"no device {device!r}; expected auto, cpu, cuda, cuda:0,1, cuda:all, or tensorrt likewise"
        )
    if found := obstacle():
        raise DeviceError(
            f"device {device!r} cannot be used: {found}; use --device cpu, or mend it (toolbox doctor)"
        )
    there = len(driver().gpus)
    gpus = range(there) if numbers == "all" else [int(number) for number in chosen] if colon else [0]
    if missing := [number for number in gpus if number >= there]:
        raise DeviceError(f"device {device!r}: there is no GPU {missing[0]}, only {there}, counted from 0")
    return Device(kind, tuple(dict.fromkeys(gpus)))


def check_precision(precision: str, device: Device) -> None:
    """Raises: UsageError for an unknown precision; DeviceError where the device does not compute in it."""
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r}; expected {', '.join(PRECISIONS)}")
    if precision == "tf32" and not device.gpus:
        raise DeviceError("precision tf32 is a GPU's; use float32 on a CPU, or --device cuda")
    if precision == "tf32" and device.kind == "tensorrt":  # it has no such switch for one session
        raise DeviceError(
            "precision tf32 is for CUDA's own libraries; use --device cuda, or float32 with TensorRT"
        )
    if precision == "bf16":
        if device.gpus:
            raise DeviceError("precision bf16 is for the CPU; use --device cpu, or tf32 on a GPU")
        able = has_bf16()  # before anything is to be installed for nothing
        if able is not False:
            openvino.check_installed()
        if not able:
            raise DeviceError(
                "precision bf16 needs a processor with bf16 instructions (AVX512-BF16 or AMX), "
                "which this one lacks; use float32"
            )


def provider_options(kind: str, gpu: int, precision: str) -> list[tuple[str, dict[str, str]]]:
    """Execution providers with their options, in the order in which they may take a part of the graph."""
    # Ten bits of mantissa are too few for a number that is published, so TF32 is on only if asked for.
    cuda = (CUDA, {"device_id": str(gpu), "use_tf32": str(int(precision == "tf32")), **CUDA_OPTIONS})
    if kind == "cuda":
        return [cuda]
    folder = cache_folder() / "tensorrt"
    engines = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
    }
    return [(TENSORRT, {"device_id": str(gpu), "trt_fp16_enable": "0", **engines}), cuda]


def _on_gpu(graph: Graph, kind: str, gpu: int, precision: str) -> Runner:
    if kind == "tensorrt":
        if failure := library_failure("tensorrt"):
            raise DeviceError(
                f"device 'tensorrt' cannot be used: {failure}; use --device cuda, or install TensorRT"
            )
        # TensorRT multiplies with TF32 by itself, and no option of onnxruntime's forbids it; this variable does.
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
        onnxruntime.preload_dlls()
    return _runner(graph, onnxruntime.SessionOptions(), provider_options(kind, gpu, precision))


def _on_cpu(graph: Graph, workers: int, threads: int) -> Runner:
    """One session for all workers: its weights lie in memory once, and every caller is a thread beside its pool."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = workers * (threads - 1) + 1 if threads else 0
    return _runner(graph, options, [(CPU, {})])


def _runner(graph: Graph, options: Any, providers: Sequence[tuple[str, dict[str, str]]]) -> Runner:
    """A session of onnxruntime as a function of images.

    Raises: DeviceError when it does not run on the first of the providers.
    """
    wanted, outputs = providers[0][0], list(graph.outputs)
    values: dict[str, Any] = {}
    if wanted == TENSORRT:  # it reads tensors from the model alone
        content = graph.embed_tensors().SerializeToString()
    else:
        values = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for name, tensor in graph.tensors.items()
        }
        options.add_external_initializers([*values], [*values.values()])
        content = graph.proto.SerializeToString()
    if wanted == CPU:
        for name, value in values.items():  # it computes on these very numbers instead of a copy
            options.add_initializer(name, value)
    try:
        # Else a GPU that fails in the middle of a run is replaced by the CPU, with a line on stdout.
        session = onnxruntime.InferenceSession(content, options, [*providers], enable_fallback=0)
    except Exception as error:  # onnxruntime's have no common class
        if wanted == CPU:
            raise
        raise DeviceError(
            f"{wanted} cannot be used: {' '.join(str(error).split())}; use --device cpu"
        ) from error
    if session.get_providers()[0] != wanted:
        raise DeviceError(
            f"a GPU answers, but onnxruntime could not load the libraries of {wanted}; install them with: "
            f"{install_command('cuda')}, or use --device cpu (toolbox doctor tells which are missing)"
        )
    return _Runner(session, outputs, session.get_inputs()[0].name, (graph.tensors, values))


@dataclass(frozen=True)
class _Runner:
    """A session of onnxruntime, and the numbers that it reads but does not own."""

    session: Any
    outputs: list[str]
    entry: str
    held: Any

    def __call__(self, images: Images) -> Sequence[NDArray[np.float32]]:
        results: Sequence[NDArray[np.float32]] = self.session.run(self.outputs, {self.entry: images})
        return results


def _session(
    provider: str,
    runtime: str,
    precision: str,
    graph: Graph,
    runners: Sequence[Runner],
    threads: int,
    batch: int,
) -> Session:
    free: SimpleQueue[Runner] = SimpleQueue()
    for runner in runners:
        free.put(runner)
    return Session(provider, runtime, precision, graph.outputs, len(runners), threads, batch, free)


def _version() -> str:
    return f"onnxruntime {onnxruntime.__version__}"
