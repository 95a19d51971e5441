"""How large a user's table may be. Owns the bounds, which are checked before a table expands in memory.

Tables are compressed in some formats: a file of some kilobytes can unpack to more than the memory holds.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError

if TYPE_CHECKING:
    import polars as pl

LARGEST_TABLE = 2**30
"""Bytes of the file of a table, and of its text."""
MOST_CELLS = 2**27
"""Rows times columns."""
_LARGEST_WORKBOOK = 2**28
"""Bytes of a workbook without its compression; a million rows of ten columns have half of it."""
_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "Zstandard", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_CELL = re.compile(rb'<c\s[^>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
_PIECE, _OVERLAP = 2**20, 64


def check_size(file: Path) -> None:
    """Refuse a file that is too large to be a table, before it is read.

    Args:
        file: the file.

    Raises: TableError.
    """
    if (size := file.stat().st_size) > LARGEST_TABLE:
        raise TableError(
            f"{file} has {size:,} bytes; expected a table of at most {LARGEST_TABLE:,}; export fewer rows"
        )


def check_compression(file: Path, content: bytes) -> None:
    """Refuse a table that is compressed as a whole.

    Args:
        file: the file, for the message.
        content: its bytes.

    Raises: TableError.
    """
    for magic, name in _COMPRESSIONS.items():
        if content.startswith(magic):
            raise TableError(f"{file} is compressed with {name}; unpack it first, and give the table itself")


def check_parquet(file: Path, content: bytes) -> None:
    """Refuse a Parquet file of too many rows and columns, by its footer.

    Args:
        file: the file, for the message.
        content: its bytes.

    Raises: TableError; an exception of polars for what is no Parquet file.
    """
    import polars as pl

    lazy = pl.scan_parquet(io.BytesIO(content), hive_partitioning=False)
    rows, columns = lazy.select(pl.len()).collect().item(), len(lazy.collect_schema())
    _check_cells(file, rows, columns)


def _check_cells(file: Path, rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise TableError(
            f"{file} has {rows:,} rows of {columns:,} columns; expected at most {MOST_CELLS:,} cells; export fewer rows"
        )


def check_text(file: Path, table: pl.DataFrame) -> None:
    """Refuse a table whose texts are far longer than its file, as one long text that all rows share.

    Args:
        file: the file, for the message.
        table: its rows, which share such a text in memory until they are read one by one.

    Raises: TableError.
    """
    import polars as pl

    lengths = table.select(pl.col(pl.String).str.len_bytes().cast(pl.Int64).sum())
    size = sum(lengths.row(0)) if lengths.width else 0
    if size > LARGEST_TABLE:
        raise TableError(
            f"{file} has {size:,} bytes of text; expected at most {LARGEST_TABLE:,}; export fewer rows"
        )


def check_workbook(file: Path, content: bytes) -> None:
    """Refuse a workbook that unpacks to too much, or whose last cell is too far away, before it is read.

    Args:
        file: the file, for the message.
        content: its bytes.

    Raises: TableError; of what is no workbook, nothing is found.
    """
    try:
        workbook = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError):
        return
    with workbook:
        unpacked = 0
        for entry in workbook.infolist():
            unpacked = _check_entry(file, workbook, entry, unpacked)


def _check_entry(file: Path, workbook: zipfile.ZipFile, entry: zipfile.ZipInfo, unpacked: int) -> int:
    """The bytes that a workbook unpacks to, with one more of its files; its pieces are looked at, and not kept."""
    last_row = last_column = 0
    rest = b""
    for piece in _pieces(workbook, entry):
        unpacked += len(piece)
        if unpacked > _LARGEST_WORKBOOK:
            raise TableError(
                f"{file} unpacks to more than {_LARGEST_WORKBOOK:,} bytes; expected a smaller table; save it as .csv"
            )
        for column, row in _CELL.findall(rest + piece):
            last_row, last_column = max(last_row, int(row)), max(last_column, _number(column))
        rest = piece[-_OVERLAP:]
    _check_cells(file, last_row, last_column)
    return unpacked


def _pieces(workbook: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """What an entry really unpacks to, whatever size it states; of a damaged one, what comes before the damage."""
    entry.file_size = _LARGEST_WORKBOOK + 1
    try:
        with workbook.open(entry) as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        return  # the library that reads it tells what is wrong


def _number(column: bytes) -> int:
    """The number of a column from its letters: A is 1, AA is 27."""
    number = 0
    for letter in column:
        number = 26 * number + letter - 64
    return number
