"""The files in a .zip or .tar archive, one at a time. Owns unpacking; writes nothing, follows no link."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from toolbox.errors import CardError

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError)


def read_members(archive: Path, inner: str | None = None) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Names and contents of the regular files in an archive; links and devices are skipped.

    Args:
        archive: a .zip, or a .tar with any compression.
        inner: name of a tar archive inside the zip, whose files are read instead.

    Raises: CardError when the archive cannot be unpacked, lacks the inner archive, or contains a path that leads
        outside.
    """
    try:
        if not zipfile.is_zipfile(archive):
            with archive.open("rb") as file:
                yield from _read_tar(file, archive)
        elif inner is not None:
            with _open_inner(archive, inner) as file:
                yield from _read_tar(file, archive)
        else:
            yield from _read_zip(archive)
    except _BROKEN as error:
        raise CardError(
            f"{archive.name} cannot be unpacked ({error}); expected a .zip or .tar archive"
        ) from error


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


def _read_tar(file: IO[bytes], archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is not None:
                yield _safe_path(member.name, archive), content.read()


def _read_zip(archive: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if not member.is_dir():
                yield _safe_path(member.filename, archive), zipped.read(member)


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """A member's name as a path that cannot leave the target folder, on any operating system."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise CardError(
            f"{archive.name} contains the path {name!r}, which leads outside the archive; do not trust this archive"
        )
    return path
