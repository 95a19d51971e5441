"""Small tables as they were found: their origin and columns, and that every page had its checksum. Remembers that.

DuckDB does not look at page checksums, so pyarrow reads a table once before SQL does. As with parts, a table is read
again only when its size or time of change is another: what was found lies in the user's cache, and a query that finds
all its tables there need not load pyarrow.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.store.memory import recall, remember
from toolbox.store.parquet import open_table, origin_in, read_table

REMEMBERED_TABLES = 300
"""Tables of which the cache remembers what was found."""


@dataclass(frozen=True)
class SmallTable:
    """What is known of a table without reading it again.

    Attributes:
        origin: what the file says of its own origin; empty when another program wrote it.
        columns: name -> type, by pyarrow's names.
        is_intact: whether all pages were compared with their checksums, not the footer alone.
    """

    origin: dict[str, Any]
    columns: dict[str, str]
    is_intact: bool


class SmallTables:
    """The small tables of one question, and what the cache remembers of them."""

    def __init__(self) -> None:
        """Read what is remembered."""
        self._remembered = recall("tables")
        self._added: dict[str, Any] = {}

    def origin(self, path: Path) -> dict[str, Any]:
        """What a table's file says of its own origin, from its footer alone.

        Raises: VerificationError when it is missing or no Parquet file any more.
        """
        return self._table(path, whole=False).origin

    def columns(self, path: Path) -> dict[str, str]:
        """Name -> type of the columns of a table, all of whose pages were compared with their checksums.

        Raises: VerificationError when it is missing or damaged.
        """
        return self._table(path, whole=True).columns

    def save(self) -> None:
        """Remember what was found."""
        remember("tables", self._added, REMEMBERED_TABLES)

    def _table(self, path: Path, *, whole: bool) -> SmallTable:
        key, mark = str(path.absolute()), _mark(path)
        entry: Any = self._added.get(key) or self._remembered.get(key)
        # There may be nothing, or another version remembered something else.
        with contextlib.suppress(TypeError, KeyError):
            if entry["mark"] == mark and (entry["table"]["is_intact"] or not whole):
                return SmallTable(**entry["table"])
        table = _examine(path, whole=whole)
        self._added[key] = {"mark": mark, "table": asdict(table)}
        return table


def _examine(path: Path, *, whole: bool) -> SmallTable:
    """Read a table's footer and, if it is to be read whole, every page."""
    with open_table(path) as opened:
        schema = opened.schema_arrow
        origin = origin_in(opened, path)
    if whole:
        read_table(path)
    return SmallTable(origin, {field.name: str(field.type) for field in schema}, whole)


def _mark(path: Path) -> list[int]:
    """Size and time of change; nothing for a file that is missing, which reading it will say."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return [status.st_size, status.st_mtime_ns]
    return []
