"""A connection to DuckDB that reads only what it is given. Owns its locks; knows no study.

It serves two processes: this one, for the SQL that ships, and that of `confined`, for the SQL of a user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from toolbox.store.window import PROTOCOL, Window

if TYPE_CHECKING:
    import pyarrow as pa

Setting = str | bool | int | float | list[str]

_LOCKS = (
    "set disabled_filesystems = 'LocalFileSystem'",
    f"set allowed_directories = ['{PROTOCOL}://']",
    "set enable_external_access = false",
    "set lock_configuration = true",
)


@dataclass(frozen=True)
class Readable:
    """Everything that SQL may read.

    Attributes:
        window: the files.
        tables: tables in memory, by their names in SQL.
        views: view -> its SELECT.
        macros: `create macro` statements that use the views.
        config: settings of DuckDB for every connection to it.
    """

    window: Window
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    macros: tuple[str, ...] = ()
    config: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True)
class StatementRequest:
    """What a process of `confined` is asked.

    Attributes:
        sql: one SELECT.
        values: of its parameters.
        readable: what it may read.
        seconds: after which the process ends, should the one that started it not end it.
        memory: bytes that the process may use.
        rows: bytes that its rows may have.
        parent: number of the process that started it.
    """

    sql: str
    values: Mapping[str, Any]
    readable: Readable
    seconds: float
    memory: int
    rows: int
    parent: int = field(default_factory=os.getpid)


def connect(readable: Readable, **config: Setting) -> duckdb.DuckDBPyConnection:
    """A locked connection to what SQL may read.

    Args:
        readable: files, tables, views and macros.
        **config: further settings of DuckDB.
    """
    connection = duckdb.connect(":memory:", config={**readable.config, **config})
    connection.register_filesystem(readable.window)
    for name, table in readable.tables.items():
        connection.register(name, table)
    for view, select in readable.views.items():
        connection.execute(f"create view {view} as {select}")
    for statement in (*readable.macros, *_LOCKS):
        connection.execute(statement)
    return connection
