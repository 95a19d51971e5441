"""The progress of a task. Owns the type of the callback that every use case reports it to, and how times read."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Is called with the task, the amount done so far, and the total, which is 0 while it is unknown."""


def silent(task: str, done: int, total: int) -> None:
    """A progress callback that does nothing.

    Args:
        task: the task.
        done: the amount done so far.
        total: the total amount; 0 while it is unknown.
    """


def duration(seconds: float) -> str:
    """A time, for reading: in seconds below 90, in minutes below 90 of them, else in hours."""
    if seconds < 90:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


NOTED_SECONDS = 5.0
"""A task that takes less needs no warning."""
_ABOUT = ", about "


def with_time(task: str, seconds: float) -> str:
    """The name of a task with the time that it will take in all, where that is worth a warning.

    Args:
        task: the task.
        seconds: the expected time.

    Example:
        >>> with_time("resample pets", 29.7), with_time("resample pets", 0.4)
        ('resample pets, about 30 s', 'resample pets')
    """
    return f"{task}{_ABOUT}{duration(seconds)}" if seconds >= NOTED_SECONDS else task


def has_time(task: str) -> bool:
    """Whether the name of a task has the expected time in it."""
    return _ABOUT in task
