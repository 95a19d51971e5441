"""The exception tree. Owns all errors that a user can fix; any other exception is a bug and keeps its traceback.

A message is one line: the wrong value, what was expected, and what to do.

    ToolboxError                exit code 1
    ├── UsageError              2   a parameter or option has an invalid value
    │   ├── UnknownNameError    2   no query, card, set, model, layer … has that name
    │   └── AmbiguousError      2   there are several sets, models or schemes, and none was chosen
    ├── CardError               1   a card, or the header of a query, is invalid
    ├── StimulusError           1   a stimulus set has no usable image, or an image is unreadable
    ├── TableError              1   a user's table cannot be read
    ├── DownloadError           1   a file could not be downloaded
    ├── WeightsError            1   the weights of a network are not available, or not the published ones
    ├── GradientError           1   no gradient can be computed through an operator of a network
    ├── DeviceError             1   the requested processor is not available
    ├── QueryError              1   SQL was refused or failed
    ├── MixtureError            1   responses of two models, layers or preprocessings would share one table
    ├── BusyError               1   another process is writing in the same folder
    ├── StorageError            1   a file cannot be written or read: no space, no permission, no such place
    │   └── ObjectStorageError  1   object storage cannot be reached, or refuses access; it is an OSError, too
    ├── ResourceError           1   memory, threads or open files are exhausted
    └── VerificationError       3   bytes differ from their recorded digest

    ResultWarning                   a result is correct, but must be interpreted with care
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toolbox.printing import printable

MOST_NAMES = 25
"""Names that a message lists."""


class ToolboxError(Exception):
    """Any error that a user can fix."""

    exit_code = 1

    def __str__(self) -> str:
        """The message on one line, whatever the names in it contain."""
        return printable(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        """How it travels from one process to another: with its class and its message, however it was made."""
        return _restore, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """The one line of the error instead of a traceback, where IPython or a notebook shows it."""
        return [f"{type(self).__name__}: {self}"]


def _restore(
    kind: type[ToolboxError], arguments: tuple[Any, ...], attributes: dict[str, Any]
) -> ToolboxError:
    """An error of another process."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class UsageError(ToolboxError):
    """A parameter or option has an invalid value."""

    exit_code = 2


class UnknownNameError(UsageError):
    """Nothing has that name; the message suggests the most similar name, or lists all names if they are few."""

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        """An error for an unknown name.

        Args:
            kind: what the name is for, in the singular.
            name: the unknown name.
            known: the names that exist.
            remedy: further advice.
        """
        self.kind, self.name = kind, name
        hint = _hint(name, sorted(known))
        super().__init__(f"no {kind} named {name!r}{hint}{f' ({remedy})' if remedy else ''}")


def _hint(name: str, known: list[str]) -> str:
    """A suggestion for an unknown name."""
    if near := nearest_name(name, known):
        return f"; did you mean {near!r}?"
    if not known:
        return "; none is available"
    if len(known) <= MOST_NAMES:
        return f"; available: {', '.join(known)}"
    return f"; {len(known)} others are available"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant.

    One that differs in case, spaces, `_`, `-` or `/` alone; else the only one that ends in it, after a `/`; else a
    similar one.

    Args:
        name: the unknown name.
        known: the names that exist.

    Returns: one of them; None if none is similar.

    Example:
        >>> nearest_name("dprime", ["auc", "d_prime"]), nearest_name("VGG-16", ["vgg11", "vgg16"])
        ('d_prime', 'vgg16')
    """
    from difflib import get_close_matches  # imported late: importing it takes longer than most refusals

    plain = {_plain(each): each for each in reversed(list(known))}  # of two that are alike, the first
    ends = [each for each in plain.values() if _plain(each.rpartition("/")[2]) == _plain(name)]
    if _plain(name) not in plain and len(ends) == 1:
        return ends[0]  # layers/profile by the name of its file
    near = get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None


def expected_names(value: object, names: Iterable[str]) -> str:
    """What is expected instead of a value that is none of a few names.

    Args:
        value: the value.
        names: the names, in the order in which they are listed.

    Example:
        >>> expected_names("Mean", ["maximum", "mean"])
        "expected one of maximum, mean; did you mean 'mean'?"
    """
    listed = list(names)
    near = nearest_name(value, listed) if isinstance(value, str) else None
    return f"expected one of {', '.join(listed)}{f'; did you mean {near!r}?' if near else ''}"


def _plain(name: str) -> str:
    """A name without what people leave out, or write otherwise."""
    return "".join(letter for letter in name.casefold() if letter not in " _-/")


def command_line(*words: object) -> str:
    """A command for the user to enter, quoted so that a shell reads every word as it is.

    Args:
        words: what follows `toolbox`; placeholders such as SET stay as they are.

    Example:
        >>> command_line("extract", "my pets", "--layers", "block5_*")
        "toolbox extract 'my pets' --layers 'block5_*'"
    """
    from shlex import join  # imported late, as above

    return f"toolbox {join(map(str, words))}"


class AmbiguousError(UsageError):
    """There are several candidates, and none was chosen."""

    def __init__(self, kind: str, names: Iterable[str], option: str) -> None:
        """An error that lists the candidates.

        Args:
            kind: what the candidates are, in the singular.
            names: names of the candidates.
            option: the keyword, and the option of the command, that chooses one.
        """
        super().__init__(
            f"the study holds several {kind}s ({', '.join(sorted(names))}); "
            f"choose one with {option}=… (--{option} …), or for all commands with: toolbox use"
        )


class CardError(ToolboxError):
    """A card, or the header of a query, is invalid."""


class StimulusError(ToolboxError):
    """A stimulus set has no usable image, or an image is unreadable."""


class TableError(ToolboxError):
    """A user's table cannot be read."""


class DownloadError(ToolboxError):
    """A file could not be downloaded."""


class WeightsError(ToolboxError):
    """The weights of a network are not available, or are not the published ones."""


class GradientError(ToolboxError):
    """No gradient can be computed through an operator of a network."""


class DeviceError(ToolboxError):
    """The requested processor is not available."""


class QueryError(ToolboxError):
    """SQL was refused or failed."""


class MixtureError(ToolboxError):
    """Responses of two models, layers or preprocessings would share one table."""


class BusyError(ToolboxError):
    """Another process is writing in the same folder."""


class StorageError(ToolboxError):
    """A file cannot be written or read, because of its disk, its path, or a missing permission."""


class ObjectStorageError(StorageError, OSError):
    """Object storage cannot be reached, or refuses access; whoever can do without a file treats it as of a disk."""

    def __str__(self) -> str:
        """The message, without the number of the error."""
        return printable(self.strerror)


class ResourceError(ToolboxError):
    """The computer has no more memory, threads or open files for this process."""


class VerificationError(ToolboxError):
    """Bytes differ from their recorded digest."""

    exit_code = 3


class ResultWarning(UserWarning):
    """A fact that a reader of a result should know, such as that responses are not complete yet.

    The library issues it as a warning; the command prints it as a note on stderr.
    """

    def __str__(self) -> str:
        """The note on one line, whatever the names in it contain."""
        return printable(super().__str__())
