"""Provenance and columns of small tables, whose pages were compared with their checksums. Owns caching them.

DuckDB does not verify page checksums, so pyarrow reads a table once before SQL does. As with parts, a table is read
again only when its size or modification time has changed. The results are in the user's cache, so that a query with
cached results for all its tables need not load pyarrow.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.store.memory import recall, remember
from toolbox.store.parquet import open_table, origin_in, read_table

REMEMBERED_TABLES = 300
"""Number of tables whose results are kept in the cache."""


@dataclass(frozen=True)
class SmallTable:
    """The cached properties of a table.

    Attributes:
        origin: the provenance in the file; empty when another program wrote it.
        columns: name -> type, as named by pyarrow.
        is_intact: whether all pages were compared with their checksums, not only the footer.
    """

    origin: dict[str, Any]
    columns: dict[str, str]
    is_intact: bool


class SmallTables:
    """The small tables of one query, with their cached properties."""

    def __init__(self) -> None:
        """Read the cache."""
        self._remembered = recall("tables")
        self._added: dict[str, Any] = {}

    def origin(self, path: Path) -> dict[str, Any]:
        """The provenance of a table, from its footer alone.

        Raises: VerificationError when the file is missing or is not a valid Parquet file.
        """
        return self._table(path, whole=False).origin

    def columns(self, path: Path) -> dict[str, str]:
        """Name -> type of the columns of a table, after comparing all its pages with their checksums.

        Raises: VerificationError when the file is missing or damaged.
        """
        return self._table(path, whole=True).columns

    def save(self) -> None:
        """Write the new results to the cache."""
        remember("tables", self._added, REMEMBERED_TABLES)

    def _table(self, path: Path, *, whole: bool) -> SmallTable:
        key, mark = str(path.absolute()), _mark(path)
        entry: Any = self._added.get(key) or self._remembered.get(key)
        # There may be no entry, or one of another version.
        with contextlib.suppress(TypeError, KeyError):
            if entry["mark"] == mark and (entry["table"]["is_intact"] or not whole):
                return SmallTable(**entry["table"])
        table = _examine(path, whole=whole)
        self._added[key] = {"mark": mark, "table": asdict(table)}
        return table


def _examine(path: Path, *, whole: bool) -> SmallTable:
    """Read the footer of a table and, if `whole`, every page."""
    with open_table(path) as opened:
        schema = opened.schema_arrow
        origin = origin_in(opened, path)
    if whole:
        read_table(path)
    return SmallTable(origin, {field.name: str(field.type) for field in schema}, whole)


def _mark(path: Path) -> list[int]:
    """Size and modification time; empty for a missing file, which is reported when it is read."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return [status.st_size, status.st_mtime_ns]
    return []
