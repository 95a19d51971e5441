"""How the path of an image in a container is written: the path of the container, `!/`, and its name in there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

ContainerKind = Literal["tar", "zip", "hdf5", "parquet"]
"""Kinds of containers."""

SUFFIXES: dict[str, ContainerKind] = {
    ".tar": "tar", ".zip": "zip", ".h5": "hdf5", ".hdf5": "hdf5", ".parquet": "parquet"
}  # fmt: skip
"""How the names of containers end, in capitals or not."""
COMPRESSED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
"""How the names of archives end that are compressed as a whole, and are refused when they are opened."""
IN_CONTAINER = "!/"
"""Between the path of a container and the name of a member. Every system allows both in a path, as Java's do."""
_CONTAINER = re.compile(
    rf"(?P<container>.*?(?:{'|'.join(map(re.escape, SUFFIXES))}))!/(?P<member>.+)", re.IGNORECASE | re.DOTALL
)


def container_kind(path: Path) -> ContainerKind | None:
    """The kind of container that a name belongs to; None for another file.

    Args:
        path: of a file.

    Example:
        >>> container_kind(Path("photographs.ZIP"))
        'zip'
    """
    return "tar" if path.name.lower().endswith(COMPRESSED) else SUFFIXES.get(path.suffix.lower())


def member_path(container: Path, name: str) -> Path:
    """The path of a member.

    Args:
        container: its container.
        name: its name in there, with slashes.
    """
    return Path(f"{container}{IN_CONTAINER}{name}")


def split_path(path: Path) -> tuple[Path, str] | None:
    """The container of a path and the name of the member; None for the path of a file.

    Args:
        path: of an image.

    Example:
        >>> split_path(Path("shards/part-000.tar!/dog/003.jpg"))[1]
        'dog/003.jpg'
        >>> split_path(Path("dog/003.jpg"))
    """
    text = path.as_posix()
    found = _CONTAINER.fullmatch(text) if IN_CONTAINER in text else None
    return (Path(found["container"]), found["member"]) if found else None


def container_of(path: Path) -> Path:
    """The file that has an image: the container of a member, or the path itself."""
    found = split_path(path)
    return found[0] if found else path
