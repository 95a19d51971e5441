"""The mirror of a study in object storage: a folder of the cache with the same files. Owns what is in it.

What the mirror has of which version of an object is in `objects.jsonl`. An entry is written before the file that it is
about gets its name, and both while the lock of the mirror is held; so of a file that does not fit its entry, or that
has none, nothing is believed: it is fetched again, or deleted. A process whose mirror was damaged, or deleted, at any
moment continues from what the storage has.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from toolbox.cache import cache_folder
from toolbox.errors import BusyError, VerificationError
from toolbox.printing import name_place
from toolbox.remote.lock import HeldLocks
from toolbox.remote.place import Place, explained, file_system

MIRRORS = "object-storage"
"""Name of the folder of the cache with all mirrors."""
LARGEST_WHOLE = 1 << 20
"""Bytes of the largest table that is fetched as a whole."""
STAGED = "plans/.uncommitted/"
"""The only hidden files that the storage has: those of a change that is being made."""
NO_CACHE = "TOOLBOX_NO_STORAGE_CACHE"
"""Environment variable: responses are read from the storage each time, and take no space here."""
_YES = ("1", "yes", "true", "on")
_PIECE = 32 << 20
"""Bytes that are fetched at once, about."""
_REQUESTS = 16
"""How many objects are asked for at once."""
_READINGS = 5
"""How often the storage is listed again, if it was changed while its files were fetched."""

_Answer = TypeVar("_Answer")
_Entry = tuple[str, int, int, bool]
"""Version of the object; size and modification time in ns of the file; whether all of its content is there."""


def mirror_at(place: Place) -> Mirror:
    """The mirror of a study at an address, which is made if there is none; nothing is fetched yet.

    Args:
        place: the address.
    """
    server = [os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_PROFILE")]
    digest = hashlib.sha256(json.dumps([str(place), server]).encode()).hexdigest()[:16]
    top = cache_folder().absolute() / MIRRORS
    top.mkdir(mode=0o700, parents=True, exist_ok=True)  # as private as the storage
    folder = top.resolve() / digest
    folder.mkdir(exist_ok=True)
    if not (folder / "place.json").is_file():
        content = {"protocol": place.protocol, "path": place.path, "mirror": uuid.uuid4().hex}
        _write_whole(folder / "place.json", json.dumps(content).encode())
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
        self._folder, self._refreshed = folder, 0.0
        self._held = HeldLocks(self.place, content["mirror"])
        for path in (self.root, Path(str(self.place))):  # a path makes one slash of two
            name_place(str(path), str(self.place))

    @cached_property
    def _files(self) -> Any:
        """The file system of the storage."""
        return file_system(self.place)

    # Reading

    def refresh(self, older_than: float = 0.0) -> None:
        """Make the mirror as the storage is now.

        Args:
            older_than: seconds; nothing is done if it was made so less than that ago.

        Raises: ObjectStorageError; VerificationError for objects whose names are no paths in a study.
        """
        with self._locked():  # else another process may be about to change the mirror
            if older_than and time.monotonic() - self._refreshed < older_than:
                return
            for _ in range(_READINGS):
                if not self._follow():
                    break
            self._refreshed = time.monotonic()

    def _follow(self) -> bool:
        """List the objects once, and fetch or delete what differs; whether anything did."""
        found, entries = self._listed(), self._entries()
        intact = {name for name, entry in entries.items() if self._is_intact(name, entry)}
        gone = [name for name in self._present() if name not in found or name not in entries]
        stale = {
            name: each for name, each in found.items() if name not in intact or entries[name][0] != each[0]
        }
        for name in gone:
            if name not in stale:
                (self.root / name).unlink(missing_ok=True)
        self._fetch(stale)
        if gone or stale or entries.keys() - found.keys():
            self._compact(found)
        return bool(stale)

    def _listed(self) -> dict[str, tuple[str, int]]:
        """The objects of the study: name -> version and size."""
        found = self._found(self.root)
        for name in found:
            if name.endswith("/.lock") and _is_mirrored(
                name.removesuffix("/.lock")
            ):  # the folder is known by its lock
                _check_name(self.place, name)
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        listed = {
            name: (_version(each), int(each["size"])) for name, each in found.items() if _is_mirrored(name)
        }
        for name in listed:
            _check_name(self.place, name)
        return listed

    def _found(self, folder: Path) -> dict[str, dict[str, Any]]:
        """All objects below a folder, without what some storages show as folders: name -> what is known of it."""
        with explained(self.place):
            found = self._files.find(self._object(self._name(folder)), detail=True)
        start = len(self.place.path) + 1
        return {path[start:]: each for path, each in found.items() if each["type"] == "file" and path[start:]}

    def _present(self) -> Iterator[str]:
        """The files of the mirror that the storage may have."""
        for folder, _, names in os.walk(self.root):
            inside = Path(folder).relative_to(self.root).as_posix()
            for name in names:
                path = name if inside == "." else f"{inside}/{name}"
                if _is_mirrored(path) and not path.startswith(STAGED):  # which another process may be writing
                    yield path

    def _fetch(self, wanted: Mapping[str, tuple[str, int]]) -> None:
        """Fetch objects, or make the placeholders of large tables."""
        whole = [name for name, (_, size) in wanted.items() if not _is_lazy(name, size)]
        for name in wanted.keys() - {*whole}:
            self._place_empty(name, *wanted[name])
        for names in _pieces(whole, wanted):
            for name, content in zip(names, self._at_once(self._content, names), strict=True):
                if content is not None:  # else it was deleted meanwhile
                    self._keep(name, wanted[name][0], content)

    def _content(self, name: str) -> bytes | None:
        """The content of an object; None if there is none."""
        try:
            return bytes(self._files.cat_file(self._object(name)))
        except FileNotFoundError:
            return None

    def _at_once(self, ask: Callable[[str], _Answer], names: Iterable[str]) -> list[_Answer]:
        """What is asked of every object, several at a time; fsspec's own way takes a `[` in a name for a pattern."""
        with explained(self.place), ThreadPoolExecutor(_REQUESTS) as pool:
            return list(pool.map(ask, names))

    def _keep(self, name: str, version: str, content: bytes) -> None:
        """Write a file of the mirror."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{uuid.uuid4().hex}.partial")
        fresh.write_bytes(content)
        self._enter(name, fresh, version, is_whole=True)

    def _place_empty(self, name: str, version: str, size: int) -> None:
        """Make the placeholder of an object: a file of its size without content."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{uuid.uuid4().hex}.partial")
        with fresh.open("wb") as file:
            file.truncate(size)
        self._enter(name, fresh, version, is_whole=False)

    def read(self, path: Path, start: int, end: int) -> bytes:
        """Bytes of an object as it is now.

        Args:
            path: the file in the mirror.
            start: of the first byte.
            end: of the byte after the last one.

        Raises: ObjectStorageError; FileNotFoundError when it was deleted.
        """
        with explained(self.place):
            return bytes(self._files.cat_file(self._object(self._name(path)), start=start, end=end))

    def keep_blocks(self, path: Path, status: os.stat_result, start: int, content: bytes) -> None:
        """Write verified bytes into a placeholder, for the next reader; where that fails, they are fetched again.

        Args:
            path: the file in the mirror.
            status: of the file that was opened; another one of the same name is left as it is.
            start: offset of the bytes.
            content: the bytes.
        """
        if not _keeps_content():
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
        entry = self._entries().get(name)
        if entry is None or entry[3] or not path.is_file():
            return
        with path.open("rb+") as file:
            for start in range(0, entry[1], _PIECE):
                file.write(self.read(path, start, min(start + _PIECE, entry[1])))
        with explained(self.place):
            now = _version(self._files.info(self._object(name)))
        if now != entry[0]:
            raise BusyError(f"{path} was replaced while it was read; wait until it is written, and try again")
        os.utime(path, ns=(entry[2], entry[2]))
        with self._locked():
            self._log(name, (*entry[:3], True))

    def drop_content(self, path: Path) -> None:
        """Let the next reader of a large table fetch it again.

        Args:
            path: a file in the mirror.
        """
        name = self._name(path)
        with self._locked():
            entry = self._entries().get(name)
            if entry and _is_lazy(name, entry[1]):
                self._place_empty(name, entry[0], entry[1])

    def was_replaced(self, path: Path) -> bool:
        """Whether the storage has another version of an object than the mirror.

        Args:
            path: the file in the mirror.
        """
        name = self._name(path)
        entry = self._entries().get(name)
        try:
            with explained(self.place):
                return entry is None or _version(self._files.info(self._object(name))) != entry[0]
        except FileNotFoundError:
            return True

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
        if not _is_mirrored(name):
            fresh.replace(path)
            return
        version, mode = _expected_version(fresh), "create" if is_new else "overwrite"
        self._held.check()
        try:
            with explained(self.place):
                self._files.put_file(str(fresh), self._object(name), mode=mode)
        except FileExistsError as error:
            raise BusyError(f"another process has written {path} meanwhile; try again") from error
        with self._locked():
            if _is_lazy(name, fresh.stat().st_size) and not _keeps_content():
                self._place_empty(name, version, fresh.stat().st_size)
                if fresh != path:
                    fresh.unlink()
            else:
                self._enter(name, fresh, version, is_whole=True)

    def put_lacking(self, folder: Path) -> None:
        """Put the files of a folder that the storage does not have, as they were moved or written there by others.

        Args:
            folder: a folder in the mirror.

        Raises: as `put`.
        """
        entries = self._entries()
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = self._name(file)
            if name not in entries or not self._is_intact(name, entries[name]):
                self.put(file, file)

    def remove(self, path: Path) -> None:
        """Delete an object, if it exists, and then its file in the mirror.

        Args:
            path: a path in the mirror.
        """
        name = self._name(path)
        if not _is_mirrored(name):
            path.unlink(missing_ok=True)
            return
        self._held.check()
        with contextlib.suppress(FileNotFoundError), explained(self.place):
            self._files.rm_file(self._object(name))
        with self._locked():
            path.unlink(missing_ok=True)
            self._log(name, None)

    def remove_tree(self, folder: Path) -> None:
        """Delete all objects below a folder, and then the folder in the mirror.

        Args:
            folder: a folder in the mirror.
        """
        self._held.check()
        found = self._found(folder)
        self._at_once(lambda name: self._files.rm_file(self._object(name)), found)
        with self._locked():
            for name in found:
                self._log(name, None)
                (self.root / name).unlink(missing_ok=True)

    def move(self, old: Path, new: Path) -> None:
        """Let the storage copy an object to its new name, and then delete the old one; both can be repeated.

        Args:
            old: path in the mirror.
            new: path in the mirror.
        """
        before, after = self._name(old), self._name(new)
        self._held.check()
        with explained(self.place):
            self._files.cp_file(self._object(before), self._object(after))
            self._files.rm_file(self._object(before))
        new.parent.mkdir(parents=True, exist_ok=True)
        with self._locked():
            entry = self._entries().get(before)
            self._log(before, None)
            if entry and self._is_intact(before, entry):
                self._log(after, entry)
                old.replace(new)
            else:  # the next refresh fetches it
                old.unlink(missing_ok=True)
                new.unlink(missing_ok=True)
                self._log(after, None)

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
        name = f"{self._object(self._name(folder))}/.lock"
        with self._held.holding(self._files, name, task, wait=wait):
            self.refresh()
            yield

    def has_writer(self, folder: Path) -> bool:
        """Whether another computer has locked a folder.

        Args:
            folder: a folder in the mirror.
        """
        return self._held.is_held_elsewhere(self._files, f"{self._object(self._name(folder))}/.lock")

    # What the mirror has

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _object(self, name: str) -> str:
        return self.place.path if name == "." else f"{self.place.path}/{name}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock of the mirror, on this computer, for moments."""
        import filelock

        with filelock.FileLock(self._folder / ".lock"):
            yield

    def _entries(self) -> dict[str, _Entry]:
        """What is known of the files; of a damaged list, nothing."""
        entries: dict[str, _Entry] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            for line in (self._folder / "objects.jsonl").read_text(encoding="utf-8").splitlines():
                name, entry = json.loads(line)
                entries.pop(name, None)
                if entry:
                    entries[name] = (str(entry[0]), int(entry[1]), int(entry[2]), bool(entry[3]))
        return entries

    def _is_intact(self, name: str, entry: _Entry) -> bool:
        """Whether a file is the one of its entry."""
        try:
            status = os.stat(self.root / name)  # noqa: PTH116 of thousands of files
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == entry[1:3]

    def _enter(self, name: str, fresh: Path, version: str, *, is_whole: bool) -> None:
        """Write the entry of a file, and then give it its name. The lock is held."""
        status = fresh.stat()
        self._log(name, (version, status.st_size, status.st_mtime_ns, is_whole))
        fresh.replace(self.root / name)

    def _log(self, name: str, entry: _Entry | None) -> None:
        """Write an entry. The lock is held."""
        with (self._folder / "objects.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps([name, entry]) + "\n")

    def _compact(self, names: Iterable[str]) -> None:
        """Write the list again, with the entries of these names alone. The lock is held."""
        entries = self._entries()
        lines = [json.dumps([name, entries[name]]) for name in names if name in entries]
        _write_whole(self._folder / "objects.jsonl", "".join(f"{line}\n" for line in lines).encode())


def _write_whole(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    fresh.write_bytes(content)
    fresh.replace(path)


def _is_mirrored(name: str) -> bool:
    """Whether the storage has a file of this name: all but hidden ones, such as locks and unfinished files."""
    inside = name.removeprefix(STAGED)
    return not name.endswith("/") and not any(part.startswith(".") for part in inside.split("/"))


def _is_lazy(name: str, size: int) -> bool:
    """Whether blocks are fetched as they are read: of tables, whose blocks have digests."""
    return size > LARGEST_WHOLE and name.endswith(".parquet")


def _keeps_content() -> bool:
    """Whether what was fetched of large tables is kept."""
    return os.environ.get(NO_CACHE, "").lower() not in _YES


def _check_name(place: Place, name: str) -> None:
    """Refuse an object whose name would lead out of the mirror.

    Raises: VerificationError.
    """
    parts = PurePosixPath(name).parts
    is_path = "/".join(parts) == name and ".." not in parts and "\\" not in name and ":" not in parts[0]
    if not is_path or "\0" in name:
        raise VerificationError(
            f"{place} has an object named {name!r}, which is no path in a study; delete it"
        )


def _version(found: Mapping[str, Any]) -> str:
    """What identifies the content of an object, as the storage reports it."""
    for key in ("ETag", "etag", "md5Hash", "content_md5"):
        if found.get(key):
            return str(found[key]).strip('"')
    changed = found.get("LastModified") or found.get("last_modified") or found.get("mtime") or ""
    return f"{found['size']} {changed}"


def _expected_version(fresh: Path) -> str:
    """What S3 reports of a file that was put at once; where it reports something else, the file is fetched again."""
    with fresh.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _pieces(names: Iterable[str], wanted: Mapping[str, tuple[str, int]]) -> Iterator[list[str]]:
    """Names whose objects together are not much larger than what is fetched at once."""
    piece: list[str] = []
    size = 0
    for name in names:
        piece.append(name)
        size += wanted[name][1]
        if size > _PIECE or len(piece) >= 1000:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
