"""The objects of a study: the requests that list, read and change them. Owns what differs between storages.

What went wrong in a request is raised in one line, as `place.explained` does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from toolbox.remote.place import Place, explained, file_system

_REQUESTS = 16
"""How many objects are asked for at once."""

_Answer = TypeVar("_Answer")


class Storage:
    """The objects of a study."""

    def __init__(self, place: Place) -> None:
        """Nothing is asked yet.

        Args:
            place: the address of the study.
        """
        self.place = place

    @cached_property
    def files(self) -> Any:
        """The file system of the storage."""
        return file_system(self.place)

    def path(self, name: str) -> str:
        """Bucket and name of an object, as the file system wants it.

        Args:
            name: path in the study; '.' for the study.
        """
        return self.place.path if name == "." else f"{self.place.path}/{name}"

    def objects(self, folder: str = ".") -> dict[str, dict[str, Any]]:
        """All objects below a folder, without what some storages show as folders: name -> what is known of it.

        Args:
            folder: path in the study.
        """
        with explained(self.place):
            found = self.files.find(self.path(folder), detail=True)
        start = len(self.place.path) + 1
        return {path[start:]: each for path, each in found.items() if each["type"] == "file" and path[start:]}

    def contents(self, names: Iterable[str]) -> list[bytes | None]:
        """The contents of objects; None where there is none.

        Args:
            names: paths in the study.
        """
        return self._at_once(self._content, names)

    def _content(self, name: str) -> bytes | None:
        try:
            return bytes(self.files.cat_file(self.path(name)))
        except FileNotFoundError:
            return None

    def read(self, name: str, start: int, end: int) -> bytes:
        """Bytes of an object as it is now.

        Args:
            name: path in the study.
            start: of the first byte.
            end: of the byte after the last one.

        Raises: FileNotFoundError.
        """
        with explained(self.place):
            return bytes(self.files.cat_file(self.path(name), start=start, end=end))

    def version(self, name: str) -> str:
        """What identifies the content that an object has now.

        Args:
            name: path in the study.

        Raises: FileNotFoundError.
        """
        with explained(self.place):
            return version_of(self.files.info(self.path(name)))

    def put(self, file: Path, name: str, *, is_new: bool) -> None:
        """Put a file, whole.

        Args:
            file: the file.
            name: path in the study.
            is_new: whether there must be no such object.

        Raises: FileExistsError when there is one.
        """
        with explained(self.place):
            self.files.put_file(str(file), self.path(name), mode="create" if is_new else "overwrite")

    def move(self, before: str, after: str) -> None:
        """Let the storage copy an object to another name, and then delete it.

        Args:
            before: path in the study.
            after: path in the study.
        """
        with explained(self.place):
            self.files.cp_file(self.path(before), self.path(after))
            self.files.rm_file(self.path(before))

    def delete(self, *names: str) -> None:
        """Delete objects, where they exist.

        Args:
            names: paths in the study.
        """
        self._at_once(self._delete, names)

    def _delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), explained(self.place):
            self.files.rm_file(self.path(name))

    def _at_once(self, ask: Callable[[str], _Answer], names: Iterable[str]) -> list[_Answer]:
        """What is asked of every object, several at a time; fsspec's own way takes a `[` in a name for a pattern."""
        with explained(self.place), ThreadPoolExecutor(_REQUESTS) as pool:
            return list(pool.map(ask, names))


def version_of(found: Mapping[str, Any]) -> str:
    """What identifies the content of an object.

    Args:
        found: what the storage reports of it.
    """
    for key in ("ETag", "etag", "md5Hash", "content_md5"):
        if found.get(key):
            return str(found[key]).strip('"')
    changed = found.get("LastModified") or found.get("last_modified") or found.get("mtime") or ""
    return f"{found['size']} {changed}"
