"""The containers that this process has open. Owns that each is indexed once, not once an image."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from toolbox.errors import StimulusError
from toolbox.stimuli.containers.container import MOST_MEMBERS, Container
from toolbox.stimuli.containers.naming import SUFFIXES, container_kind

_MOST = 64
"""Containers that are open at once."""


class _Opened:
    """The containers of this process, the last used at the end."""

    def __init__(self) -> None:
        self.forget()
        if hasattr(os, "register_at_fork"):  # Windows has no forks
            # Two processes would move the positions in each other's files.
            os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Open all again at their next use."""
        self._lock = Lock()
        self._open = OrderedDict[Path, tuple[tuple[int, ...], Container, int]]()

    def container(self, path: Path) -> Container:
        """As `opened`."""
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        with self._lock:
            if path in self._open and self._open[path][0] == stamp:
                self._open.move_to_end(path)
                return self._open[path][1]
            self._open.pop(path, None)
            container = _open_container(path)
            self._open[path] = (stamp, container, len(container.names))
            while len(self._open) > 1 and self._is_full():
                self._open.popitem(last=False)  # closed with the last one who reads it
            return container

    def _is_full(self) -> bool:
        return len(self._open) > _MOST or sum(count for *_, count in self._open.values()) > MOST_MEMBERS


_OPENED = _Opened()


def opened(path: Path) -> Container:
    """A container, opened and indexed at its first use, and again after its file has changed.

    Args:
        path: of its file.

    Raises: StimulusError when it cannot be read as one; OSError.
    """
    return _OPENED.container(path)


def _open_container(path: Path) -> Container:
    """A container of the kind that its name states; the libraries are loaded with the first one."""
    if not path.is_file():
        raise StimulusError(f"{path} is not a regular file; expected one of {', '.join(SUFFIXES)}")
    kind = container_kind(path)
    if kind == "tar":
        from toolbox.stimuli.containers.tar import TarContainer

        return TarContainer(path)
    if kind == "zip":
        from toolbox.stimuli.containers.zipped import ZipContainer

        return ZipContainer(path)
    if kind == "hdf5":
        from toolbox.stimuli.containers.hdf5 import Hdf5Container

        return Hdf5Container(path)
    from toolbox.stimuli.containers.parquet import ParquetContainer

    return ParquetContainer(path)
