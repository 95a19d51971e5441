"""Locks of folders in object storage: an object `.lock` with who has it. Owns its content.

It is put on the condition that there is none, and its holder puts it again every few seconds, on the condition that it
is still his own. Whoever finds one that was not put for a minute, by the clock of the storage alone, takes it over, on
the condition that it has not been put meanwhile. That of a killed process of the same mirror and computer is taken over
at once: the local lock of the folder, which is held first, ended with the process. A disk that computers share may have
a mirror of several, whose local locks need not reach across.
"""

from __future__ import annotations

import contextlib
import json
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from toolbox.errors import BusyError, ObjectStorageError, ToolboxError
from toolbox.remote.answers import explained
from toolbox.remote.place import Place
from toolbox.remote.storage import changed_at, has_conditions, replace_unchanged

LEASE = 60.0
"""Seconds after which a lock counts as left by a killed process."""
_RENEWAL = 10.0
"""Seconds between two renewals."""
_OLD = 30.0
"""Seconds after which a lock is renewed before anything else is written: the computer has slept."""
_GLANCE = 0.5
"""Seconds between two attempts to get a lock."""
_SKEW = 60.0
"""Seconds by which the clocks may differ, where only a note depends on it."""


@dataclass
class _Lock:
    """A lock that this process has.

    Attributes:
        name: bucket and name of the object.
        content: what it says.
        renewed: time of the last renewal.
    """

    name: str
    content: dict[str, str]
    renewed: float = field(default_factory=time.time)
    is_lost: bool = False

    def text(self) -> bytes:
        """What is put, each time something else, so that a version of the object is one renewal."""
        return json.dumps({**self.content, "renewal": uuid.uuid4().hex}).encode()


