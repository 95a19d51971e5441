"""Writing files whole or not at all, locking a folder, and digests of files. Knows no file format.

In a mirror of object storage (`remote`), what is written, moved or deleted here is first put, copied or deleted there.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import BusyError, UsageError, VerificationError

if TYPE_CHECKING:
    from toolbox.remote.mirror import Mirror

RECORD_DIGEST = "record_sha256"
"""Key of a JSON record under which the SHA-256 of everything else in it is kept."""

_NAME = 40
"""Characters of a file's name in that of its temporary file: a name may have 255 bytes."""
_NUMBERS = itertools.count()
_GLANCE = 0.1
"""Seconds to wait for a lock in any case: another process may only look whether it is free."""
_MIRRORS = f"{os.sep}object-storage{os.sep}"
"""What every path in a mirror contains."""


def mirror_of(path: Path) -> Mirror | None:
    """The mirror of a study in object storage that contains a path; None for any other path.

    Args:
        path: any path.
    """
    if _MIRRORS not in str(path):
        return None
    from toolbox.remote.mirror import mirror_around  # a local study waits for none of it

    return mirror_around(path)


def local_folder(directory: str | Path) -> Path:
    """The folder in which a study is on this computer; of one in object storage, its mirror as the storage is now.

    Args:
        directory: a directory, or an address such as 's3://bucket/prefix'.

    Raises: UsageError for an address at which no study can be; ObjectStorageError.
    """
    if ":/" not in str(directory):
        return Path(directory)
    from toolbox.remote.mirror import mirror_at
    from toolbox.remote.place import place_of

    place = place_of(directory)
    if place is None:
        return Path(directory)
    mirror = mirror_at(place)
    mirror.refresh()
    return mirror.root


def place_name(folder: Path) -> str:
    """What another computer calls the folder of a study: its address in object storage, else its absolute path.

    Args:
        folder: the folder.
    """
    mirror = mirror_of(folder)
    return str(mirror.place) if mirror else str(folder.absolute())


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
    fresh = folder / f".{path.name[:_NAME]}.{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}.partial"
    try:
        yield fresh
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        place_file(fresh, path, is_new=is_new)
        _flush_directory(path.parent)
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


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder; when the block succeeds, its files are flushed and it is renamed to `path`.

    Args:
        path: path of the folder, which is missing or empty.

    Raises: UsageError for a file, or for a folder that is not empty.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is there already; expected the name of a new folder, or of an empty one")
    path = Path(os.path.realpath(path))
    with folder_beside(path) as fresh:
        yield fresh
        for each in fresh.rglob("*"):
            if each.is_file():
                with each.open("rb+") as file:
                    os.fsync(file.fileno())
        _flush_directory(fresh)
        with contextlib.suppress(FileNotFoundError):
            path.rmdir()  # on Windows, no folder is renamed to one that is there
        fresh.replace(path)
        _flush_directory(path.parent)


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """A temporary folder on the disk of a file that is made of what is in it; it is removed at the end.

    Args:
        path: path of the file.
    """
    _check_local(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep_ended_folders(path.parent)
    number = f"{_computer()}-{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}"
    fresh = path.parent / f".{path.name[:_NAME]}.{number}.partial"
    try:
        fresh.mkdir()
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _sweep_ended_folders(folder: Path) -> None:
    """Remove temporary folders of processes of this computer that have ended; a disk may be shared with others."""
    for entry in folder.glob(f".*.{_computer()}-*.partial"):
        process = entry.name.rsplit(".", 2)[1].split("-")[1]
        if entry.is_dir() and process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(entry, ignore_errors=True)


def _computer() -> str:
    """Letters that another computer hardly has, and that do not tell its name."""
    return f"on{hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]}"


def _check_replaceable(path: Path) -> None:
    """Refuse devices, pipes, and the file to which stdout or stderr go, such as `/dev/stdout`."""
    _check_local(path)
    with contextlib.suppress(OSError):  # missing; or the system's reason is reported when it is written
        status = path.stat()
        is_special = not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode)
        if is_special or any(os.path.samestat(each, status) for each in _open_streams()):
            raise UsageError(
                f"{path} is a device, a pipe or an open stream; expected the name of another file"
            )


def _check_local(path: Path) -> None:
    """Refuse an address in object storage, which would become a folder called 's3:'; only studies are there.

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


def write_json(
    path: Path, record: Mapping[str, Any], scratch: Path | None = None, *, is_new: bool = False
) -> None:
    """Write a record as JSON with a digest of its content, whole or not at all.

    Args:
        path: path of the file.
        record: values that JSON can represent.
        scratch: as of `replace_file`.
        is_new: as of `replace_file`.
    """
    plain = json.loads(json.dumps(record))
    digest = {RECORD_DIGEST: _digest_of_record(plain)}
    text = json.dumps({**plain, **digest}, indent=1, ensure_ascii=False) + "\n"
    write_text(path, text, scratch, is_new=is_new)


def read_json(path: Path, remedy: str = "restore it") -> dict[str, Any]:
    """A record that `write_json` wrote, compared with its digest; those of earlier versions have none.

    Args:
        path: path of the file.
        remedy: what to do about a damaged record, for the message.

    Raises: VerificationError for a damaged record; OSError where the file cannot be read.
    """
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise VerificationError(f"{path} is damaged: it is not a JSON record; {remedy}") from error
    digest = record.pop(RECORD_DIGEST, None)
    if digest not in (None, _digest_of_record(record)):
        raise VerificationError(f"{path} is damaged: its content differs from its digest; {remedy}")
    return record


def _digest_of_record(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record as JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


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
        _flush_directory(folder)


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


def sweep_ended(folder: Path) -> None:
    """Remove temporary files of processes that have ended; needs no lock, unlike `sweep`.

    Args:
        folder: the folder, which may be missing.
    """
    for file in folder.glob(".*.partial"):
        process = file.name.rsplit(".", 2)[1].partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            file.unlink(missing_ok=True)


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


def _flush_directory(folder: Path) -> None:
    """Make a rename durable; on Windows this is neither possible nor needed."""
    if os.name != "nt":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
