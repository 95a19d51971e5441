"""A table of stimuli: path, category, and every stimulus variable as a further column. Owns reading it.

Manifests are `.csv`, `.tsv` or `.parquet` files. Never reads the images that they list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.sources import Candidate, Listing, Rejection, compose_accents, fault_of_file, text_of
from toolbox.stimuli.variables import check_names
from toolbox.tables import TABLE_SUFFIXES, read_rows

REQUIRED_COLUMNS = ("path", "category")


def list_manifest(file: Path) -> Listing:
    """The stimuli that a table lists, in the order of its rows.

    The columns `path` (absolute, or relative to the folder of the table) and `category` (always text; empty for
    unlabelled stimuli) are required; every other column becomes a stimulus variable of its type. NA means unknown.

    Raises: UsageError when the file does not exist; TableError when it cannot be read as a table; StimulusError when
        it lacks a column, has no rows, or has a column whose name or type cannot be stored.
    """
    if not file.is_file():
        raise UsageError(
            f"{file} does not exist; expected a manifest ({', '.join(TABLE_SUFFIXES)}) with the columns path and "
            "category"
        )
    table = _prepare_table(read_rows(file, REQUIRED_COLUMNS), file)
    base = file.parent.resolve()
    entries = [
        _read_row(row, base, f"{text_of(file)}, row {number}")
        for number, row in enumerate(table.iter_rows(named=True), 1)
    ]
    return Listing(
        [entry for entry in entries if isinstance(entry, Candidate)],
        [entry for entry in entries if isinstance(entry, Rejection)],
    )


def _read_row(row: dict[str, Any], base: Path, place: str) -> Candidate | Rejection:
    """One row as a candidate with its variables, or as a rejection with the reason."""
    name, category = row.pop("path"), row.pop("category")
    if not name:
        return Rejection(place, "no path")
    path = locate_file(base, name)
    fault = fault_of_file(path)
    if fault is not None:
        return Rejection(text_of(path), fault)
    return Candidate(path, compose_accents(category) if category else None, row)


def locate_file(base: Path, name: str) -> Path:
    """The file that a row of a table names; its folders are resolved, but a link as the last part is kept.

    Args:
        base: the folder of the table.
        name: the path in the row, absolute or relative to the base.
    """
    path = base / name
    if "\\" in name and fault_of_file(path) is not None:
        path = base / name.replace("\\", "/")  # written on Windows
    return path.parent.resolve() / path.name


def _prepare_table(table: pl.DataFrame, file: Path) -> pl.DataFrame:
    """The table with only text, whole numbers, numbers, true and false."""
    missing = [name for name in REQUIRED_COLUMNS if name not in table.columns]
    if missing:
        found = ", ".join(map(repr, table.columns))
        hint = "; separate columns by commas, or by tabs in a .tsv" if ";" in found else ""
        raise StimulusError(
            f"{file} has no column {missing[0]!r}, only {found}; expected the columns path and category{hint}"
        )
    if table.is_empty():
        raise StimulusError(f"{file} lists no stimulus; expected one row for every image")
    variables = [name for name in table.columns if name not in REQUIRED_COLUMNS]
    check_names(variables, str(file))
    text = [pl.col(name).cast(pl.String) for name in REQUIRED_COLUMNS]
    return table.select(*text, *(_plain_column(table[name], file) for name in variables))


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
