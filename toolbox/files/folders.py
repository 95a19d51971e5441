"""Temporary folders, and those that become what they are named after."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolbox.errors import UsageError
from toolbox.files.temporary import sweep_ended, temporary_path
from toolbox.files.whole import check_local, flush_directory


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
    sweep_ended(path.parent)
    fresh = temporary_path(path)
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


def _remove_at_once(folder: Path) -> None:
    """Remove a folder so that whoever still uses it finds all that is in it, or nothing."""
    place = Path(tempfile.mkdtemp(prefix=".removed.", suffix=".partial", dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):  # its writer removed it
        folder.rename(place / folder.name)
    shutil.rmtree(place)
