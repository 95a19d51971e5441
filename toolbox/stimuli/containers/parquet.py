"""Tables of Parquet with a column of image files, as the data sets of Hugging Face have them.

Owns reading one row: values are decoded one after the other, so that no row group is in memory as a whole, and the next
row, which is usually asked for next, is had without decoding anything twice.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterator
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolbox.errors import StimulusError
from toolbox.stimuli.containers.container import Container, MemberOrigin, damaged, fault_of_size, row_name
from toolbox.stimuli.containers.labels import LABEL_COLUMNS, label_texts

_KEPT = 2**26
"""Bytes of images that were decoded on the way to another one, and are kept."""
_BROKEN = (pa.ArrowException, OSError, ValueError)


class ParquetContainer(Container):
    """A table, of which every image is read by itself."""

    def __init__(self, path: Path) -> None:
        """Read the schema and the labels; no image is read.

        Args:
            path: of the table.

        Raises: StimulusError when it cannot be read, or has no column of images; OSError.
        """
        super().__init__(path)
        try:
            self._table = _open_table(path)
            self._columns = image_columns(self._table.schema_arrow)
            self._labels = self._read_labels()
        except _BROKEN as error:
            raise damaged(path, "a table of Parquet", error) from error
        self.check_count(self._table.metadata.num_rows)
        groups = range(self._table.metadata.num_row_groups)
        counts = (self._table.metadata.row_group(group).num_rows for group in groups)
        self._starts = [0, *accumulate(counts)]
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, int], bytes | None] = OrderedDict()
        self._size = 0
        self._ahead: tuple[str, int, Iterator[bytes | None]] = ("", 0, iter(()))

    @property
    def columns(self) -> Collection[str]:
        """Names of the columns of images."""
        return self._columns.keys()

    @property
    def names(self) -> Collection[str]:
        """A name for every image: its column, and the number of its row."""
        return [
            row_name(column, row) for column in self._columns for row in range(self._table.metadata.num_rows)
        ]

    def has(self, name: str) -> bool:
        """Whether the table has a row, and a column of images of this name.

        Args:
            name: of a member.
        """
        column, _, row = name.rpartition("/")
        is_row = row.isascii() and row.isdigit() and int(row) < self._table.metadata.num_rows
        return column in self._columns and is_row and row_name(column, int(row)) == name

    def origin(self, name: str) -> MemberOrigin:
        """The label in the row of an image; a table has no folders.

        Args:
            name: one of `names`.
        """
        return MemberOrigin((), self._labels[int(name.rpartition("/")[2])] if self._labels else None)

    def read(self, name: str) -> bytes:
        """The bytes of an image.

        Args:
            name: one of `names`.

        Raises: StimulusError when the row has none, or is damaged.
        """
        column, _, row = name.rpartition("/")
        try:
            with self._lock:
                content = self._value(column, int(row))
        except (*_BROKEN, StopIteration) as error:
            raise StimulusError(f"damaged in its container ({str(error)[:200]})") from error
        if content is None:
            raise StimulusError("a row without the bytes of an image")
        if (fault := fault_of_size(len(content))) is not None:
            raise StimulusError(fault)
        return content

    def _value(self, column: str, row: int) -> bytes | None:
        if (column, row) in self._kept:
            return self._kept[column, row]
        group = bisect_right(self._starts, row) - 1
        at_column, at, values = self._ahead
        if at_column != column or not self._starts[group] <= at <= row:
            at, values = self._starts[group], self._values(column, group)
        for number in range(at, row + 1):
            value = next(values)
            self._keep((column, number), value)
        self._ahead = (column, row + 1, values)
        return value

    def _values(self, column: str, group: int) -> Iterator[bytes | None]:
        """The images of a row group and those after it; one at a time, as one page can repeat a value without end."""
        groups = [*range(group, self._table.metadata.num_row_groups)]
        path = [self._columns[column]]
        for batch in self._table.iter_batches(1, row_groups=groups, columns=path, use_threads=False):
            value = batch.column(0)[0].as_py()
            yield value["bytes"] if isinstance(value, dict) else value

    def _keep(self, place: tuple[str, int], value: bytes | None) -> None:
        """Keep a value, and forget the oldest ones."""
        self._kept[place] = value
        self._size += len(value or b"")
        while self._size > _KEPT and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1] or b"")

    def _read_labels(self) -> list[str | None]:
        """The label of every row; empty where no column has labels."""
        schema = self._table.schema_arrow
        classes = _class_labels(schema)
        named = next(
            (name for name in LABEL_COLUMNS if name in schema.names and _is_label(schema.field(name))), None
        )
        column = named or next(iter(classes), None)
        if column is None:
            return []
        if others := [name for name in classes if name != column]:
            self.notes.append(
                f"{self.path}: the categories are those of {column!r}; also labelled: {', '.join(others)}"
            )
        values = self._table.read([column]).column(0).to_pylist()
        names = classes.get(column)
        if names is None:
            return label_texts(values)
        return [self._class_name(value, names, row) for row, value in enumerate(values)]

    def _class_name(self, value: Any, names: list[str], row: int) -> str | None:
        """The name of a class; -1 means none, as in the test sets of Hugging Face."""
        if value is None or value == -1:
            return None
        if not isinstance(value, int) or not 0 <= value < len(names):
            raise StimulusError(
                f"{self.path}, row {row + 1}: label {value!r}, but {len(names)} names of classes"
            )
        return str(names[value])


def has_image_column(path: Path) -> bool:
    """Whether a table of Parquet has a column of images; a list of stimuli has none.

    Args:
        path: of the table; False where it cannot be read, which those who read it report.
    """
    try:
        with _open_table(path) as table:
            return bool(image_columns(table.schema_arrow))
    except _BROKEN:
        return False


def image_columns(schema: pa.Schema) -> dict[str, str]:
    """Columns of images, and where in each the bytes are.

    Args:
        schema: of the table.

    Example:
        >>> image_columns(pa.schema([("image", pa.struct([("bytes", pa.binary())])), ("label", pa.int64())]))
        {'image': 'image.bytes'}
    """
    found = {}
    for field in schema:
        if _is_binary(field.type):
            found[field.name] = field.name
        elif pa.types.is_struct(field.type) and any(
            each.name == "bytes" and _is_binary(each.type) for each in field.type
        ):
            found[field.name] = f"{field.name}.bytes"
    return found


def _open_table(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_label(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
    )


def _class_labels(schema: pa.Schema) -> dict[str, list[str]]:
    """The names of classes by column, as Hugging Face writes them beside the schema."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    columns = features.items() if isinstance(features, dict) else ()
    return {
        name: feature["names"]
        for name, feature in columns
        if name in schema.names
        and isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        and isinstance(feature.get("names"), list)
    }
