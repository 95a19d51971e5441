"""The files of a bundle, from a zip or a directory. Owns that none of them leads elsewhere or is too large.

Sizes are those of the bytes that really come, whatever the zip states.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolbox.errors import CardError, UsageError, command_line
from toolbox.exchange.bundle.layout import (
    BUNDLE_FILE_NAME,
    CITATION,
    IMAGE_FILE_NAME,
    MOST_BUNDLE_FILES,
    MOST_BUNDLE_IMAGES,
    README,
    SUMS,
)
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.stimuli.archive import ArchiveLimits, read_members
from toolbox.store.study_file import NAME as STUDY_FILE

LIMITS = ArchiveLimits(largest=2**40, ratio=20, always=2**26, files=MOST_BUNDLE_FILES + MOST_BUNDLE_IMAGES)
"""Of a zip: its Parquet files and images hardly become smaller by compression, and its texts are short."""
_LARGEST_DIRECTORY = 2**24
"""Bytes of the list of files of a zip, which is read at once."""
_ENCRYPTED = 0x1
_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
}
"""Names that are devices on Windows, whatever follows their first dot."""
_OF_DESKTOPS = (".DS_Store", "Thumbs.db", "desktop.ini")
"""Files that computers add to folders that are looked at."""
_NO_TRUST = "do not trust this bundle"


def is_bundle(path: Path) -> bool:
    """Whether a path is a bundle rather than a study: a zip, or a directory with the record of a bundle.

    Args:
        path: any.
    """
    if path.is_dir():
        return not (path / STUDY_FILE).is_file() and (path / SUMS).exists()
    return path.is_file()


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A directory with the files of a bundle; that of a zip is temporary.

    Args:
        path: a zip, or a directory.

    Raises: UsageError when there is nothing at the path; BundleError for names, links or sizes that no bundle has.
    """
    if not path.exists():
        raise UsageError(f"there is no bundle {path}; expected a zip or a directory that toolbox share wrote")
    if (path / STUDY_FILE).is_file():
        raise UsageError(
            f"{path} is a study, not a bundle; to make one of it: {command_line('share', '--study', path)}; to join "
            f"two studies: {command_line('merge', 'STUDY', path, '--output', 'DIR')}"
        )
    if path.is_dir():
        _check_directory(path)
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="toolbox-bundle-") as folder:
        _unpack(path, Path(folder))
        yield Path(folder)


def _check_directory(path: Path) -> None:
    """Refuse links, folders, devices and names that no bundle has."""
    entries = sorted(path.iterdir())
    _check_names([entry.name for entry in entries])
    for entry in entries:
        mode = entry.lstat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "a folder" if stat.S_ISDIR(mode) else "a device"
            refuse(entry.name, f"is {kind}; expected a file", _NO_TRUST)


def _check_names(names: Collection[str]) -> None:
    """Refuse names with folders, other characters or other letters, two equal names, and too many."""
    images = sum(IMAGE_FILE_NAME.fullmatch(name) is not None for name in names)
    for count, most, what in (
        (images, MOST_BUNDLE_IMAGES, "images"),
        (len(names) - images, MOST_BUNDLE_FILES, "files"),
    ):
        if count > most:
            refuse("", f"has {count:,} {what}; expected at most {most:,}", _NO_TRUST)
    seen = set[str]()
    for name in names:
        if name in _OF_DESKTOPS:
            refuse(name, "is no file of the bundle, but one that computers add to folders", "delete it")
        if "/" in name and not {"", ".."} & {*name.removesuffix("/").split("/")}:
            refuse(
                "",
                f"has {shortened(name)} in a folder, so it was packed again; expected its files without folders",
                "take the zip as it was sent; without it, do not trust this bundle",
            )
        if name not in (README, CITATION, SUMS) and not BUNDLE_FILE_NAME.fullmatch(name):
            refuse("", f"has a file {shortened(name)}; expected names of a-z, 0-9, '.', '_', '-'", _NO_TRUST)
        if name.partition(".")[0].casefold() in _RESERVED:
            refuse("", f"has a file {shortened(name)}, which is a device on Windows", _NO_TRUST)
        if name.casefold() in seen:
            refuse("", f"has two files {shortened(name)}, or names that differ only in case", _NO_TRUST)
        seen.add(name.casefold())


def _unpack(path: Path, folder: Path) -> None:
    """Write the files of a zip into a folder.

    Raises: BundleError.
    """
    if not zipfile.is_zipfile(path):
        refuse(path.name, "is not a zip, or is incomplete; expected a zip that toolbox share wrote")
    try:
        _check_entries(path)
        for name, member in read_members(path, limits=LIMITS):
            with (folder / name.name).open("xb") as file:
                while piece := member.read():
                    file.write(piece)
    except CardError as error:
        refuse(path.name, f"cannot be unpacked: {str(error).partition('; ')[0]}", _NO_TRUST)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError) as error:
        refuse(path.name, f"cannot be unpacked ({str(error).splitlines()[0][:100]})")


def _check_entries(path: Path) -> None:
    """Refuse a zip by its list of files, before anything of it is unpacked."""
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # the list itself is read at once
    if end is not None and end[zipfile._ECD_SIZE] > _LARGEST_DIRECTORY:  # type: ignore[attr-defined]
        refuse(
            "",
            f"has a list of files of {end[5]:,} bytes; expected at most {MOST_BUNDLE_IMAGES:,} images and other files",
            _NO_TRUST,
        )
    with zipfile.ZipFile(path) as packed:
        entries = packed.infolist()
    _check_names([entry.orig_filename for entry in entries])
    for entry in entries:
        mode = entry.external_attr >> 16
        if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
            refuse(entry.filename, "is a link or a device; expected a file", _NO_TRUST)
        if entry.flag_bits & _ENCRYPTED:
            refuse(entry.filename, "is encrypted; expected a zip without a password", "ask for one without")
