"""The Parquet files of a bundle. Owns that none has other columns than declared, or unpacks to more than a table has.

What a footer states is compared with what comes: rows are read in batches, and texts once each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolbox.exchange.bundle.layout import BUNDLE_TABLES
from toolbox.exchange.importing.faults import named_file, refuse, shortened
from toolbox.exchange.importing.page_headers import check_pages
from toolbox.exchange.importing.records import LONGEST_TEXT, TableRecord
from toolbox.printing import is_printable
from toolbox.store.parquet import arrow_schema
from toolbox.tables.bounds import LARGEST_TABLE, MOST_CELLS

NO_TRUST = "do not trust this bundle"
BATCH = 2**16
"""Rows that are read at once."""
_ALWAYS, _RATIO = 2**26, 1000
"""Bytes of columns that a file may unpack to in any case, and how many times its size: equal values need little."""
_MOST_COLUMNS = 2000
_VARIABLES = ("string", "int64", "double", "bool")
"""Types of stimulus variables; image properties are of type double."""


def expected_columns(record: TableRecord) -> dict[str, str]:
    """The columns of a table and their types: those declared, and variables of plain types.

    Args:
        record: what `bundle.json` states of it.

    Raises: BundleError for others.
    """
    table = BUNDLE_TABLES[record.name]
    declared = table.schema
    first = dict([*record.columns.items()][: len(declared)])
    more = {name: kind for name, kind in record.columns.items() if name not in declared}
    if [*first.items()] != [*declared.items()] or (more and not table.has_more_columns):
        refuse(
            record.file, f"has the columns {shortened(_listed(record.columns))}; expected {_listed(declared)}"
        )
    allowed = ("double",) if record.name == "properties" else _VARIABLES
    for name, kind in more.items():
        if kind not in allowed:
            refuse(
                record.file, f"has {shortened(name)} of type {shortened(kind)}; expected {', '.join(allowed)}"
            )
    if len({name.casefold() for name in record.columns}) != len(record.columns):
        refuse(record.file, "has two columns whose names differ only in case")
    return dict(record.columns)


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())


@contextmanager
def opened_table(folder: Path, record: TableRecord) -> Iterator[pq.ParquetFile]:
    """A Parquet file of a bundle, whose footer is what `bundle.json` states.

    Args:
        folder: with the files of the bundle.
        record: what `bundle.json` states of the table.

    Raises: BundleError for another number of rows, other columns or types, or what unpacks to too much.
    """
    path = folder / record.file
    if not path.is_file():
        refuse(record.file, "is missing")
    with named_file(record.file):
        texts = [name for name, kind in expected_columns(record).items() if kind == "string"]
        with pq.ParquetFile(
            path, read_dictionary=texts, page_checksum_verification=True, pre_buffer=False, memory_map=False
        ) as opened:
            _check_footer(path, record, opened)
            yield opened


def _check_footer(path: Path, record: TableRecord, opened: pq.ParquetFile) -> None:
    metadata = opened.metadata
    if metadata.num_columns > _MOST_COLUMNS:
        refuse(
            record.file, f"has {metadata.num_columns:,} columns; expected at most {_MOST_COLUMNS:,}", NO_TRUST
        )
    schema = opened.schema.to_arrow_schema()
    found = {field.name: _plain_type(field.type) for field in schema}
    if found != record.columns or len(schema) != len(record.columns):
        refuse(
            record.file, f"has the columns {shortened(_listed(found))}; expected those that bundle.json lists"
        )
    if metadata.num_rows != record.rows:
        refuse(
            record.file, f"has {metadata.num_rows:,} rows; expected {record.rows:,}, as bundle.json states"
        )
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.num_rows < 0 for group in groups) or sum(group.num_rows for group in groups) != record.rows:
        refuse(record.file, "states other numbers of rows in its groups than in all", NO_TRUST)
    if record.name != "responses" and record.rows * metadata.num_columns > MOST_CELLS:
        refuse(record.file, f"has {record.rows:,} rows; expected at most {MOST_CELLS:,} cells", NO_TRUST)
    unpacked = sum(
        group.column(number).total_uncompressed_size
        for group in groups
        for number in range(metadata.num_columns)
    )
    allowed = max(_ALWAYS, _RATIO * path.stat().st_size)
    if not 0 <= unpacked <= allowed:
        refuse(record.file, f"unpacks to {unpacked:,} bytes; expected at most {allowed:,}", NO_TRUST)
    check_pages(path, metadata)


def _plain_type(kind: pa.DataType) -> str:
    """The type of a column; texts are read once each, whatever their number."""
    return "string" if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type) else str(kind)


def read_bundle_rows(folder: Path, record: TableRecord) -> pa.Table:
    """All rows of a small table of a bundle.

    Args:
        folder: with the files of the bundle.
        record: what `bundle.json` states of the table.

    Raises: BundleError for a table that is damaged or too large, and for texts that are no names.
    """
    batches, size, rows = list[pa.Table](), 0, 0
    schema = arrow_schema(expected_columns(record))
    with opened_table(folder, record) as opened:
        for batch in opened.iter_batches(BATCH, use_threads=False):
            check_texts(record.file, batch)
            plain = pa.Table.from_batches([batch]).cast(schema)
            size, rows = size + plain.nbytes, rows + len(plain)
            if size > LARGEST_TABLE or rows > record.rows:
                refuse(record.file, f"unpacks to more than {LARGEST_TABLE:,} bytes, or more rows", NO_TRUST)
            batches.append(plain)
    if rows != record.rows:
        refuse(record.file, f"has {rows:,} rows; expected {record.rows:,}, as bundle.json states")
    return pa.concat_tables(batches) if batches else schema.empty_table()


def check_texts(file: str, batch: pa.RecordBatch) -> None:
    """Refuse texts that are too long, or that a terminal would obey.

    Args:
        file: name of the file, for the message.
        batch: rows, in which every text is a dictionary.

    Raises: BundleError.
    """
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_dictionary(column.type):
            continue
        values = column.dictionary
        if len(values) and max(pc.binary_length(values).to_pylist()) > LONGEST_TEXT:
            refuse(file, f"has texts of more than {LONGEST_TEXT:,} bytes in {shortened(name)}", NO_TRUST)
        for value in values.to_pylist():
            if not is_printable(value):
                refuse(
                    file, f"has {shortened(value)} in {shortened(name)}, with control characters", NO_TRUST
                )
