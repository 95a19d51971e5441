"""Writing files so that none is ever visible half written. Owns the Parquet settings and the lock."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolbox.errors import VerificationError
from toolbox.files import replace_file

PROVENANCE = b"toolbox"
"""Key of a Parquet file's metadata under which its provenance lies, as JSON."""
ROW_GROUP = 128 * 1024


def write_table(path: Path, table: pa.Table, provenance: Mapping[str, Any]) -> None:
    """Write one small table as Parquet, whole or not at all, with its provenance in the file's metadata."""
    write_tables(path, [table], table.schema, provenance)


def write_tables(
    path: Path,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    provenance: Mapping[str, Any],
    split: tuple[str, ...] = (),
) -> None:
    """Write tables of one schema behind one another as a Parquet file, holding one of them in memory at a time.

    Args:
        split: names of float columns whose bytes are stored in streams (byte-stream split), which zstd packs better.
    """
    with replace_file(path) as fresh:
        _write(fresh, tables, schema, provenance, split)


def _write(
    target: Path | io.BytesIO,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    provenance: Mapping[str, Any],
    split: tuple[str, ...] = (),
) -> None:
    with pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        data_page_version="1.0",
        use_dictionary=[name for name in schema.names if name not in split],
        use_byte_stream_split=list(split),
        write_page_checksum=True,
        store_schema=False,  # plain types for every reader
    ) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({PROVENANCE: json.dumps(with_version(provenance), ensure_ascii=False)})


def table_bytes(table: pa.Table, provenance: Mapping[str, Any]) -> bytes:
    """One table as the bytes of a Parquet file, with its provenance."""
    buffer = io.BytesIO()
    _write(buffer, [table], table.schema, provenance)
    return buffer.getvalue()


def open_table(path: Path) -> pq.ParquetFile:
    """A Parquet file, open for reading; its path lends it no columns, unlike with `pq.read_table`.

    Raises: VerificationError when it is missing or no Parquet file any more.
    """
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise VerificationError(f"{path} is missing or damaged; restore it, or make it again") from error


def read_table(path: Path, *columns: str) -> pa.Table:
    """All rows of a small Parquet file, every page held against its checksum; of the named columns, if any are.

    Raises: VerificationError when it is missing or damaged.
    """
    with open_table(path) as opened:
        try:
            table = opened.read()
            return table.select(columns) if columns else table
        except (OSError, pa.ArrowInvalid, KeyError) as error:  # a column's name may be what is damaged
            raise VerificationError(f"{path} is damaged; restore it, or make it again") from error


def provenance_of(path: Path) -> dict[str, Any]:
    """What a Parquet file says about its own origin; empty when another program wrote it."""
    with open_table(path) as table:
        metadata = table.metadata.metadata or {}
    try:
        return dict(json.loads(metadata.get(PROVENANCE, b"{}")))
    except ValueError as error:
        raise VerificationError(f"{path} is damaged; restore it, or make it again") from error


def with_version(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance with the toolbox's own version in front."""
    return {"tool": f"selectivity-toolbox {version('selectivity-toolbox')}", **provenance}
