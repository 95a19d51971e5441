"""Presenting stimuli to a network in order, with images decoded ahead of it. Owns which stimuli are unreadable."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, tee
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import StimulusError, ToolboxError
from toolbox.host import ignore_image_warnings
from toolbox.network.architecture import Input
from toolbox.runtime.hardware import usable_cores
from toolbox.runtime.session import Session
from toolbox.stimuli.images import Pixels, resize_pixels
from toolbox.stimuli.originals import read_original
from toolbox.store.stimuli import Stimulus

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Unreadable:
    """A stimulus that could not be presented, and the reason."""

    stimulus_id: int
    path: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Stimuli that were presented together, and the outputs of the network.

    Attributes:
        stimuli: numbers of the presented stimuli.
        outputs: outputs by name, each with the stimuli in its first dimension; empty without stimuli.
        unreadable: stimuli of the batch that could not be presented.
    """

    stimuli: tuple[int, ...]
    outputs: Mapping[str, NDArray[np.float32]]
    unreadable: tuple[Unreadable, ...]


def present(
    stimuli: Iterable[Sequence[Stimulus]],
    entry: Input,
    session: Session,
    decoders: int = 0,
    cores: int | None = None,
) -> Generator[Batch, None, None]:
    """Present the stimuli of one part after the other; no batch contains stimuli of two parts.

    While `session.workers` batches are computed, the images of the next batches are decoded; the number of waiting
    images is limited. Close the generator when no further batches are needed: the waiting images are then dropped.

    Args:
        stimuli: the stimuli of every part; that of the next part is asked for before the present one is computed.
        entry: the preprocessing of the network.
        session: the network, ready to run.
        decoders: number of processes that decode images; 0 for threads of this process, which suffice for a CPU.
        cores: number of cores that may be used; None for all.

    Raises: ToolboxError when a decoding process ends unexpectedly.
    """
    decoded, presented = tee(stimuli)
    ahead = session.workers + 2
    images_ahead = max(16, session.batch * ahead)
    with (
        _start_decoders(decoders, cores) as decoding,
        # One more, so that the next batch is there when a GPU has computed one.
        ThreadPoolExecutor(session.workers + session.has_gpu, "network") as computing,
    ):
        every = chain.from_iterable(decoded)
        images = _in_order(decoding, partial(_prepare_pair, entry=entry), every, images_ahead)
        together = ([*islice(images, size)] for size in _batch_sizes(presented, session.batch))
        try:
            yield from _in_order(computing, partial(_run, session), together, ahead)
        except BrokenProcessPool as error:
            raise ToolboxError(
                "a process that decodes images ended unexpectedly: either memory ran out, or a script asked for "
                "decoders outside `if __name__ == '__main__':`; fix this, or decode in threads with decoders=0 "
                "(--decoders 0)"
            ) from error
        finally:
            images.close()


def _batch_sizes(parts: Iterable[Sequence[Stimulus]], most: int) -> Iterator[int]:
    """The number of stimuli in each batch; the last batch of a part may be smaller."""
    for part in parts:
        for start in range(0, len(part), most):
            yield min(most, len(part) - start)


def prepare_image(stimulus: Stimulus, entry: Input) -> Pixels | Unreadable:
    """One image in the size of the network's input, uint8 (height, width, 3), or why it cannot be presented.

    Args:
        stimulus: the stimulus whose file is read.
        entry: the preprocessing of the network.
    """
    failed = partial(Unreadable, stimulus.stimulus_id, stimulus.path)
    try:
        picture = read_original(
            stimulus.file,
            stimulus.sha256,
            pixels_sha256=stimulus.pixels_sha256,
            bit_depth=stimulus.bit_depth,
            at_least=max(entry.height, entry.width) if entry.decoding == "scaled" else None,
        )
        return resize_pixels(picture.pixels, entry.height, entry.width, entry.resize, entry.fit)
    except OSError as error:
        return failed(error.strerror or type(error).__name__)
    except StimulusError as error:
        return failed(str(error))


def _start_decoders(processes: int, cores: int | None) -> Executor:
    if processes:
        spawning = multiprocessing.get_context("spawn")  # safe beside threads and CUDA
        return ProcessPoolExecutor(processes, spawning, _start_decoding)
    return ThreadPoolExecutor(max(2, cores or usable_cores()), "decode")  # idle while the network is slower


def _start_decoding() -> None:
    """Prepare a process that decodes images and does nothing else."""
    ignore_image_warnings()
    end_with_parent()


def end_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed; leave interrupts to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _in_order(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """Results in the order of the items; `ahead` items are started before their results are requested."""
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _prepare_pair(stimulus: Stimulus, entry: Input) -> tuple[Stimulus, Pixels | Unreadable]:
    return stimulus, prepare_image(stimulus, entry)


def _run(session: Session, images: Sequence[tuple[Stimulus, Pixels | Unreadable]]) -> Batch:
    """Run the network on the images that could be read."""
    unreadable = tuple(image for _, image in images if isinstance(image, Unreadable))
    readable = [(stimulus, image) for stimulus, image in images if not isinstance(image, Unreadable)]
    if not readable:
        return Batch((), {}, unreadable)
    outputs = session.run(np.stack([image for _, image in readable]))
    return Batch(tuple(stimulus.stimulus_id for stimulus, _ in readable), outputs, unreadable)
