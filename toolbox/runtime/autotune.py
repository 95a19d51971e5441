"""The fastest way to run a graph on this machine: workers, threads, batch. Owns the short probe that finds it.

The choice does not change any response: on a CPU, the result for an image does not depend on the other images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import ResourceError
from toolbox.graph import Graph
from toolbox.network.architecture import Input
from toolbox.runtime.device import Device, choose_device
from toolbox.runtime.hardware import usable_cores
from toolbox.runtime.session import Session, start_session

MOST_WORKERS = 8
"""Largest number of workers. Each one holds the maps of its images: 150 MB for VGG16."""
GPU_BATCHES = (32, 64, 16)
"""Images in a batch on a GPU that are tried; the first is used where nothing is tried."""
LARGE_MATRIX = 2_000_000
"""Numbers in a weight matrix from which reading it takes longer than multiplying it with the input of one image."""
SECONDS = 0.5
"""Duration of the trial of each arrangement."""


@dataclass(frozen=True)
class Arrangement:
    """The number of batches that are computed at once, of threads per batch, and of images in a batch."""

    workers: int
    threads: int
    batch: int


def arrangements(
    graph: Graph, device: Device, cores: int, *, threads: int | None = None, batch: int | None = None
) -> list[Arrangement]:
    """The arrangements to try, the most promising one first.

    Args:
        graph: the graph to run.
        device: the device that runs it.
        cores: number of cores that may be used.
        threads: threads per worker on a CPU; None to try several numbers.
        batch: images in one run; None to try several numbers.
    """
    if device.gpus:
        return [Arrangement(len(device.gpus), 0, size) for size in ((batch,) if batch else GPU_BATCHES)]
    few = max(1, -(-cores // MOST_WORKERS))  # rounded up, so that no core is idle
    choices = dict.fromkeys([threads] if threads else [few, cores])
    sizes = (batch,) if batch else _usual_batches(graph)
    return [
        Arrangement(max(1, min(MOST_WORKERS, cores // each)), each, size)
        for each in choices
        for size in sizes
    ]


def _usual_batches(graph: Graph) -> tuple[int, ...]:
    """Single images, whose maps stay in the CPU cache; or pairs, which share the reading of a large weight matrix."""
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
    cores: int | None = None,
    probe: bool = True,
) -> Session:
    """A session in the arrangement that presents the most images per second.

    Args:
        graph: the graph to run.
        pixels: one input image of the graph, for the trials.
        device: as for `start_session`.
        precision: as for `start_session`.
        convolution: as for `start_session`.
        threads: threads per worker on a CPU; None to try several numbers.
        batch: images in one run; None to try several numbers.
        cores: number of cores that may be used, beside other processes that use the others; None for all.
        probe: whether to try the arrangements; else the first of `arrangements` is used.

    Raises: UsageError, DeviceError; ResourceError where no batch fits in the memory of a GPU.
    """
    found = choose_device(device) if isinstance(device, str) else device
    start = partial(
        start_session,
        graph,
        device=found,
        precision=precision,
        convolution=convolution,
        spinning=cores is None,
    )
    choices = arrangements(graph, found, cores or usable_cores(), threads=threads, batch=batch)
    if probe and len(choices) > 1:
        return _fastest(start, choices, pixels)
    return start(**asdict(choices[0]))


def _fastest(
    start: Callable[..., Session], choices: Sequence[Arrangement], pixels: NDArray[np.uint8]
) -> Session:
    """Try all, the most promising one last, so that it need not be loaded again. Only one session is in memory.

    Raises: ResourceError of the smallest batch where none fits in the memory of a GPU.
    """
    session: Session | None = None
    rates: dict[Arrangement, float] = {}
    failures: dict[int, ResourceError] = {}
    for choice in reversed(choices):
        if session is None or not _is_arranged(session, choice):
            session = None  # released before the next one is loaded, because a session may take a gigabyte
            session = start(**asdict(choice))
        try:
            rates[choice] = rate(replace(session, batch=choice.batch), pixels, SECONDS)
        except ResourceError as error:  # a batch that does not fit in the memory of a GPU
            failures[choice.batch] = error
    if not rates:
        raise failures[min(failures)]
    best = max(choices, key=lambda choice: rates.get(choice, 0.0))
    if session is None or not _is_arranged(session, best):
        session = None
        session = start(**asdict(best))
    return replace(session, batch=best.batch)


def _is_arranged(session: Session, choice: Arrangement) -> bool:
    """Whether a session has the workers and threads of an arrangement; the batch may differ."""
    return (session.workers, session.threads) == (choice.workers, choice.threads)


def probe_image(entry: Input) -> NDArray[np.uint8]:
    """An image for the trials: (height, width, 3), with varied pixels as in a photograph."""
    return np.random.default_rng(0).integers(0, 256, (entry.height, entry.width, 3), np.uint8)


def rate(session: Session, pixels: NDArray[np.uint8], seconds: float = 1.0) -> float:
    """Images per second with all workers, measured after a first round that is not timed.

    Args:
        session: the session to time.
        pixels: one image, which is presented repeatedly.
        seconds: approximate duration of the measurement.
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
