"""Running a graph on a CPU through OpenVINO, which computes in bf16. Owns the optional package `openvino`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version as installed
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.distribution import install_command
from toolbox.errors import DeviceError
from toolbox.graph import Graph
from toolbox.host import import_openvino

HINTS = {"float32": "f32", "bf16": "bf16"}
"""OpenVINO's names of the precisions."""


def check_installed() -> None:
    """Raises: DeviceError when the package is missing."""
    if find_spec("openvino") is None:
        raise DeviceError(
            f"precision 'bf16' needs the package openvino; install it with: {install_command('bf16')}"
        )


def version() -> str:
    """Name and version of the engine."""
    return f"openvino {installed('openvino')}"


def start_computations(
    graph: Graph, *, precision: str, workers: int, threads: int
) -> list[Callable[[Any], Sequence[NDArray[np.float32]]]]:
    """One function of images per worker. Different functions may run at once, but no function twice at once.

    Args:
        graph: the graph whose outputs are computed.
        precision: 'float32' or 'bf16'; the outputs are float32 for both.
        workers: number of workers.
        threads: threads per worker; 0 for as many as there are cores.

    Raises: DeviceError when OpenVINO uses another precision, as it does where the processor lacks the chosen one.
    """
    hint = HINTS[precision]
    options = {"INFERENCE_PRECISION_HINT": hint, "NUM_STREAMS": str(workers)}
    if threads:
        options["INFERENCE_NUM_THREADS"] = str(workers * threads)
    core = import_openvino().Core()
    compiled = core.compile_model(core.read_model(graph.embed_tensors().SerializeToString()), "CPU", options)
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if taken != hint:
        raise DeviceError(
            f"OpenVINO would compute in {taken} on this processor instead of {precision}; choose precision='float32' "
            "(--precision float32)"
        )
    computations = [_computation(compiled.create_infer_request(), graph.outputs) for _ in range(workers)]
    # OpenVINO sets up its exchange of arrays with numpy at the first use. Two threads that use it for the first time
    # simultaneously would deadlock, so it is used once here, before there are workers.
    computations[0](_blank_image(compiled.input(0)))
    return computations


def _blank_image(entry: Any) -> NDArray[Any]:
    """One image of zeros for a compiled graph; variable dimensions are 1."""
    sizes = [side.get_length() if side.is_static else 1 for side in entry.partial_shape]
    return np.zeros(sizes, entry.element_type.to_dtype())


def _computation(request: Any, outputs: Sequence[str]) -> Callable[[Any], Sequence[NDArray[np.float32]]]:
    def compute(images: Any) -> Sequence[NDArray[np.float32]]:
        results = request.infer({0: images})
        return [np.asarray(results[name], np.float32) for name in outputs]

    return compute
