"""Reading a table of any format. Owns what a file is, by its first bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError, UsageError
from toolbox.tables.bounds import check_compression, check_parquet, check_size, check_text, check_workbook
from toolbox.tables.text import Dialect, decode_text, dialect_of, read_text
from toolbox.tables.workbook import sheet_as_text

if TYPE_CHECKING:
    import polars as pl

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
"""File name endings of tables that can be read."""
OTHER_SPREADSHEETS = (".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
"""File name endings of tables that a spreadsheet program must save in another format."""
_PARQUET, _ZIP, _OLD_EXCEL = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class UserTable:
    """The rows of a user's file, and what was assumed to read them."""

    rows: pl.DataFrame
    notes: list[str] = field(default_factory=list)
    """One line for each assumption: the separator of columns, decimal commas, the sheet of a workbook."""


def check_table_name(file: Path, expected: str) -> None:
    """Refuse the name of a file that cannot be a table.

    Args:
        file: the file, which need not exist.
        expected: what it should contain, for the message.

    Raises: UsageError.
    """
    suffix = file.suffix.lower()
    if suffix in OTHER_SPREADSHEETS:
        raise UsageError(f"{file} is a spreadsheet in the format {suffix}; save it as .xlsx or .csv")
    if suffix not in TABLE_SUFFIXES:
        raise UsageError(
            f"{file} cannot be read as a table; expected {expected} as {', '.join(TABLE_SUFFIXES)}"
        )


def read_rows(
    file: Path, text: Sequence[str] | None, *, literal: Sequence[str] = (), sheet: Sequence[str] | None = None
) -> UserTable:
    """A table as polars reads it; NA, which R writes for unknown values, becomes null.

    Args:
        file: a file whose name ends in one of TABLE_SUFFIXES; its bytes decide how it is read.
        text: columns that are always read as text, whatever the case of their names; None for all columns.
        literal: columns, of those read as text, in which NA remains a text.
        sheet: columns that tell which sheet of a workbook is meant; those read as text if None.

    Raises: TableError when the file cannot be read.
    """
    import polars as pl

    suffix = file.suffix.lower()
    try:
        check_size(file)
        content = file.read_bytes()
        if suffix == ".parquet" or content.startswith(_PARQUET):
            check_parquet(file, content)
            table = pl.read_parquet(content, hive_partitioning=False)
            check_text(file, table)
            return UserTable(table, _note_of_name(file, ".parquet", "Parquet"))
        wanted = (text or ()) if sheet is None else sheet
        return _read_other(file, content, text, literal, wanted)
    except (pl.exceptions.PolarsError, OSError) as error:
        expected = "Parquet" if suffix == ".parquet" else f"{suffix[1:]} in UTF-8"
        reason = str(error).strip().splitlines()[0]
        raise TableError(f"{file} cannot be read as {expected} ({reason}); export it again") from error


def _read_other(
    file: Path, content: bytes, text: Sequence[str] | None, literal: Sequence[str], wanted: Sequence[str]
) -> UserTable:
    """A workbook, or a table of separated values."""
    notes: list[str] = []
    check_compression(file, content)
    if content.startswith(_OLD_EXCEL):
        raise TableError(
            f"{file} is a workbook of Excel 97-2003, or protected by a password; save it as .xlsx without a password, "
            "or as .csv"
        )
    if content.startswith(_ZIP) or file.suffix.lower() == ".xlsx":
        check_workbook(file, content)
        written, sheet_notes = sheet_as_text(file, content, wanted)
        notes += [*_note_of_name(file, ".xlsx", "an Excel workbook"), *sheet_notes]
        dialect = Dialect()
    else:
        written = decode_text(file, content)
        dialect = dialect_of(file, written)
    rows, assumed = read_text(file, written, dialect, text, literal)
    return UserTable(rows, [*notes, *assumed])


def _note_of_name(file: Path, suffix: str, kind: str) -> list[str]:
    """A note on a file whose name ends in the suffix of another format."""
    return [] if file.suffix.lower() == suffix else [f"{file.name} is {kind} and was read as such"]
