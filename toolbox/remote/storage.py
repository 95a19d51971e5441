"""The objects of a study: the requests that list, read and change them. Owns what differs between storages.

What went wrong in a request is raised in one line, as `answers.explained` does.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from toolbox.errors import ObjectStorageError
from toolbox.remote.answers import explained, missing_bucket
from toolbox.remote.place import AMAZON, AZURE, GOOGLE, Place, file_system

_REQUESTS = 16
"""How many objects are asked for at once."""
_BOUNDARY = "==of-the-toolbox=="
"""Between the name and the content of an object."""

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
        try:
            with explained(self.place):
                found = self.files.find(self.path(folder), detail=True)
            if not found:  # Azure reports nothing of a missing container
                self._check_bucket()
        except FileNotFoundError as error:
            raise missing_bucket(self.place) from error
        start = len(self.place.path) + 1
        return {path[start:]: each for path, each in found.items() if each["type"] == "file" and path[start:]}

    def _check_bucket(self) -> None:
        """Ask for the bucket, as far as that is permitted.

        Raises: FileNotFoundError, ObjectStorageError when it does not exist.
        """
        try:
            with explained(self.place):
                self.files.info(self.place.bucket)
        except ObjectStorageError as error:
            if error.errno == errno.ENOENT:
                raise

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
        """Copy an object to another name, and then delete it; that can be repeated.

        The storage copies it. Azure, which may do so at any later time, is given the content again.

        Args:
            before: path in the study.
            after: path in the study.
        """
        with explained(self.place):
            if self.place.protocol in AZURE:
                with tempfile.TemporaryDirectory() as folder:
                    self.files.get_file(self.path(before), f"{folder}/object")
                    self.files.put_file(f"{folder}/object", self.path(after))
            else:
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
    """What identifies the content of an object: its MD5, as the storage reports it of most.

    Args:
        found: what the storage reports of it.
    """
    if "ETag" in found:  # of S3
        return str(found["ETag"]).strip('"')
    if found.get("md5Hash"):  # of Google
        return base64.b64decode(found["md5Hash"]).hex()
    if digest := (found.get("content_settings") or {}).get("content_md5"):  # of Azure
        return bytes(digest).hex()
    return str(found.get("etag") or f"{found['size']} {changed_at(found) or ''}").strip('"')


def expected_version(fresh: Path) -> str:
    """What `version_of` reports of a file that was put at once; where it reports something else, it is fetched again.

    Args:
        fresh: the file.
    """
    with fresh.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def changed_at(found: Mapping[str, Any]) -> datetime | None:
    """When an object was put, by the clock of the storage; None where it does not report that.

    Args:
        found: what the storage reports of it.
    """
    for key in ("LastModified", "last_modified", "mtime"):  # of S3, Azure, Google
        if isinstance(found.get(key), datetime):
            return found[key]  # type: ignore[no-any-return]
    return None


def has_conditions(place: Place) -> bool:
    """Whether `replace_unchanged` can be called at a place.

    Args:
        place: the address.
    """
    return place.protocol in (*AMAZON, *GOOGLE, *AZURE)


def replace_unchanged(files: Any, place: Place, name: str, content: bytes, found: Mapping[str, Any]) -> None:
    """Replace an object, on the condition that it has not been put since it was found.

    Args:
        files: the file system of the storage.
        place: the address of the study.
        name: bucket and name of the object.
        content: its new content.
        found: what the storage reported of it.

    Raises: what `explained` makes a FileExistsError.
    """
    if place.protocol in AMAZON:
        files.pipe_file(name, content, IfMatch=found["ETag"])
    elif place.protocol in AZURE:
        from azure.core import MatchConditions

        files.pipe_file(name, content, etag=found["etag"], match_condition=MatchConditions.IfNotModified)
    else:
        bucket, _, key = name.partition("/")
        address = f"{files.base.removesuffix('storage/v1/')}upload/storage/v1/b/{bucket}/o"
        head = f"--{_BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{json.dumps({'name': key})}\r\n"
        body = f"--{_BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n".encode() + content
        files.call(
            "POST",
            address,
            uploadType="multipart",  # of other uploads, an emulator ignores the condition
            ifGenerationMatch=found["generation"],
            headers={"Content-Type": f'multipart/related; boundary="{_BOUNDARY}"'},
            data=head.encode() + body + f"\r\n--{_BOUNDARY}--".encode(),
        )
