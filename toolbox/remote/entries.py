"""What a mirror has of which version of an object: `objects.jsonl`. Owns the files of a mirror, and their names.

An entry is written before the file that it is about gets its name, and both while the lock of the mirror is held; so
of a file that does not fit its entry, or that has none, nothing is believed: it is fetched again, or deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

STAGED = "plans/.uncommitted/"
"""The only hidden files that the storage has: those of a change that is being made."""


class MirrorEntry(NamedTuple):
    """What a mirror has of an object."""

    version: str
    """Of the object."""
    size: int
    modified: int
    """Modification time of the file in ns."""
    is_whole: bool
    """Whether all of its content is there."""


class Entries:
    """The files of a mirror, and what is known of them. Whoever changes them has locked them."""

    def __init__(self, folder: Path, root: Path) -> None:
        """Nothing is read yet.

        Args:
            folder: the folder of the mirror.
            root: that of the study in it.
        """
        self.root = root
        self._list, self._lock = folder / "objects.jsonl", folder / ".lock"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The lock of the mirror, on this computer, for moments."""
        import filelock

        with filelock.FileLock(self._lock):
            yield

    def all(self) -> dict[str, MirrorEntry]:
        """What is known of the files; of a damaged list, nothing."""
        entries: dict[str, MirrorEntry] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            for line in self._list.read_text(encoding="utf-8").splitlines():
                name, entry = json.loads(line)
                entries.pop(name, None)
                if entry:
                    entries[name] = MirrorEntry(str(entry[0]), int(entry[1]), int(entry[2]), bool(entry[3]))
        return entries

    def is_intact(self, name: str, entry: MirrorEntry) -> bool:
        """Whether a file is the one of its entry.

        Args:
            name: path in the study.
            entry: the entry.
        """
        try:
            status = os.stat(self.root / name)  # noqa: PTH116 of thousands of files
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (entry.size, entry.modified)

    def present(self) -> Iterator[str]:
        """The files of the mirror that the storage may have."""
        for folder, _, names in os.walk(self.root):
            inside = Path(folder).relative_to(self.root).as_posix()
            for name in names:
                path = name if inside == "." else f"{inside}/{name}"
                if is_mirrored(path) and not path.startswith(STAGED):  # which another process may be writing
                    yield path

    def keep(self, name: str, version: str, content: bytes) -> None:
        """Write a file.

        Args:
            name: path in the study.
            version: of the object.
            content: all of it.
        """
        fresh = self._fresh(name)
        fresh.write_bytes(content)
        self.enter(name, fresh, version, is_whole=True)

    def place_empty(self, name: str, version: str, size: int) -> None:
        """Make the placeholder of an object: a file of its size without content.

        Args:
            name: path in the study.
            version: of the object.
            size: bytes.
        """
        fresh = self._fresh(name)
        with fresh.open("wb") as file:
            file.truncate(size)
        self.enter(name, fresh, version, is_whole=False)

    def _fresh(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{uuid.uuid4().hex}.partial")

    def enter(self, name: str, fresh: Path, version: str, *, is_whole: bool) -> None:
        """Write the entry of a file, and then give it its name.

        Args:
            name: path in the study.
            fresh: the file.
            version: of the object.
            is_whole: whether all of its content is there.
        """
        status = fresh.stat()
        self.log(name, MirrorEntry(version, status.st_size, status.st_mtime_ns, is_whole))
        fresh.replace(self.root / name)

    def log(self, name: str, entry: MirrorEntry | None) -> None:
        """Write an entry.

        Args:
            name: path in the study.
            entry: None of a file that is deleted.
        """
        with self._list.open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, entry]) + "\n")

    def compact(self, names: Iterable[str]) -> None:
        """Write the list again, with the entries of these names alone.

        Args:
            names: paths in the study.
        """
        entries = self.all()
        lines = [json.dumps([name, entries[name]]) for name in names if name in entries]
        write_whole(self._list, "".join(f"{line}\n" for line in lines).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file of a mirror that is no file of the study.

    Args:
        path: the file.
        content: all of it.
    """
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    fresh.write_bytes(content)
    fresh.replace(path)


def is_mirrored(name: str) -> bool:
    """Whether the storage has a file of this name: all but hidden ones, such as locks and unfinished files.

    Args:
        name: path in the study.
    """
    inside = name.removeprefix(STAGED)
    return not name.endswith("/") and not any(part.startswith(".") for part in inside.split("/"))
