"""Archives of tar, which are not compressed. Owns the index of where in the file each member begins."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from toolbox.errors import CardError, StimulusError
from toolbox.stimuli.archive import Header, compression_of
from toolbox.stimuli.containers.container import (
    CUT_OFF,
    Archive,
    MemberFault,
    damaged,
    fault_of_name,
    fault_of_size,
)

_BLOCK = tarfile.BLOCKSIZE
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_AFTER = 1 << 16
"""Bytes after the mark of the end that are searched for the beginning of another archive."""


class TarContainer(Archive[tuple[int, int]]):
    """An archive of tar, of which every member is read at its place."""

    def __init__(self, path: Path) -> None:
        """Index an archive: every header is read, and no content.

        Args:
            path: of the archive.

        Raises: StimulusError when it is compressed, or is no archive; OSError.
        """
        super().__init__(path)
        with path.open("rb") as file:
            start = file.read(6)
            if compression_of(start) or start.startswith(_ZSTANDARD):
                raise StimulusError(
                    f"{path} is compressed as a whole, so that no image in it can be read by itself; decompress it "
                    "(gunzip, bunzip2, unxz, unzstd) and ingest the .tar, which is hardly larger"
                )
            size = file.seek(0, 2)
            file.seek(0)
            try:
                self._index(file, size)
            except (tarfile.TarError, CardError, ValueError, EOFError) as error:
                if not self.places:
                    raise damaged(path, "an archive of tar", error) from error
                self._report_rest(str(error))

    def size(self, name: str) -> int:
        """Bytes of a member.

        Args:
            name: one of `names`.
        """
        return self.places[name][1]

    def read(self, name: str) -> bytes:
        """The bytes of a member, read at its place.

        Args:
            name: one of `names`.

        Raises: StimulusError when the archive was cut off since it was indexed; OSError.
        """
        offset, size = self.places[name]
        with self.path.open("rb") as file:
            file.seek(offset)
            content = file.read(size)
        if len(content) != size:
            raise StimulusError(CUT_OFF)
        return content

    def _index(self, file: IO[bytes], size: int) -> None:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=Header) as tar:
            for member in _members(tar):
                if not member.isdir():
                    self.enter(member.name, (member.offset_data, member.size), _fault_of(member, size))
                self.check_count(len(self.places))
            end = tar.offset
        file.seek(end)
        rest = file.read(_AFTER)
        if rest[:_BLOCK].strip(b"\0"):
            self._report_rest("a header is damaged")
        elif rest.strip(b"\0"):
            self._report_rest("another archive was joined to it; ingest the two as two files")
        elif not rest:
            self.notes.append(
                f"{self.path} has no mark of its end: it may be cut off, after {len(self.places):,} files"
            )

    def _report_rest(self, reason: str) -> None:
        self.faults.append(
            MemberFault(
                "",
                f"only its first {len(self.places):,} files can be read ({reason}); copy it again for the others",
            )
        )


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Every header of an archive, which tarfile would keep."""
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined]


def _fault_of(member: tarfile.TarInfo, size: int) -> str | None:
    """The reason why a member cannot be read, or None."""
    if member.issym() or member.islnk():
        return "a link in a container; put the image itself into it"
    if not member.isreg() or member.issparse():
        return "not a regular file"
    if (fault := fault_of_name(member.name) or fault_of_size(member.size)) is not None:
        return fault
    return CUT_OFF if member.offset_data + member.size > size else None
