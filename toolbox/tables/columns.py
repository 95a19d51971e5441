"""The header of a table. Owns which column is meant by a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from toolbox.errors import TableError
from toolbox.printing import is_printable


def find_column(file: Path, columns: Sequence[str], name: str) -> str | None:
    """The column of a name, as it is written in the table; `Path` and `PATH` are found as `path`.

    Args:
        file: the table, for the message.
        columns: its columns.
        name: the wanted name; a column of exactly this name is preferred.

    Returns: None where there is no such column.
    Raises: TableError when several columns differ from the name only in case.

    Example:
        >>> find_column(Path("images.csv"), ["Path", "CATEGORY"], "category")
        'CATEGORY'
    """
    if name in columns:
        return name
    alike = [column for column in columns if column.lower() == name.lower()]
    if len(alike) > 1:
        raise TableError(
            f"{file} has the columns {' and '.join(map(repr, alike))}, which differ only in case; rename the column "
            f"that is meant to {name!r}"
        )
    return alike[0] if alike else None


def check_header(file: Path, header: Sequence[str]) -> None:
    """Refuse a header that names two columns alike, or one with a character that cannot be shown.

    Args:
        file: the table, for the message.
        header: names of its columns; empty names are left to those who interpret the table.

    Raises: TableError.
    """
    if odd := [name for name in header if not is_printable(name)]:
        raise TableError(
            f"{file} has the column {odd[0][:60]!r}, with a character that cannot be shown; rename it"
        )
    twice = [name for name, count in Counter(header).items() if name and count > 1]
    if twice:
        raise TableError(f"{file} has several columns {twice[0]!r}; rename or remove all but one of them")
