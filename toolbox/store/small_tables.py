"""Provenance and columns of small tables, with all their pages compared with their checksums. Owns caching them.

The results are in the user's cache under the digest of the table's content, so that a query with cached results for all
its tables need not load pyarrow. SQL compares the bytes with their checksum when it reads them: neither a damaged table
nor an entry of the cache can pass for another table.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.store.checksums import present_digest
from toolbox.store.memory import recall, remember
from toolbox.store.parquet import open_table, origin_in, read_table
from toolbox.store.verified import verified_digest

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
        key = verified_digest(path) if whole else present_digest(path)
        entry: Any = self._added.get(key) or self._remembered.get(key)
        # There may be no entry, or one of another version.
        with contextlib.suppress(TypeError, KeyError):
            if entry["is_intact"] or not whole:
                return SmallTable(**entry)
        table = _examine(path, whole=whole)
        self._added[key] = asdict(table)
        return table


def _examine(path: Path, *, whole: bool) -> SmallTable:
    """Read the footer of a table and, if `whole`, every page."""
    with open_table(path) as opened:
        schema = opened.schema_arrow
        origin = origin_in(opened, path)
    if whole:
        read_table(path)
    return SmallTable(origin, {field.name: str(field.type) for field in schema}, whole)
