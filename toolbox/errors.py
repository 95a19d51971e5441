"""The exception tree. Owns what a user is asked to fix; everything else is a bug and keeps its traceback.

A message is one line: the wrong value, what was expected, what to do.

    ToolboxError                exit code 1
    ├── UsageError              2   a parameter or option has an impossible value
    │   ├── UnknownNameError    2   no query, card, set, model, layer … of that name
    │   └── AmbiguousError      2   several sets, models or schemes, and none was chosen
    ├── CardError               1   a card or a query's header breaks its own rules
    ├── StimulusError           1   a stimulus set has no usable image, or one is unreadable
    ├── TableError              1   a table that a user brings along cannot be read
    ├── DownloadError           1   a file could not be fetched
    ├── WeightsError            1   the weights of a network are not available, or not the published ones
    ├── DeviceError             1   the asked-for processor is not there
    ├── QueryError              1   SQL that is refused or fails
    ├── MixtureError            1   two models, layers or preprocessings would share one table
    ├── BusyError               1   another process is writing here
    ├── StorageError            1   the disk is too small for what is to be written
    └── VerificationError       3   bytes differ from their recorded digest

    ResultWarning                   a result that is correct, and must be read with care
"""

from __future__ import annotations

from collections.abc import Iterable

MOST_NAMES = 25
"""Names that a message lists."""


class ToolboxError(Exception):
    """Anything a user can fix."""

    exit_code = 1


class UsageError(ToolboxError):
    """A parameter or option has an impossible value."""

    exit_code = 2


class UnknownNameError(UsageError):
    """Nothing has that name; the message offers the nearest ones, or all when they are few."""

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        """An error that names what was asked for.

        Args:
            kind: of thing, in the singular.
            name: that nothing has.
            known: names that there are.
            remedy: what else may help.
        """
        hint = _hint(kind, name, sorted(known))
        super().__init__(f"no {kind} named {name!r}{hint}{f' ({remedy})' if remedy else ''}")


def _hint(kind: str, name: str, known: list[str]) -> str:
    """What may have been meant."""
    from difflib import get_close_matches  # slower to import than a command is to refuse

    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not known:
        return f"; there is no {kind} yet"
    if len(known) <= MOST_NAMES:
        return f"; there is {', '.join(known)}"
    return f"; there are {len(known)} others"


class AmbiguousError(UsageError):
    """Several candidates and no choice."""

    def __init__(self, kind: str, names: Iterable[str], option: str) -> None:
        """An error that lists the candidates.

        Args:
            kind: of thing, in the singular.
            names: of the candidates.
            option: of the command, that chooses one.
        """
        super().__init__(
            f"the study holds several {kind}s ({', '.join(sorted(names))}); choose one with {option}"
        )


class CardError(ToolboxError):
    """A card or a query's header breaks its own rules."""


class StimulusError(ToolboxError):
    """A stimulus set has no usable image, or a single image cannot be read."""


class TableError(ToolboxError):
    """A table that a user brings along cannot be read."""


class DownloadError(ToolboxError):
    """A file could not be fetched."""


class WeightsError(ToolboxError):
    """The weights of a network are not available, or are not the published ones."""


class DeviceError(ToolboxError):
    """The asked-for processor is not there."""


class QueryError(ToolboxError):
    """SQL that is refused or fails."""


class MixtureError(ToolboxError):
    """Two models, layers or preprocessings would share one table."""


class BusyError(ToolboxError):
    """Another process is writing here."""


class StorageError(ToolboxError):
    """The disk is too small for what is to be written."""


class VerificationError(ToolboxError):
    """Bytes differ from their recorded digest."""

    exit_code = 3


class ResultWarning(UserWarning):
    """What a reader of a result should know, such as that responses are not complete yet.

    The library warns of it; the command prints it as a note on stderr.
    """
