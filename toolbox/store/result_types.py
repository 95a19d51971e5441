"""The types that a column of rows may have. Owns refusing those that no other program reads, and their casts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from toolbox.errors import QueryError

if TYPE_CHECKING:
    import duckdb
    from duckdb.sqltypes import DuckDBPyType

_READ = {
    "null", "boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint",
    "hugeint", "float", "double", "decimal", "varchar", "blob", "uuid", "enum", "date", "time", "time_ns", "timestamp",
    "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone", "timestamptz_ns",
}  # fmt: skip
"""Types of values that every reader of the rows knows."""
_NESTED = {"list", "array", "struct", "tuple", "map"}
_CASTS = {
    "INTERVAL": "epoch({0}) for seconds, or {0}::varchar",
    "UHUGEINT": "{0}::double, or {0}::varchar",
    "BIGNUM": "{0}::double, or {0}::varchar",
    "TIME WITH TIME ZONE": "{0}::time, or {0}::varchar",
}


def check_types(relation: duckdb.DuckDBPyRelation) -> None:
    """Refuse a column of a type that other programs do not know, or would read as another value.

    Args:
        relation: rows that are not computed yet.

    Raises: QueryError with the name of the column, its type, and a cast.
    """
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if unknown := _unknown_type(kind):
            raise QueryError(_refusal(name, str(kind), unknown))


def _refusal(name: str, kind: str, unknown: str) -> str:
    column = name if re.fullmatch(r"[a-z_]\w*", name) else '"' + name.replace('"', '""') + '"'
    cast = _CASTS.get(unknown, "{0}::varchar") if unknown == kind else "{0}::varchar"
    return f"column {name!r} is of type {kind}, which other programs cannot read; cast it, as in {cast.format(column)}"


def _unknown_type(kind: DuckDBPyType) -> str:
    """The type in a type that other programs do not know; '' if they know it."""
    if kind.id in _NESTED:
        inner = (child for name, child in kind.children if name != "size")
        return next(filter(None, map(_unknown_type, inner)), "")
    return "" if kind.id in _READ else str(kind)
