"""Making a mirror as its storage is now: what is fetched, what is deleted. Owns which tables are read in blocks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from toolbox.errors import VerificationError
from toolbox.remote.entries import Entries, is_mirrored
from toolbox.remote.place import Place
from toolbox.remote.storage import Storage, version_of

LARGEST_WHOLE = 1 << 20
"""Bytes of the largest table that is fetched as a whole."""
NO_CACHE = "TOOLBOX_NO_STORAGE_CACHE"
"""Environment variable: responses are read from the storage each time, and take no space here."""
_YES = ("1", "yes", "true", "on")
PIECE = 32 << 20
"""Bytes that are fetched at once, about."""

_Wanted = Mapping[str, tuple[str, int]]
"""Path in the study -> version and size of the object."""


def follow(storage: Storage, entries: Entries) -> bool:
    """List the objects once, and fetch or delete what differs. The entries are locked.

    Args:
        storage: the objects.
        entries: the files.

    Returns: whether anything was fetched, so that the storage may have changed meanwhile.

    Raises: ObjectStorageError; VerificationError for objects whose names are no paths in a study.
    """
    found, known = _listed(storage, entries), entries.all()
    intact = {name for name, entry in known.items() if entries.is_intact(name, entry)}
    gone = [name for name in entries.present() if name not in found or name not in known]
    stale = {
        name: each for name, each in found.items() if name not in intact or known[name].version != each[0]
    }
    for name in gone:
        if name not in stale:
            (entries.root / name).unlink(missing_ok=True)
    _fetch(storage, entries, stale)
    if gone or stale or known.keys() - found.keys():
        entries.compact(found)
    return bool(stale)


def is_lazy(name: str, size: int) -> bool:
    """Whether blocks are fetched as they are read: of tables, whose blocks have digests.

    Args:
        name: path in the study.
        size: bytes.
    """
    return size > LARGEST_WHOLE and name.endswith(".parquet")


def keeps_content() -> bool:
    """Whether what was fetched of large tables is kept."""
    return os.environ.get(NO_CACHE, "").lower() not in _YES


def _listed(storage: Storage, entries: Entries) -> dict[str, tuple[str, int]]:
    """The objects of the study: name -> version and size."""
    found = storage.objects()
    for name in found:
        if name.endswith("/.lock") and is_mirrored(name.removesuffix("/.lock")):
            _check_name(storage.place, name)  # the folder is known by its lock
            (entries.root / name).parent.mkdir(parents=True, exist_ok=True)
    listed = {
        name: (version_of(each), int(each["size"])) for name, each in found.items() if is_mirrored(name)
    }
    for name in listed:
        _check_name(storage.place, name)
    return listed


def _fetch(storage: Storage, entries: Entries, wanted: _Wanted) -> None:
    """Fetch objects, or make the placeholders of large tables."""
    whole = [name for name, (_, size) in wanted.items() if not is_lazy(name, size)]
    for name in wanted.keys() - {*whole}:
        entries.place_empty(name, *wanted[name])
    for names in _pieces(whole, wanted):
        for name, content in zip(names, storage.contents(names), strict=True):
            if content is not None:  # else it was deleted meanwhile
                entries.keep(name, wanted[name][0], content)


def _pieces(names: Iterable[str], wanted: _Wanted) -> Iterator[list[str]]:
    """Names whose objects together are not much larger than what is fetched at once."""
    piece: list[str] = []
    size = 0
    for name in names:
        piece.append(name)
        size += wanted[name][1]
        if size > PIECE or len(piece) >= 1000:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


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
