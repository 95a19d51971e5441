"""Parquet files of a study, written with common settings and checksums, and verified as they are read.

Owns these settings. Whatever writes a table through this module writes its checksum (`checksums`) before the table is
put in its place; whatever reads one through this module, or through the window of SQL, compares its bytes first.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.distribution import name_and_version
from toolbox.errors import VerificationError
from toolbox.faults import fault_of
from toolbox.files import replace_file
from toolbox.store.checksums import (
    Checksum,
    checksum_of_file,
    damage,
    drop_earlier,
    write_checksum,
)
from toolbox.store.columns import Columns
from toolbox.store.remedies import remedy_for
from toolbox.store.verified import open_verified

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

PROVENANCE = b"toolbox"
"""Key of a Parquet file's metadata for its provenance, as JSON."""
ROW_GROUP = 128 * 1024


def arrow_schema(columns: Columns) -> pa.Schema:
    """The columns of a table as a pyarrow schema."""
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])


def arrow_table(values: Mapping[str, Sequence[Any]], columns: Columns) -> pa.Table:
    """Columns of Python values as an Arrow table of the declared types.

    Args:
        values: column -> its values, all of the same length.
        columns: the type of each column.
    """
    import pyarrow as pa

    return pa.table(dict(values), schema=arrow_schema(columns))


def write_table(path: Path, table: pa.Table, provenance: Mapping[str, Any]) -> None:
    """Write one small table as Parquet, whole or not at all.

    Args:
        path: the file, which is replaced if it exists.
        table: all rows.
        provenance: the origin of the table, for the metadata of the file.
    """
    write_tables(path, [table], table.schema, provenance)


def write_tables(
    path: Path,
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    provenance: Mapping[str, Any],
    *,
    split: tuple[str, ...] = (),
    scratch: Path | None = None,
) -> Checksum:
    """Write tables of one schema one after the other into a Parquet file, with only one of them in memory at a time.

    Args:
        path: the file, which is replaced if it exists.
        tables: the rows, in order.
        schema: the schema to which all tables are cast.
        provenance: the origin of the tables, for the metadata of the file.
        split: names of float columns that are stored with byte-stream split, which zstd compresses better.
        scratch: the folder of the file while it is written; that of the file if None.

    Returns: the checksum of the file, which is written before the file is put in its place.
    """
    with replace_file(path, scratch) as fresh:
        _write(fresh, tables, schema, provenance, split)
        checksum = checksum_of_file(fresh)
        write_checksum(path, checksum, scratch)
    drop_earlier(path, checksum)
    return checksum


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
    """A writer with the common settings of a study's files."""
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


def row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of at least a row group, except the last, so that small ones do not become small groups.

    Args:
        tables: of one schema.
    """
    import pyarrow as pa

    gathered: list[pa.Table] = []
    for table in tables:
        gathered.append(table)
        if sum(map(len, gathered)) >= ROW_GROUP:
            yield pa.concat_tables(gathered)
            gathered.clear()
    if gathered:
        yield pa.concat_tables(gathered)


def table_bytes(table: pa.Table, provenance: Mapping[str, Any], *, split: tuple[str, ...] = ()) -> bytes:
    """One table as the bytes of a Parquet file.

    Args:
        table: all rows.
        provenance: the origin of the table, for the metadata of the file.
        split: as of `write_tables`.
    """
    buffer = io.BytesIO()
    _write(buffer, [table], table.schema, provenance, split)
    return buffer.getvalue()


def open_table(path: Path) -> pq.ParquetFile:
    """A Parquet file whose bytes are verified as they are read; unlike with `pq.read_table`, its path adds no columns.

    Raises: VerificationError when the file is missing, damaged, or not a valid Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(open_verified(path), page_checksum_verification=True, pre_buffer=False)
    except FileNotFoundError as error:
        raise VerificationError(f"{path} is missing; {remedy_for(path)}") from error
    except (OSError, pa.ArrowInvalid, UnicodeDecodeError) as error:  # the latter of the name of a column
        if fault_of(error):  # of the computer, not of the file
            raise
        raise damage(path, "it is not a valid Parquet file") from error


def read_table(path: Path, *columns: str) -> pa.Table:
    """All rows of a small Parquet file, with every page compared with its checksum.

    Args:
        path: the file.
        columns: names of the columns to return; all columns if none is named.

    Raises: VerificationError when the file is missing or damaged.
    """
    return read_table_and_origin(path, *columns)[0]


def read_table_and_origin(path: Path, *columns: str) -> tuple[pa.Table, dict[str, Any]]:
    """All rows of a small Parquet file, as from `read_table`, and its provenance.

    Args:
        path: the file.
        columns: names of the columns to return; all columns if none is named.

    Raises: VerificationError when the file is missing or damaged.
    """
    import pyarrow as pa

    with open_table(path) as opened:
        try:
            # A thread that is left after an error would ask Python for its lock while Python ends.
            table = opened.read(use_threads=False)
            return table.select(columns) if columns else table, origin_in(opened, path)
        except (OSError, pa.ArrowInvalid, KeyError) as error:  # the name of a column may be damaged
            if fault_of(error):
                raise
            raise damage(path, "it is not a valid Parquet file") from error


def provenance_of(path: Path) -> dict[str, Any]:
    """The provenance in a Parquet file; empty when another program wrote it.

    Raises: VerificationError when the file is missing or damaged.
    """
    with open_table(path) as opened:
        return origin_in(opened, path)


def origin_in(opened: pq.ParquetFile, path: Path) -> dict[str, Any]:
    """The provenance in an open Parquet file.

    Args:
        opened: the file.
        path: its path, for the message.

    Raises: VerificationError when the provenance is damaged.
    """
    metadata = opened.metadata.metadata or {}
    try:
        return dict(json.loads(metadata.get(PROVENANCE, b"{}")))
    except ValueError as error:
        raise damage(path, "its provenance is not JSON") from error


def creation(path: Path) -> dict[str, str]:
    """When a table was first written, for the provenance of its next version; empty for a table that lacks it.

    Args:
        path: the table, which may not exist yet.
    """
    with contextlib.suppress(VerificationError):  # missing, or damaged and to be replaced
        origin = provenance_of(path)
        return {"created": origin["created"]} if "created" in origin else {}
    return {"created": present_time()}


def present_time() -> str:
    """The time as provenance has it: texts in this form are in the order of their times."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def with_version(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Provenance that starts with the version of the toolbox."""
    return {"tool": name_and_version(), **provenance}
