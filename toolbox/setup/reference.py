"""An independent implementation of every operator, ONNX's own in numpy. Owns its adaptation to the toolbox's graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from toolbox.graph import Graph
from toolbox.terms import IMAGE

REFERENCE = f"onnx.reference {onnx.__version__} (numpy)"


class BatchNormalization(OpRun):
    """Batch normalisation before opset 14, where the number of outputs distinguishes inference from training.

    The reference mistakes such nodes for training. Its loader finds an operator by the name of the class.
    """

    op_domain = ""

    def _run(
        self, x: Any, scale: Any, bias: Any, mean: Any, variance: Any, epsilon: float = 1e-5, **_: Any
    ) -> tuple[Any]:
        of_channel = (-1, *[1] * (x.ndim - 2))  # (filters, 1, 1): one number per map
        scale, bias, mean, variance = (each.reshape(of_channel) for each in (scale, bias, mean, variance))
        return (((x - mean) / np.sqrt(variance + np.float32(epsilon)) * scale + bias).astype(x.dtype),)


def reference_maps(
    full: Graph, layers: Sequence[str], images: NDArray[np.float32]
) -> Iterator[Mapping[str, NDArray[Any]]]:
    """The maps of one image after the other, computed by ONNX's own definition of every operator, in numpy.

    Args:
        full: a graph with the maps of all layers as outputs.
        layers: names of the layers to compute.
        images: (images, 3, height, width), preprocessed.

    Raises: any exception of the reference, such as for an operator that it lacks.
    """
    proto = onnx.ModelProto()
    proto.CopyFrom(full.proto)
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(
        entry for entry in full.proto.graph.initializer if entry.name not in full.tensors
    )
    evaluator = ReferenceEvaluator(proto, new_ops=[BatchNormalization] if _is_old(proto) else None)
    for image in images:
        # numpy need not warn, because a value that is not finite counts as an infinite difference.
        with np.errstate(over="ignore", invalid="ignore"):
            maps: Sequence[Any] = list(evaluator.run([*layers], {IMAGE: image[None], **full.tensors}))
        yield dict(zip(layers, maps, strict=True))


def _is_old(proto: onnx.ModelProto) -> bool:
    """Whether the number of outputs of a batch normalisation distinguishes inference from training."""
    return any(9 <= entry.version < 14 for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))


def has_halves(graph: Graph) -> bool:
    """Whether a graph computes in float16."""
    types = (entry.data_type for entry in graph.proto.graph.initializer)
    return onnx.TensorProto.FLOAT16 in types
