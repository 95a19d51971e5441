"""A published table of selectivities. Owns reading it, and checking it as far as that is possible without a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import UnknownNameError, UsageError
from toolbox.files import digest_of
from toolbox.tables import TABLE_SUFFIXES, UserTable, check_table_name, find_column, read_rows

_NAMES = ("layer", "label", "category")
"""Columns of text."""
MISSING = ("", "NA", "NaN", "nan", "null")
"""How programs write a value that is not known."""


@dataclass(frozen=True)
class PublishedTable:
    """A published table under the study's names of categories.

    Attributes:
        file: from which it was read.
        rows: layer, filter, category, value; a value that the table does not know is null.
        renamed: label of the table -> category of the study, where they differ.
        notes: what was assumed to read the file.
    """

    file: Path
    rows: pl.DataFrame
    renamed: Mapping[str, str]
    notes: Sequence[str] = ()

    @property
    def provenance(self) -> dict[str, Any]:
        """File, digest and names, as they are stored with a result."""
        return {"file": str(self.file), "sha256": digest_of(self.file), "map": dict(self.renamed)}

    def distinct_names(self, column: str) -> list[str]:
        """The layers or the categories, in the order in which they first appear."""
        return self.rows[column].unique(maintain_order=True).to_list()


def read_published_table(file: Path, renamed: Mapping[str, str]) -> PublishedTable:
    """A published table, checked as far as that is possible without a study.

    Args:
        file: .csv, .tsv or .parquet with the columns layer, filter, selectivity, and label or category.
        renamed: label of the table -> category of the study, where they have different names.

    Raises: UsageError when it cannot be read, lacks a column, holds what is no number, or names a filter twice.

    Example:
        >>> read_published_table(Path("published.csv"), {"rouge": "red"}).distinct_names("category")
        ['red', 'green']
    """
    read = _read_table(file)
    table = read.rows
    naming = "label" if "label" in table.columns else "category"
    _check_columns(file, table, naming)
    rows = pl.DataFrame(
        {
            "layer": _name_column(file, table["layer"]),
            "filter": _number_column(file, table["filter"], whole=True).cast(pl.Int32),
            "label": _name_column(file, table[naming]),
            "value": _number_column(file, table["selectivity"]),
        }
    )
    if rows.is_empty():
        raise UsageError(f"{file} has no rows; expected one for every filter and category")
    rows = _rename_categories(file, rows, renamed, naming)
    _check_unique(file, rows)
    return PublishedTable(file, rows, renamed, read.notes)


def _check_columns(file: Path, table: pl.DataFrame, naming: str) -> None:
    for name in ("layer", "filter", "selectivity", naming):
        if name not in table.columns:
            wanted = "layer, filter, selectivity, and label or category"
            columns = ", ".join(table.columns)
            raise UsageError(f"{file} has no column {name!r}, only {columns}; it needs {wanted}")


def _rename_categories(
    file: Path, rows: pl.DataFrame, renamed: Mapping[str, str], naming: str
) -> pl.DataFrame:
    """The rows under the study's names of categories; a name that no row has is refused."""
    for label in renamed:
        if label not in set(rows["label"]):
            raise UnknownNameError(f"{naming} of {file}", label, rows["label"].unique())
    category = pl.col("label").replace(dict(renamed)).alias("category")
    return rows.select("layer", "filter", category, "value")


def _read_table(file: Path) -> UserTable:
    """The table with its columns as they are named here; names of layers and categories are text."""
    check_table_name(file, "a published table")
    if not file.is_file():
        raise UsageError(f"no file {file}; expected a published table ({', '.join(TABLE_SUFFIXES)})")
    read = read_rows(file, text=_NAMES)
    found = {name: find_column(file, read.rows.columns, name) for name in (*_NAMES, "filter", "selectivity")}
    return replace(read, rows=read.rows.rename({column: name for name, column in found.items() if column}))


def _name_column(file: Path, column: pl.Series) -> pl.Series:
    """A column of names, none of them empty."""
    texts = column.cast(pl.String).str.strip_chars()
    _check_all(file, column, texts.is_not_null() & (texts != ""), "a name")
    return texts


def _number_column(file: Path, column: pl.Series, *, whole: bool = False) -> pl.Series:
    """A column of numbers; one that is not whole may have values that are not known."""
    numbers = column.cast(pl.Float64, strict=False)
    is_good = numbers.is_finite().fill_null(False)
    if whole:
        _check_all(file, column, is_good & (numbers % 1 == 0) & (numbers.abs() < 2**31), "a whole number")
        return numbers
    is_missing = numbers.is_nan().fill_null(False) | column.cast(pl.String).fill_null("").is_in(list(MISSING))
    _check_all(file, column, is_good | is_missing, "a number")
    return numbers.set(~is_good, None)


def _check_all(file: Path, column: pl.Series, is_good: pl.Series, wanted: str) -> None:
    bad = (~is_good.fill_null(False)).arg_true()
    if len(bad):
        value = column.cast(pl.String)[bad[0]]
        raise UsageError(f"{file}, row {bad[0] + 1}: {column.name} is {value!r}; expected {wanted}")


def _check_unique(file: Path, rows: pl.DataFrame) -> None:
    """Refuse two values for one filter and category."""
    keys = ["layer", "filter", "category"]
    twice = rows.filter(rows.select(keys).is_duplicated())
    if not twice.is_empty():
        layer, number, category = twice.select(keys).row(0)
        raise UsageError(
            f"{file} has two rows for filter {number} of {layer} and {category}; leave one of them, "
            "and map no two labels onto one category"
        )
