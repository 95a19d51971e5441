"""Names of temporary files and folders, and the removal of those that killed processes left."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

_NAME_LENGTH = 40
"""Characters of a file's name in that of its temporary file: a name may have 255 bytes."""
_NUMBERS = itertools.count()
"""Of temporary files and folders of this process."""


def temporary_path(path: Path, folder: Path | None = None) -> Path:
    """A name that no other writer has, of this computer or of another one that shares the disk.

    Args:
        path: the file or folder that it is for.
        folder: where it is; beside the file if None.
    """
    writer = f"{_computer()}-{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}"
    return (folder or path.parent) / f".{path.name[:_NAME_LENGTH]}.{writer}.partial"


def sweep_ended(folder: Path) -> None:
    """Remove what processes of this computer left that have ended; needs no lock, unlike `sweep`.

    Args:
        folder: the folder, which may be missing. What cannot be listed or removed stays: it may be another user's.
    """
    entries: list[Path] = []
    with contextlib.suppress(OSError):
        entries = [*folder.glob(f".*.{_computer()}-*.partial")]
    for entry in entries:
        process = entry.name.rsplit(".", 2)[1].split("-")[1]
        if not process.isdecimal() or _is_running(int(process)):
            continue
        with contextlib.suppress(OSError):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def _computer() -> str:
    """Letters that another computer hardly has, and that do not tell its name."""
    name = socket.gethostname() if sys.platform == "win32" else os.uname().nodename  # without a socket
    return f"on{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _is_running(process: int) -> bool:
    """Whether a process of this computer is running; true where that cannot be found out."""
    if os.name == "nt":  # where this would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
