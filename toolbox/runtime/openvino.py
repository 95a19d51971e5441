"""Running a graph on a CPU through OpenVINO, which computes in bf16. Owns the optional package `openvino`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version as installed
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.engines import import_openvino
from toolbox.errors import DeviceError
from toolbox.graph import Graph
from toolbox.runtime.hardware import install_command

HINTS = {"float32": "f32", "bf16": "bf16"}

Runner = Callable[[Any], Sequence[NDArray[np.float32]]]
"""A function of images; never to be called twice at once."""


def check_installed() -> None:
    """Raises: DeviceError when the package is missing."""
    if find_spec("openvino") is None:
        raise DeviceError(
            f"precision bf16 needs the package openvino; install it with: {install_command('bf16')}"
        )


def version() -> str:
    return f"openvino {installed('openvino')}"


def runners(graph: Graph, *, precision: str, workers: int, threads: int) -> list[Runner]:
    """As many functions of images as there are workers; each may run beside the others.

    Args:
        precision: 'float32' or 'bf16'; outputs are float32 in both.
        threads: of one worker; 0 for as many as there are cores.

    Raises: DeviceError when OpenVINO takes another precision: it does so unasked where the processor has none such.
    """
    core = import_openvino().Core()
    chosen: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[precision], "NUM_STREAMS": str(workers)}
    if threads:
        chosen["INFERENCE_NUM_THREADS"] = str(workers * threads)
    compiled = core.compile_model(core.read_model(graph.embed_tensors().SerializeToString()), "CPU", chosen)
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if taken != HINTS[precision]:
        raise DeviceError(
            f"OpenVINO would compute in {taken} on this processor, not in {precision}; use float32"
        )

    return [_runner(compiled.create_infer_request(), graph.outputs) for _ in range(workers)]


def _runner(request: Any, outputs: Sequence[str]) -> Runner:
    def run(images: Any) -> Sequence[NDArray[np.float32]]:
        results = request.infer({0: images})
        return [np.asarray(results[name], np.float32) for name in outputs]

    return run
