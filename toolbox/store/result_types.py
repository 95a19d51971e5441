"""The types and values that a column of rows may have. Owns refusing what other programs cannot read, and the casts.

polars reads an INTERVAL not at all, the bytes of a BIT as bytes, 24:00 as null, and stops at an infinite date.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from toolbox.errors import QueryError

if TYPE_CHECKING:
    import duckdb

_READ = {
    "null", "boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint",
    "hugeint", "float", "double", "decimal", "varchar", "blob", "uuid", "enum", "date", "time", "time_ns", "timestamp",
    "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone", "timestamptz_ns",
}  # fmt: skip
"""Types of values that every reader of the rows knows."""
_NESTED = {"list", "array", "struct", "tuple"}
_CASTS = {
    "INTERVAL": "epoch({0}) for seconds, or {0}::varchar",
    "MAP": "map_entries({0}), or {0}::varchar",
    "UHUGEINT": "{0}::double, or {0}::varchar",
    "BIGNUM": "{0}::double, or {0}::varchar",
    "TIME WITH TIME ZONE": "{0}::time, or {0}::varchar",
}


_DAY = 24 * 60 * 60
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
"""The first and the last day of the years 1 to 9999, in days since 1970."""


def check_column_types(relation: duckdb.DuckDBPyRelation) -> None:
    """Refuse columns of types that other programs do not know, or would read as other values, or of the same name.

    Args:
        relation: rows that are not computed yet.

    Raises: QueryError with the name of the column, its type, and a cast.
    """
    for name, count in Counter(relation.columns).items():
        if count > 1:
            raise QueryError(f"{count} columns are named {name!r}; give each a name of its own, with AS")
    for name, kind in zip(relation.columns, relation.types, strict=True):
        if not _is_known(kind):
            raise QueryError(_refusal(name, str(kind)))


def check_times(batch: pa.RecordBatch) -> None:
    """Refuse dates and times that are infinite, or outside the calendar of other programs.

    Args:
        batch: computed rows.

    Raises: QueryError with the name of the column, and a cast.
    """
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        for part in _parts(column):
            if pa.types.is_temporal(part.type) and not _is_in_calendar(part):
                expected = (
                    "times before 24:00" if pa.types.is_time(part.type) else "dates in the years 1 to 9999"
                )
                raise QueryError(
                    f"column {name!r} has a value that other programs cannot read; expected {expected}; "
                    f"cast it, as in {_quoted(name)}::varchar"
                )


def _parts(column: pa.Array) -> Iterator[pa.Array]:
    """A column or, if it is nested, those that it consists of."""
    if not pa.types.is_nested(column.type):
        yield column
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from _parts(part)
    else:
        yield from _parts(column.flatten())


def _is_in_calendar(values: pa.Array) -> bool:
    """Whether all values can be shown as a date or time."""
    import pyarrow.compute as pc  # few rows have any, and it takes long to import

    least, largest = pc.min_max(
        values.cast(pa.int32() if values.type.bit_width == 32 else pa.int64())
    ).values()
    first, last = _bounds(values.type)
    return not least.is_valid or first <= least.as_py() <= largest.as_py() <= last


def _bounds(kind: pa.DataType) -> tuple[int, int]:
    """The first and the last value of a type that can be shown, as numbers."""
    if pa.types.is_date(kind):
        return _FIRST, _LAST
    day = _DAY * _UNITS[kind.unit]
    if pa.types.is_time(kind):
        return 0, day - 1
    most = 2**63 - 2  # the next number is DuckDB's infinity
    return max((_FIRST + 1) * day, -most), min(_LAST * day - 1, most)  # a time zone adds up to a day


def _refusal(name: str, kind: str) -> str:
    cast = _CASTS.get(kind.partition("(")[0], "{0}::varchar").format(_quoted(name))
    return f"column {name!r} is of type {kind}, which other programs cannot read; cast it, as in {cast}"


def _quoted(name: str) -> str:
    """The name of a column as SQL writes it."""
    return name if re.fullmatch(r"[a-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def _is_known(kind: DuckDBPyType) -> bool:
    """Whether other programs know a type, and the types in it."""
    if kind.id in _NESTED:
        return all(_is_known(child) for _, child in kind.children if isinstance(child, DuckDBPyType))
    return kind.id in _READ
