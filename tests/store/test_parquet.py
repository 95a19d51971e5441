"""Files appear whole or not at all, say where they come from, and have one writer."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolbox.errors import BusyError, VerificationError
from toolbox.files import only_writer, replace_file, write_json, write_text
from toolbox.store.parquet import (
    open_table,
    provenance_of,
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
HOLDER = """
import sys, time
from pathlib import Path
from toolbox.files import only_writer
with only_writer(Path(sys.argv[1]), "extracting"):
    print("held", flush=True)
    time.sleep(60)
"""


class StoppedError(Exception):
    """What stops a block half way."""


# Replacing


@pytest.mark.parametrize("before", [None, "old"])
def test_a_block_that_fails_leaves_nothing_behind(before: str | None, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    if before:
        write_text(path, before)
    with pytest.raises(StoppedError), replace_file(path) as fresh:
        fresh.write_text("half")
        raise StoppedError
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == (["file.txt"] if before else [])
    assert before is None or path.read_text() == before


def test_the_file_is_not_to_be_seen_before_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with replace_file(path) as fresh:
        fresh.write_text("new")
        assert not path.exists()
        assert fresh.parent == path.parent
        assert fresh.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(FileNotFoundError), replace_file(path):
        pass
    assert path.read_text() == "old"


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path, failures = tmp_path / "file.json", []
    together = threading.Barrier(8)

    def write(number: int) -> None:
        try:
            for _ in range(10):
                together.wait(timeout=30)
                write_json(path, {"number": number, "filling": "x" * 5000})
        except (OSError, threading.BrokenBarrierError) as error:
            failures.append(error)
            together.abort()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert json.loads(path.read_text())["number"] in range(8)
    assert list(tmp_path.iterdir()) == [path]


def test_json_keeps_every_letter(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"category": "Müße → 猫", "n": 1})
    text = (tmp_path / "record.json").read_bytes().decode("utf-8")
    assert "Müße → 猫" in text
    assert json.loads(text) == {"category": "Müße → 猫", "n": 1}


# Tables


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


def test_tables_are_written_behind_one_another_in_compressed_pages_of_the_oldest_kind(tmp_path: Path) -> None:
    write_tables(tmp_path / "table.parquet", [TABLE, TABLE], TABLE.schema, {}, split=("mean",))
    metadata = pq.read_metadata(tmp_path / "table.parquet")
    assert (metadata.num_rows, metadata.num_row_groups) == (6, 2)
    column = metadata.row_group(0).column(3)
    assert column.compression == "ZSTD"
    assert "BYTE_STREAM_SPLIT" in column.encodings
    assert pq.read_table(tmp_path / "table.parquet").num_rows == 6


def test_a_table_that_fails_half_way_is_not_there(tmp_path: Path) -> None:
    def tables() -> Iterator[pa.Table]:
        yield TABLE
        raise StoppedError

    with pytest.raises(StoppedError):
        write_tables(tmp_path / "table.parquet", tables(), TABLE.schema, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [None, 0.0, 0.01, 0.5, 0.99])
def test_a_missing_or_cut_table_is_said_with_its_name(written: Path, keep: float | None) -> None:
    content = written.read_bytes()
    written.unlink()
    if keep is not None:
        written.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(VerificationError) as caught:
        open_table(written)
    assert str(caught.value) == f"{written} is missing or damaged; restore it, or make it again"


# One writer


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_until_the_first_is_gone_even_by_a_kill(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with pytest.raises(BusyError) as caught, only_writer(tmp_path, "ingest"):
        pytest.fail("two writers")
    assert str(caught.value) == (
        f"another process is busy with ingest in {tmp_path}; wait until it ends, or stop it, and run this again"
    )
    holder.kill()
    holder.wait()
    with only_writer(tmp_path, "ingest"):
        assert (tmp_path / ".lock").exists()


def test_the_folder_is_made_and_free_again_after_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with pytest.raises(StoppedError), only_writer(folder, "ingest"):
        raise StoppedError
    with only_writer(folder, "ingest"), pytest.raises(BusyError), only_writer(folder, "ingest"):
        pytest.fail("two writers")
