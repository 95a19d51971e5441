"""The files in a .zip or .tar archive, one at a time. Owns unpacking; writes nothing, follows no link.

An archive is data of anybody: no file is read at once, and none without a limit. A few kilobytes can state, or unpack
to, more than any disk has.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

from toolbox.errors import CardError

MOST_BYTES = 2**30
"""Of one file in an archive; larger images are not ingested either."""
MOST_COMPRESSED, ALWAYS_UNPACKED = 200, 2**28
"""How much larger than an archive its files may be in all, and the bytes that they may have in any case."""
MOST_FILES = 2_000_000


@dataclass(frozen=True)
class ArchiveLimits:
    """What the files of an archive may have.

    Attributes:
        largest: bytes of one file.
        ratio: how much larger than the archive the files may be in all.
        always: bytes that they may have in any case.
        files: their number.
    """

    largest: int = MOST_BYTES
    ratio: int = MOST_COMPRESSED
    always: int = ALWAYS_UNPACKED
    files: int = MOST_FILES


OF_IMAGES = ArchiveLimits()
"""Of an archive of images."""
_LARGEST_HEADER = 2**20
"""Bytes of a header of tar, which holds no more than a long name."""
_MOST_PARTS, _LONGEST = 32, 200
"""Folders in one another, and bytes of a name, that every file system takes."""
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_COMPRESSIONS: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"]\x00\x00": lzma.open
}  # fmt: skip
_BROKEN = (
    lzma.LZMAError,
    tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip
"""Also of what Python cannot unpack: an encrypted file, a method of compression, a size that is no number."""


class Header(tarfile.TarInfo):
    """A header whose long names are read only if they are names: tarfile reads them at once."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A header from its block.

        Args:
            buf: of 512 bytes.
            encoding: of names.
            errors: what is done about names that are not in it.

        Raises: CardError for a size that no header has.
        """
        header = super().frombuf(buf, encoding, errors)
        if header.type in _HEADERS and not 0 <= header.size <= _LARGEST_HEADER:
            raise _too_large(f"a header states {header.size:,} bytes", _LARGEST_HEADER)
        if header.size < 0:  # tarfile would go back, and never end
            raise _too_large(f"a file states {header.size:,} bytes", MOST_BYTES)
        return header


class Member:
    """A file in an archive, which is read in pieces, up to the size that the archive states."""

    def __init__(self, file: IO[bytes], size: int, archive: Path) -> None:
        """A file before its first piece.

        Args:
            file: its content.
            size: bytes that it has.
            archive: where it is, for messages.
        """
        self._file, self._left, self._archive = file, size, archive

    def read(self, count: int = 2**20, /) -> bytes:
        """The next bytes; empty at the end.

        Args:
            count: at most so many.

        Raises: CardError when the archive is damaged.
        """
        with _one_line_errors(self._archive):
            # at the end, one more byte is asked for: zipfile then compares its checksum
            piece = self._file.read(min(count, self._left) or 1)
            self._left -= len(piece)
            if self._left < 0 or (not piece and self._left):
                raise EOFError("a file has another size than the archive states")
            return piece


@contextmanager
def _one_line_errors(archive: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise CardError(
            f"{archive.name} cannot be unpacked ({error}); expected a .zip or .tar archive"
        ) from error


class _Budget:
    """What the files of an archive may have in all, counted before each is read."""

    def __init__(self, archive: Path, limits: ArchiveLimits) -> None:
        self._archive, self._files, self._limits = archive, 0, limits
        self._allowed = self._left = max(limits.always, limits.ratio * archive.stat().st_size)

    def take(self, name: str, size: int) -> None:
        """Refuse a file that is too large, or one too many."""
        self._files, self._left = self._files + 1, self._left - size
        if not 0 <= size <= self._limits.largest:
            raise _too_large(
                f"{self._archive.name} has a file {name!r} of {size:,} bytes", self._limits.largest
            )
        if self._left < 0 or self._files > self._limits.files:
            kind = "as images" if self._limits is OF_IMAGES else "in a bundle"
            raise _too_large(
                f"the files in {self._archive.name} are larger than they can be {kind}", self._allowed
            )


def _too_large(what: str, limit: int) -> CardError:
    return CardError(f"{what}; expected at most {limit:,}; do not trust this archive")


def read_members(
    archive: Path, inner: str | None = None, *, limits: ArchiveLimits | None = None
) -> Iterator[tuple[PurePosixPath, Member]]:
    """Names and contents of the regular files in an archive; links and devices are skipped.

    Args:
        archive: a .zip, or a .tar with any compression.
        inner: name of a tar archive inside the zip, whose files are read instead.
        limits: of the files; those of an archive of images if None.

    Yields: each file, which must be read before the next one.
    Raises: CardError when the archive cannot be unpacked, lacks the inner archive, contains a path that leads outside,
        or a file that is too large; before that file is read.
    """
    with _one_line_errors(archive):
        budget = _Budget(archive, limits or OF_IMAGES)
        if not zipfile.is_zipfile(archive):
            with archive.open("rb") as file:
                yield from _read_tar(file, archive, budget)
        elif inner is not None:
            with _open_inner(archive, inner) as file:
                yield from _read_tar(file, archive, budget)
        else:
            yield from _read_zip(archive, budget)


@contextmanager
def _open_inner(archive: Path, inner: str) -> Iterator[IO[bytes]]:
    """An archive inside a zip, as a stream."""
    with zipfile.ZipFile(archive) as outer:
        if inner not in outer.namelist():
            holds = ", ".join(outer.namelist()[:5])
            raise CardError(
                f"{archive.name} does not contain {inner!r}, but {holds}; correct `inner` in the card"
            )
        with outer.open(inner) as file:
            yield file


def _read_tar(file: IO[bytes], archive: Path, budget: _Budget) -> Iterator[tuple[PurePosixPath, Member]]:
    with _uncompressed(file) as plain, tarfile.open(fileobj=plain, mode="r|", tarinfo=Header) as tar:
        for member in tar:
            budget.take(
                member.name, member.size
            )  # also of what is skipped, which must be unpacked to be passed over
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                yield _safe_path(member.name, archive), Member(content, member.size, archive)
            tar.members = []  # type: ignore[attr-defined]  # tarfile keeps every header that it has read


@contextmanager
def _uncompressed(file: Any) -> Iterator[IO[bytes]]:
    """What a .tar is without its compression, in pieces; tarfile unpacks whatever a piece of the file unpacks to."""
    opened = compression_of(file.peek(6)[:6])
    if opened is None:
        yield file
        return
    with opened(file) as plain:
        yield plain


def compression_of(start: bytes) -> Callable[[Any], Any] | None:
    """What opens a file as if it were not compressed; None where it is not.

    Args:
        start: its first bytes, at least 6.
    """
    return next((module for magic, module in _COMPRESSIONS.items() if start.startswith(magic)), None)


def _read_zip(archive: Path, budget: _Budget) -> Iterator[tuple[PurePosixPath, Member]]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if not member.is_dir():
                budget.take(member.filename, member.file_size)
                with zipped.open(member) as content:
                    yield _safe_path(member.filename, archive), Member(content, member.file_size, archive)


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a path that cannot leave the target folder, on any operating system."""
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or "\0" in name
        or not path.parts
    ):
        raise CardError(
            f"{archive.name} contains the path {name!r}, which leads outside the archive; do not trust this archive"
        )
    if (
        len(path.parts) > _MOST_PARTS
        or max(len(part.encode("utf-8", "replace")) for part in path.parts) > _LONGEST
    ):
        raise CardError(
            f"{archive.name} contains the path {f'{name[:60]}…'!r}, which is too long: {len(path.parts)} parts; "
            f"expected at most {_MOST_PARTS}, of at most {_LONGEST} bytes"
        )
    return path
