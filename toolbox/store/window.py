"""The read-only access of SQL to a study: named files, opened for reading and verified as they are read; nothing else.

DuckDB reports the error of a file as text; the window keeps the error itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec

from toolbox.errors import ToolboxError, UsageError
from toolbox.store.verified import Known, VerifiedFile, open_verified

PROTOCOL = "study"


class Window(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A file system with exactly the given files; it refuses every other name and every write access."""

    protocol = PROTOCOL
    cachable = False  # else fsspec would pass the files of one study to the connection of another

    def __init__(self, files: Mapping[str, Path], refused: Mapping[str, str] | None = None) -> None:
        """A window with the given files.

        Args:
            files: name of a file in SQL -> the file.
            refused: name of a file in SQL that is not there -> the error of whoever opens it.
        """
        super().__init__()
        self._files, self._refused = dict(files), dict(refused or {})
        self._found: list[ToolboxError] = []
        self._known: Known = {}

    @property
    def names(self) -> list[str]:
        """The names of the files in SQL."""
        return list(self._files)

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """Raise the error of a damaged file instead of the library's, or of rows that were made without its bytes.

        Raises: VerificationError, BusyError as `open_verified`.
        """
        try:
            yield
        except Exception as error:
            if self._found:
                raise self._found[0] from error
            raise
        if self._found:
            raise self._found[0]

    def _open(self, path: str, mode: str = "rb", **_: Any) -> VerifiedFile:
        if mode != "rb":
            raise PermissionError(f"{path}: a study is read-only for SQL")
        try:
            if reason := self._refused.get(self._strip_protocol(path)):
                raise UsageError(reason)
            return open_verified(self._path(path), self._found.append, self._known)
        except ToolboxError as error:
            self._found.append(error)
            raise

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
        return [name] if name in self._files or name in self._refused else []

    def _path(self, path: str) -> Path:
        name = self._strip_protocol(path)
        if name not in self._files:
            raise FileNotFoundError(f"{path}: not a table of this study")
        return self._files[name]
