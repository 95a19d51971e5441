"""What all kinds of containers have in common: members by name, what was left out, and bytes on request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from toolbox.errors import StimulusError
from toolbox.stimuli.archive import MOST_BYTES

MOST_MEMBERS = 2_000_000
"""Of one container."""
REPLACED = "a later member of the container has the same name and counts, as if it were unpacked"
"""The reason of a member that comes twice."""
MOST_CHARACTERS = 1000
"""Characters of the name of a member."""
CUT_OFF = "cut off at the end of its container; copy the container again"
"""The reason of a member that is not there as a whole."""


_Place = TypeVar("_Place")
"""Where in an archive a file is."""


@dataclass
class MemberFault:
    """A member that cannot be a stimulus, or what is wrong with the container itself, whose name is then empty."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MemberOrigin:
    """Where in its container a member is.

    Attributes:
        folders: in which it is; the first is a category where there is no label.
        label: that the container has for it; None for none.
    """

    folders: tuple[str, ...]
    label: str | None = None


@dataclass
class Container(ABC):
    """An open container.

    Attributes:
        path: of its file.
        faults: what in it cannot be read, in the order in which it was found.
        notes: what a user should know about it, one line each.
    """

    path: Path
    faults: list[MemberFault] = field(default_factory=list, init=False)
    notes: list[str] = field(default_factory=list, init=False)

    @property
    @abstractmethod
    def names(self) -> Collection[str]:
        """Names of the members that can be read, in the order of the container."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Args:
            name: one of `names`.

        Raises: StimulusError, OSError with a short reason.
        """

    def has(self, name: str) -> bool:
        """Whether a member is there.

        Args:
            name: its name.
        """
        return name in self.names

    @abstractmethod
    def origin(self, name: str) -> MemberOrigin:
        """Where in the container a member is, and its label there.

        Args:
            name: one of `names`.
        """

    def check_count(self, count: int) -> None:
        """Refuse a container of too many members.

        Args:
            count: number of members so far.

        Raises: StimulusError.
        """
        if count > MOST_MEMBERS:
            raise StimulusError(
                f"{self.path} has more than {MOST_MEMBERS:,} members; divide it into several containers"
            )


class Archive(Container, Generic[_Place]):
    """A container of files, among which may be labels; where each is, is noted while the archive is indexed."""

    def __init__(self, path: Path) -> None:
        """Nothing is indexed yet.

        Args:
            path: of the archive.
        """
        super().__init__(path)
        self.places: dict[str, _Place] = {}

    @property
    def names(self) -> Collection[str]:
        """Names of the files that can be read, in the order of the archive."""
        return self.places.keys()

    def enter(self, name: str, place: _Place, fault: str | None) -> None:
        """Note where a file is, or why it is left out; of two with one name, the later counts.

        Args:
            name: as the archive has it.
            place: where it is.
            fault: the reason why it cannot be read, or None.
        """
        name = plain_name(name)
        if fault is None and self.places.pop(name, None) is not None:
            self.faults.append(MemberFault(name, REPLACED))
        if fault is None:
            self.places[name] = place
        else:
            self.faults.append(MemberFault(name, fault))

    def origin(self, name: str) -> MemberOrigin:
        """The folders of a member; labels are files of their own.

        Args:
            name: one of `names`.
        """
        return MemberOrigin(PurePosixPath(name).parts[:-1])

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a member.

        Args:
            name: one of `names`.
        """


def row_name(column: str, row: int) -> str:
    """The name of one image of many in a column or dataset.

    Args:
        column: of the images.
        row: from 0.

    Example:
        >>> row_name("image", 12)
        'image/000012'
    """
    return f"{column}/{row:06d}"


def fault_of_name(name: str) -> str | None:
    """The reason why the name of a member cannot be stored as part of a path, or None.

    Example:
        >>> fault_of_name("../../etc/passwd")
        'its name leads outside the container; rename it'
    """
    if name.encode("utf-8", "replace").decode() != name or "\0" in name:
        return "its name is not valid Unicode; rename it"
    if len(name) > MOST_CHARACTERS:
        return f"its name has more than {MOST_CHARACTERS:,} characters; rename it"
    if "\\" in name:
        return "its name has a backslash, which separates folders on Windows only; rename it"
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        return "its name leads outside the container; rename it"
    return None


def fault_of_size(size: int) -> str | None:
    """The reason why an image of so many bytes is not read, or None: a film would fill the memory.

    Args:
        size: bytes.
    """
    return f"oversized: {size:,} bytes, expected at most {MOST_BYTES:,}" if size > MOST_BYTES else None


def plain_name(name: str) -> str:
    """A name as a path has it: without `./` in front and without doubled slashes.

    Example:
        >>> plain_name("./dog//003.jpg")
        'dog/003.jpg'
    """
    return PurePosixPath(name).as_posix()


def damaged(path: Path, kind: str, error: Exception | str) -> StimulusError:
    """What is raised of a container that cannot be read.

    Args:
        path: of the container.
        kind: what it should be, with an article.
        error: what a library reports about it.
    """
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return StimulusError(f"{path} cannot be read as {kind} ({reason}); copy it again from where it came from")
