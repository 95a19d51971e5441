"""Tables of separated values. Owns their encoding, and the separator of their columns."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError
from toolbox.tables.columns import check_header
from toolbox.tables.numbers import read_numbers

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = {",": "','", ";": "';'", "\t": "tabs"}
"""Separators of columns, and what notes call them."""
_EXAMINED = 100
"""Rows that must fit a separator."""
_EXCEL_HINT = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
"""A first line by which Excel is told the separator."""


@dataclass(frozen=True)
class Dialect:
    """How a text is separated."""

    separator: str = ","
    start: int = 0
    """Characters before the header."""
    is_usual: bool = True
    """Whether the separator is that of the file's name: tabs in .tsv and .txt, else commas."""


def decode_text(file: Path, content: bytes) -> str:
    """A file as text: in UTF-8, or in UTF-16 with its mark, as Excel's "Unicode text".

    Args:
        file: the file, for messages.
        content: its bytes.

    Raises: TableError for another encoding, and for an empty file.
    """
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    kind = f"{file.suffix[1:].lower()} in {'UTF-16' if is_wide else 'UTF-8'}"
    remedy = "in Excel, save it as 'CSV UTF-8' or as .xlsx; elsewhere, export it in UTF-8"
    if b"\0" in content and not is_wide:
        raise TableError(f"{file} cannot be read as {kind} (it has NUL characters); {remedy}")
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start]
        reason = f"line {line} has the byte 0x{byte:02X}, as files in Windows-1252 or Latin-1 have"
        raise TableError(f"{file} cannot be read as {kind} ({reason}); {remedy}") from error
    if not text.strip():
        raise TableError(f"{file} cannot be read as {kind} (it is empty); export it again")
    return text if "\n" in text else text.replace("\r", "\n")  # line ends of old Macintosh programs


def dialect_of(file: Path, text: str) -> Dialect:
    """The separator into which the header and the first rows can be split.

    Args:
        file: the file, whose name decides where several separators fit, or none.
        text: its content.
    """
    usual = "," if file.suffix.lower() == ".csv" else "\t"
    hint = _EXCEL_HINT.match(text)
    if hint and hint[1] in SEPARATORS:
        return Dialect(hint[1], hint.end(), hint[1] == usual)
    widths = {separator: _width(text, separator) for separator in SEPARATORS}
    fitting = [separator for separator, width in widths.items() if width == max(widths.values())]
    separator = usual if usual in fitting else fitting[0]
    return Dialect(separator, is_usual=separator == usual)


def _width(text: str, separator: str) -> int:
    """Number of columns in the header, if most of the first rows have several; else 0."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        widths = [len(row) for row in islice(lines, _EXAMINED) if row]
    except csv.Error:  # a cell of more than 128 kB
        return 0
    several = sum(width > 1 for width in widths)
    return widths[0] if 2 * several > len(widths) else 0


def _without_empty_columns(file: Path, text: str, separator: str) -> str:
    """A table without the columns that have neither a name nor a value, as Excel writes them beside deleted cells.

    Raises: TableError for values to the right of the header, and for values in several columns without a name.
    """
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        header = [name.strip() for name in next(lines)]
        is_plain = all(header) and all(len(row) <= len(header) for row in islice(lines, _EXAMINED))
        rows = [] if is_plain else list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:  # a cell of more than 128 kB
        return text
    if is_plain:
        return text
    filled = {place for row in rows[1:] for place, cell in enumerate(row) if cell.strip()}
    nameless = sorted(filled - {place for place, name in enumerate(header) if name})
    if len(nameless) > 1 or any(place >= len(header) for place in nameless):
        raise _nameless_error(file, rows, nameless[-1])
    kept = [place for place, name in enumerate(header) if name or place in filled]
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, lineterminator="\n")
    writer.writerows([row[place] for place in kept if place < len(row)] for row in rows)
    return written.getvalue()


def _nameless_error(file: Path, rows: Sequence[Sequence[str]], place: int) -> TableError:
    """What to say of a column that has values but no name, with the first of them."""
    cells = ((number, "".join(row[place : place + 1])) for number, row in enumerate(rows))
    number, value = next((number, cell) for number, cell in cells if number and cell.strip())
    return TableError(
        f"{file} has values in a column without a name, such as {value!r} in row {number}, column {place + 1}; give "
        "the column a name, or remove it"
    )


def read_text(
    file: Path, text: str, dialect: Dialect, as_text: Sequence[str] | None, literal: Sequence[str]
) -> tuple[pl.DataFrame, list[str]]:
    """A table of separated values, and notes on what was assumed.

    Args:
        file: the file, for messages.
        text: its content.
        dialect: how it is separated.
        as_text: columns that are read as text, whatever the case of their names; None for all.
        literal: those of them in which NA remains a text.

    Raises: TableError for two columns of one name, for values beside the named columns, and for numbers whose decimal
        sign is not clear.
    """
    import polars as pl

    body = _without_empty_columns(file, text[dialect.start :], dialect.separator)
    header = [
        name.strip() for name in next(csv.reader(io.StringIO(body, newline=""), delimiter=dialect.separator))
    ]
    check_header(file, header)
    texts, kept = ({name.lower() for name in names or ()} for names in (as_text, literal))
    table = pl.read_csv(
        body.encode(),
        separator=dialect.separator,
        infer_schema=as_text is not None,
        infer_schema_length=None,  # the first text of a column may be in the last row
        null_values={name: "NA" for name in header if name.lower() not in kept},
        schema_overrides={name: pl.String for name in header if name.lower() in texts},
        new_columns=header,
    )
    notes = (
        [] if dialect.is_usual else [f"{file.name}: columns are separated by {SEPARATORS[dialect.separator]}"]
    )
    if as_text is not None:
        table, assumed = read_numbers(file, table, texts, dialect.separator)
        notes += assumed
    return table, notes
