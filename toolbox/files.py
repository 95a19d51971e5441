"""Files that appear whole or not at all, the lock of a folder, and digests of files. Knows no format."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolbox.errors import BusyError


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """A temporary name in the same directory that becomes `path` when the block ends well, durable at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        yield fresh
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
        _flush_directory(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all.

    Args:
        path: of the file.
        text: written in UTF-8.
    """
    with replace_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record as JSON, whole or not at all.

    Args:
        path: of the file.
        record: of plain values.
    """
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file, read once in pieces.

    Args:
        path: of the file.
        algorithm: as `hashlib` calls it.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


@contextmanager
def only_writer(folder: Path, task: str) -> Iterator[None]:
    """Hold a folder for one process; the system frees it however the process ends.

    Args:
        folder: made where it is missing.
        task: what the process does there, for the message that another one gets.

    Raises: BusyError when another process holds it.
    """
    import filelock

    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout as error:
        raise BusyError(
            f"another process is busy with {task} in {folder}; wait until it ends, or stop it, and run this again"
        ) from error
    try:
        yield
    finally:
        _remove_unused(made, folder)
        lock.release()


def _remove_unused(made: Sequence[Path], folder: Path) -> None:
    """Take back folders that were made for a task which failed before it wrote anything."""
    with contextlib.suppress(OSError):  # Windows removes no open file; then an empty folder is left
        if made and [path.name for path in folder.iterdir()] == [".lock"]:
            (folder / ".lock").unlink()
            for path in made:
                path.rmdir()


def _flush_directory(folder: Path) -> None:
    """Make a rename durable; Windows has no such call and needs none."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
