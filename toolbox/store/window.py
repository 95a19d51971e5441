"""The read-only access of SQL to a study: named files, opened for reading, and nothing else."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec

PROTOCOL = "study"


class Window(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A file system with exactly the given files; it refuses every other name and every write access."""

    protocol = PROTOCOL
    cachable = False  # else fsspec would pass the files of one study to the connection of another

    def __init__(self, files: Mapping[str, Path]) -> None:
        """A window with the given files.

        Args:
            files: name of a file in SQL -> the file.
        """
        super().__init__()
        self._files = dict(files)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _PositionedReader:
        if mode != "rb":
            raise PermissionError(f"{path}: a study is read-only for SQL")
        return _PositionedReader(self._path(path))

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and modification time of a file."""
        status = self._path(path).stat()
        return {"name": path, "size": status.st_size, "type": "file", "mtime": status.st_mtime}

    def modified(self, path: str) -> datetime:
        """Modification time of a file."""
        return datetime.fromtimestamp(self._path(path).stat().st_mtime, UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        """The name itself, if the file exists; patterns match no other file."""
        name = self._strip_protocol(path)
        return [name] if name in self._files else []

    def _path(self, path: str) -> Path:
        name = self._strip_protocol(path)
        if name not in self._files:
            raise FileNotFoundError(f"{path}: not a table of this study")
        return self._files[name]


class _PositionedReader:
    """A file with a separate position for every thread, because DuckDB's threads share one object."""

    mode = "rb"

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._free = weakref.finalize(self, os.close, self._descriptor)  # DuckDB does not close all readers
        self._size = os.fstat(self._descriptor).st_size
        self._local = threading.local()
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        return not self._free.alive

    def tell(self) -> int:
        return getattr(self._local, "position", 0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._local.position = start + offset
        return start + offset

    def read(self, count: int = -1) -> bytes:
        position = self.tell()
        wanted = self._size - position if count < 0 else min(count, self._size - position)
        content = self._read_at(position, max(wanted, 0))
        self._local.position = position + len(content)
        return content

    def _read_at(self, position: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, count, position)
        with self._lock:  # Windows lacks os.pread
            os.lseek(self._descriptor, position, os.SEEK_SET)
            return os.read(self._descriptor, count)

    def close(self) -> None:
        self._free()

    def __enter__(self) -> _PositionedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
