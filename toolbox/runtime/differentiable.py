"""A graph of a gradient that is ready to run on a CPU. Owns its second input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.graph import Graph
from toolbox.runtime.computation import OnnxComputation, cpu_computation
from toolbox.runtime.winograd import with_winograd
from toolbox.terms import DIRECTION, GRADIENT, IMAGE


@dataclass(frozen=True)
class Differentiable:
    """A network that returns the values of a tensor, and the gradient of their weighted sum."""

    tensor: str
    computation: Any

    def run(
        self, images: NDArray[np.float32], direction: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The values, and the gradient of sum(direction * values).

        Args:
            images: (images, 3, height, width), preprocessed.
            direction: weights of the values, in their shape.
        """
        values, gradient = self.computation.session.run(
            [self.tensor, GRADIENT], {IMAGE: images, DIRECTION: direction}
        )
        return values, gradient


def start_differentiable(graph: Graph, tensor: str, *, threads: int = 0) -> Differentiable:
    """Load the graph of a gradient.

    Args:
        graph: as of `gradient.gradient_graph`.
        tensor: its tensor.
        threads: on the CPU; 0 for as many as there are cores.
    """
    computation = cpu_computation(with_winograd(graph), 1, threads)
    assert isinstance(computation, OnnxComputation)
    return Differentiable(tensor, computation)
