"""Where a study is on this computer: in its folder, or in the mirror of one in object storage (`remote`)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolbox.remote.mirror import Mirror

_MIRRORS = f"{os.sep}object-storage{os.sep}"
"""What every path in a mirror contains."""


def mirror_of(path: Path) -> Mirror | None:
    """The mirror of a study in object storage that contains a path; None for any other path.

    Args:
        path: any path.
    """
    if _MIRRORS not in str(path):
        return None
    from toolbox.remote.mirror import mirror_around  # a local study waits for none of it

    return mirror_around(path)


def local_folder(directory: str | Path) -> Path:
    """The folder in which a study is on this computer; of one in object storage, its mirror as the storage is now.

    Args:
        directory: a directory, or an address such as 's3://bucket/prefix'.

    Raises: UsageError for an address at which no study can be; ObjectStorageError.
    """
    if ":/" not in str(directory):
        return Path(directory)
    from toolbox.remote.mirror import mirror_at
    from toolbox.remote.place import place_of

    place = place_of(directory)
    if place is None:
        return Path(directory)
    mirror = mirror_at(place)
    mirror.refresh()
    return mirror.root


def place_name(folder: Path) -> str:
    """What another computer calls the folder of a study: its address in object storage, else its absolute path.

    Args:
        folder: the folder.
    """
    mirror = mirror_of(folder)
    return str(mirror.place) if mirror else str(folder.absolute())
