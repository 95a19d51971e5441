"""What an extraction will take, found out before it is begun: time, memory, disk. Writes nothing."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.presentation import batches
from toolbox.collect.extraction.remaining import SAMPLED, Intention, Task, intention, make_task
from toolbox.errors import StorageError
from toolbox.progress import Progress, silent
from toolbox.runtime.autotune import noise, rate
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import ROW_BYTES

PROBE = 1.0
"""Seconds, about, that some of the stimuli are shown to tell how long all will take."""
LAYER, IDENTIFIER = 2_500, 4
"""Bytes a layer of a part takes besides: headers and a share of footer and record, and each stimulus's identifier."""
RESERVE = 100_000_000
"""Bytes that are left free: a disk filled to the brim breaks other things."""
IN_MEMORY = 24
"""Bytes a row of a part takes while it is collected and written: two numbers, three times over."""


@dataclass(frozen=True)
class Rehearsal:
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


def rehearse(
    study: StudyFolder, set_name: str, choices: Extraction | None = None, *, progress: Progress = silent
) -> Rehearsal:
    """Find out what an extraction with these choices would do and take.

    Raises: what `extract` raises before it begins, StorageError included.
    """
    task = make_task(study, set_name, choices or Extraction(), progress)
    intended = intention(task)
    stimuli, parts = len(intended.stimuli), intended.parts(task.choices.part)
    disk, free = check_disk_space(task, intended)
    seconds, provider, arrangement = 0.0, "", ""
    if stimuli:
        started = time.perf_counter()
        session = task.start(stimuli)
        start = time.perf_counter() - started
        compared = 0 if task.is_exact else 2 * min(SAMPLED, stimuli)
        seconds = start + (stimuli + compared) * _seconds_each(task, session, intended.stimuli)
        provider, arrangement = session.provider, session.arrangement
    return Rehearsal(
        set=task.set,
        model=task.network.name,
        layers=len(task.identity.kept),
        filters=task.filters,
        stimuli=stimuli,
        parts=len(parts),
        rows=stimuli * task.filters,
        seconds=seconds,
        memory=_peak_memory(task, max(parts, default=0)),
        disk=disk,
        free=free,
        provider=provider,
        arrangement=arrangement,
        remarks=task.remarks,
    )


def _seconds_each(task: Task, session: Session, stimuli: Sequence[int]) -> float:
    """Seconds that a stimulus takes, of some that lie evenly among all, shown as an extraction shows them."""
    speed = rate(session, noise(task.network.input), PROBE / 4)
    count = min(len(stimuli), max(2 * session.workers * session.batch, round(speed * PROBE)))
    chosen = [task.stimuli[stimuli[number * len(stimuli) // count]] for number in range(count)]
    started = time.perf_counter()
    for _ in batches([chosen], task.network.input, session):
        pass
    return (time.perf_counter() - started) / count


def check_disk_space(task: Task, intended: Intention) -> tuple[int, int]:
    """Bytes that the responses take at most, and bytes that are free.

    Raises: StorageError when they do not fit.
    """
    stimuli, parts = len(intended.stimuli), len(intended.parts(task.choices.part))
    layers = len(task.identity.kept)
    needed = stimuli * (task.filters * ROW_BYTES + layers * IDENTIFIER) + parts * layers * LAYER
    free = shutil.disk_usage(task.study.root).free
    if stimuli and needed + RESERVE > free:
        raise StorageError(
            f"the responses of {task.filters:,} filters to {stimuli:,} stimuli take up to {needed / 1e9:,.2f} GB, and "
            f"{task.study.root} has {free / 1e9:,.2f} GB free; make room ({RESERVE / 1e9:g} GB more than that), move "
            "the study, or extract fewer layers (--layers)"
        )
    return needed, free


def _peak_memory(task: Task, part: int) -> int | None:
    """The peak of this process so far, network included, and the two largest parts that will be in memory at once."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + 2 * part * task.filters * IN_MEMORY
