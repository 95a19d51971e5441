"""How far a task is. Owns the type of the callback by which every use case reports it; prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Is called with the task, what is done so far, and the total, which is 0 while it is unknown."""


def silent(task: str, done: int, total: int) -> None:
    """Print nothing: the progress callback of who wants none.

    Args:
        task: what is being done.
        done: how much of it is done.
        total: how much there is to do; 0 while it is unknown.
    """
