"""Candidates for stimuli, and the listing of a folder with one sub-folder per category. Never reads a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.categories import compose_accents, read_categories
from toolbox.stimuli.contents import fault_of_member, is_member
from toolbox.stimuli.images import Pixels
from toolbox.terms import Missing

MOST_FOLDERS = 64
"""Folders inside one another that are looked into."""
Value = float | int | str | bool | None
Parameters = dict[str, Value]
"""Stimulus variables by name (orientation, contrast, valence …); None where unknown."""


@dataclass(frozen=True)
class Drawing:
    """One picture that a recipe draws."""

    name: str
    """The name of the image file, unique in its card; may contain `/`."""
    category: str | None
    pixels: Pixels
    """height x width (grey) or height x width x 3."""
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that becomes a stimulus if it is an image."""

    path: Path
    """The absolute path."""
    category: str | None
    """None for an unlabelled stimulus."""
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file, label or variable that was left out, and the reason."""

    path: str
    reason: str
    is_conflict: bool = False
    """Whether two categories were given for one picture."""


@dataclass(frozen=True)
class Listing:
    """The files of a source, in the order in which stimuli are numbered."""

    candidates: list[Candidate]
    rejections: list[Rejection]
    notes: list[str] = field(default_factory=list)
    """What was assumed to read the source, one line each."""


def list_folder(folder: Path, missing: Missing | None = None) -> Listing:
    """The files of a folder with one sub-folder per category; files in deeper folders belong to the category too.

    Files are sorted by name, level by level; composed and decomposed accents are equivalent. Files of the operating
    system (names that start with a dot, `Thumbs.db`, `desktop.ini`, `__MACOSX`) are skipped. A link is followed if its
    target is inside the folder.

    Args:
        folder: the folder of the sub-folders.
        missing: what a sub-folder such as `nan` or `None` means, as of `read_categories`.

    Raises: UsageError when the folder does not exist; StimulusError when it has no file or no sub-folder, or when the
        name of a sub-folder usually means a missing value.
    """
    if not folder.is_dir():
        expected = "expected a folder with one sub-folder per category, or a table of paths and categories"
        raise UsageError(f"{folder} is not a folder; {expected}")
    root = folder.resolve()
    found = list(_walk(root, root, set()))
    if not found:
        raise StimulusError(f"{folder} contains no file; expected images in one sub-folder per category")
    if not any(_is_folder_of(root, path) for path in root.iterdir()):
        raise StimulusError(
            f"{folder} has no sub-folder, only {len(found)} files; expected one sub-folder per category; "
            "alternatively list the files, with path and category, in a .csv"
        )
    usable = {path: path.relative_to(root).parts[0] for path, fault in found if fault is None}
    categories = read_categories(usable.values(), str(folder), missing)
    return Listing(
        [Candidate(path, categories.names[name]) for path, name in usable.items()],
        [Rejection(text_of(path), fault) for path, fault in found if fault is not None],
        categories.notes,
    )


def is_hidden(name: str) -> bool:
    """Whether a file or folder belongs to the operating system and is never a stimulus."""
    return name.startswith(".") or name.lower() in {"thumbs.db", "desktop.ini", "__macosx"}


def text_of(path: Path) -> str:
    """A path as text with `/`, for messages; bytes that are not Unicode become `�`."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def fault_of_file(path: Path) -> str | None:
    """The reason why a path cannot be read as a file, or as an image in a container, or None."""
    if text_of(path) != path.as_posix():
        return "its name is not valid Unicode; rename it"
    try:
        if is_member(path):
            return fault_of_member(path)
        if not path.exists():
            return "a link without a target" if path.is_symlink() else "no such file"
    except OSError as error:  # the name is too long, or the folder is not accessible
        return f"cannot be opened ({error.strerror})"
    return None if path.is_file() else "not a regular file"


def _is_folder_of(root: Path, path: Path) -> bool:
    """Whether a path directly in the root is the folder of a category."""
    return not is_hidden(path.name) and path.is_dir() and path.resolve().is_relative_to(root)


def _walk(folder: Path, root: Path, followed: set[Path]) -> Iterator[tuple[Path, str | None]]:
    """Every file in a folder and its sub-folders, with the reason why it cannot be a stimulus, or None."""
    if len(folder.parts) - len(root.parts) > MOST_FOLDERS:
        yield folder, f"more than {MOST_FOLDERS} folders inside one another; move its files up"
        return
    try:
        entries = sorted(folder.iterdir(), key=lambda path: (compose_accents(path.name), path.name))
    except OSError as error:
        yield folder, f"a folder that cannot be opened ({error.strerror})"
        return
    for path in entries:
        if is_hidden(path.name):
            continue
        fault = _fault_of_link(path, root, followed) if path.is_symlink() else None
        if fault is None and (path / "study.toml").is_file():
            yield path, "a study of the toolbox, not a folder of images"
        elif fault is None and path.is_dir():
            yield from _walk(path, root, followed)
        elif fault is None and folder == root:
            yield path, "not in a category folder"
        else:
            yield path, fault or fault_of_file(path)


def _fault_of_link(path: Path, root: Path, followed: set[Path]) -> str | None:
    """The reason why a link is not followed, or None; a linked folder is followed once, and never upwards."""
    if not path.exists():
        return "a link without a target"
    target = path.resolve()
    if not target.is_relative_to(root):
        return "a link with a target outside the folder; copy the file instead"
    if path.is_dir():
        if target in followed or path.parent.resolve().is_relative_to(target):
            return "a link to a folder that is already listed"
        followed.add(target)
    return None
