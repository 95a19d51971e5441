"""How a graph is run fastest on this machine: workers, threads, batch. Owns the short probe that finds out.

The choice changes no response: on a CPU every image is computed alike, whatever it is computed beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolbox.graph import Graph
from toolbox.network.architecture import Input
from toolbox.runtime.device import Device, choose_device
from toolbox.runtime.hardware import usable_cores
from toolbox.runtime.session import Session, start_session

MOST_WORKERS = 8
"""Each holds the maps of its images: VGG16's take 150 MB."""
LARGE_MATRIX = 2_000_000
"""Numbers in a matrix of weights from which on reading it costs more than multiplying it with one image."""
SECONDS = 0.5
"""How long each arrangement is tried."""


@dataclass(frozen=True)
class Arrangement:
    """Batches that are computed at once, threads of each, images in a batch."""

    workers: int
    threads: int
    batch: int


def arrangements(
    graph: Graph, device: Device, cores: int, *, threads: int | None = None, batch: int | None = None
) -> list[Arrangement]:
    """What is worth trying, the likeliest first.

    Args:
        graph: to be run.
        device: on which it is to run.
        cores: that may be used.
        threads: of one worker on a CPU, where that is given.
        batch: images of one run, where that is given.
    """
    if device.gpus:
        return [Arrangement(len(device.gpus), 0, size) for size in ((batch,) if batch else (32, 64, 16))]
    few = max(1, -(-cores // MOST_WORKERS))  # rounded up: no core is left over
    choices = dict.fromkeys([threads] if threads else [few, cores])
    sizes = (batch,) if batch else _usual_batches(graph)
    return [
        Arrangement(max(1, min(MOST_WORKERS, cores // each)), each, size)
        for each in choices
        for size in sizes
    ]


def _usual_batches(graph: Graph) -> tuple[int, ...]:
    """One image after the other keeps its maps in the cache; a large matrix is better read for several images."""
    is_large = any(tensor.ndim == 2 and tensor.size > LARGE_MATRIX for tensor in graph.tensors.values())
    return (2, 1) if is_large else (1,)


def start_fastest(
    graph: Graph,
    pixels: NDArray[np.uint8],
    *,
    device: Device | str = "auto",
    precision: str = "float32",
    convolution: str = "winograd",
    threads: int | None = None,
    batch: int | None = None,
    probe: bool = True,
) -> Session:
    """A session in the arrangement that presents the most images a second.

    Args:
        graph: to be run.
        pixels: one image, as the graph takes it, to try with.
        device: as `start_session` takes it.
        precision: as `start_session` takes it.
        convolution: as `start_session` takes it.
        threads: of one worker on a CPU, where that is given.
        batch: images of one run, where that is given.
        probe: try them; else the first of `arrangements` is taken.

    Raises: UsageError, DeviceError.
    """
    found = choose_device(device) if isinstance(device, str) else device
    start = partial(start_session, graph, device=found, precision=precision, convolution=convolution)
    choices = arrangements(graph, found, usable_cores(), threads=threads, batch=batch)
    if probe and len(choices) > 1:
        return _fastest(start, choices, pixels)
    return start(**asdict(choices[0]))


def _fastest(
    start: Callable[..., Session], choices: Sequence[Arrangement], pixels: NDArray[np.uint8]
) -> Session:
    """Try all, the likeliest last, so that it need not be loaded again. One session is in memory at a time."""
    session: Session | None = None
    rates: dict[Arrangement, float] = {}
    for choice in reversed(choices):
        if session is None or not _is_arranged(session, choice):
            session = None  # before the next one is loaded: one may take a gigabyte
            session = start(**asdict(choice))
        rates[choice] = rate(replace(session, batch=choice.batch), pixels, SECONDS)
    best = max(choices, key=rates.__getitem__)
    if session is None or not _is_arranged(session, best):
        session = None
        session = start(**asdict(best))
    return replace(session, batch=best.batch)


def _is_arranged(session: Session, choice: Arrangement) -> bool:
    """Whether it differs from the choice in the batch at most."""
    return (session.workers, session.threads) == (choice.workers, choice.threads)


def probe_image(entry: Input) -> NDArray[np.uint8]:
    """An image to try with: pixels (height, width, 3) that are no two alike, as in a photograph."""
    return np.random.default_rng(0).integers(0, 256, (entry.height, entry.width, 3), np.uint8)


def rate(session: Session, pixels: NDArray[np.uint8], seconds: float = 1.0) -> float:
    """Images a second, all workers at work, after a first round that does not count.

    Args:
        session: to be timed.
        pixels: one image, presented again and again.
        seconds: that it may take, about.
    """
    batch = np.repeat(pixels[None], session.batch, axis=0)
    with ThreadPoolExecutor(session.workers) as pool:
        rounds: Sequence[NDArray[np.uint8]] = [batch] * session.workers
        list(pool.map(session.run, rounds))
        started, count = time.perf_counter(), 0
        while count == 0 or time.perf_counter() - started < seconds:
            list(pool.map(session.run, rounds))
            count += session.batch * session.workers
        return count / (time.perf_counter() - started)
