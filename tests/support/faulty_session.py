"""An onnxruntime that computes one layer wrongly, by a thousandth, in the runs that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toolbox.graph import Graph
from toolbox.runtime.session import Session, start_session
from toolbox.setup import comparisons


@dataclass(frozen=True)
class Fault:
    """One run of a real session: what it gives, of how many images, with how many threads, from what, and how."""

    outputs: tuple[str, ...]
    batch: int
    threads: int
    of_pixels: bool
    convolution: str


def use_faulty_sessions(
    monkeypatch: pytest.MonkeyPatch, layer: str, is_wrong: Callable[[Fault], bool]
) -> None:
    """Let comparisons run sessions whose results of one layer are a thousandth too large where `is_wrong`."""

    class Faulty:
        def __init__(self, session: Session, threads: int, convolution: str) -> None:
            self._session, self._threads, self._convolution = session, threads, convolution
            self.provider, self.runtime = session.provider, session.runtime

        def run(self, images: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
            results = self._session.run(images)
            of_pixels = images.dtype == np.uint8
            fault = Fault(self._session.outputs, len(images), self._threads, of_pixels, self._convolution)
            if not is_wrong(fault):
                return results
            return {
                name: values * np.float32(1.001) if name.split(".")[0] == layer else values
                for name, values in results.items()
            }

    def start(graph: Graph, *, threads: int = 0, **choices: Any) -> Faulty:
        convolution = choices.get("convolution", "winograd")
        return Faulty(start_session(graph, threads=threads, **choices), threads, convolution)

    monkeypatch.setattr(comparisons, "start_session", start)