class HeldLocks:
    """The locks that this process has at one place."""

    def __init__(self, place: Place, mirror: str) -> None:
        """No locks.

        Args:
            place: the address of the study.
            mirror: what identifies its mirror on this computer.
        """
        self._place, self._mirror = place, mirror
        self._locks: list[_Lock] = []
        self._guard = threading.Lock()
        self._files: Any = None
        self._is_conditional = False

    @contextmanager
    def holding(self, files: Any, name: str, task: str, *, wait: float = 0) -> Iterator[None]:
        """Have a lock for as long as the block lasts.

        Args:
            files: the file system of the storage.
            name: bucket and name of the object.
            task: what the process does.
            wait: seconds to wait for another process.

        Raises: BusyError; ObjectStorageError, also for a storage without conditions.
        """
        self._files = files
        content = {
            "mirror": self._mirror,
            "computer": platform.node(),
            "task": task,
            "token": uuid.uuid4().hex,
        }
        lock = _Lock(name, content)
        self._acquire(lock, wait)
        with self._guard:
            self._locks.append(lock)
        stopped = threading.Event()
        threading.Thread(target=self._keep_renewing, args=(lock, stopped), daemon=True).start()
        try:
            yield
        finally:
            stopped.set()
            with self._guard:
                self._locks.remove(lock)
                self._release(lock)

    def check(self) -> None:
        """Refuse to change anything after a lock was lost; renew one that is old, as after the computer has slept.

        Raises: BusyError.
        """
        with self._guard:
            for lock in self._locks:
                if time.time() - lock.renewed > _OLD:
                    self._renew(lock)
                if lock.is_lost:
                    raise BusyError(
                        f"another computer has taken over {self._shown(lock.name)}, because this one did not answer "
                        f"for {LEASE:.0f} s; try again"
                    )

    def is_held_elsewhere(self, files: Any, name: str) -> bool:
        """Whether another computer has a lock, as far as is known without writing; false where that is not known.

        Args:
            files: the file system of the storage.
            name: bucket and name of the object.
        """
        with contextlib.suppress(OSError, ValueError, ToolboxError), explained(self._place):
            if not self._is_of_here(_read(files, name)):
                changed = changed_at(files.info(name))
                return not changed or abs((datetime.now(UTC) - changed).total_seconds()) < LEASE + _SKEW
        return False

    def _acquire(self, lock: _Lock, wait: float) -> None:
        """Get a lock, or take it over."""
        deadline = time.monotonic() + wait
        lock.renewed = time.time()
        while not self._create(lock) and not self._take_over(lock):
            if time.monotonic() > deadline:
                raise self._busy(lock.name)
            time.sleep(_GLANCE)
            lock.renewed = time.time()

    def _create(self, lock: _Lock) -> bool:
        """Put the object on the condition that there is none; the first time, find out that the condition is kept."""
        try:
            with explained(self._place):
                self._put(lock, mode="create")
                if self._is_conditional:
                    return True
                self._put(lock, mode="create")
        except FileExistsError:
            is_own = not self._is_conditional and self._is_own(lock)
            self._is_conditional = True
            return is_own
        raise ObjectStorageError(
            95,
            f"{self._place}: this storage ignores conditions (If-None-Match), so that two computers could mix their "
            "responses; use one that keeps them, such as S3",
        )

    def _is_of_here(self, holder: dict[str, Any]) -> bool:
        """Whether the holder is, or was, a process of this computer that has the same mirror."""
        return (holder.get("mirror"), holder.get("computer")) == (self._mirror, platform.node())

    def _is_own(self, lock: _Lock) -> bool:
        with contextlib.suppress(FileNotFoundError, ValueError), explained(self._place):
            return bool(_read(self._files, lock.name).get("token") == lock.content["token"])
        return False

    def _take_over(self, lock: _Lock) -> bool:
        """Replace the object of a killed process."""
        try:
            with explained(self._place):
                found, holder = self._files.info(lock.name), _read(self._files, lock.name)
                if not self._is_of_here(holder) and not self._is_left(found):
                    return False
                if has_conditions(self._place):
                    self._replace(lock, found)
                elif self._is_of_here(holder):
                    self._put(lock, mode="overwrite")
                else:
                    return False
        except (
            FileExistsError
        ):  # it was taken over meanwhile: by another, or here by a request whose answer was lost
            return self._is_own(lock)
        except (FileNotFoundError, ValueError):  # it was deleted meanwhile
            return False
        return True

    def _is_left(self, found: dict[str, Any]) -> bool:
        """Whether a lock was not renewed for a while, by the clock of the storage."""
        changed = changed_at(found)
        if not has_conditions(self._place) or changed is None:
            return False
        name = f"{self._place.path}/.clock-{uuid.uuid4().hex}"
        self._files.pipe_file(name, b"")
        now = changed_at(self._files.info(name))
        self._files.rm_file(name)
        return now is not None and (now - changed).total_seconds() > LEASE

    def _put(self, lock: _Lock, mode: str) -> None:
        self._files.pipe_file(lock.name, lock.text(), mode=mode)

    def _replace(self, lock: _Lock, found: dict[str, Any]) -> None:
        """Put a lock on the condition that it is still the one that was found."""
        replace_unchanged(self._files, self._place, lock.name, lock.text(), found)

    def _keep_renewing(self, lock: _Lock, stopped: threading.Event) -> None:
        while not stopped.wait(_RENEWAL):
            with self._guard:
                if lock not in self._locks or lock.is_lost:
                    return
                with contextlib.suppress(
                    ToolboxError, OSError
                ):  # tried again; `check` asks before anything is written
                    self._renew(lock)

    def _renew(self, lock: _Lock) -> None:
        """Put the object again, if it is still that of this process. The guard is held."""
        asked = time.time()  # before the request: a slow one counts from when the storage may have put it
        try:
            with explained(self._place):
                found = self._files.info(lock.name)
                if not self._is_own(lock):
                    lock.is_lost = True
                elif has_conditions(self._place):
                    self._replace(lock, found)
                else:
                    self._put(lock, mode="overwrite")
        except FileNotFoundError:
            lock.is_lost = True
        except FileExistsError:  # also after a request whose answer was lost, and that was repeated
            lock.is_lost = not self._is_own(lock)
        if not lock.is_lost:
            lock.renewed = asked

    def _release(self, lock: _Lock) -> None:
        """Delete the object, if it is still that of this process."""
        with contextlib.suppress(ToolboxError, OSError):  # else it is taken over a minute later
            if not lock.is_lost and self._is_own(lock):
                self._files.rm_file(lock.name)

    def _busy(self, name: str) -> BusyError:
        """The error for a lock that another computer has."""
        holder: dict[str, Any] = {}
        with contextlib.suppress(ToolboxError, OSError, ValueError), explained(self._place):
            holder = _read(self._files, name)
        who, task = holder.get("computer") or "another computer", holder.get("task") or "writing"
        after = (
            f"if it was stopped by force, try again after {LEASE:.0f} s"
            if has_conditions(self._place)
            else f"if it was stopped by force, delete {self._shown(name)}"
        )
        folder = self._shown(name).removesuffix("/.lock")
        return BusyError(
            f"another process on {who} is {task} in {folder}; wait until it ends, or stop it, and try again; {after}"
        )

    def _shown(self, name: str) -> str:
        return f"{self._place.protocol}://{name}"


def _read(files: Any, name: str) -> dict[str, Any]:
    """What a lock says.

    Raises: ValueError when it is none.
    """
    content = json.loads(files.cat_file(name))
    if not isinstance(content, dict):
        raise ValueError(name)
    return content
