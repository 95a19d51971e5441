"""Tables for people. Owns how a value looks, and that no column is cut on a narrow terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest
from typing import TYPE_CHECKING, Any, Literal

import typer

from toolbox.printing import printable, printable_lines

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

MOST_ROWS = 100
"""Rows that a table prints; files and the other formats hold all."""
IS_BOUND, BOUNDED = "is_bound", ("p", "q", "p_holm")
"""Column of a query that marks upper bounds, and the columns that it marks; in files they are plain numbers."""
LEAST_TEXT_WIDTH = 24
"""Characters to which a column of text may be folded on a narrow terminal."""


def print_table(rows: pl.DataFrame, quiet: bool = False, *, most: int = MOST_ROWS) -> None:
    """Print rows: four significant digits, long texts folded on a terminal.

    Args:
        rows: a column of numbers is aligned on the right.
        quiet: whether the number of rows that are left out is not printed.
        most: at most so many rows.
    """
    shown = rows.head(most)
    cells = [[_cell(value) for value in row] for row in shown.iter_rows()]
    _mark_bounds(shown, cells)
    names = list(map(printable, rows.columns))
    are_numbers = [kind.is_numeric() for kind in rows.schema.values()]
    if sys.stdout.isatty():
        _print_on_terminal(names, cells, are_numbers)
    else:
        for line in _lines([names, *cells], are_numbers):
            typer.echo(line)
    if rows.height > most and not quiet:
        left_out = f"… {rows.height - most:,} more rows; --format csv or --output FILE writes all"
        typer.echo(left_out, err=True)


def _cell(value: Any) -> str:
    """A value as text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
    return printable_lines(value)


def _mark_bounds(rows: pl.DataFrame, cells: Sequence[list[str]]) -> None:
    """Write `<=` before p and what is corrected from it, where p is the smallest that the resamples allow."""
    if IS_BOUND not in rows.columns:
        return
    for row, line in zip(rows.iter_rows(named=True), cells, strict=True):
        for place, name in enumerate(rows.columns):
            # p_fwe is larger than p, unless it is the smallest as well
            is_marked = name in BOUNDED or (name == "p_fwe" and row[name] == row["p"])
            if row[IS_BOUND] and is_marked and row[name] is not None:
                line[place] = f"<= {line[place]}"


def _lines(rows: Sequence[Sequence[str]], are_numbers: Sequence[bool]) -> Iterator[str]:
    """The lines of a table for a pipe, which has no width; a text of several lines takes as many."""
    split = [[cell.split("\n") for cell in row] for row in rows]
    widths = [max(_width(line) for cell in column for line in cell) for column in zip(*split, strict=True)]
    for row in split:
        for line in zip_longest(*row, fillvalue=""):
            padded = map(_pad, line, widths, are_numbers)
            yield "  ".join(padded).rstrip()


def _pad(text: str, width: int, on_the_right: bool) -> str:
    """A text with spaces before it, for numbers, or behind it."""
    spaces = " " * (width - _width(text))
    return spaces + text if on_the_right else text + spaces


def _width(text: str) -> int:
    """Columns of a terminal that a text takes: two for an East Asian character, none for a combining one."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def _print_on_terminal(
    names: Sequence[str], cells: Sequence[Sequence[str]], are_numbers: Sequence[bool]
) -> None:
    """On too narrow a terminal, long texts are folded and columns are printed in blocks; numbers are never cut."""
    from rich.console import Console

    console = Console()
    least = []
    for column, (name, is_number) in enumerate(zip(names, are_numbers, strict=True)):
        widest = max(len(name), *(len(row[column]) for row in cells), 1)
        least.append(widest if is_number else min(widest, max(len(name), LEAST_TEXT_WIDTH)))
    for number, block in enumerate(_blocks(least, are_numbers, console.width)):
        if number:
            console.print()
        _print_block(console, block, names, cells, least, are_numbers)


def _blocks(least: Sequence[int], are_numbers: Sequence[bool], width: int) -> list[list[int]]:
    """Columns that fit beside one another; the texts in front, which name a row, are repeated in every block."""
    if sum(least) + 2 * len(least) - 2 <= width:
        return [list(range(len(least)))]
    keys = list(takewhile(lambda column: not are_numbers[column], range(len(least))))
    while keys and sum(least[key] + 2 for key in keys) > width // 2:
        keys.pop()
    blocks = [list(keys)]
    for column in range(len(keys), len(least)):
        if len(blocks[-1]) > len(keys) and sum(least[each] + 2 for each in [*blocks[-1], column]) - 2 > width:
            blocks.append(list(keys))
        blocks[-1].append(column)
    return blocks


def _print_block(
    console: Console,
    block: Sequence[int],
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    least: Sequence[int],
    are_numbers: Sequence[bool],
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in block:
        justify: Literal["left", "right"] = "right" if are_numbers[column] else "left"
        table.add_column(Text(names[column]), justify=justify, min_width=least[column], overflow="fold")
    for row in cells:
        table.add_row(*(Text(row[column]) for column in block))
    needed = sum(least[column] + 2 for column in block)
    Console(width=max(console.width, needed)).print(table)
