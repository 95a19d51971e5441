"""The Parquet files of a bundle. Owns their settings: what every reader knows, small, and the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from toolbox.distribution import name_and_version
from toolbox.store.parquet import PROVENANCE, arrow_schema

_FLOATS = {
    "rollups": ("sum", "squared_deviations", "minimum", "maximum"),
    "significance": ("value", "low", "high"),
    "resamples": ("strength",),
    "reliability": ("value", "cross_validated", "reliability"),
    "relations": ("correlation",),
    "relation_permutations": ("strongest",),
    "responses": ("maximum", "mean"),
}
"""Columns of numbers that hardly repeat, which zstd compresses better when their bytes are split into streams."""
LEVEL, LEVEL_OF_RESPONSES = 19, 6
"""Of zstd: the tables are small, except those of responses."""
LARGEST_GROUP = 1024 * 1024


@dataclass(frozen=True)
class WrittenTable:
    """A Parquet file of a bundle.

    Attributes:
        name: of the table.
        file: name of its file.
        rows: their number.
        columns: name -> type, by pyarrow's names.
        set: the stimulus set, where the table is of one.
        variables: column -> name of the stimulus variable, where it had to be changed.
    """

    name: str
    file: str
    rows: int
    columns: Mapping[str, str]
    set: str | None = None
    variables: Mapping[str, str] | None = None


def write_parquet(path: Path, name: str, tables: Iterable[pa.Table], columns: Mapping[str, str]) -> int:
    """Write tables of the same columns one after the other; no row group has rows of two of them.

    Args:
        path: the file.
        name: of the table.
        tables: the rows, in order.
        columns: name -> type, to which all tables are cast.

    Returns: the number of rows.
    """
    schema, rows = arrow_schema(columns), 0
    split = [column for column in _FLOATS.get(name, ()) if column in columns]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=LEVEL_OF_RESPONSES if name == "responses" else LEVEL,
        data_page_version="1.0",
        use_dictionary=[column for column in columns if column not in split],
        use_byte_stream_split=split,
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        for table in filter(len, tables):
            writer.write_table(table.select([*columns]).cast(schema), row_group_size=LARGEST_GROUP)
            rows += len(table)
        provenance = {"tool": name_and_version(), "table": name}
        writer.add_key_value_metadata({PROVENANCE: json.dumps(provenance)})
    return rows


def with_names(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """A table behind columns of one text each.

    Args:
        table: any.
        names: column -> its text.
    """
    columns = [pa.repeat(pa.scalar(text, pa.string()), len(table)) for text in names.values()]
    return pa.Table.from_arrays([*columns, *table.columns], names=[*names, *table.column_names])
