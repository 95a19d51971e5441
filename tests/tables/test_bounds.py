"""Tables of anybody: what unpacks to more than a table is refused before it expands."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import polars as pl
import pytest

from toolbox.errors import StimulusError, TableError
from toolbox.stimuli.manifest import list_manifest
from toolbox.tables import bounds, read_rows

SHEET = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}'
WORKBOOK = (
    '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>'
)


def workbook(sheet: bytes) -> bytes:
    """A workbook of one sheet."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", WORKBOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return written.getvalue()


def cells(*places: str) -> bytes:
    rows = "".join(
        f'<row r="{place.lstrip("ABCDEFX")}"><c r="{place}" t="n"><v>1</v></c></row>' for place in places
    )
    return (SHEET.format(rows) + "</sheetData></worksheet>").encode()


def lying(content: bytes) -> bytes:
    """The same workbook, whose directory states that its sheet is small."""
    place = content.rindex(b"PK\x01\x02")
    return content[: place + 24] + struct.pack("<I", 100) + content[place + 28 :]


def refused(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(TableError, match=message):
            read_rows(file, ["path"])
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".xlsx"])
def test_a_compressed_table_is_refused_as_such(tmp_path: Path, suffix: str) -> None:
    content = gzip.compress(b"path,category\n" + b"a.png,cat\n" * 100_000)
    refused(tmp_path / f"images{suffix}", content, "is compressed with gzip; unpack it first")


@pytest.mark.parametrize("mark", [b"x\x01", b"sep=,\nx\x01"])
def test_a_text_that_polars_would_unpack_is_refused(tmp_path: Path, mark: bytes) -> None:
    refused(tmp_path / "images.csv", mark + b"path,category\na,b\n", "with a character that cannot be shown")


@pytest.mark.parametrize("change", [bytes, lying])
def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, change: type[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "_LARGEST_WORKBOOK", 2**23)
    content = change(workbook(SHEET.format("").encode() + b" " * 2**24))
    refused(tmp_path / "images.xlsx", content, r"unpacks to more than 8,388,608 bytes")


def test_a_workbook_with_a_cell_far_away_is_refused(tmp_path: Path) -> None:
    """The library keeps a cell for every place up to the last one."""
    refused(tmp_path / "images.xlsx", workbook(cells("A1", "XFD1048576")), "1,048,576 rows of 16,384 columns")


def test_a_parquet_table_of_too_many_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_CELLS", 10**6)
    written = io.BytesIO()
    pl.DataFrame({"path": pl.repeat("a", 2 * 10**6, eager=True)}).write_parquet(written)
    refused(tmp_path / "images.parquet", written.getvalue(), "2,000,000 rows of 1 columns; expected at most")


def test_a_long_text_that_all_rows_share_is_refused(tmp_path: Path) -> None:
    written = io.BytesIO()
    pl.DataFrame({"path": pl.repeat("a" * 2**20, 1100, eager=True)}).write_parquet(written)
    assert len(written.getvalue()) < 2**22
    refused(tmp_path / "images.parquet", written.getvalue(), "bytes of text; expected at most")


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "images.csv").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(TableError, match="has 8,589,934,592 bytes"):
        read_rows(tmp_path / "images.csv", ["path"])


@pytest.mark.parametrize("column", ["path", "category"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"a.png", ["a.png"], {"a": 1}])
def test_bytes_and_lists_in_a_manifest_are_refused(tmp_path: Path, column: str, value: object) -> None:
    pl.DataFrame({"path": ["a.png"], "category": ["cat"]} | {column: [value]}).write_parquet(
        tmp_path / "images.parquet"
    )
    with pytest.raises(StimulusError, match=f"column {column!r} of .* has the type .*; expected text"):
        list_manifest(tmp_path / "images.parquet")
