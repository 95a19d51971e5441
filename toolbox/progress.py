"""How far a task is. Owns the type of the callback by which every use case reports it; shows nothing itself."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told (what is being done, done so far, total); the total is 0 while it is unknown."""


def silent(task: str, done: int, total: int) -> None:
    """The progress callback that shows nothing."""
