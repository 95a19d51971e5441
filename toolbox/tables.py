"""Tables that people bring along: `.csv`, `.tsv`, `.parquet`. Owns reading them; says nothing of what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.errors import TableError

if TYPE_CHECKING:
    import polars as pl

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""What the name of a table that can be read ends in."""


def read_rows(file: Path, text: Sequence[str] | None) -> pl.DataFrame:
    """A table as polars reads it; NA, as R writes what is unknown, is null.

    Args:
        file: ends in one of TABLE_SUFFIXES.
        text: columns of a text file that stay text whatever they look like; None for all.

    Raises: TableError when it cannot be read as what its name ends in.
    """
    import polars as pl

    suffix = file.suffix.lower()
    try:
        if suffix == ".parquet":
            return pl.read_parquet(file, hive_partitioning=False)
        return _read_text(file, text)
    except (pl.exceptions.PolarsError, OSError) as error:
        wanted = "Parquet" if suffix == ".parquet" else f"{suffix[1:]} in UTF-8"
        reason = str(error).strip().splitlines()[0]
        raise TableError(f"{file} cannot be read as {wanted} ({reason}); export it again") from error


def _read_text(file: Path, text: Sequence[str] | None) -> pl.DataFrame:
    """A table of separated values."""
    import polars as pl

    return pl.read_csv(
        file,
        separator="\t" if file.suffix.lower() == ".tsv" else ",",
        infer_schema=text is not None,
        infer_schema_length=None,  # the last row may have the first text
        null_values="NA",
        schema_overrides=dict.fromkeys(text or (), pl.String),
    )
