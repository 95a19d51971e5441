"""Names, texts and empty tables as SQL writes them; folders and columns of others may be called anything."""

from __future__ import annotations

from toolbox.store.columns import Columns

_SQL_TYPES = {
    "string": "varchar",
    "int32": "integer",
    "int64": "bigint",
    "float": "float",
    "double": "double",
}
"""How SQL calls the types that a study's tables declare."""


def quote_name(name: str) -> str:
    """A name of a column between quotes.

    >>> quote_name('reaction time ("ms")')
    '"reaction time (""ms"")"'
    """
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text between quotes.

    >>> quote_text("the observer's rating")
    "'the observer''s rating'"
    """
    return "'" + text.replace("'", "''") + "'"


def empty_select(columns: Columns) -> str:
    """A SELECT of no rows.

    Args:
        columns: name -> type of every column.

    >>> empty_select({"n": "int32"})
    'select null::integer as "n" where false'
    """
    values = (f"null::{_SQL_TYPES[kind]} as {quote_name(name)}" for name, kind in columns.items())
    return f"select {', '.join(values)} where false"
