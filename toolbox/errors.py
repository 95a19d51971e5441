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
    ├── DeviceError             1   the requested processor is not available
    ├── QueryError              1   SQL was refused or failed
    ├── MixtureError            1   responses of two models, layers or preprocessings would share one table
    ├── BusyError               1   another process is writing in the same folder
    ├── StorageError            1   the disk is too small for the files to be written
    └── VerificationError       3   bytes differ from their recorded digest

    ResultWarning                   a result is correct, but must be interpreted with care
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_NAMES = 25
"""Names that a message lists."""


class ToolboxError(Exception):
    """Any error that a user can fix."""

    exit_code = 1


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
        hint = _hint(name, sorted(known))
        super().__init__(f"no {kind} named {name!r}{hint}{f' ({remedy})' if remedy else ''}")


def _hint(name: str, known: list[str]) -> str:
    """A suggestion for an unknown name."""
    from difflib import get_close_matches  # imported late: importing it takes longer than most refusals

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not known:
        return "; none is available"
    if len(known) <= MOST_NAMES:
        return f"; available: {', '.join(known)}"
    return f"; {len(known)} others are available"


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


class DeviceError(ToolboxError):
    """The requested processor is not available."""


class QueryError(ToolboxError):
    """SQL was refused or failed."""


class MixtureError(ToolboxError):
    """Responses of two models, layers or preprocessings would share one table."""


class BusyError(ToolboxError):
    """Another process is writing in the same folder."""


class StorageError(ToolboxError):
    """The disk is too small for the files to be written."""


class VerificationError(ToolboxError):
    """Bytes differ from their recorded digest."""

    exit_code = 3


class ResultWarning(UserWarning):
    """A fact that a reader of a result should know, such as that responses are not complete yet.

    The library issues it as a warning; the command prints it as a note on stderr.
    """
