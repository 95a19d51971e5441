"""Temporary folders, those that become what they are named after, and what killed processes left."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolbox.errors import UsageError
from toolbox.files.whole import NAME_LENGTH, NUMBERS, check_local, flush_directory


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder; when the block succeeds, its files are flushed and it is renamed to `path`.

    Args:
        path: path of the folder, which is missing or empty.

    Raises: UsageError for a file, for a folder that is not empty, or for an address.
    """
    check_local(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there already; expected the name of a new folder, or of an empty one")
    path = Path(os.path.realpath(path))
    with folder_beside(path) as fresh:
        yield fresh
        for each in fresh.rglob("*"):
            if each.is_file():
                with each.open("rb+") as file:
                    os.fsync(file.fileno())
        flush_directory(fresh)
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()  # on Windows, no folder is renamed to one that is there
        fresh.replace(path)
        flush_directory(path.parent)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """A temporary folder on the disk of a file that is made of what is in it; it is removed at the end.

    Args:
        path: path of the file.
    """
    check_local(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_ended_folders(path.parent)
    number = f"{_computer()}-{os.getpid()}-{threading.get_ident()}-{next(NUMBERS)}"
    fresh = path.parent / f".{path.name[:NAME_LENGTH]}.{number}.partial"
    try:
        fresh.mkdir()
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def building_folder(folder: Path, name: str) -> Iterator[Path]:
    """A new folder in which one writer builds files that belong together; it is removed.

    Args:
        folder: where it is made.
        name: what is built, for its name, which no other writer has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    built = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".partial", dir=folder))
    try:
        yield built
    finally:
        shutil.rmtree(built, ignore_errors=True)


def sweep(*folders: Path) -> None:
    """Remove temporary files and folders of killed processes; the caller must hold the lock for the folders.

    Args:
        folders: folders in which only the holder of the lock writes; they may be missing.
    """
    for folder in folders:
        for file in folder.glob(".*.partial"):
            if file.is_dir():
                _remove_at_once(file)
            else:
                file.unlink(missing_ok=True)


def sweep_ended(folder: Path) -> None:
    """Remove temporary files of processes that have ended; needs no lock, unlike `sweep`.

    Args:
        folder: the folder, which may be missing.
    """
    for file in folder.glob(".*.partial"):
        process = file.name.rsplit(".", 2)[1].partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            file.unlink(missing_ok=True)


def _sweep_ended_folders(folder: Path) -> None:
    """Remove temporary folders of processes of this computer that have ended; a disk may be shared with others."""
    for entry in folder.glob(f".*.{_computer()}-*.partial"):
        process = entry.name.rsplit(".", 2)[1].split("-")[1]
        if entry.is_dir() and process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(entry, ignore_errors=True)


def _remove_at_once(folder: Path) -> None:
    """Remove a folder so that whoever still uses it finds all that is in it, or nothing."""
    place = Path(tempfile.mkdtemp(prefix=".removed.", suffix=".partial", dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):  # its writer removed it
        folder.rename(place / folder.name)
    shutil.rmtree(place)


def _computer() -> str:
    """Letters that another computer hardly has, and that do not tell its name."""
    return f"on{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"


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
