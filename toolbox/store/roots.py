"""Where the images of a study are. Owns the table `[roots]` of `study.toml`, and the form in which paths are stored.

A stored path is relative and has slashes. If its first folder is the name of a root, the rest is relative to that
root; else the whole path is relative to the directory of the study. So a study contains the place of a folder of images
once, can be handed on, and finds images that were moved after one line is changed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from toolbox.errors import BusyError, ToolboxError
from toolbox.files import digest_of
from toolbox.store.study_file import NAME, read_study_file, write_study_file

KEY = "roots"
STUDY_FOLDERS = (
    *("stimuli", "images", "labels", "parameters", "properties", "responses", "plans"),
    *("rollups", "significance", "resamples", "reliability", "relations", "relation_permutations"),
    *("layers", "runs"),
)
"""Folders of a study, which are not names of roots."""
_PATH = r"""(?<![^\s"'(=,]){}(?:(/)|(?=[\s"'),;:]|$))"""
"""A folder in a text, alone or at the beginning of a path."""
_COMPARED = 20
"""Most images whose content is compared to find out where a folder was moved."""


@dataclass(frozen=True)
class Roots:
    """The roots of a study; nothing is written before `write_roots`.

    Attributes:
        study: the absolute directory of the study.
        folders: name -> folder, as in `study.toml`: absolute, relative to the study, or starting with `~`.
    """

    study: Path
    folders: Mapping[str, str]

    def file(self, path: str) -> Path:
        """The file of a stored path."""
        name, _, rest = path.partition("/")
        return self.study / path if name not in self.folders else self._folder(name) / rest

    def stored(self, file: Path) -> str:
        """The form in which the path of a file is stored; absolute where the file is in no root."""
        path = _text_of(file)
        inside = self._inside(path)
        return path if inside is None else inside

    def anonymous(self, text: str, folder: Path | None = None) -> str:
        """A text for a record, without the places of roots, of the study and of the user's home.

        Args:
            text: a text that may contain absolute paths.
            folder: a folder whose place is removed too.
        """
        places = [*self._places, *([("", _text_of(folder))] if folder else []), ("~", Path.home().as_posix())]
        for name, place in places:
            if place in text:
                text = re.sub(_PATH.format(re.escape(place)), partial(_replacement, name), text)
        return text

    def extended(self, files: Iterable[Path], folder: Path | None = None) -> Roots:
        """These roots and further ones, so that every file is in a root.

        Args:
            files: absolute paths.
            folder: where the files were listed; becomes the root of those below it, unless it contains the user's home.
        """
        start = _text_of(folder) if folder else ""
        is_root = bool(start) and not _is_above_home(start)
        paths = self._outside(files)
        below = {path for path in paths if is_root and path.startswith(f"{start}/")}
        roots = self
        for place in (*([start] if below else []), *_common_folders(set(paths) - below)):
            roots = Roots(self.study, {**roots.folders, roots._new_name(place): place})
        return roots

    def followed(
        self, digests: Mapping[str, str], files: Iterable[Path], digest: Callable[[Path], str] = digest_of
    ) -> Roots:
        """These roots; those that are missing at the place to which files show that they were moved.

        Args:
            digests: sha256 of the images of a set by stored path.
            files: absolute paths of images, some of which may be those of the set.
            digest: the sha256 of an image, which may be in a container.
        """
        used = {path.partition("/")[0] for path in digests} & self.folders.keys()
        missing = [name for name in sorted(used) if not self._folder(name).exists()]
        paths = self._outside(files) if missing else []
        found = {name: place for name in missing if (place := _moved_place(name, digests, paths, digest))}
        return Roots(self.study, {**self.folders, **found}) if found else self

    def _folder(self, name: str) -> Path:
        return self.study / Path(self.folders[name]).expanduser()

    @cached_property
    def _places(self) -> list[tuple[str, str]]:
        """Names and places of the roots and, without a name, of the study, the deepest first."""
        folders = [("", self.study), *((name, self._folder(name)) for name in self.folders)]
        found = {(name, place.as_posix()) for name, folder in folders for place in (folder, folder.resolve())}
        found |= {*self.folders.items()}
        return sorted(found, key=lambda place: (-len(place[1]), place))

    def _inside(self, path: str) -> str | None:
        """An absolute path as stored; None where it is neither in the study nor in a root."""
        for name, place in self._places:
            if path == place or path.startswith(f"{place}/"):
                inside = path.removeprefix(place).removeprefix("/")
                if name or inside.partition("/")[0] not in self.folders:
                    return str(PurePosixPath(name) / inside)
        return None

    def _outside(self, files: Iterable[Path]) -> list[str]:
        """The paths of files that are neither in the study nor in a root."""
        paths = map(_text_of, files)
        return [path for path in paths if self._inside(path) is None]

    def _new_name(self, place: str) -> str:
        """A name for a root: that of its folder, with a number where the name is taken."""
        name = "home" if _is_above_home(place) else PurePosixPath(place).name
        entries = (entry.name for entry in self.study.iterdir()) if self.study.is_dir() else ()
        taken = {*STUDY_FOLDERS, *(each.casefold() for each in (*self.folders, *entries))}
        numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
        return next(each for each in (name, *numbers) if each.casefold() not in taken)


def read_roots(study: Path) -> Roots:
    """The roots of a study.

    Args:
        study: the directory of the study.

    Raises: ToolboxError when the table is not one of texts.
    """
    try:
        status = (study / NAME).stat()
    except OSError:
        return Roots(study.absolute(), {})
    return _read_roots(study.absolute(), status.st_mtime_ns, status.st_size, status.st_ino)


@lru_cache(maxsize=16)
def _read_roots(study: Path, *_: int) -> Roots:
    """The roots in a file of this modification time, size and number."""
    folders = read_study_file(study).get(KEY, {})
    if not isinstance(folders, dict) or not all(isinstance(folder, str) for folder in folders.values()):
        raise ToolboxError(
            f"{study / NAME} has {KEY} = {folders!r}; expected a table [{KEY}] with lines such as "
            'photographs = "/data/photographs"'
        )
    return Roots(study, folders)


def write_roots(roots: Roots, before: Roots, stage: Callable[[Path], Path]) -> None:
    """Write what changed of the roots into `study.toml`.

    Args:
        roots: the roots.
        before: the roots when they were read.
        stage: where a commit, which holds the lock for the file, writes what will be at a path.

    Raises: BusyError when another process has changed the same roots meanwhile.
    """
    changed = {name: place for name, place in roots.folders.items() if before.folders.get(name) != place}
    if not changed:
        return
    content = read_study_file(roots.study)
    now = content.get(KEY, {})
    if any(now.get(name) != before.folders.get(name) for name in changed):
        raise BusyError(f"another process has changed the roots in {roots.study / NAME} meanwhile; try again")
    write_study_file(stage(roots.study / NAME).parent, {**content, KEY: {**now, **changed}})


def _moved_place(
    name: str, digests: Mapping[str, str], paths: Iterable[str], digest_of_image: Callable[[Path], str]
) -> str | None:
    """Where a root is now: the folder in which a path of the set leads to the same content."""
    expected = {
        path.partition("/")[2]: digest for path, digest in digests.items() if path.startswith(f"{name}/")
    }
    compared = 0
    for path in paths:
        parts = path.split("/")
        for start in range(1, len(parts)):
            if (digest := expected.get("/".join(parts[start:]))) and compared < _COMPARED:
                compared += 1
                if digest_of_image(Path(path)) == digest:
                    return "/".join(parts[:start])
    return None


def _common_folders(paths: Iterable[str], depth: int = 0) -> Iterator[str]:
    """Few folders that contain all paths, none of which contains the user's home if that can be avoided.

    Args:
        paths: absolute paths of files.
        depth: number of parts that all paths have in common.
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(PurePosixPath(path).parts[depth], []).append(path)
    for group in groups.values():
        folders = {posixpath.dirname(path) for path in group}
        place = posixpath.commonpath(folders)
        if place in folders or not _is_above_home(place):
            yield place
        else:
            yield from _common_folders(group, len(PurePosixPath(place).parts))


def _replacement(name: str, found: re.Match[str]) -> str:
    """What takes the place of a root's folder in a text: the name of the root; nothing for the study."""
    return (f"{name}/" if name else "") if found[1] else name or "."


def _text_of(path: Path) -> str:
    """An absolute path as text with slashes; that of another operating system as it is."""
    return path.as_posix() if PureWindowsPath(path.as_posix()).is_absolute() else path.absolute().as_posix()


def _is_above_home(place: str) -> bool:
    """Whether a folder is the user's home, or contains it."""
    return Path.home().is_relative_to(place)
