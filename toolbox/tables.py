"""Tables of users: `.csv`, `.tsv`, `.parquet`. Owns reading them; does not interpret their content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError

if TYPE_CHECKING:
    import polars as pl

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""File name endings of tables that can be read."""


def read_rows(file: Path, text: Sequence[str] | None) -> pl.DataFrame:
    """A table as polars reads it; NA, which R writes for unknown values, becomes null.

    Args:
        file: a file whose name ends in one of TABLE_SUFFIXES.
        text: columns of a text file that are always read as text; None for all columns.

    Raises: TableError when the file cannot be read in the format of its ending.
    """
    import polars as pl

    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            return pl.read_parquet(file, hive_partitioning=False)
        return _read_text(file, text)
    except (pl.exceptions.PolarsError, OSError) as error:
        expected = "Parquet" if suffix == ".parquet" else f"{suffix[1:]} in UTF-8"
        reason = str(error).strip().splitlines()[0]
        raise TableError(f"{file} cannot be read as {expected} ({reason}); export it again") from error


def _read_text(file: Path, text: Sequence[str] | None) -> pl.DataFrame:
    """A table of separated values."""
    import polars as pl

    return pl.read_csv(
        file,
        separator="\t" if file.suffix.lower() == ".tsv" else ",",
        infer_schema=text is not None,
        infer_schema_length=None,  # the first text of a column may be in the last row
        null_values="NA",
        schema_overrides=dict.fromkeys(text or (), pl.String),
    )
