"""Numbers that a text file writes in another way. Owns decimal commas, and words for a missing number."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError

if TYPE_CHECKING:
    import polars as pl

MISSING_SPELLINGS = ("na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil")
"""How programs write a missing value, in lower case."""
_NUMBER = r"^[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d*)?$"


def read_numbers(
    file: Path, table: pl.DataFrame, texts: Collection[str], separator: str
) -> tuple[pl.DataFrame, list[str]]:
    """The table with numbers where a text column contains nothing else, and notes on what was assumed.

    Args:
        file: the table's file, for messages.
        table: its rows, in which polars has recognised plain numbers.
        texts: columns that remain text, in lower case.
        separator: of the columns; a comma between digits is a decimal comma where it separates no columns.

    Raises: TableError for numbers whose decimal sign is not clear.
    """
    import polars as pl

    points = [name for name in table.columns if table[name].dtype.is_float() and (table[name] % 1 > 0).any()]
    commas: list[str] = []
    notes: list[str] = []
    for column in table.iter_columns():
        if column.dtype != pl.String or column.name.lower() in texts:
            continue
        is_missing = column.str.to_lowercase().is_in(MISSING_SPELLINGS)
        numbers = column.set(is_missing, None).str.strip_chars()
        if numbers.drop_nulls().is_empty() or not numbers.str.contains(f"{_NUMBER}|{_THOUSANDS}").all():
            continue
        if _has_decimal_commas(file, numbers, separator):
            commas.append(column.name)
        table = table.with_columns(_plain_numbers(numbers))
        if is_missing.any():
            words = ", ".join(sorted(set(column.filter(is_missing))))
            notes.append(f"{file.name}: {words} in the column {column.name!r} was read as unknown")
    if commas and points:
        raise TableError(
            f"{file} has numbers with a decimal comma in the column {commas[0]!r}, but with a decimal point in "
            f"{points[0]!r}; write all numbers in one way"
        )
    if commas:
        notes.append(f"{file.name}: numbers in {', '.join(commas)} have a decimal comma")
    return table, notes


def _has_decimal_commas(file: Path, numbers: pl.Series, separator: str) -> bool:
    """Whether a column of numbers has decimal commas.

    Raises: TableError for thousands separators, for both decimal signs, and for commas where they separate columns.
    """
    has_comma = numbers.str.contains(",", literal=True)
    odd = numbers.filter(~numbers.str.contains(_NUMBER))
    if odd.is_empty() and not has_comma.any():
        return False
    is_mixed = numbers.str.contains(".", literal=True).any()
    if odd.is_empty() and not is_mixed and separator != ",":
        return True
    example = (odd if len(odd) else numbers.filter(has_comma)).drop_nulls()[0]
    raise TableError(
        f"{file} has numbers such as {example!r} in the column {numbers.name!r}, whose decimal sign is not clear; "
        "write them with a decimal point and without thousands separators"
    )


def _plain_numbers(numbers: pl.Series) -> pl.Series:
    """Numbers as whole numbers where all are, else as doubles."""
    import polars as pl

    is_whole = numbers.str.contains(r"^[+-]?\d+$").all()
    return numbers.str.replace(",", ".", literal=True).cast(pl.Int64 if is_whole else pl.Float64)
