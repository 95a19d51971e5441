"""The progress of a task. Owns the type of the callback with which every use case reports it; prints nothing."""

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
