"""Faults of the computer: full disks, missing permissions, exhausted limits. Owns which errors these are.

The operating system and the libraries report such a fault as an error of their own, from any depth. It becomes an
error of the toolbox, which is one line, where users call a function and where a command ends. All else is a bug and
keeps its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import re
import threading
import time
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, ParamSpec, TypeVar

from toolbox.errors import ResourceError, StorageError, ToolboxError, UsageError

_Given = ParamSpec("_Given")
_Returned = TypeVar("_Returned")

STDOUT = "stdout"
"""What an error concerns that names no file: `files` names every file that is written."""

_MEMORY = "there is not enough memory; close other programs, or raise the limit (ulimit -v), and try again"
_THREADS = (
    "no further thread can be started; close other programs, or raise the limit (ulimit -u), and try again"
)
_OPEN_FILES = "too many files are open; raise the limit (ulimit -n 1024), and try again"
_UNREACHABLE = "its disk does not answer; check the disk and its connection, and try again"
_UNSUITABLE = "its disk cannot do what is needed; choose a folder on a local disk"
_REASONS = {
    errno.ENOSPC: "no space is left on its disk; free some space, or choose another disk, and try again",
    errno.EDQUOT: "the quota of its disk is used up; delete other files, or choose another disk, and try again",
    errno.EFBIG: "a file may not be so large here; raise the limit (ulimit -f), or choose another disk, and try again",
    errno.EROFS: "its disk is read-only; choose a folder on another disk, or copy the study to one and use the copy",
    errno.EACCES: "permission denied; get the permission, or choose another folder",
    errno.EPERM: "the operation is not permitted; get the permission, or choose another folder",
    errno.EBUSY: "another program uses it; close that program, and try again",
    errno.ETXTBSY: "another program uses it; close that program, and try again",
    errno.ENOENT: "no such file or folder; if it was there before, another program deleted or moved it: try again",
    errno.ENOTDIR: "a part of the path is a file where a folder was expected; choose another path",
    errno.EISDIR: "it is a folder; expected a file",
    errno.EEXIST: "there is a file of that name where a folder was expected; choose another path",
    errno.ENOTEMPTY: "another program writes into it; wait until it ends, and try again",
    errno.ELOOP: "its links form a loop; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EINVAL: "a file of that name cannot be made there; choose another path",
    errno.ENXIO: "it is no regular file; choose another path",
    errno.ENODEV: "it is no regular file; choose another path",
    errno.ESPIPE: "it is no regular file; choose another path",
    errno.EBADF: "it is closed; let it go to a file, a program or a terminal",
    errno.EIO: _UNREACHABLE,
    errno.ESTALE: _UNREACHABLE,
    errno.ETIMEDOUT: _UNREACHABLE,
    errno.EHOSTDOWN: _UNREACHABLE,
    errno.ENOTCONN: _UNREACHABLE,
    errno.ENOLCK: _UNSUITABLE,
    errno.ENOSYS: _UNSUITABLE,
    errno.EOPNOTSUPP: _UNSUITABLE,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
}
"""Error number -> what happened to a file, and what to do."""
_NO_TEMPORARY_FOLDER = "No usable temporary directory"
"""How Python begins when it has tried to write into all folders that it knows."""
_TEMPORARY_FILES = (
    "no folder for temporary files can be written to; free some space, raise the limit (ulimit -f), or set TMPDIR to a "
    "folder that can be written to"
)
_EXHAUSTED = {errno.ENOMEM: _MEMORY, errno.EAGAIN: _THREADS}
_LAST_TIME = 253_402_300_800
"""Seconds from 1970 to the year 10000, which Python has no dates for."""
_CLOCK = "the clock of this computer is after the year 9999; set it, and try again"
_OF_STDOUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What can happen where a program prints; files that are written are named."""
_LEAST_MEMORY = 2**30
"""Bytes of addresses below which libraries end a process without any error."""
_TEXTS = {
    r"too many open files": _OPEN_FILES,
    r"can't start new thread|pthread_create|resource (temporarily )?unavailable": _THREADS,
    r"bad_alloc|failed to allocate|could not allocate|cannot allocate|failed to map segment|out of memory": _MEMORY,
}
"""What libraries write into errors of their own -> what happened, and what to do."""
_OF_LIBRARIES = ("duckdb", "_duckdb", "pyarrow", "polars", "onnxruntime", "pyo3_runtime", "vl_convert")
PANIC = "PanicException"
"""Libraries in Rust raise it where they cannot go on; it is no `Exception`."""


