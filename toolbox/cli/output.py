"""What commands print: data on stdout; notes and reports on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from toolbox.cli.options import Format
from toolbox.cli.tables import print_table
from toolbox.errors import UsageError
from toolbox.printing import printable, printable_lines
from toolbox.progress import Progress, has_time

if TYPE_CHECKING:
    import polars as pl

    from toolbox.query import Answer

MOST_ROWS = 400
"""Rows of a result that has a paragraph below them."""
LISTED = 10
"""Rejected or unreadable files named on the screen; the record of the run lists all."""


class PrintedResult(Protocol):
    """A result that is printed with a paragraph."""

    @property
    def answer(self) -> Answer:
        """Rows and notes."""

    @property
    def paragraph(self) -> str:
        """What was found, in words."""


def note(text: str, quiet: bool = False) -> None:
    """Print a line on stderr.

    Args:
        text: the line.
        quiet: whether it is left out.
    """
    if not quiet:
        typer.echo(printable(text), err=True)


def print_notes(notes: Iterable[str], quiet: bool, start: str = "") -> None:
    """Print what a reader of a result should know.

    Args:
        notes: one line each.
        quiet: whether they are left out.
        start: what every line begins with.
    """
    for text in notes:
        note(f"{start}{text}", quiet)


def print_answer(answer: Answer, format: Format | None, output: Path | None, quiet: bool) -> None:
    """Print rows, or write them to a file; notes go to stderr.

    Args:
        answer: rows and notes.
        format: how the rows are written; None for a table, or what the file's name ends in.
        output: file to write instead of stdout.
        quiet: whether notes are left out.
    """
    print_notes(answer.notes, quiet)
    if Format.CSV in (format, output and output.suffix.removeprefix(".")):
        from toolbox.tables import notes_on_cells

        print_notes(notes_on_cells(answer.rows), quiet)
    if output is not None:
        _write(answer, format, output)
    elif format in (None, Format.TABLE):
        print_table(answer.rows, quiet)
    else:
        _print_encoded(answer, str(format))


def check_rows_files(format: Format | None, *files: Path | None) -> None:
    """Refuse files to which no rows can be written, before they are computed.

    Args:
        format: how the rows are written; None for what the name of a file ends in.
        files: of the user; None for none.
    """
    from toolbox.query.files import check_rows_file

    for file in files:
        if file is not None:
            check_rows_file(file, format and str(format))


def print_result(
    result: PrintedResult, table: pl.DataFrame, format: Format | None, output: Path | None, quiet: bool
) -> None:
    """Print notes, a table and a paragraph; where the rows are written in another format, these and no table.

    Args:
        result: rows, notes and paragraph.
        table: what a terminal shows of the rows.
        format: as of `print_answer`.
        output: file to write instead of stdout.
        quiet: whether notes are left out.
    """
    if output is None and format in (None, Format.TABLE):
        print_notes(result.answer.notes, quiet)
        print_table(table, quiet, most=MOST_ROWS)
        typer.echo(printable_lines(f"\n{result.paragraph}"))
    else:
        print_answer(result.answer, format, output, quiet)
        note(result.paragraph, quiet)


def note_files(quiet: bool, *files: Path | None) -> None:
    """Print which files were written beside the rows.

    Args:
        quiet: whether nothing is printed.
        *files: None for one that was not asked for.
    """
    print_notes((f"written: {file}" for file in files if file is not None), quiet)


def without_empty_columns(rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that have a value in any row, for reading.

    Args:
        rows: of a result.
    """
    return rows.select(name for name in rows.columns if rows[name].null_count() < rows.height)


def _write(answer: Answer, format: Format | None, output: Path) -> None:
    from toolbox.query.files import write_rows

    write_rows(answer, output, format and str(format))
    typer.echo(printable(output))


def _print_encoded(answer: Answer, format: str) -> None:
    from toolbox.query.files import encode_rows

    if format == Format.PARQUET and sys.stdout.isatty():
        raise UsageError("parquet cannot be printed in a terminal; write it to a file with --output FILE")
    encoded = encode_rows(answer, format)
    if sys.stdout.isatty():  # a file or a pipe has every name as it is
        encoded = printable_lines(encoded.decode()).encode()
    sys.stdout.buffer.write(encoded)


def with_expected_times(progress: Progress, quiet: bool) -> Progress:
    """A callback that also prints the expected time of a task, once it is known.

    Args:
        progress: is called with what the task reports.
        quiet: whether nothing is printed.
    """
    printed: set[str] = set()

    def report(task: str, done: int, total: int) -> None:
        if has_time(task) and task not in printed:
            printed.add(task)
            note(task, quiet)
        progress(task, done, total)

    return report
