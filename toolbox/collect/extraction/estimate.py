"""What an extraction will take, found out before it is begun: time, memory, disk. Writes nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.collect.extraction.accuracy import SAMPLED
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.presentation import present
from toolbox.collect.extraction.remaining import check_disk_space, find_remaining_work
from toolbox.collect.extraction.task import Task, load_task, read_request, start_network
from toolbox.progress import Progress, silent
from toolbox.runtime.autotune import probe_image, rate
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder

PROBE = 1.0
"""Seconds, about, that some of the stimuli are shown to tell how long all will take."""
IN_MEMORY = 24
"""Bytes a row of a part takes while it is collected and written: two numbers, three times over."""


@dataclass(frozen=True)
class Estimate:
    """What is to be done, and what it will take.

    Attributes:
        stimuli: to be shown now; `parts` and `rows` are what they will make.
        seconds: expected, from starting the network and showing it some of the stimuli for about a second.
        memory: bytes that the process will take at its peak; None where the system does not tell.
        disk, free: bytes needed at most, and free on the study's disk.
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
    remarks: tuple[str, ...] = ()


def estimate_extraction(
    study: StudyFolder, set_name: str, options: Extraction | None = None, *, progress: Progress = silent
) -> Estimate:
    """Find out what an extraction with these options would do and take.

    Args:
        study: where the responses would be kept.
        set_name: the stimulus set.
        options: as of the extraction.
        progress: told how far a download of weights is.

    Raises: what `extract` raises before it begins, StorageError included.
    """
    request = read_request(study, set_name, options or Extraction())
    task = load_task(request, progress)
    remaining = find_remaining_work(task)
    disk, free = check_disk_space(task, remaining)
    stimuli, parts = len(remaining.stimuli), remaining.parts(request.options.part)
    seconds, session = _expected_seconds(task, remaining.stimuli) if stimuli else (0.0, None)
    return Estimate(
        set=set_name,
        model=task.network.name,
        layers=len(task.identity.recorded_layers),
        filters=task.filters,
        stimuli=stimuli,
        parts=len(parts),
        rows=stimuli * task.filters,
        seconds=seconds,
        memory=_peak_memory(task, max(parts, default=0)),
        disk=disk,
        free=free,
        provider=session.provider if session else "",
        arrangement=session.arrangement if session else "",
        remarks=task.remarks,
    )


def _expected_seconds(task: Task, stimuli: Sequence[int]) -> tuple[float, Session]:
    """Seconds that presenting the stimuli takes, starting the network included; and the network."""
    started = time.perf_counter()
    session = start_network(task, len(stimuli))
    start = time.perf_counter() - started
    # A cheaper computation is compared with the exact one: a sample is presented twice more.
    compared = 0 if task.is_exact else 2 * min(SAMPLED, len(stimuli))
    return start + (len(stimuli) + compared) * _seconds_each(task, session, stimuli), session


def _seconds_each(task: Task, session: Session, stimuli: Sequence[int]) -> float:
    """Seconds that a stimulus takes, of some that lie evenly among all, shown as an extraction shows them."""
    speed = rate(session, probe_image(task.network.input), PROBE / 4)
    count = min(len(stimuli), max(2 * session.workers * session.batch, round(speed * PROBE)))
    chosen = [task.request.stimuli[stimuli[number * len(stimuli) // count]] for number in range(count)]
    started = time.perf_counter()
    for _ in present([chosen], task.network.input, session):
        pass
    return (time.perf_counter() - started) / count


def _peak_memory(task: Task, part: int) -> int | None:
    """The peak of this process so far, network included, and the two largest parts that will be in memory at once."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + 2 * part * task.filters * IN_MEMORY
