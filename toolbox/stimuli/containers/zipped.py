"""Archives of zip. Owns which of their members are read, and that none becomes larger than the archive states."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path

from toolbox.errors import StimulusError
from toolbox.stimuli.containers.container import (
    Archive,
    damaged,
    fault_of_name,
    fault_of_size,
)

_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of compression; of all others, Python unpacks without a limit."""
_PIECE = 2**20
_ENCRYPTED = 0x1
_UNIX = 3


class ZipContainer(Archive[zipfile.ZipInfo]):
    """An archive of zip, of which every member is read and unpacked by itself."""

    def __init__(self, path: Path) -> None:
        """Read the directory of an archive, which is at its end.

        Args:
            path: of the archive.

        Raises: StimulusError when it is no archive, or is cut off; OSError.
        """
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
            raise damaged(path, "an archive of zip", error) from error
        self.check_count(len(self._zip.infolist()))
        for member in self._zip.infolist():
            if not member.is_dir():
                self.enter(member.filename, member, _fault_of(member))

    def size(self, name: str) -> int:
        """Bytes of a member.

        Args:
            name: one of `names`.
        """
        return self.places[name].file_size

    def read(self, name: str) -> bytes:
        """The bytes of a member, unpacked, and compared with the checksum of the archive.

        Args:
            name: one of `names`.

        Raises: StimulusError when they are damaged.
        """
        try:
            return self._unpack(self.places[name])
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise StimulusError(f"damaged in its container ({error}); copy the container again") from error

    def _unpack(self, member: zipfile.ZipInfo) -> bytes:
        """The content in pieces: a few bytes can unpack to more than the memory has, whatever size is stated."""
        pieces, left = list[bytes](), member.file_size
        with self._zip.open(member) as file:
            while left and (piece := file.read(min(left, _PIECE))):
                pieces.append(piece)
                left -= len(piece)
            file.read(1)  # zipfile compares the checksum at the end
        if left:
            raise EOFError("it is shorter than stated")
        return b"".join(pieces)


def _fault_of(member: zipfile.ZipInfo) -> str | None:
    """The reason why a member cannot be read, or None."""
    if member.create_system == _UNIX and stat.S_ISLNK(member.external_attr >> 16):
        return "a link in a container; put the image itself into it"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted; unpack the archive with its password, and ingest the folder"
    if member.compress_type not in _READ:
        return f"compressed by the method {member.compress_type}; expected deflate (8), or none (0)"
    return fault_of_name(member.filename) or fault_of_size(member.file_size)
