"""The mirror of a study in object storage: a folder of the cache with the same files, and what writes both.

A process whose mirror was damaged, or deleted, at any moment continues from what the storage has.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from toolbox.cache import cache_folder
from toolbox.errors import BusyError
from toolbox.printing import name_place
from toolbox.remote.entries import Entries, is_mirrored, write_whole
from toolbox.remote.fetching import PIECE, follow, is_lazy, keeps_content
from toolbox.remote.lock import HeldLocks
from toolbox.remote.place import Place, server_of
from toolbox.remote.storage import Storage, expected_version

MIRRORS = "object-storage"
"""Name of the folder of the cache with all mirrors."""
_READINGS = 5
"""How often the storage is listed again, if it was changed while its files were fetched."""


def mirror_at(place: Place) -> Mirror:
    """The mirror of a study at an address, which is made if there is none; nothing is fetched yet.

    Args:
        place: the address.
    """
    digest = hashlib.sha256(json.dumps([str(place), server_of(place)]).encode()).hexdigest()[:16]
    top = cache_folder().absolute() / MIRRORS
    top.mkdir(mode=0o700, parents=True, exist_ok=True)  # as private as the storage
    folder = top.resolve() / digest
    folder.mkdir(exist_ok=True)
    if not (folder / "place.json").is_file():
        content = {"protocol": place.protocol, "path": place.path, "mirror": uuid.uuid4().hex}
        write_whole(folder / "place.json", json.dumps(content).encode())
    (folder / place.name).mkdir(exist_ok=True)
    return _mirror(folder, os.getpid())


def mirror_around(path: Path) -> Mirror | None:
    """The mirror in which a path is; None for a path elsewhere.

    Args:
        path: an absolute path.
    """
    parts = path.parts
    if MIRRORS not in parts:
        return None
    folder = Path(*parts[: parts.index(MIRRORS) + 2])
    return _mirror(folder, os.getpid()) if (folder / "place.json").is_file() else None


@lru_cache(maxsize=32)
def _mirror(folder: Path, _process: int) -> Mirror:
    """The mirror in a folder; another one in another process, which has its own connections and locks."""
    return Mirror(folder)


class Mirror:
    """A study in object storage, and the folder in which it is mirrored."""

    def __init__(self, folder: Path) -> None:
        """A mirror that exists.

        Args:
            folder: its folder in the cache.
        """
        content = json.loads((folder / "place.json").read_text(encoding="utf-8"))
        self.place = Place(content["protocol"], content["path"])
        self.root = folder / self.place.name
        self._storage, self._entries = Storage(self.place), Entries(folder, self.root)
        self._held = HeldLocks(self.place, content["mirror"])
        self._refreshed = 0.0
        for path in (self.root, Path(str(self.place))):  # a path makes one slash of two
            name_place(str(path), str(self.place))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    # Reading

    def refresh(self, older_than: float = 0.0) -> None:
        """Make the mirror as the storage is now.

        Args:
            older_than: seconds; nothing is done if it was made so less than that ago.

        Raises: ObjectStorageError; VerificationError for objects whose names are no paths in a study.
        """
        with self._entries.locked():  # else another process may be about to change the mirror
            if older_than and time.monotonic() - self._refreshed < older_than:
                return
            for _ in range(_READINGS):
                if not follow(self._storage, self._entries):
                    break
            self._refreshed = time.monotonic()

    def read(self, path: Path, start: int, end: int) -> bytes:
        """Bytes of an object as it is now.

        Args:
            path: the file in the mirror.
            start: of the first byte.
            end: of the byte after the last one.

        Raises: ObjectStorageError; FileNotFoundError when it was deleted.
        """
        return self._storage.read(self._name(path), start, end)

    def keep_blocks(self, path: Path, status: os.stat_result, start: int, content: bytes) -> None:
        """Write verified bytes into a placeholder, for the next reader; where that fails, they are fetched again.

        Args:
            path: the file in the mirror.
            status: of the file that was opened; another one of the same name is left as it is.
            start: offset of the bytes.
            content: the bytes.
        """
        if not keeps_content():
            return
        with contextlib.suppress(OSError), path.open("rb+") as file:
            if os.path.samestat(os.fstat(file.fileno()), status):
                file.seek(start)
                file.write(content)
                file.flush()
                os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))

    def complete(self, path: Path) -> None:
        """Fetch the rest of a file, for whoever reads it without comparing its blocks.

        Args:
            path: a file in the mirror.

        Raises: ObjectStorageError; BusyError when the object was replaced meanwhile.
        """
        name = self._name(path)
        entry = self._entries.all().get(name)
        if entry is None or entry.is_whole or not path.is_file():
            return
        with path.open("rb+") as file:
            for start in range(0, entry.size, PIECE):
                file.write(self.read(path, start, min(start + PIECE, entry.size)))
        if self._storage.version(name) != entry.version:
            raise BusyError(f"{path} was replaced while it was read; wait until it is written, and try again")
        os.utime(path, ns=(entry.modified, entry.modified))
        with self._entries.locked():
            self._entries.log(name, entry._replace(is_whole=True))

    def drop_content(self, path: Path) -> None:
        """Let the next reader of a large table fetch it again.

        Args:
            path: a file in the mirror.
        """
        name = self._name(path)
        with self._entries.locked():
            entry = self._entries.all().get(name)
            if entry and is_lazy(name, entry.size):
                self._entries.place_empty(name, entry.version, entry.size)

    def was_replaced(self, path: Path) -> bool:
        """Whether the storage has another version of an object than the mirror.

        Args:
            path: the file in the mirror.
        """
        name = self._name(path)
        entry = self._entries.all().get(name)
        return entry is None or not self._has(name, entry.version)

    # Writing

    def put(self, fresh: Path, path: Path, *, is_new: bool = False) -> None:
        """Put a finished file into the storage, whole, and then give it its name in the mirror.

        Args:
            fresh: the file, which is renamed.
            path: a path in the mirror; a hidden one stays there.
            is_new: whether there must be no such object.

        Raises: ObjectStorageError; BusyError when there is one, or when a lock was lost.
        """
        name = self._name(path)
        if not is_mirrored(name):
            fresh.replace(path)
            return
        version = expected_version(fresh)
        self._held.check()
        try:
            self._storage.put(fresh, name, is_new=is_new)
        except FileExistsError as error:
            # It is there as well where it was put, but the answer was lost, and the request repeated.
            if not self._has(name, version):
                raise BusyError(f"another process has written {path} meanwhile; try again") from error
        with self._entries.locked():
            if is_lazy(name, fresh.stat().st_size) and not keeps_content():
                self._entries.place_empty(name, version, fresh.stat().st_size)
                if fresh != path:
                    fresh.unlink()
            else:
                self._entries.enter(name, fresh, version, is_whole=True)

    def _has(self, name: str, version: str) -> bool:
        """Whether the storage has a version of an object."""
        try:
            return self._storage.version(name) == version
        except FileNotFoundError:
            return False

    def put_lacking(self, folder: Path) -> None:
        """Put the files of a folder that the storage does not have, as they were moved or written there by others.

        Args:
            folder: a folder in the mirror.

        Raises: as `put`.
        """
        entries = self._entries.all()
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = self._name(file)
            if name not in entries or not self._entries.is_intact(name, entries[name]):
                self.put(file, file)

    def remove(self, path: Path) -> None:
        """Delete an object, if it exists, and then its file in the mirror.

        Args:
            path: a path in the mirror.
        """
        name = self._name(path)
        if not is_mirrored(name):
            path.unlink(missing_ok=True)
            return
        self._held.check()
        self._storage.delete(name)
        with self._entries.locked():
            path.unlink(missing_ok=True)
            self._entries.log(name, None)

    def remove_tree(self, folder: Path) -> None:
        """Delete all objects below a folder, and then the folder in the mirror.

        Args:
            folder: a folder in the mirror.
        """
        self._held.check()
        found = self._storage.objects(self._name(folder))
        self._storage.delete(*found)
        with self._entries.locked():
            for name in found:
                self._entries.log(name, None)
                (self.root / name).unlink(missing_ok=True)

    def move(self, old: Path, new: Path) -> None:
        """Let the storage copy an object to its new name, and then delete the old one; both can be repeated.

        Args:
            old: path in the mirror.
            new: path in the mirror.
        """
        before, after = self._name(old), self._name(new)
        self._held.check()
        self._storage.move(before, after)
        new.parent.mkdir(parents=True, exist_ok=True)
        with self._entries.locked():
            entry = self._entries.all().get(before)
            self._entries.log(before, None)
            if entry and self._entries.is_intact(before, entry):
                self._entries.log(after, entry)
                old.replace(new)
            else:  # the next refresh fetches it
                old.unlink(missing_ok=True)
                new.unlink(missing_ok=True)
                self._entries.log(after, None)

    # Locks

    @contextmanager
    def only_writer(self, folder: Path, task: str, *, wait: float = 0) -> Iterator[None]:
        """Lock a folder in the storage; the caller has locked it on this computer. The mirror is refreshed.

        Args:
            folder: a folder in the mirror.
            task: what the process does, such as 'extracting'.
            wait: seconds to wait for another process.

        Raises: BusyError when another computer has locked it.
        """
        lock = f"{self._storage.path(self._name(folder))}/.lock"
        with self._held.holding(self._storage.files, lock, task, wait=wait):
            self.refresh()
            yield

    def has_writer(self, folder: Path) -> bool:
        """Whether another computer has locked a folder.

        Args:
            folder: a folder in the mirror.
        """
        lock = f"{self._storage.path(self._name(folder))}/.lock"
        return self._held.is_held_elsewhere(self._storage.files, lock)
