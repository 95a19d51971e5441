"""What an extraction will take, found out before it is begun: time, memory, disk. Writes nothing."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

import numpy as np

from toolbox.errors import StorageError
from toolbox.extract.choices import Extraction
from toolbox.extract.task import Task, intention, make_task
from toolbox.fetch import Progress, silent
from toolbox.network.speed import rate
from toolbox.store.folder import StudyFolder
from toolbox.store.plan import part_size

ROW = 8
"""Bytes a row (layer, filter, stimulus_id, maximum, mean) takes at most on disk; photographs need 6.5 to 7.4."""
RESERVE = 100_000_000
"""Bytes that are left free: a disk filled to the brim breaks other things."""
IN_MEMORY = 24
"""Bytes a row of a part takes while it is collected and written: two numbers, three times over."""


@dataclass(frozen=True)
class Rehearsal:
    """What is to be done, and what it will take.

    Attributes:
        stimuli: to be shown now; `parts` and `rows` are what they will make.
        seconds: expected, from a probe of one second.
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
    stimuli = len(intended.stimuli)
    disk, free = hold_disk_space(task, stimuli)
    seconds, provider, arrangement = 0.0, "", ""
    if stimuli:
        session = task.start(stimuli)
        entry = task.network.input
        noise = np.random.default_rng(0).integers(0, 256, (entry.height, entry.width, 3), np.uint8)
        seconds = stimuli / rate(session, noise)
        provider, arrangement = session.provider, session.arrangement
    return Rehearsal(
        set=task.set,
        model=task.network.name,
        layers=len(task.identity.kept),
        filters=task.filters,
        stimuli=stimuli,
        parts=intended.parts(task.choices.part),
        rows=stimuli * task.filters,
        seconds=seconds,
        memory=_peak_memory(task, stimuli),
        disk=disk,
        free=free,
        provider=provider,
        arrangement=arrangement,
        remarks=task.remarks,
    )


def hold_disk_space(task: Task, stimuli: int) -> tuple[int, int]:
    """Bytes that the responses to so many stimuli take at most, and bytes that are free.

    Raises: StorageError when they do not fit.
    """
    needed = stimuli * task.filters * ROW
    free = shutil.disk_usage(task.study.root).free
    if stimuli and needed + RESERVE > free:
        raise StorageError(
            f"the responses of {task.filters:,} filters to {stimuli:,} stimuli take up to {needed / 1e9:,.2f} GB, and "
            f"{task.study.root} has {free / 1e9:,.2f} GB free; make room (0.1 GB more than that), move the study, or "
            "extract fewer layers (--layers)"
        )
    return needed, free


def _peak_memory(task: Task, stimuli: int) -> int | None:
    """The peak of this process so far, network included, and the parts that will be in memory."""
    try:
        import resource
    except ImportError:  # Windows has no such module
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    part = task.choices.part or part_size(stimuli)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit + 2 * part * task.filters * IN_MEMORY
