"""How a graph is run fastest on this machine: workers, threads, batch. Owns the short probe that finds out.

The choice changes no response: on a CPU every image is computed alike, whatever it is computed beside.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolbox.network.graph import Graph
from toolbox.network.hardware import core_count, core_limit
from toolbox.network.session import Device, Session, choose_device, start_session

MOST_WORKERS = 8
"""Each holds the maps of its images: VGG16's take 150 MB."""
LARGE = 2_000_000
"""Numbers in a matrix of weights from which on reading it costs more than multiplying it with one image."""
SECONDS = 0.5
"""How long each arrangement is tried."""


@dataclass(frozen=True)
class Arrangement:
    """Batches that are computed at once, threads of each, images in a batch."""

    workers: int
    threads: int
    batch: int


def usable_cores() -> int:
    """Cores that this process has, a container's share of time included."""
    limit = core_limit()
    return max(1, min(core_count(), math.ceil(limit) if limit else core_count()))


def arrangements(
    graph: Graph, device: Device, cores: int, *, threads: int | None = None, batch: int | None = None
) -> list[Arrangement]:
    """What is worth trying, the likeliest first.

    Args:
        threads: of one worker on a CPU, where that is given; batch: likewise.
    """
    if device.gpus:
        return [Arrangement(len(device.gpus), 0, size) for size in ((batch,) if batch else (32, 64, 16))]
    few = max(1, -(-cores // MOST_WORKERS))
    choices = dict.fromkeys([threads] if threads else [few, cores])
    # One image after the other keeps its maps in the cache; a large matrix is better read for several images.
    usual = (4, 1) if any(tensor.ndim == 2 and tensor.size > LARGE for tensor in graph.tensors.values()) else (1,)
    sizes = (batch,) if batch else usual
    return [Arrangement(max(1, min(MOST_WORKERS, cores // each)), each, size) for each in choices for size in sizes]


def start_fastest(
    graph: Graph,
    pixels: NDArray[np.uint8],
    *,
    device: str = "auto",
    precision: str = "float32",
    convolution: str = "winograd",
    threads: int | None = None,
    batch: int | None = None,
    probe: bool = True,
) -> Session:
    """A session in the arrangement that shows the most images a second.

    Args:
        pixels: one image, as the graph takes it, to try with.
        threads, batch: fixed where given.
        probe: try them; else the first of `arrangements` is taken.

    Raises: UsageError, DeviceError.
    """
    choices = arrangements(graph, choose_device(device), usable_cores(), threads=threads, batch=batch)
    best: Session | None = None
    most = 0.0
    session: Session | None = None
    for choice in choices if probe else choices[:1]:
        if session is None or (session.workers, session.threads) != (choice.workers, choice.threads):
            session = start_session(
                graph, device=device, precision=precision, convolution=convolution,
                workers=choice.workers, threads=choice.threads, batch=choice.batch,
            )  # fmt: skip
        tried = replace(session, batch=choice.batch)
        speed = rate(tried, pixels, SECONDS) if len(choices) > 1 and probe else 1.0
        if speed > most:
            best, most = tried, speed
    assert best is not None  # there is always a choice, and its speed is above 0
    return best


def rate(session: Session, pixels: NDArray[np.uint8], seconds: float = 1.0) -> float:
    """Images a second, all workers at work, after a first round that does not count."""
    batch = np.repeat(pixels[None], session.batch, axis=0)
    with ThreadPoolExecutor(session.workers) as pool:
        rounds: Sequence[NDArray[np.uint8]] = [batch] * session.workers
        list(pool.map(session.run, rounds))
        started, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - started < seconds:
            list(pool.map(session.run, rounds))
            count += session.batch * session.workers
        return count / (time.perf_counter() - started)
