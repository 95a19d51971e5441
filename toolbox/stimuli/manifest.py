"""A table of stimuli: path, category, and every stimulus variable as a further column. Owns reading it.

Never reads the images that it lists.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.categories import Categories, read_categories
from toolbox.stimuli.sources import Candidate, Listing, Rejection, fault_of_file, text_of
from toolbox.stimuli.variables import check_names
from toolbox.tables import TABLE_SUFFIXES, UserTable, find_column, read_rows
from toolbox.terms import Missing

REQUIRED_COLUMNS = ("path", "category")


def list_manifest(file: Path, missing: Missing | None = None) -> Listing:
    """The stimuli that a table lists, in the order of its rows.

    The columns `path` (absolute, or relative to the folder of the table) and `category` (always text; empty for
    unlabelled stimuli) are required; every other column becomes a stimulus variable of its type. NA means unknown.

    Args:
        file: the table.
        missing: what a category such as `nan` or `None` means, as of `read_categories`.

    Raises: UsageError when the file does not exist; TableError when it cannot be read as a table; StimulusError when
        it lacks a column, has no rows, has a column whose name or type cannot be stored, or has a category that
        usually means a missing value.
    """
    if not file.is_file():
        raise UsageError(
            f"{file} does not exist; expected a manifest ({', '.join(TABLE_SUFFIXES)}) with the columns path and "
            "category"
        )
    read = read_rows(file, REQUIRED_COLUMNS, literal=["category"])
    table = _prepare_table(read, file)
    categories = read_categories(table["category"].unique(maintain_order=True), str(file), missing)
    entries = list(_read_rows(table, file, categories))
    return Listing(
        [entry for entry in entries if isinstance(entry, Candidate)],
        [entry for entry in entries if isinstance(entry, Rejection)],
        [*read.notes, *categories.notes],
    )


def _read_rows(table: pl.DataFrame, file: Path, categories: Categories) -> Iterator[Candidate | Rejection]:
    """Every row as a candidate with its variables, or as a rejection with the reason."""
    base = file.parent.resolve()

    @cache  # a table may name one file in many rows
    def locate(name: str) -> tuple[Path, str | None]:
        path = locate_file(base, name)
        return path, fault_of_file(path)

    for number, row in enumerate(table.iter_rows(named=True), 1):
        name, category = row.pop("path"), categories.names[row.pop("category")]
        if not name:
            yield Rejection(f"{text_of(file)}, row {number}", "no path")
            continue
        path, fault = locate(name)
        yield Candidate(path, category, row) if fault is None else Rejection(text_of(path), fault)


def locate_file(base: Path, name: str) -> Path:
    """The file that a row of a table names; its folders are resolved, but a link as the last part is kept.

    Where there is no such file, the name is tried as Windows writes it, and with its accents composed and decomposed:
    a table and a disk of two operating systems may write them in two ways.

    Args:
        base: the folder of the table.
        name: the path in the row, absolute or relative to the base.
    """
    spellings = (unicodedata.normalize(form, text) for text in _slashes(name) for form in ("NFC", "NFD"))
    tried = [base / spelling for spelling in (name, *spellings)]
    path = next((path for path in tried if fault_of_file(path) is None), base / _slashes(name)[-1])
    return path.parent.resolve() / path.name


def _slashes(name: str) -> tuple[str, ...]:
    """A path as it is, and as written on Windows if it has backslashes."""
    return (name, name.replace("\\", "/")) if "\\" in name else (name,)


def _prepare_table(read: UserTable, file: Path) -> pl.DataFrame:
    """The table with only text, whole numbers, numbers, true and false."""
    table = read.rows
    found = {name: find_column(file, table.columns, name) for name in REQUIRED_COLUMNS}
    table = table.rename({column: name for name, column in found.items() if column})
    missing = [name for name, column in found.items() if column is None]
    if missing:
        columns = ", ".join(map(repr, read.rows.columns))
        raise StimulusError(
            f"{file} has no column {missing[0]!r}, only {columns}; expected the columns path and category"
        )
    if table.is_empty():
        raise StimulusError(f"{file} lists no stimulus; expected one row for every image")
    variables = [name for name in table.columns if name not in REQUIRED_COLUMNS]
    check_names(variables, str(file))
    for name in REQUIRED_COLUMNS:
        check_text_column(table[name], file)
    text = [pl.col(name).cast(pl.String) for name in REQUIRED_COLUMNS]
    return table.select(*text, *(_plain_column(table[name], file) for name in variables))


def check_text_column(column: pl.Series, file: Path) -> None:
    """Refuse a column that cannot be read as text: bytes, lists, and what only Python knows.

    Args:
        column: the column.
        file: its table, for the message.

    Raises: StimulusError.
    """
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise StimulusError(
            f"column {column.name!r} of {file} has the type {column.dtype}; expected text; export it as text"
        )


def _plain_column(column: pl.Series, file: Path) -> pl.Series:
    """A stimulus variable as text, 64-bit integers, doubles, or true and false; NaN becomes null."""
    dtype = column.dtype
    if dtype in (pl.String, pl.Boolean, pl.Null):
        return column
    if dtype in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if dtype.is_integer():
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() > column.null_count():
            raise StimulusError(
                f"column {column.name!r} of {file} has numbers of more than 64 bits; export them as text"
            )
        return whole
    if dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    raise StimulusError(
        f"column {column.name!r} of {file} has the type {dtype}; expected text or numbers; export it so"
    )
