"""Files of a study whose bytes are compared with their checksum as they are read, by SQL and by pyarrow."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from toolbox.errors import BusyError, ToolboxError, VerificationError
from toolbox.files import digest_of, mirror_of
from toolbox.store.checksums import BLOCK, Checksum, damage, expected_checksum
from toolbox.store.remedies import remedy_for

_PIECE = 64 * BLOCK
_FETCHED = 16 * BLOCK


def verified_digest(path: Path) -> str:
    """SHA-256 of a small table, after every byte was compared with its checksum.

    Raises: VerificationError when it is missing or damaged.
    """
    try:
        with open_verified(path) as opened:
            while opened.read(_PIECE):
                pass
    except FileNotFoundError as error:
        raise VerificationError(f"{path} is missing; {remedy_for(path)}") from error
    return opened.sha256 or digest_of(path)


Known = dict[tuple[object, ...], Checksum | None]
"""Identity of an open file -> what its bytes must be, for as long as one query lasts."""


def open_verified(
    path: Path, report: Callable[[ToolboxError], None] = lambda _: None, known: Known | None = None
) -> VerifiedFile:
    """A file whose bytes are verified as they are read.

    Args:
        path: the file; one outside a study is read as it is.
        report: is called with the error of a later reading before it is raised.
        known: checksums of files that were opened before; that of this file is added.

    Raises: VerificationError when it is damaged; FileNotFoundError when it is missing.
    """
    with contextlib.suppress(BusyError):  # replaced after it was opened, before its entry was read
        return VerifiedFile(path, report, known)
    return VerifiedFile(path, report, known)


def _around(first: int, last: int, size: int) -> tuple[int, int]:
    """Bytes that are fetched with those from first to last: a request takes as long as a megabyte."""
    return first // _FETCHED * _FETCHED, min(-(-last // _FETCHED) * _FETCHED, size)


class VerifiedFile:
    """A file whose bytes are compared with their checksum as they are read.

    It has a separate position for every thread, because DuckDB's threads share one object.
    """

    mode = "rb"

    def __init__(
        self, path: Path, report: Callable[[ToolboxError], None], known: Known | None = None
    ) -> None:
        """Open a file; a table is opened before its entry is read, which is thus that of the open file or a later one.

        Args:
            path: the file.
            report: is called with the error of a later reading before it is raised.
            known: as of `open_verified`.

        Raises: VerificationError when it is damaged; FileNotFoundError when it is missing.
        """
        self._path, self._report = path, report
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._free = weakref.finalize(self, os.close, self._descriptor)  # DuckDB does not close all readers
        self._status = os.fstat(self._descriptor)
        self._size = self._status.st_size
        self._local = threading.local()
        self._lock = threading.Lock()
        self._checksum = self._expected({} if known is None else known)
        if self._checksum and self._checksum.size != self._size:
            raise self._failure()

    def _expected(self, known: Known) -> Checksum | None:
        """What the bytes of the open file must be."""
        identity = (self._path, self._status.st_ino, self._size, self._status.st_mtime_ns)
        if identity not in known:
            with open(self._descriptor, "rb", closefd=False) as opened:
                known[identity] = expected_checksum(self._path, opened)
        return known[identity]

    @property
    def sha256(self) -> str | None:
        """What the digest of the file must be; None for a file outside a study."""
        return self._checksum.sha256 if self._checksum else None

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return not self._free.alive

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it has a position: always."""
        return True

    def tell(self) -> int:
        """The position of this thread."""
        return getattr(self._local, "position", 0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Change the position of this thread.

        Args:
            offset: bytes from `whence`.
            whence: as in `os`.
        """
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._local.position = start + offset
        return start + offset

    def read(self, count: int = -1) -> bytes:
        """The next bytes, verified.

        Args:
            count: most of them; all if negative.

        Raises: VerificationError when a block of them differs from its digest.
        """
        position = self.tell()
        left = max(self._size - position, 0)
        content = self._verified(position, left if count < 0 else min(count, left))
        self._local.position = position + len(content)
        return content

    def _verified(self, position: int, count: int) -> bytes:
        """Bytes of which every block was compared with its digest."""
        if self._checksum is None or count == 0:
            return self._read_at(position, count)
        start = position // BLOCK * BLOCK
        end = min(-(-(position + count) // BLOCK) * BLOCK, self._size)
        content = self._read_at(start, end - start)
        if not self._fits(start, end, content):
            try:
                content = self._from_storage(start, end, content)
            except ToolboxError as error:
                self._report(error)
                raise
        return content[position - start : position - start + count]

    def _fits(self, start: int, end: int, content: bytes) -> bool:
        """Whether bytes are those of whole blocks of the file."""
        is_complete = len(content) == end - start
        return is_complete and self._checksum is not None and self._checksum.fits(start, memoryview(content))

    def _from_storage(self, start: int, end: int, present: bytes) -> bytes:
        """The blocks of a file of which not all are in the mirror of object storage; they are kept there.

        Raises: VerificationError, BusyError for blocks that are not those of the checksum; ObjectStorageError.
        """
        mirror = mirror_of(self._path)
        if mirror is None or len(present) != end - start:
            raise self._failure()
        lacking = [at for at in range(start, end, BLOCK) if not self._fits_one(at, present, start)]
        first, last = _around(lacking[0], lacking[-1] + BLOCK, self._size)
        try:
            fetched = mirror.read(self._path, first, last)
        except FileNotFoundError:
            raise self._failure() from None
        if not self._fits(first, last, fetched):
            raise self._failure()
        mirror.keep_blocks(self._path, self._status, first, fetched)
        low, high = max(first, start), min(last, end)
        return present[: low - start] + fetched[low - first : high - first] + present[high - start :]

    def _fits_one(self, at: int, present: bytes, start: int) -> bool:
        """Whether one block is in the mirror."""
        return self._fits(at, min(at + BLOCK, self._size), present[at - start : at - start + BLOCK])

    def _failure(self) -> ToolboxError:
        """The error for bytes that are not those of the checksum."""
        mirror = mirror_of(self._path)
        with contextlib.suppress(FileNotFoundError):
            is_same = os.path.samestat(self._status, self._path.stat())
            if is_same and not (mirror and mirror.was_replaced(self._path)):
                return damage(self._path)
        return BusyError(
            f"{self._path} was replaced while it was read; wait until it is written, and try again"
        )

    def _read_at(self, position: int, count: int) -> bytes:
        try:
            return self._bytes_at(position, count)
        except OSError as error:
            error.filename = str(self._path)  # which reading does not name
            raise

    def _bytes_at(self, position: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, count, position)
        with self._lock:  # Windows lacks os.pread
            os.lseek(self._descriptor, position, os.SEEK_SET)
            return os.read(self._descriptor, count)

    def close(self) -> None:
        """Close the file."""
        self._free()

    def __enter__(self) -> VerifiedFile:
        """The file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()
