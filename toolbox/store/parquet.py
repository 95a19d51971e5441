"""Parquet files of a study: written with one choice of settings, read with every checksum. Owns those settings."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.distribution import name_and_version
from toolbox.errors import VerificationError
from toolbox.files import replace_file
from toolbox.store.columns import Columns

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PROVENANCE = b"toolbox"
"""Key of a Parquet file's metadata under which its provenance lies, as JSON."""
ROW_GROUP = 128 * 1024


def arrow_schema(columns: Columns) -> pa.Schema:
    """The columns of a table as pyarrow declares them."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])


def arrow_table(values: Mapping[str, Sequence[Any]], columns: Columns) -> pa.Table:
    """Columns of Python values as an Arrow table of the declared types.

    Args:
        values: column -> its values, all of one length.
        columns: the type of each.
    """
    import pyarrow as pa

    return pa.table(dict(values), schema=arrow_schema(columns))


def write_table(path: Path, table: pa.Table, provenance: Mapping[str, Any]) -> None:
    """Write one small table as Parquet, whole or not at all.

    Args:
        path: the file, which is replaced if it is there.
        table: all rows.
        provenance: what the file's metadata says of its origin.
    """
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
        path: the file, which is replaced if it is there.
        tables: the rows, in their order.
        schema: what all tables are cast to.
        provenance: what the file's metadata says of its origin.
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
    with _writer(target, schema, split) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({PROVENANCE: json.dumps(with_version(provenance), ensure_ascii=False)})


def _writer(target: Path | io.BytesIO, schema: pa.Schema, split: tuple[str, ...]) -> pq.ParquetWriter:
    """A writer with the settings of all files of a study."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(
        target,
        schema,
        compression="zstd",
        data_page_version="1.0",
        use_dictionary=[name for name in schema.names if name not in split],
        use_byte_stream_split=list(split),
        write_page_checksum=True,
        store_schema=False,  # plain types for every reader
    )


def table_bytes(table: pa.Table, provenance: Mapping[str, Any]) -> bytes:
    """One table as the bytes of a Parquet file.

    Args:
        table: all rows.
        provenance: what the file's metadata says of its origin.
    """
    buffer = io.BytesIO()
    _write(buffer, [table], table.schema, provenance)
    return buffer.getvalue()


def open_table(path: Path) -> pq.ParquetFile:
    """A Parquet file, open for reading; its path lends it no columns, unlike with `pq.read_table`.

    Raises: VerificationError when it is missing or no Parquet file any more.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowInvalid) as error:
        raise VerificationError(f"{path} is missing or damaged; restore it, or make it again") from error


def read_table(path: Path, *columns: str) -> pa.Table:
    """All rows of a small Parquet file, every page compared with its checksum.

    Args:
        path: the file.
        columns: names of the columns that are returned; all of them if none is named.

    Raises: VerificationError when it is missing or damaged.
    """
    return read_table_and_origin(path, *columns)[0]


def read_table_and_origin(path: Path, *columns: str) -> tuple[pa.Table, dict[str, Any]]:
    """All rows of a small Parquet file, as `read_table`, and what it says about its own origin.

    Args:
        path: the file.
        columns: names of the columns that are returned; all of them if none is named.

    Raises: VerificationError when it is missing or damaged.
    """
    import pyarrow as pa

    with open_table(path) as opened:
        try:
            table = opened.read()
            return table.select(columns) if columns else table, origin_in(opened, path)
        except (OSError, pa.ArrowInvalid, KeyError) as error:  # a column's name may be what is damaged
            raise VerificationError(f"{path} is damaged; restore it, or make it again") from error


def provenance_of(path: Path) -> dict[str, Any]:
    """What a Parquet file says about its own origin; empty when another program wrote it.

    Raises: VerificationError when it is missing or damaged.
    """
    with open_table(path) as opened:
        return origin_in(opened, path)


def origin_in(opened: pq.ParquetFile, path: Path) -> dict[str, Any]:
    """What an open Parquet file says about its own origin.

    Args:
        opened: the file.
        path: its name, for the message.

    Raises: VerificationError when that is damaged.
    """
    metadata = opened.metadata.metadata or {}
    try:
        return dict(json.loads(metadata.get(PROVENANCE, b"{}")))
    except ValueError as error:
        raise VerificationError(f"{path} is damaged; restore it, or make it again") from error


def with_version(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance with the toolbox's own version in front."""
    return {"tool": name_and_version(), **provenance}
