"""Tables of a user that a query reads beside the study. Owns their names in SQL, and what provenance records of them.

A table is read here, not by SQL, which sees no file: it is passed to the connection from memory, before it is locked.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from toolbox.errors import TableError, UsageError
from toolbox.files import digest_of
from toolbox.query.header import Query
from toolbox.query.syntax import macro_names, named_columns, own_names, parse_select
from toolbox.store.views import VIEWS
from toolbox.tables import TABLE_SUFFIXES, check_table_name, read_rows

OwnTable = str | Path | pl.DataFrame
"""A file, or rows in memory."""


@dataclass(frozen=True)
class OwnTables:
    """Tables of a user, ready for SQL.

    Attributes:
        frames: name in SQL -> rows.
        provenance: name -> file, rows, columns and sha256, of the file or of the rows in memory.
        notes: what was assumed to read the files, and which tables the query does not read.
    """

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_own_tables(query: Query, tables: Mapping[str, OwnTable] | None) -> OwnTables:
    """Read the tables that a question brings along.

    Args:
        query: the query that reads them.
        tables: name in SQL -> file or rows.

    Raises: UsageError for a name that SQL cannot use or that means something else there, and for a missing file;
        TableError when a file cannot be read, or its columns cannot be told apart; QueryError when the SQL is refused.

    Example:
        >>> ratings = pl.DataFrame({"stimulus_id": [0], "rating": [4.5]})
        >>> read_own_tables(Query("sql", "select * from ratings"), {"ratings": ratings}).provenance["ratings"]["rows"]
        1
    """
    own = OwnTables()
    for name, table in (tables or {}).items():
        _check_name(query, name, [*own.frames])
        frame, origin, notes = _read(query, name, table)
        own.frames[name] = frame
        own.provenance[name] = {**origin, "rows": frame.height, "columns": frame.columns}
        own.notes.extend(notes)
        if name.lower() not in parse_select(query).tables:
            own.notes.append(f"{query.name} does not read the table {name}")
    return own


def _check_name(query: Query, name: str, others: list[str]) -> None:
    """Refuse a name that SQL cannot use for a table, or that means something else in it."""
    expected = "choose a name of letters, digits and '_', such as 'ratings'"
    if not name.isidentifier() or not _is_table_name(name):
        raise UsageError(f"{name!r} cannot be the name of a table in SQL; {expected}")
    taken = {**dict.fromkeys(VIEWS, "a view"), **dict.fromkeys(macro_names(), "a formula")}
    taken |= {other.lower(): "another table" for other in others}
    taken |= dict.fromkeys(own_names(query), f"a table that {query.name} defines (WITH)")
    if meaning := taken.get(name.lower()):
        raise UsageError(f"the table name {name!r} is that of {meaning}; choose another name")


def _is_table_name(name: str) -> bool:
    """Whether SQL reads a name as that of a table without quotes; `order` and `select` are words of the language."""
    try:
        return len(duckdb.extract_statements(f"select * from {name}")) == 1
    except duckdb.Error:
        return False


def _read(query: Query, name: str, table: OwnTable) -> tuple[pl.DataFrame, dict[str, Any], list[str]]:
    """The rows of a table, where they come from, and what was assumed."""
    if isinstance(table, pl.DataFrame):
        _check_columns(f"the table {name}", table)
        content = io.BytesIO()
        table.write_ipc(content)
        return table, {"sha256": sha256(content.getvalue()).hexdigest()}, []
    if not isinstance(table, str | Path):
        raise UsageError(
            f"the table {name} is a {type(table).__name__}; expected a file or a polars data frame"
        )
    file = Path(table)
    check_table_name(file, f"the table {name}")
    if not file.is_file():
        raise UsageError(f"{file} does not exist; expected the table {name} ({', '.join(TABLE_SUFFIXES)})")
    read = read_rows(file, text=(), sheet=named_columns(query))
    _check_columns(str(file), read.rows)
    rows = read.rows.with_columns(pl.selectors.float().fill_nan(None))
    return rows, {"file": file.name, "sha256": digest_of(file)}, read.notes


def _check_columns(place: str, table: pl.DataFrame) -> None:
    """Refuse columns that SQL cannot tell apart, or cannot read."""
    seen: dict[str, str] = {}
    for column, kind in table.schema.items():
        if not column.strip():
            raise TableError(f"{place} has a column without a name; give it one, or remove it")
        if other := seen.get(column.lower()):
            raise TableError(
                f"{place} has the columns {other!r} and {column!r}, which differ only in case; rename one of them"
            )
        if kind == pl.Object:
            raise TableError(
                f"the column {column!r} of {place} has Python objects; convert them to numbers or text"
            )
        seen[column.lower()] = column
