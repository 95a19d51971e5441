"""Estimates the time, memory and disk space of an extraction before it starts. Writes nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.collect.extraction.accuracy import SAMPLED
from toolbox.collect.extraction.engines.processes import crew_size
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.presentation import present
from toolbox.collect.extraction.remaining import RemainingWork, check_disk_space, find_remaining_work
from toolbox.collect.extraction.task import Request, Task, load_task, read_request, start_network
from toolbox.display import Report
from toolbox.progress import Progress, silent
from toolbox.runtime.autotune import probe_image, rate
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder

PROBE = 1.0
"""Approximate duration in seconds of presenting a sample, from which the duration for all stimuli is estimated."""
IN_MEMORY = 24
"""Bytes per row of a part while it is collected and written: two numbers, in three copies."""


@dataclass(frozen=True)
class Estimate(Report):
    """The size of an extraction, and the time, memory and disk space that it is expected to need.

    Attributes:
        stimuli: number of stimuli to be presented now, which make `parts` and `rows`.
        seconds: expected duration, estimated by starting the network and presenting a sample for about a second; of a
            cluster, in one process.
        memory: peak memory in bytes, of all processes of this computer; None where the system does not report it.
        disk, free: bytes needed at most, and bytes free on the disk of the study.
    """

    set: str
    model: str
    layers: int
    filters: int
    stimuli: int
    parts: int
    rows: int
    seconds: float
    memory: int | None
    disk: int
    free: int
    provider: str
    arrangement: str
    notes: tuple[str, ...] = ()


def estimate_extraction(
    study: StudyFolder, set_name: str, options: Extraction | None = None, *, progress: Progress = silent
) -> Estimate:
    """Estimate the size and the cost of an extraction with these options.

    Args:
        study: the study in which the responses would be stored.
        set_name: the stimulus set.
        options: the options of the extraction.
        progress: is called with the progress of a download of weights.

    Raises: what `extract` raises before it starts, including StorageError.
    """
    request = read_request(study, set_name, options or Extraction())
    task = load_task(request, progress)
    remaining = find_remaining_work(task)
    disk, free = check_disk_space(task, remaining)
    stimuli, parts = len(remaining.stimuli), remaining.parts(request.options)
    workers, cores = _workers(request, len(parts))
    seconds, session = _expected_seconds(task, remaining, workers, cores) if stimuli else (0.0, None)
    peak = _peak_memory(task, max(parts, default=0))
    return Estimate(
        set=set_name,
        model=task.network.name,
        layers=len(task.identity.recorded_layers),
        filters=task.filters,
        stimuli=stimuli,
        parts=len(parts),
        rows=stimuli * task.filters,
        seconds=seconds,
        memory=None if peak is None else workers * peak,
        disk=disk,
        free=free,
        provider=session.provider if session else "",
        arrangement=_arrangement(session, workers) if session else "",
        notes=(*task.notes, *_notes_on_engine(request.options)),
    )


def _workers(request: Request, parts: int) -> tuple[int, int | None]:
    """The number of processes of this computer, and of cores of each; None for all."""
    if request.options.engine != "processes" or not parts:
        return 1, None
    return crew_size(request, parts)


def _arrangement(session: Session, workers: int) -> str:
    return session.arrangement if workers == 1 else f"{workers} processes, each with {session.arrangement}"


def _notes_on_engine(options: Extraction) -> tuple[str, ...]:
    """What an estimate does not know of a cluster, to which it does not connect."""
    if options.engine != "ray":
        return ()
    return (
        "the time and the memory are those of one process on this computer; the workers of a cluster present parts at "
        "the same time, each with as much memory",
    )


def _expected_seconds(
    task: Task, remaining: RemainingWork, workers: int, cores: int | None
) -> tuple[float, Session]:
    """Seconds for starting the network and presenting the stimuli; and the network as each process starts it."""
    stimuli = remaining.stimuli
    started = time.perf_counter()
    part = max(remaining.parts(task.request.options))
    session = start_network(task, len(stimuli), remaining.layers(task), part=part, cores=cores)
    start = time.perf_counter() - started
    # A less exact computation is compared with the exact one, for which a sample is presented twice.
    compared = 0 if task.is_exact else 2 * min(SAMPLED, len(stimuli))
    at_once = 1 if session.has_gpu else workers  # processes share the GPU, which one of them could keep busy
    return start + (len(stimuli) / at_once + compared) * _seconds_each(task, session, stimuli, cores), session


def _seconds_each(task: Task, session: Session, stimuli: Sequence[int], cores: int | None) -> float:
    """Seconds per stimulus, from a sample spread evenly over all stimuli and presented as in an extraction."""
    speed = rate(session, probe_image(task.network.input), PROBE / 4)
    count = min(len(stimuli), max(2 * session.workers * session.batch, round(speed * PROBE)))
    chosen = [task.request.stimuli[stimuli[number * len(stimuli) // count]] for number in range(count)]
    started = time.perf_counter()
    for _ in present([chosen], task.network.input, session, task.request.options.decoders, cores):
        pass
    return (time.perf_counter() - started) / count


def _peak_memory(task: Task, part: int) -> int | None:
    """The peak of this process so far, including the network, plus two parts of the largest size in memory."""
    try:
        import resource
    except ImportError:  # Windows lacks this module
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + 2 * part * task.filters * IN_MEMORY
