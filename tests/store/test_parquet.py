"""Tables as Parquet: whole or not at all, of plain types, and with what they were made from."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.small_study import MODEL, SCHEME, SET
from toolbox.errors import VerificationError
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import (
    open_table,
    provenance_of,
    read_table,
    table_bytes,
    with_version,
    write_table,
    write_tables,
)

TABLE = pa.table(
    {
        "layer": pa.array(["conv1", "conv1", None]),
        "filter": pa.array([0, 1, 2], pa.int32()),
        "bytes": pa.array([1, None, 1 << 40], pa.int64()),
        "mean": pa.array([0.5, 1.5, None], pa.float32()),
        "share": pa.array([0.1, None, 0.3], pa.float64()),
        "dead": pa.array([True, False, None]),
    }
)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_table(tmp_path / "table.parquet", TABLE, {"task": "test", "set": "Müße"})
    return tmp_path / "table.parquet"


def test_a_table_says_where_it_comes_from(written: Path) -> None:
    expected = {
        "tool": f"selectivity-toolbox {version('selectivity-toolbox')}",
        "task": "test",
        "set": "Müße",
    }
    assert provenance_of(written) == expected == with_version({"task": "test", "set": "Müße"})
    (row,) = duckdb.sql(
        f"select value from parquet_kv_metadata('{written}') where key = 'toolbox'"
    ).fetchall()
    assert json.loads(row[0]) == expected


def test_another_programs_table_has_no_provenance(tmp_path: Path) -> None:
    pq.write_table(TABLE, tmp_path / "other.parquet")
    assert provenance_of(tmp_path / "other.parquet") == {}


def test_every_reader_sees_plain_types_and_the_same_rows(written: Path) -> None:
    rows = list(zip(*(column.to_pylist() for column in TABLE.columns), strict=True))
    relation = duckdb.sql(f"from '{written}'")
    assert [str(kind) for kind in relation.types] == [
        "VARCHAR",
        "INTEGER",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "BOOLEAN",
    ]
    assert relation.fetchall() == rows
    frame = pl.read_parquet(written)
    assert frame.dtypes == [pl.String, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean]
    assert frame.rows() == rows
    assert pq.read_table(written).equals(TABLE)
    assert b"ARROW:schema" not in pq.read_metadata(written).metadata


def test_bytes_for_standard_output_are_the_same_kind_of_file(written: Path) -> None:
    content = table_bytes(TABLE, {"task": "test", "set": "Müße"})
    assert content == written.read_bytes()
    assert pl.read_parquet(io.BytesIO(content)).height == 3


def test_pages_carry_checksums_that_find_a_flipped_bit(tmp_path: Path) -> None:
    values = pa.table({"mean": pa.array([float(number) for number in range(1000)], pa.float32())})
    write_tables(tmp_path / "table.parquet", [values], values.schema, {}, split=("mean",))
    intact = (tmp_path / "table.parquet").read_bytes()
    assert pq.read_table(io.BytesIO(intact), page_checksum_verification=True).equals(values)
    damaged = bytearray(intact)
    column = pq.read_metadata(tmp_path / "table.parquet").row_group(0).column(0)
    damaged[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(io.BytesIO(bytes(damaged)), page_checksum_verification=True)


@pytest.mark.parametrize("place", ["table.parquet", "labels/set=a/table.parquet"])
def test_a_bit_that_compression_does_not_notice_is_found_in_a_table_without_an_entry(
    place: str, tmp_path: Path
) -> None:
    """Of a file outside a study, and of a table that another program wrote into one."""
    path = tmp_path / place
    noise = random.Random(1).randbytes(4000)  # is stored as it is
    values = pa.table({"mean": pa.Array.from_buffers(pa.float32(), 1000, [None, pa.py_buffer(noise)])})
    write_tables(path, [values], values.schema, {}, split=("mean",))
    shutil.rmtree(tmp_path / "checksums", ignore_errors=True)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    assert pq.read_table(io.BytesIO(content)).num_rows == 1000
    with pytest.raises(VerificationError, match="it is not a valid Parquet file"):
        read_table(path)


def test_tables_are_written_behind_one_another_in_compressed_pages_of_the_oldest_kind(tmp_path: Path) -> None:
    write_tables(tmp_path / "table.parquet", [TABLE, TABLE], TABLE.schema, {}, split=("mean",))
    metadata = pq.read_metadata(tmp_path / "table.parquet")
    assert (metadata.num_rows, metadata.num_row_groups) == (6, 2)
    column = metadata.row_group(0).column(3)
    assert column.compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in column.encodings
    assert pq.read_table(tmp_path / "table.parquet").num_rows == 6


class StoppedError(Exception):
    """What stops a block half way."""


def test_a_table_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield TABLE
        raise StoppedError

    with pytest.raises(StoppedError):
        write_tables(tmp_path / "table.parquet", tables(), TABLE.schema, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [None, 0.0, 0.01, 0.5, 0.99])
def test_a_missing_or_cut_table_is_reported_with_its_name(written: Path, keep: float | None) -> None:
    content = written.read_bytes()
    written.unlink()
    if keep is not None:
        written.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(VerificationError) as caught:
        open_table(written)
    what = "missing" if keep is None else "damaged: it is not a valid Parquet file"
    assert str(caught.value) == f"{written} is {what}; restore it, or create it again"


# One writer


THREADS = """
import os
from pathlib import Path
import pyarrow as pa, pyarrow.dataset, pyarrow.parquet
from toolbox.store.checksums import _check_pages
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer

pa.set_cpu_count(4)
study = StudyFolder(Path({root!r}))
part, labels = study.extraction({set!r}, {model!r}).part(0), study.labels({set!r}, {scheme!r})
content = part.read_bytes()
for read in (lambda: read_layer([part], "conv1"), lambda: read_table(labels), lambda: _check_pages(part, content)):
    before = len(os.listdir("/proc/self/task"))
    read()
    print(len(os.listdir("/proc/self/task")) - before)
"""
"""Prints how many threads each way to read a table has started."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the threads of a process")
def test_a_table_is_read_without_threads_that_could_outlive_the_command(two_parts: StudyFolder) -> None:
    """A thread that is left after damage asks Python for its lock while Python ends, and the process crashes."""
    program = THREADS.format(root=str(two_parts.root), set=SET, model=MODEL, scheme=SCHEME)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [*map(int, done.stdout.split())] == [1, 0, 0]  # the first is that of a filter, which reads nothing
