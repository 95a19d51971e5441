"""Running a graph on the processor that was asked for. Owns the choice of device; never falls back silently."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # else importing onnxruntime reports this machine to its maker
import onnxruntime
from numpy.typing import NDArray

from toolbox.errors import DeviceError, UsageError
from toolbox.network.graph import IMAGE, Graph
from toolbox.network.hardware import CUDA, cuda_obstacle

CPU = "CPUExecutionProvider"
DEVICES = ("auto", "cpu", "cuda")
CUDA_OPTIONS = {
    "use_tf32": "0",  # ten bits of mantissa are too few for a number that is published
    "cudnn_conv_algo_search": "HEURISTIC",
    "arena_extend_strategy": "kSameAsRequested",
}


@dataclass(frozen=True)
class Session:
    """A loaded graph, and the execution provider that really runs it."""

    provider: str
    runtime: str
    outputs: tuple[str, ...]
    batch: int
    _session: Any

    def run(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name for preprocessed images (images, 3, height, width)."""
        count = len(images)
        if self.provider != CPU and count < self.batch:  # a GPU plans anew for every new shape
            images = np.concatenate([images, np.zeros((self.batch - count, *images.shape[1:]), np.float32)])
        results = self._session.run(list(self.outputs), {IMAGE: images})
        return {name: result[:count] for name, result in zip(self.outputs, results, strict=True)}


def start_session(graph: Graph, *, device: str = "auto", threads: int = 0, batch: int = 0) -> Session:
    """Load a graph.

    Args:
        device: 'auto' takes CUDA where a GPU answers, else the CPU; 'cuda' insists on it.
        threads: of one operator on a CPU; 0 for as many as there are cores.
        batch: on a GPU, smaller batches are filled up to this many images.

    Raises: UsageError for another device; DeviceError when CUDA is asked for, or found, and cannot be used.
    """
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}; expected {', '.join(DEVICES)}")
    onnxruntime.set_default_logger_severity(4)
    obstacle = None if device == "cpu" else cuda_obstacle()
    wants_cuda = device == "cuda" or (device == "auto" and obstacle is None)
    if wants_cuda and obstacle:
        raise DeviceError(f"device 'cuda' cannot be used: {obstacle}; use --device cpu, or mend it")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    providers: list[Any] = [(CUDA, CUDA_OPTIONS)] if wants_cuda else []
    if wants_cuda:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
            onnxruntime.preload_dlls()
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensor) for tensor in graph.tensors.values()]
    options.add_external_initializers(list(graph.tensors), values)
    content = graph.proto.SerializeToString()
    session = onnxruntime.InferenceSession(content, sess_options=options, providers=[*providers, CPU])
    provider = session.get_providers()[0]
    if wants_cuda and provider != CUDA:
        raise DeviceError(
            "a GPU answers, but onnxruntime could not load its CUDA libraries; "
            "install them with: pip install 'selectivity-toolbox[cuda]', or use --device cpu"
        )
    return Session(provider, f"onnxruntime {onnxruntime.__version__}", graph.outputs, batch, session)
