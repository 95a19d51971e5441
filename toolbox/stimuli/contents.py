"""The bytes of an image, wherever it is: a file of its own, or a member of a container. Every image is read here."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

from toolbox.errors import StimulusError
from toolbox.stimuli.containers.container import fault_of_size
from toolbox.stimuli.containers.naming import split_path
from toolbox.stimuli.containers.opened import opened


def read_content(path: Path) -> bytes:
    """All bytes of an image.

    Args:
        path: of its file, or its container, `!/` and its name in there.

    Raises: OSError when the file or its container is gone or cannot be read, with the reason as `strerror`;
        StimulusError with a short reason when it is too large, or its container is damaged.
    """
    place = _place(path)
    if place is None:
        if (fault := fault_of_size(path.stat().st_size)) is not None:
            raise StimulusError(fault)
        return path.read_bytes()
    container, name = opened(place[0]), place[1]
    if container.has(name):
        return container.read(name)
    if (reason := next((each.reason for each in container.faults if each.name == name), None)) is not None:
        raise StimulusError(reason)
    raise FileNotFoundError(errno.ENOENT, f"no longer in {container.path.name}", str(path))


def is_there(path: Path) -> bool:
    """Whether an image is where its path leads; whether it is still the same is not examined.

    Args:
        path: as of `read_content`.
    """
    place = _place(path)
    if place is None:
        return path.exists()
    try:
        return opened(place[0]).has(place[1])
    except (OSError, StimulusError):
        return False


def is_member(path: Path) -> bool:
    """Whether a path leads into a container.

    Args:
        path: as of `read_content`.
    """
    return _place(path) is not None


def fault_of_member(path: Path) -> str | None:
    """The reason why a path does not lead to a member of a container, or None.

    Args:
        path: of an image in a container.
    """
    place = _place(path)
    if place is None:
        return None
    try:
        container = opened(place[0])
    except OSError as error:
        return f"its container cannot be opened ({error.strerror})"
    except StimulusError as error:
        return str(error)
    return None if container.has(place[1]) else f"no such member of {container.path.name}"


def content_digest(path: Path) -> str:
    """Hexadecimal sha256 of an image.

    Args:
        path: as of `read_content`.

    Raises: as `read_content`.
    """
    return hashlib.sha256(read_content(path)).hexdigest()


def _place(path: Path) -> tuple[Path, str] | None:
    """The container of an image and its name in there; None for a file, even in a folder of the name of a container."""
    place = split_path(path)
    return None if place is None or path.is_file() else place
