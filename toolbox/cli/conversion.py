"""From the texts of a command to what the study takes: a directory, a selection, pairs of names and values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import UsageError

if TYPE_CHECKING:
    from toolbox.store.selection import Selection
    from toolbox.study import Study


def study_at(directory: Path, *, create: bool = False) -> Study:
    """The study in a directory.

    Args:
        directory: of the study.
        create: whether a missing or empty directory is accepted, which ingestion makes a study.

    Raises: UsageError when there is no study.
    """
    from toolbox.study import Study

    return Study(directory, create=create)


def selection_of(set: str | None, models: str | Sequence[str] | None, scheme: str | None) -> Selection:
    """What a question is about.

    Args:
        set: the stimulus set, if named.
        models: one or several, if named.
        scheme: the label scheme, if named.
    """
    from toolbox.store.selection import Selection

    return Selection(set, models or (), scheme)


def parameters(given: Sequence[str] | None) -> dict[str, str]:
    """Values of a query's parameters, from texts such as 'threshold=0.05'.

    Raises: UsageError for a text without a value.
    """
    return pairs(given, "--param", "name=value")


def tables_of(given: Sequence[str] | None) -> dict[str, str]:
    """Files by their names in SQL, from texts such as 'ratings=ratings.csv'.

    Raises: UsageError for a text without a file, and for two files of one name.
    """
    files: dict[str, str] = {}
    for text in given or ():
        for name, file in pairs([text], "--table", "NAME=FILE").items():
            if name in files:
                raise UsageError(f"--table {name} is given twice; choose another name for {file}")
            files[name] = file
    return files


def pairs(given: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """What is written before and after the first `=` of each text.

    Args:
        given: the texts.
        option: which option they were given to, for the message.
        form: what was expected, for the message.

    Raises: UsageError for a text without a name or an `=`.
    """
    split = [entry.partition("=") for entry in given or ()]
    for name, equals, _ in split:
        if not equals or not name:
            raise UsageError(f"{option} {name!r} has no value; expected {form}")
    return {name: value for name, _, value in split}


def part_or_job(text: str | None) -> int | str | None:
    """A number of stimuli, or which of several jobs this is.

    Args:
        text: as it was typed.
    """
    return int(text) if text and text.isascii() and text.isdecimal() else text
