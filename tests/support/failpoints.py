"""Killing a process before a change of a file, and changing files while a process reads, wherever it happens."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
_SCRATCH, _TEMPORARY = ".uncommitted", (".partial", ".lock")


def kill_before(root: str, failpoint: int, *, in_commits: bool = False) -> None:
    """Kill this process before the change of a file or folder with this number, from 0.

    Args:
        root: changes of what is not in this folder are not counted.
        failpoint: how many changes come before.
        in_commits: whether only changes count that a reader sees: files that get or lose the name by which they are
            found. Between them a study is of two states.
    """
    left, is_counted = failpoint, _is_seen if in_commits else _is_change

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if is_counted(event, arguments, root):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _is_change(event: str, arguments: tuple[Any, ...], root: str) -> bool:
    """Whether an event of the interpreter is about to change something in a folder."""
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return bool(writes) and not isinstance(path, int) and os.fspath(path).startswith(root)
    return event in _CHANGES and str(arguments[0]).startswith(root)


def _is_seen(event: str, arguments: tuple[Any, ...], root: str) -> bool:
    """Whether an event is about to give a file the name by which it is found, or to take this name from it."""
    if event not in ("os.rename", "os.remove"):
        return False
    name = str(arguments[1 if event == "os.rename" else 0])
    return name.startswith(root) and _SCRATCH not in name and not name.endswith(_TEMPORARY)


_reading: list[Callable[[str], None]] = []
"""What is called with every path that this process opens; a hook of the interpreter cannot be taken out again."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _reading and isinstance(arguments[0], str | os.PathLike):
        _reading[-1](os.fspath(arguments[0]))


@contextmanager
def change_before_reading(root: str, moment: int, change: Callable[[], None]) -> Iterator[None]:
    """In the block, something is changed once, before this process opens the table with this number, from 0.

    Args:
        root: only tables in this folder are counted.
        moment: how many tables are opened before.
        change: makes the change.
    """
    left = moment

    def count(path: str) -> None:
        nonlocal left
        if path.startswith(root) and path.endswith(".parquet"):
            left -= 1
            if left == -1:
                change()

    if not _watch_is_on:
        sys.addaudithook(_watch)
        _watch_is_on.append(True)
    _reading.append(count)
    try:
        yield
    finally:
        _reading.pop()


@contextmanager
def renames_into(folder: str) -> Iterator[list[str]]:
    """In the block, where each file was that this process renames into a folder."""
    found = list[str]()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if is_on and event == "os.rename" and os.fspath(arguments[1]).startswith(folder):
            found.append(os.fspath(arguments[0]))

    is_on = True
    sys.addaudithook(note)
    try:
        yield found
    finally:
        is_on = False


_watch_is_on: list[bool] = []
