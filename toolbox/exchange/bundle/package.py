"""A folder of files as a bundle: digests of all, and a zip. Owns that the same files give the same bytes."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from toolbox.exchange.bundle.layout import SUMS
from toolbox.files import digest_of

_FIRST = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can have: that of the files would differ every time."""
_STORED = (".parquet", ".jpg", ".jpeg", ".png", ".webp", ".gif")
"""Files that are compressed already."""


def write_sums(folder: Path) -> None:
    """Write the digests of all files of a folder, as `sha256sum -c` reads them.

    Args:
        folder: the folder.
    """
    lines = [f"{digest_of(file)}  {file.name}\n" for file in sorted(folder.iterdir()) if file.name != SUMS]
    (folder / SUMS).write_bytes("".join(lines).encode())


def write_zip(folder: Path, target: Path) -> None:
    """Write the files of a folder into a zip, the descriptions first, all of one time and with common permissions.

    Args:
        folder: the folder.
        target: the file.
    """
    with zipfile.ZipFile(target, "w") as packed:
        for file in sorted(folder.iterdir(), key=lambda file: (file.suffix == ".parquet", file.name)):
            entry = zipfile.ZipInfo(file.name, _FIRST)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            is_compressed = file.suffix in _STORED
            entry.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
            entry.file_size = file.stat().st_size
            with file.open("rb") as source, packed.open(entry, "w") as copy:
                shutil.copyfileobj(source, copy, 1024 * 1024)
