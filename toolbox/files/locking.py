"""The lock of a folder, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from toolbox.errors import BusyError
from toolbox.files.mirrored import mirror_of

_GLANCE = 0.1
"""Seconds to wait for a lock in any case: another process may only look whether it is free."""


@contextmanager
def only_writer(folder: Path, task: str, *, wait: float = 0) -> Iterator[None]:
    """Lock a folder for one process; the operating system releases the lock even if the process is killed.

    Args:
        folder: the folder, which is made if it is missing.
        task: what the process does, such as 'extracting', for the error message of another process.
        wait: seconds to wait for another process.

    Raises: BusyError when another process has locked the folder.
    """
    import filelock

    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    lock = filelock.FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=max(wait, _GLANCE))
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is {task} in {folder}; wait until it ends, or stop it, and try again"
        ) from error
    except OSError as error:
        error.filename = str(folder)
        raise
    try:
        with mirror.only_writer(folder, task, wait=wait) if (mirror := mirror_of(folder)) else nullcontext():
            yield
    finally:
        _remove_unused(made, folder)
        lock.release()


def has_writer(folder: Path) -> bool:
    """Whether another process has locked a folder; False where that cannot be found out, as on a read-only disk.

    Args:
        folder: a folder that `only_writer` locks.
    """
    import filelock

    if (mirror := mirror_of(folder)) and mirror.has_writer(folder):
        return True
    if not (folder / ".lock").exists():
        return False
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


def _remove_unused(made: Sequence[Path], folder: Path) -> None:
    """Remove folders that were made for a task which failed before it wrote anything."""
    with contextlib.suppress(OSError):  # Windows cannot remove an open file; an empty folder is then left
        if made and [path.name for path in folder.iterdir()] == [".lock"]:
            (folder / ".lock").unlink()
            for path in made:
                path.rmdir()
