"""Rows as files that other programs read. Owns the formats; each is what its library writes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import polars as pl

from toolbox.errors import QueryError, UsageError
from toolbox.files import replace_file
from toolbox.query.codebook import FALSE, TRUE, check_codebook, codebook, codebook_path
from toolbox.query.run import Answer
from toolbox.store.parquet import table_bytes
from toolbox.tables import spreadsheet_rows

ROW_FORMATS = ("csv", "json", "parquet")


def encode_rows(answer: Answer, format: str) -> bytes:
    """An answer's rows as CSV (RFC 4180, header first), JSON (an array of objects) or Parquet (with provenance).

    Args:
        answer: rows, and where they come from.
        format: one of ROW_FORMATS.

    Raises: UsageError for another format; QueryError for a column that the format cannot hold.
    """
    _check_format(format)
    if format == "parquet":
        return table_bytes(answer.rows.to_arrow(), answer.provenance)
    _check_flat(answer, format)
    text = _csv(answer.rows) if format == "csv" else answer.rows.write_json() + "\n"
    return text.encode()


def check_rows_file(path: Path, format: str | None = None) -> None:
    """Refuse a file to which no rows can be written, before they are computed.

    Args:
        path: the file.
        format: one of ROW_FORMATS; what the file's name ends in if None.

    Raises: UsageError for another format, or for a directory.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory; expected the name of a file")
    _check_format(format or path.suffix.removeprefix("."))


def _check_format(format: str) -> None:
    if format not in ROW_FORMATS:
        raise UsageError(f"no format {format!r} for files; expected {', '.join(ROW_FORMATS)}")


def _csv(rows: pl.DataFrame) -> str:
    """Rows as CSV; true and false in the letters that R reads too, and no cell that a spreadsheet evaluates."""
    boolean = pl.selectors.boolean()
    return (
        spreadsheet_rows(rows)
        .with_columns(boolean.replace_strict({True: TRUE, False: FALSE}, return_dtype=pl.String))
        .write_csv()
    )


def _check_flat(answer: Answer, format: str) -> None:
    """Refuse what has no one way of being written as text."""
    for name, kind in answer.rows.schema.items():
        if kind.is_nested() or isinstance(kind, pl.Binary | pl.Object | pl.Duration):
            raise QueryError(
                f"column {name!r} is {kind}, which {format} cannot hold; cast it, as in {name}::varchar"
            )


def write_rows(answer: Answer, path: Path, format: str | None = None) -> None:
    """Write an answer's rows to a file, and beside CSV its codebook, whole or not at all.

    Args:
        answer: rows, and where they come from.
        path: the file, which is replaced if it is there.
        format: one of ROW_FORMATS; what the file's name ends in if None.

    Raises: UsageError for another format, for a directory, or when another file has the name of the codebook;
        QueryError for a column that the format cannot hold.
    """
    check_rows_file(path, format)
    format = format or path.suffix.removeprefix(".")
    contents = {path: encode_rows(answer, format)}
    if format == "csv":
        check_codebook(path)
        contents[codebook_path(path)] = codebook(answer, path).encode()
    with contextlib.ExitStack() as files:
        for file, content in contents.items():
            files.enter_context(replace_file(file)).write_bytes(content)
