"""Names and places that a bundle must not contain: of users, computers and observers, and absolute paths.

Owns finding them, and what takes their place. Names of sets, models, schemes and categories stay: the results are about
them.
"""

from __future__ import annotations

import getpass
import hashlib
import platform
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

HOME = re.compile(
    r"""(?:/(?:home|Users|var/home|export/home|net/home)/|[A-Za-z]:[\\/]+Users[\\/]+)([^\\/\s"'<>|:*?,;]+)""",
    re.IGNORECASE,
)
"""The home of a user; the group is the user's name."""
_ABSOLUTE = re.compile(
    r"""(?<![\w.:/~\\<-])(?:~(?=/)|(?=/))(?:/[\w.@+%~=, -]*[\w.@+%~=-])*/[\w.@+%~=-]+"""
    r"""|(?<![\w])[A-Za-z]:[\\/]+[^\s"'<>|*?,;]+|\\\\[\w.-]+\\[^\s"'<>|*?,;]+"""
)
"""An absolute path: of POSIX, of Windows, of a network."""
_PEOPLE = re.compile(
    r"(participant|observer|subject|rater|annotator|experimenter|proband)([ _-]?(id|nr|no|name|number))?",
    re.IGNORECASE,
)
"""Names of columns whose values name people."""
_GENERIC = {
    "admin", "administrator", "anaconda", "bin", "computer", "data", "default", "docker", "ec2-user", "guest", "home",
    "host", "images", "laptop", "local", "localhost", "mac", "notebook", "public", "root", "runner", "server", "shared",
    "stimuli", "student", "study", "test", "tmp", "ubuntu", "user", "users", "work", "workspace",
}  # fmt: skip
"""Names of accounts and computers that tell nothing."""
_WORDS = {
    "art", "bill", "case", "chance", "dean", "frank", "grant", "lane", "mark", "max", "min", "norm", "page", "pat",
    "ray", "rich", "rose", "sum", "will",
}  # fmt: skip
"""Names of people that are words of SQL, of formulas or of English, and stay in what the toolbox itself writes."""
_HOME_PATH = re.compile(HOME.pattern + r"(?:[\\/]+[\w.@+%~=-]+)*", re.IGNORECASE)
_SHORTEST = 3


def names_of_people(column: str) -> bool:
    """Whether the values of a column name people, by its name.

    Example:
        >>> names_of_people("participant_id"), names_of_people("orientation")
        (True, False)
    """
    return _PEOPLE.fullmatch(column) is not None


def private_names(texts: Iterable[str], kept: Collection[str]) -> list[str]:
    """Names of users and computers: of this one, and of those whose homes are in texts; the longest first.

    Args:
        texts: of the study.
        kept: names of results, which stay.
    """
    here = {_own(getpass.getuser), Path.home().name, platform.node(), platform.node().partition(".")[0]}
    found = here | {name for text in texts for name in HOME.findall(text)}
    folded = {name.casefold() for name in kept} | _GENERIC
    return sorted(
        {
            name
            for name in found
            if len(name) >= _SHORTEST and name.casefold() not in folded and not name.isdigit()
        },
        key=lambda name: (-len(name), name),
    )


def _own(read: Any) -> str:
    """The name of this user; empty where the system has none."""
    try:
        return str(read())
    except (OSError, KeyError, ImportError):
        return ""


class Replacements:
    """What takes the place of private names and places in texts; counts what was replaced."""

    def __init__(self, names: Iterable[str] = (), *, keep: bool = False) -> None:
        """Prepare the replacements.

        Args:
            names: of users and computers.
            keep: whether everything stays as it is.
        """
        self.keep = keep
        self.replaced = {"paths": 0, "names": 0, "people": 0}
        self._names = [*names]
        self._pattern = _any_of(self._names)
        self._but_words = _any_of(name for name in self._names if name.casefold() not in _WORDS)
        self._people: dict[str, dict[str, str]] = {}

    def text(self, text: str) -> str:
        """A text without absolute paths, of which the last part stays, and without names of users and computers.

        Args:
            text: any.
        """
        if self.keep:
            return text
        plain = _ABSOLUTE.sub(lambda found: self._count("paths", _last_part(found[0])), text)
        if self._pattern is not None:
            plain = self._pattern.sub(lambda _: self._count("names", "name"), plain)
        return plain

    def own_text(self, text: str) -> str:
        """A text that the toolbox wrote, with SQL and formulas, without homes of users and names.

        Args:
            text: of a page; what only looks like a path in it, such as `/n/2` in a formula, stays.
        """
        if self.keep:
            return text
        plain = _HOME_PATH.sub(lambda found: self._count("paths", _last_part(found[0])), text)
        if self._but_words is not None:
            plain = self._but_words.sub(lambda _: self._count("names", "name"), plain)
        return plain

    def path(self, path: str) -> str:
        """A stored path that is not absolute: one outside all roots has a digest in the place of its folder.

        Args:
            path: with slashes.
        """
        if self.keep:
            return path
        if path.startswith(("/", "~", "\\")) or re.match("[A-Za-z]:", path):
            folder, _, name = path.replace("\\", "/").rpartition("/")
            path = self._count("paths", f"elsewhere/{hashlib.sha256(folder.encode()).hexdigest()[:8]}/{name}")
        return "/".join(map(self.text, path.split("/")))

    def person(self, kind: str, name: str, every: Collection[str]) -> str:
        """The number that takes the place of an observer's name; nameless stays so.

        Args:
            kind: what is numbered, such as `observer`.
            name: of the observer.
            every: all names of the kind.
        """
        if self.keep or not name:
            return name
        numbers = self._people.setdefault(kind, {})
        if name not in numbers:
            numbers.update(
                {each: f"{kind}-{number}" for number, each in enumerate(sorted({*every} - {""}), 1)}
            )
            self.replaced["people"] += len(numbers)
        return numbers[name]

    def value(self, value: Any) -> Any:
        """A value of JSON in which all texts are replaced.

        Args:
            value: any.
        """
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(entry) for key, entry in value.items()}
        return [*map(self.value, value)] if isinstance(value, list | tuple) else value

    def _count(self, kind: str, text: str) -> str:
        self.replaced[kind] += 1
        return text


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Any of some names, as a word; None without names."""
    pattern = "|".join(map(re.escape, names))
    return re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])", re.IGNORECASE) if pattern else None


def _last_part(path: str) -> str:
    """The name of a file or folder, behind what shows that its place was removed."""
    return f"…/{PurePosixPath(path.replace(chr(92), '/')).name}"
