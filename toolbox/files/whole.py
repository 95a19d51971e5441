"""Files that are written whole or not at all, moved and deleted; digests of files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from toolbox.errors import UsageError
from toolbox.files.mirrored import mirror_of
from toolbox.files.temporary import sweep_ended, temporary_path


@contextmanager
def replace_file(path: Path, scratch: Path | None = None, *, is_new: bool = False) -> Iterator[Path]:
    """A temporary path; when the block succeeds, the file is flushed and renamed to `path`.

    Args:
        path: path of the file; of a link, the file to which it leads is replaced.
        scratch: the folder of the temporary path, on the same disk; that of the file if None.
        is_new: whether no other computer may have written it meanwhile, where files are in object storage.

    Raises: UsageError for a device or a pipe, which a rename would replace by a file.
    """
    _check_replaceable(path)
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    folder = scratch or path.parent
    for each in {folder, path.parent}:
        each.mkdir(parents=True, exist_ok=True)
    if scratch is None:
        sweep_ended(folder)
    fresh = temporary_path(path, folder)
    try:
        yield fresh
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        place_file(fresh, path, is_new=is_new)
        flush_directory(path.parent)
    except OSError as error:
        if error.filename in (None, str(fresh)):  # writing and flushing name no file
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # a read-only disk refuses even to remove what is not there
            fresh.unlink(missing_ok=True)


def place_file(fresh: Path, path: Path, *, is_new: bool = False) -> None:
    """Give a finished file its name.

    Args:
        fresh: the file, on the same disk.
        path: its name from now on.
        is_new: as of `replace_file`.
    """
    if mirror := mirror_of(path):
        mirror.put(fresh, path, is_new=is_new)
    else:
        fresh.replace(path)


def write_text(path: Path, text: str, scratch: Path | None = None, *, is_new: bool = False) -> None:
    """Write a small text file, whole or not at all.

    Args:
        path: path of the file.
        text: the content, written in UTF-8.
        scratch: as of `replace_file`.
        is_new: as of `replace_file`.
    """
    with replace_file(path, scratch, is_new=is_new) as fresh:
        fresh.write_text(text, encoding="utf-8")


def move_files(moves: Mapping[Path, Path]) -> None:
    """Rename files or folders, and make the new names durable; each has its old or its new name at any moment.

    Args:
        moves: old path -> new path on the same disk; folders that the new paths need are made.
    """
    for old, new in moves.items():
        if mirror := mirror_of(new):
            mirror.move(old, new)
        else:
            new.parent.mkdir(parents=True, exist_ok=True)
            old.replace(new)
    for folder in {path.parent for move in moves.items() for path in move}:
        flush_directory(folder)


def remove_file(path: Path) -> None:
    """Delete a file, if it exists.

    Args:
        path: the file.
    """
    if mirror := mirror_of(path):
        mirror.remove(path)
    else:
        path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Delete a folder with all that is in it, if it exists.

    Args:
        folder: the folder.
    """
    if mirror := mirror_of(folder):
        mirror.remove_tree(folder)
    shutil.rmtree(folder, ignore_errors=True)


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a file, read in pieces.

    Args:
        path: path of the file.
        algorithm: name of the algorithm in `hashlib`.
    """
    if mirror := mirror_of(path):
        mirror.complete(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _check_replaceable(path: Path) -> None:
    """Refuse devices, pipes, and the file to which stdout or stderr go, such as `/dev/stdout`."""
    check_local(path)
    with contextlib.suppress(OSError):  # missing; or the system's reason is reported when it is written
        status = path.stat()
        is_special = not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode)
        if is_special or any(os.path.samestat(each, status) for each in _open_streams()):
            raise UsageError(
                f"{path} is a device, a pipe or an open stream; expected the name of another file"
            )


def check_local(path: Path) -> None:
    """Refuse an address in object storage, which would become a folder called 's3:'; only studies are there.

    Args:
        path: as it was given, before it is made absolute.

    Raises: UsageError.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", path.as_posix()):
        address = path.as_posix().replace(":/", "://", 1)
        raise UsageError(
            f"{address} is an address, and only studies can be in object storage; name a file or folder of this "
            "computer, and copy it"
        )


def _open_streams() -> Iterator[os.stat_result]:
    """The files to which this process prints."""
    for number in (1, 2):
        with contextlib.suppress(OSError):  # it is closed
            yield os.fstat(number)


def flush_directory(folder: Path) -> None:
    """Make a rename durable; on Windows this is neither possible nor needed."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
