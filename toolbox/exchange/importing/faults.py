"""What is wrong in a bundle, as one line. Owns the words that all checks share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from toolbox.errors import ToolboxError, VerificationError
from toolbox.faults import fault_of
from toolbox.printing import printable

REMEDY = "ask for the bundle again, from whoever shared it"
"""What to do about most problems: nothing in a bundle can be repaired by who receives it."""
_LONGEST = 60


class BundleError(VerificationError):
    """Something is wrong in a bundle.

    Attributes:
        file: name of the file in the bundle; empty for the bundle as a whole.
        problem: what is wrong with it.
        remedy: what to do.
    """

    def __init__(self, file: str, problem: str, remedy: str = REMEDY) -> None:
        """A problem, as one line.

        Args:
            file: name of the file in the bundle.
            problem: what is wrong with it.
            remedy: what to do.
        """
        self.file, self.problem, self.remedy = printable(file)[:200], printable(problem), remedy
        super().__init__(f"{self.file or 'the bundle'} {self.problem}; {remedy}")


def refuse(file: str, problem: str, remedy: str = REMEDY) -> NoReturn:
    """Refuse a bundle.

    Args:
        file: name of the file in the bundle.
        problem: what is wrong with it.
        remedy: what to do.

    Raises: BundleError.
    """
    raise BundleError(file, problem, remedy)


def shortened(value: object) -> str:
    """A value of somebody else in a message: short, and without what a terminal would obey.

    Example:
        >>> shortened("x" * 100)[-3:]
        "x…'"
    """
    text = value if isinstance(value, str) else repr(value)
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return repr(short) if isinstance(value, str) else short


@contextlib.contextmanager
def named_file(file: str) -> Iterator[None]:
    """Errors of libraries that read a file as a problem of that file; faults of the computer stay as they are.

    Args:
        file: name of the file in the bundle.

    Raises: BundleError.
    """
    import pyarrow as pa

    try:
        yield
    except ToolboxError:
        raise
    except (OSError, ValueError, KeyError, OverflowError, RecursionError, pa.ArrowException) as error:
        if fault_of(error):
            raise
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BundleError(file, f"is damaged, or of another program ({reason})") from error


def name_of(path: Path) -> str:
    """The name of a bundle in messages."""
    return printable(path.name)
