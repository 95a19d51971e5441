"""What commands print: data on stdout; notes and reports on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from toolbox.cli.options import Format
from toolbox.cli.tables import print_table
from toolbox.errors import UsageError
from toolbox.printing import printable, printable_lines
from toolbox.progress import Progress, has_time

if TYPE_CHECKING:
    from toolbox.query import Answer

LISTED = 10
"""Rejected or unreadable files named on the screen; the record of the run lists all."""


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


def without_empty_columns(answer: Answer, format: Format | None, output: Path | None) -> Answer:
    """The answer without the columns that have no value in any row, where it is printed as a table.

    Args:
        answer: rows and notes.
        format: how the rows are written.
        output: file to write instead of stdout.
    """
    from dataclasses import replace

    if output is not None or format not in (None, Format.TABLE):
        return answer
    empty = [name for name in answer.rows.columns if answer.rows[name].null_count() == answer.rows.height]
    return replace(answer, rows=answer.rows.drop(empty))


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
