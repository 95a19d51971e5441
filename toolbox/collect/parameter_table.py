"""A table of stimuli and numbers. Owns which of its columns are the stimuli, the observers and the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolbox.collect.matching import KEYS, NamingRow, texts_of
from toolbox.errors import StimulusError, UnknownNameError
from toolbox.tables import find_column, read_rows

OBSERVERS = ("observer", "participant", "participant_id", "subject", "subject_id")
"""Columns that identify the observers, if none is named; the first one that a table has is used."""


@dataclass(frozen=True)
class ParameterTable:
    """A table of stimuli and numbers.

    Attributes:
        file: the table.
        key: the column that identifies the stimuli.
        observer: the column that identifies the observers; None without one.
        columns: the columns that become parameters; a cell is None where nothing is known.
        rows: what identifies the stimulus of every row.
        observers: of every row; None without the column.
        ignored: the other columns.
        notes: what was assumed to read the table.
    """

    file: Path
    key: str
    observer: str | None
    columns: dict[str, list[float | None]]
    rows: list[NamingRow]
    observers: list[str | None]
    ignored: list[str]
    notes: list[str]


def read_parameter_table(
    file: Path, column: str | Sequence[str] | None = None, observer: str | None = None
) -> ParameterTable:
    """The rows of a table of stimuli and numbers; empty rows, which spreadsheets append, are left out.

    Args:
        file: the table.
        column: the columns that become parameters; all numeric ones if None.
        observer: the column that identifies the observers; None for the first of OBSERVERS that the table has.

    Raises: TableError when the file cannot be read; StimulusError when no column identifies the stimuli, or one that is
        named has other values than numbers, or none is left; UnknownNameError for a column that the table lacks.
    """
    as_text = [*KEYS, *([observer] if observer else OBSERVERS)]
    read = read_rows(file, as_text)
    table = read.rows
    key = _key(file, table.columns)
    digest = find_column(file, table.columns, "sha256") if key.lower() == "stimulus_id" else None
    who = _observer(file, table.columns, observer)
    used = [name for name in (key, digest, who) if name]
    columns = _numbers(file, table, column, used)
    keys = texts_of(table[key], file)
    digests = texts_of(table[digest], file) if digest else [None] * table.height
    observers = texts_of(table[who], file) if who else [None] * table.height
    kept = [
        place
        for place, name in enumerate(keys)
        if name or any(cells[place] is not None for cells in columns.values())
    ]
    if who and (empty := next((place for place in kept if not observers[place]), None)) is not None:
        raise StimulusError(f"row {empty + 1} of {file} has no {who}; enter who observed, or remove the row")
    return ParameterTable(
        file=file,
        key=key.lower(),
        observer=who,
        columns={name: [cells[place] for place in kept] for name, cells in columns.items()},
        rows=[NamingRow(place + 1, keys[place], digests[place]) for place in kept],
        observers=[observers[place] for place in kept],
        ignored=[name for name in table.columns if name not in (*used, *columns)],
        notes=read.notes,
    )


def _key(file: Path, columns: Sequence[str]) -> str:
    """The column that identifies the stimuli."""
    key = next((found for name in KEYS if (found := find_column(file, columns, name))), None)
    if key is None:
        names = ", ".join(map(repr, columns))
        raise StimulusError(
            f"{file} has only the columns {names}; expected columns of numbers, and one of the columns "
            f"{', '.join(KEYS)}"
        )
    return key


def _observer(file: Path, columns: Sequence[str], named: str | None) -> str | None:
    """The column that identifies the observers."""
    if named is None:
        return next((found for name in OBSERVERS if (found := find_column(file, columns, name))), None)
    found = find_column(file, columns, named)
    if found is None:
        raise UnknownNameError(f"column of {file}", named, columns)
    return found


def _numbers(
    file: Path, table: pl.DataFrame, named: str | Sequence[str] | None, used: Sequence[str]
) -> dict[str, list[float | None]]:
    """The columns that become parameters.

    Raises: UnknownNameError; StimulusError.
    """
    names = [named] if isinstance(named, str) else list(named or ())
    for name in names:
        if name not in table.columns:
            raise UnknownNameError(f"column of {file}", name, table.columns)
        if not _is_numeric(table[name]):
            raise StimulusError(
                f"column {name!r} of {file} has the type {table[name].dtype}; expected numbers; correct its cells, or "
                "leave unknown ones empty"
            )
    further = [name for name in table.columns if name not in (*used, *KEYS) and _is_numeric(table[name])]
    chosen = names or further
    columns = {name: _cells(table[name]) for name in chosen}
    empty = [name for name, cells in columns.items() if not any(cell is not None for cell in cells)]
    if empty or not columns:
        what = f"the column {empty[0]!r} of {file} is empty" if empty else f"{file} has no column of numbers"
        text = "" if empty else _first_text(table, used)
        raise StimulusError(f"{what}{text}; enter the values of the stimuli there")
    return columns


def _first_text(table: pl.DataFrame, used: Sequence[str]) -> str:
    """The first cell that keeps a column from being one of numbers, in words."""
    for name in table.columns:
        column = table[name]
        if name in (*used, *KEYS) or column.dtype != pl.String:
            continue
        wrong = column.filter(column.cast(pl.Float64, strict=False).is_null() & column.is_not_null())
        if not wrong.is_empty():
            return f": {name} has {wrong[0]!r}"
    return ""


def _is_numeric(column: pl.Series) -> bool:
    return column.dtype.is_numeric()


def _cells(column: pl.Series) -> list[float | None]:
    """A column of numbers; what is not finite is unknown."""
    numbers = column.cast(pl.Float64)
    return numbers.set(~numbers.is_finite(), None).to_list()
