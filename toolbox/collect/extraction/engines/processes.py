"""The engine that presents parts in several processes of this computer. A process that is killed is replaced."""

from __future__ import annotations

import multiprocessing
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any

from toolbox.collect.extraction.parts import PartReport
from toolbox.collect.extraction.presentation import end_with_parent
from toolbox.collect.extraction.task import Request
from toolbox.collect.extraction.worker import Count, Worker, WorkerPlace, start_worker
from toolbox.errors import ResourceError
from toolbox.faults import explains_faults
from toolbox.host import ignore_image_warnings
from toolbox.runtime.hardware import usable_cores

ATTEMPTS = 3
"""How often processes may end unexpectedly before any further part is finished."""
GPU_PROCESSES = 2
"""Processes that share the GPUs of this computer where their number is not given: each has a network on every GPU."""
_GLANCE = 0.2
"""Seconds between two looks at how many stimuli were presented."""


def schedule(parts: Sequence[int], worker: Worker, presented: Count) -> Generator[PartReport, None, None]:
    """Present parts in processes, each with its share of the cores.

    Args:
        parts: their numbers.
        worker: an equal one is started in every process.
        presented: is called with the number of stimuli that were presented since the last call.

    Raises: what a worker raises; ResourceError when processes end unexpectedly again and again.
    """
    count, cores = crew_size(worker.run.task.request, len(parts))
    place = replace(worker.place, cores=cores)
    left, failures = [*parts], 0
    while left:
        crew = _Crew(count, place)
        try:
            for report in crew.present(left, presented):
                left.remove(report.number)
                failures = 0
                yield replace(report, arrangement=f"{count} processes, each with {report.arrangement}")
        except BrokenProcessPool as error:
            failures += 1
            if failures == ATTEMPTS:
                raise ResourceError(
                    f"processes that present stimuli ended unexpectedly {ATTEMPTS} times: either memory ran out, or a "
                    "script asked for processes outside `if __name__ == '__main__':`; fix this, or ask for fewer "
                    "workers=… (--workers …)"
                ) from error
        finally:
            crew.end()


def crew_size(request: Request, parts: int) -> tuple[int, int]:
    """The number of processes, and of cores of each: one a core; with a GPU few, as they share its memory.

    With TensorRT one, as each would plan.

    Args:
        request: whose options may ask for a number.
        parts: number of parts to present, at least 1.
    """
    usual = usable_cores()
    if request.device is not None and request.device.gpus:
        usual = 1 if request.device.kind == "tensorrt" else min(GPU_PROCESSES, usual)
    count = min(request.options.workers or usual, parts)
    return count, max(1, usable_cores() // count)


class _Crew:
    """Processes that are replaced together when one of them is killed."""

    def __init__(self, count: int, place: WorkerPlace) -> None:
        spawning = multiprocessing.get_context("spawn")  # safe beside threads and CUDA
        self._counter, self._stopping = spawning.Value("q", 0), spawning.Event()
        given = (place, self._counter, self._stopping)
        self._pool = ProcessPoolExecutor(count, spawning, _start, given)

    def present(self, parts: Sequence[int], presented: Count) -> Generator[PartReport, None, None]:
        """The reports of parts, in the order in which they are finished."""
        waiting: set[Future[PartReport]] = {self._pool.submit(_present, number) for number in parts}
        seen = 0
        while waiting:
            done, waiting = wait(waiting, _GLANCE, FIRST_COMPLETED)
            now = self._counter.value
            presented(now - seen)
            seen = now
            for future in done:
                yield future.result()

    def end(self) -> None:
        """Drop the parts that are being computed, and wait until those that are being written are finished."""
        self._stopping.set()
        self._pool.shutdown(cancel_futures=True)


@dataclass
class _Process:
    """What a process that presents parts has."""

    place: WorkerPlace
    counter: Any
    stopping: Any
    worker: Worker | None = None

    def count(self, stimuli: int) -> None:
        """Count presented stimuli; end the part where no further one is wanted."""
        if self.stopping.is_set():
            raise _NoLongerWantedError
        with self.counter.get_lock():
            self.counter.value += stimuli


class _NoLongerWantedError(Exception):
    """The run ended; nobody reads this."""


_process: list[_Process] = []
"""That of this process, if it is one of a crew."""


def _start(place: WorkerPlace, counter: Any, stopping: Any) -> None:
    """Prepare a process that presents parts and does nothing else."""
    ignore_image_warnings()
    end_with_parent()
    _process[:] = [_Process(place, counter, stopping)]


@explains_faults
def _present(number: int) -> PartReport:
    """Present one part in a process of a crew."""
    process = _process[0]
    process.worker = process.worker or start_worker(process.place)
    (report,) = process.worker.present([number], process.count)
    return report
