"""One convolution with a known result: the shortest test of a processor and its libraries."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from toolbox.errors import VerificationError
from toolbox.graph import IR_VERSION, OPSET, Graph
from toolbox.runtime.session import start_session
from toolbox.terms import IMAGE


def compute_once(device: str) -> str:
    """Compute one convolution on a device and compare it with its known result.

    Args:
        device: as for `choose_device`.

    Returns: the execution provider that computed it.
    Raises: DeviceError when the device cannot be used; VerificationError when the result is wrong.
    """
    session = start_session(_sum_graph(), device=device)
    found = session.run(np.ones((1, 3, 8, 8), np.float32))["sums"]
    if not np.array_equal(found, np.full((1, 1, 6, 6), 27, np.float32)):
        raise VerificationError(
            f"{session.provider} computed {found.flat[0]} instead of 27; choose device='cpu' (--device cpu)"
        )
    return session.provider


def _sum_graph() -> Graph:
    """A convolution that sums 3 channels of 3 x 3 pixels."""
    kernel = numpy_helper.from_array(np.ones((1, 3, 3, 3), np.float32), "kernel")
    images = helper.make_tensor_value_info(IMAGE, TensorProto.FLOAT, [1, 3, 8, 8])
    sums = helper.make_tensor_value_info("sums", TensorProto.FLOAT, [1, 1, 6, 6])
    node = helper.make_node("Conv", [IMAGE, "kernel"], ["sums"])
    graph = helper.make_graph([node], "trial", [images], [sums], [kernel])
    opset = [helper.make_opsetid("", OPSET)]
    return Graph(helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION), {})
