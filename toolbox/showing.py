"""Images as a network takes them, decoded in background threads ahead of it. Owns what makes a stimulus unreadable."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import StimulusError
from toolbox.network.card import Input
from toolbox.network.graph import preprocessed
from toolbox.stimuli.images import decode, resized

Images = NDArray[np.float32]
AHEAD = 3
"""Batches that are decoded or being decoded while the network is at work on one."""


@dataclass(frozen=True)
class Stimulus:
    """An image of a set: where it lies now, and the sha256 it had when it was ingested."""

    stimulus_id: int
    path: str
    file: Path
    sha256: str


@dataclass(frozen=True)
class Unreadable:
    """A stimulus that could not be shown, and why."""

    stimulus_id: int
    path: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Images to show together, float32 (stimuli, 3, height, width), and those that cannot be shown."""

    shown: tuple[int, ...]
    images: Images
    unreadable: tuple[Unreadable, ...]


def batches(stimuli: Sequence[Stimulus], entry: Input, size: int) -> Iterator[Batch]:
    """The stimuli in their order, `size` at a time, decoded ahead."""
    workers = max(2, (os.cpu_count() or 2) // 2)
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="decode") as pool:
        waiting: deque[list[tuple[Stimulus, Future[Images | Unreadable]]]] = deque()
        starts = iter(range(0, len(stimuli), size))
        while True:
            while len(waiting) < AHEAD and (start := next(starts, None)) is not None:
                chosen = stimuli[start : start + size]
                waiting.append([(stimulus, pool.submit(prepared, stimulus, entry)) for stimulus in chosen])
            if not waiting:
                return
            yield _batch([(stimulus, future.result()) for stimulus, future in waiting.popleft()])


def _batch(results: Sequence[tuple[Stimulus, Images | Unreadable]]) -> Batch:
    images = [result for _, result in results if not isinstance(result, Unreadable)]
    return Batch(
        tuple(stimulus.stimulus_id for stimulus, result in results if not isinstance(result, Unreadable)),
        np.stack(images) if images else np.empty(0, np.float32),
        tuple(result for _, result in results if isinstance(result, Unreadable)),
    )


def prepared(stimulus: Stimulus, entry: Input) -> Images | Unreadable:
    """One image as the network takes it, float32 (3, height, width), or why it cannot be shown."""
    failed = partial(Unreadable, stimulus.stimulus_id, stimulus.path)
    try:
        content = stimulus.file.read_bytes()
        if hashlib.sha256(content).hexdigest() != stimulus.sha256:
            return failed("changed since it was ingested")
        pixels = decode(content).pixels
    except OSError as error:
        return failed(error.strerror or type(error).__name__)
    except StimulusError as error:
        return failed(str(error))
    return preprocessed(entry, resized(pixels, entry.height, entry.width, entry.resize))
