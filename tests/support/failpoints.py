"""Killing a process before a change of a file, wherever in the program it happens."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def kill_before(root: str, failpoint: int) -> None:
    """Kill this process before the change of a file or folder with this number, from 0.

    Args:
        root: changes of what is not in this folder are not counted.
        failpoint: how many changes come before.
    """
    left = failpoint

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if _is_change(event, arguments, root):
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