def fault_of(error: BaseException) -> ToolboxError | None:
    """A fault of the computer as an error of the toolbox; None for a bug.

    Args:
        error: any error that is not the toolbox's own.

    Example:
        >>> str(fault_of(OSError(errno.EROFS, "Read-only file system", "study/plans")))
        'study/plans: its disk is read-only; choose a folder on another disk, or copy the study to one and use the copy'
        >>> fault_of(KeyError("layer")) is None
        True
    """
    if isinstance(error, MemoryError):
        return ResourceError(_MEMORY)
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error)
    if isinstance(error, UnicodeEncodeError):
        return _of_letters(error)
    if isinstance(error, ValueError | OverflowError) and time.time() >= _LAST_TIME:
        return ResourceError(_CLOCK)
    if isinstance(error, RuntimeError | ImportError) or type(error).__module__.startswith(_OF_LIBRARIES):
        return _of_library(error)
    return None


def _of_system(error: OSError) -> ToolboxError | None:
    """A fault that the operating system reports by its number."""
    number = int(error.errno or 0)
    if number in _EXHAUSTED:
        return ResourceError(_EXHAUSTED[number])
    if number == errno.ENOENT and str(error.strerror).startswith(_NO_TEMPORARY_FOLDER):
        return StorageError(_TEMPORARY_FILES)
    reason = _REASONS.get(number)
    if error.filename is not None and reason:
        return StorageError(f"{error.filename}: {reason}")
    if number in _OF_STDOUT:
        return StorageError(f"{STDOUT}: {reason}")
    # reading names no file
    return StorageError(f"a file of the study, or an image: {reason}") if reason is _UNREACHABLE else None


def _of_letters(error: UnicodeEncodeError) -> ToolboxError:
    """A name or text from outside that has bytes which are no letters, or letters which this system does not know."""
    piece = error.object[max(0, error.start - 20) : error.end + 20]
    return UsageError(
        f"{piece!a} cannot be encoded as {error.encoding}; use names in UTF-8, and a locale with UTF-8 "
        "(LC_ALL=C.UTF-8)"
    )


def _of_library(error: BaseException) -> ToolboxError | None:
    """A fault that only the text of an error tells."""
    text = str(error)
    reasons = (reason for pattern, reason in _TEXTS.items() if re.search(pattern, text, re.IGNORECASE))
    reason = next(reasons, None)
    return None if reason is None else ResourceError(reason)


def check_limits() -> None:
    """Refuse a limit of memory with which libraries end the process before anything can be reported.

    Raises: ResourceError.
    """
    with contextlib.suppress(ImportError):  # Windows has no such limits
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY and limit < _LEAST_MEMORY:
            raise ResourceError(
                f"this process may use {limit / 2**20:,.0f} MB of memory, and the libraries need 1,024 MB; raise the "
                "limit (ulimit -v)"
            )


def check_threads() -> None:
    """Find out whether a thread can be started: OpenBLAS reports that none can as if Ctrl-C had been pressed.

    Raises: ResourceError.
    """
    try:
        threading.Thread(target=bool).start()
    except RuntimeError as error:
        raise ResourceError(_THREADS) from error


def explains_faults(function: Callable[_Given, _Returned]) -> Callable[_Given, _Returned]:
    """A function that raises faults of the computer as errors of the toolbox.

    Args:
        function: a function that users call.
    """

    @wraps(function)
    def explained(*arguments: _Given.args, **options: _Given.kwargs) -> _Returned:
        try:
            return function(*arguments, **options)
        except ToolboxError:
            raise
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            raise fault from error

    return explained


def explain_faults_of_methods(owner: type[Any]) -> None:
    """Let the public methods of a class raise faults of the computer as errors of the toolbox.

    Args:
        owner: the class, which is changed.
    """
    for name, method in list(vars(owner).items()):
        if isinstance(method, FunctionType) and (not name.startswith("_") or name == "__init__"):
            setattr(owner, name, explains_faults(method))
