"""The headers of the pages of a Parquet file, which state to how many bytes each page unpacks.

Whoever reads a page first takes as much memory as its header states, or its content has; the footer only states sums.
Owns comparing both, so that what was allowed of the footer holds of the pages. No library shows these headers. They are
in Thrift's compact protocol: a byte of a field's number and type, then its value; numbers in groups of seven bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from toolbox.exchange.importing.faults import refuse

_LONGEST = 2**16
"""Bytes of a header with the smallest and largest value of the page, which may be texts."""
_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 0, 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)
_UNPACKED, _PACKED = 2, 3
"""Numbers of the fields of a header with the sizes of its page."""
_DEEPEST = 8


@dataclass
class _Header:
    """The bytes from a header on, and how many of them are read."""

    content: bytes
    at: int = 0

    def byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def number(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number without end")

    def fields(self, depth: int = 0) -> dict[int, int]:
        """The whole numbers of a structure by the numbers of their fields; all else is passed over."""
        found, field = dict[int, int](), 0
        while (head := self.byte()) & 0x0F != _STOP:
            step = head >> 4
            field = field + step if step else _signed(self.number())
            value = self._value(head & 0x0F, depth)
            if value is not None:
                found[field] = value
        return found

    def _value(self, kind: int, depth: int) -> int | None:
        if kind in _INTEGERS:
            return _signed(self.number())
        if kind == _BINARY:
            self._skip(self.number())
        elif kind in (_BYTE, _DOUBLE):
            self._skip(1 if kind == _BYTE else 8)
        elif kind == _STRUCT and depth < _DEEPEST:
            self.fields(depth + 1)
        elif kind not in (_TRUE, _FALSE):  # lists and maps, which no header has
            raise ValueError("a field that no header has")
        return None

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self.content):
            raise IndexError


def _signed(number: int) -> int:
    return (number >> 1) ^ -(number & 1)


def check_pages(path: Path, metadata: pq.FileMetaData) -> None:
    """Refuse a file with a page that unpacks to more than its footer states of its column.

    Args:
        path: the file.
        metadata: its footer.

    Raises: BundleError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                try:
                    is_as_stated = _is_as_stated(file, metadata.row_group(group).column(number), size)
                except (ValueError, IndexError, OverflowError):
                    is_as_stated = False
                if not is_as_stated:
                    refuse(
                        path.name,
                        "has pages of other sizes than its footer states",
                        "do not trust this bundle",
                    )


def _is_as_stated(file: BinaryIO, column: pq.ColumnChunkMetaData, size: int) -> bool:
    """Whether the pages of a column are as long, packed and unpacked, as the footer states."""
    starts = [column.data_page_offset, column.dictionary_page_offset if column.has_dictionary_page else None]
    at = min((start for start in starts if start), default=0)  # 0: a row group without rows has no such page
    end, left = at + column.total_compressed_size, column.total_uncompressed_size
    if not at:
        return bool(column.num_values == end == left == 0)
    if not 4 <= at <= end <= size:
        return False
    while at < end:
        file.seek(at)
        header = _Header(file.read(min(_LONGEST, end - at)))
        fields = header.fields()
        packed, unpacked = (fields.get(name, -1) for name in (_PACKED, _UNPACKED))
        left -= header.at + unpacked
        at += header.at + packed
        if packed < 0 or unpacked < 0 or left < 0 or at > end:
            return False
    return bool(left == 0)
