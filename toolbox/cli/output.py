"""What commands print: data on stdout; notes, remarks and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from toolbox.cli.options import Format
from toolbox.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from toolbox.progress import Progress
    from toolbox.query import Answer

MANY = 100
"""Rows that a table shows; files and the other formats hold all."""
FOLDED = 24
"""Characters to which a column of text may be folded on a narrow terminal."""


def note(text: str, quiet: bool = False) -> None:
    if not quiet:
        typer.echo(text, err=True)


def print_table(rows: pl.DataFrame, quiet: bool = False, *, most: int = MANY) -> None:
    """A table for people: four significant digits, at most `most` rows."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows.head(most).iter_rows()]
    table = Table(box=None, pad_edge=False, header_style="bold")
    needed = 0
    for column, (name, kind) in enumerate(rows.schema.items()):
        widest = max(len(name), *(len(row[column]) for row in cells), 1)
        least = widest if kind.is_numeric() else min(widest, max(len(name), FOLDED))
        needed += least + 2
        table.add_column(
            name, justify="right" if kind.is_numeric() else "left", min_width=least, overflow="fold"
        )
    for row in cells:
        table.add_row(*map(Text, row))
    # Too narrow a terminal breaks long texts into lines, never numbers or short names; a pipe has no width.
    Console(width=max(Console().width, needed) if sys.stdout.isatty() else 10_000).print(table)
    if rows.height > most:
        note(f"… {rows.height - most:,} more rows; --format csv or --output FILE gives all", quiet)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return str(value)


def print_answer(answer: Answer, format: Format | None, output: Path | None, quiet: bool) -> None:
    """Rows to stdout or a file, remarks to stderr."""
    for remark in answer.remarks:
        note(remark, quiet)
    if output is None and format in (None, Format.TABLE):
        print_table(answer.rows, quiet)
    else:
        _write(answer, format, output)


def _write(answer: Answer, format: Format | None, output: Path | None) -> None:
    from toolbox.query.files import encode_rows, write_rows

    if output is None:
        if format is Format.PARQUET and sys.stdout.isatty():
            raise UsageError("parquet is no text for a terminal; write it to a file with --output FILE")
        sys.stdout.buffer.write(encode_rows(answer, str(format)))
    else:
        write_rows(answer, output, format and str(format))
        typer.echo(output)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Progress]:
    """A progress bar with rate and time left, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Rate(TextColumn):
        """Things done in a second."""

        def render(self, task: Any) -> Any:
            task.fields["rate"] = f"{task.speed:,.1f}/s" if task.speed else ""
            return super().render(task)

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, disable=quiet or not console.is_terminal, transient=True
    ) as bars:
        tasks: dict[str, Any] = {}

        def show(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bars.add_task(task, total=total or None)
            bars.update(tasks[task], completed=done, total=total or None)

        try:
            yield show
        except KeyboardInterrupt:
            note("stopped; finished parts of a result are kept, and the same command goes on from there")
            raise typer.Exit(130) from None
