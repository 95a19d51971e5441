"""The window opens the named files for reading, from any position and any thread, and nothing else."""

from __future__ import annotations

import gc
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from toolbox.errors import VerificationError
from toolbox.store.checksums import checksum_of, write_checksum
from toolbox.store.window import Window

CONTENT = bytes(random.Random(1).randbytes(100_000))


@pytest.fixture
def window(tmp_path: Path) -> Window:
    (tmp_path / "inside.bin").write_bytes(CONTENT)
    (tmp_path / "outside.bin").write_bytes(b"secret")
    return Window({"0-inside.bin": tmp_path / "inside.bin"})


@pytest.mark.parametrize("name", ["0-inside.bin", "study://0-inside.bin"])
def test_a_named_file_is_there(name: str, window: Window) -> None:
    assert window.open(name).read() == CONTENT
    assert window.info(name)["size"] == len(CONTENT)
    assert window.glob(name) == ["0-inside.bin"]
    assert window.modified(name).year >= 2024


@pytest.mark.parametrize(
    "name",
    ["outside.bin", "inside.bin", "study://outside.bin", "../outside.bin", "/etc/passwd", "", "*", "0-*"],
)
def test_any_other_name_is_not(name: str, window: Window) -> None:
    with pytest.raises(FileNotFoundError, match="not a table of this study"):
        window.open(name)
    with pytest.raises(FileNotFoundError):
        window.info(name)
    assert window.glob(name) == []
    assert not window.exists(name)


def test_rows_that_were_made_although_a_file_is_damaged_are_none(tmp_path: Path) -> None:
    """A library may go on where it could not read."""
    file = tmp_path / "labels" / "set=a" / "table.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    write_checksum(file, checksum_of(CONTENT))
    file.write_bytes(CONTENT[:-1] + b"?")
    window = Window({"table": file})
    with (
        pytest.raises(VerificationError, match="is damaged"),
        window.own_errors(),
        suppress(VerificationError),
    ):
        window.open("table").read()


@pytest.mark.parametrize("mode", ["wb", "ab", "r+b", "xb", "w"])
def test_nothing_is_opened_for_writing(mode: str, window: Window, tmp_path: Path) -> None:
    for name in ("0-inside.bin", "new.bin"):
        with pytest.raises((PermissionError, ValueError)):
            window.open(name, mode)
    assert (tmp_path / "inside.bin").read_bytes() == CONTENT
    assert not (tmp_path / "new.bin").exists()


@pytest.mark.parametrize("method", ["rm", "rm_file", "rmdir", "mkdir", "makedirs", "touch"])
@pytest.mark.parametrize("name", ["0-inside.bin", "inside.bin", "new"])
def test_nothing_is_removed_or_made(method: str, name: str, window: Window, tmp_path: Path) -> None:
    with suppress(NotImplementedError, FileNotFoundError, PermissionError):
        getattr(window, method)(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside.bin", "outside.bin"]
    assert (tmp_path / "inside.bin").read_bytes() == CONTENT


def test_a_window_is_not_shared_by_two_studies(window: Window, tmp_path: Path) -> None:
    other = Window({"0-inside.bin": tmp_path / "outside.bin"})
    assert Window({"0-inside.bin": tmp_path / "outside.bin"}) is not other
    assert other.open("0-inside.bin").read() == b"secret"
    assert window.open("0-inside.bin").read() == CONTENT


@pytest.mark.parametrize(
    ("offset", "whence", "expected"),
    [
        (5, os.SEEK_SET, 5),
        (5, os.SEEK_CUR, 15),
        (-5, os.SEEK_END, len(CONTENT) - 5),
        (0, os.SEEK_END, len(CONTENT)),
    ],
)
def test_a_position_is_absolute_relative_or_from_the_end(
    offset: int, whence: int, expected: int, window: Window
) -> None:
    with window.open("0-inside.bin") as file:
        file.seek(10)
        assert file.seek(offset, whence) == file.tell() == expected
        assert file.read(3) == CONTENT[expected : expected + 3]
        assert file.tell() == min(expected + 3, len(CONTENT))
    assert file.closed


def test_reading_past_the_end_gives_what_there_is(window: Window) -> None:
    with window.open("0-inside.bin") as file:
        file.seek(len(CONTENT) - 2)
        assert (file.read(100), file.read(100), file.read()) == (CONTENT[-2:], b"", b"")
        file.seek(len(CONTENT) + 10)
        assert (file.read(1), file.read()) == (b"", b"")


@pytest.fixture(params=["positioned", "plain"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the positioned reads that Windows lacks."""
    if request.param == "plain":
        monkeypatch.delattr("os.pread", raising=False)


@pytest.mark.usefixtures("reading")
def test_a_position_belongs_to_its_thread(window: Window) -> None:
    with window.open("0-inside.bin") as file, ThreadPoolExecutor(1) as pool:
        file.seek(10)
        assert pool.submit(file.tell).result() == 0
        assert pool.submit(file.seek, 500).result() == 500
        assert pool.submit(file.read, 3).result() == CONTENT[500:503]
        assert (file.tell(), file.read(3), file.tell()) == (10, CONTENT[10:13], 13)
        assert pool.submit(file.tell).result() == 503


@pytest.mark.usefixtures("reading")
def test_threads_read_one_file_at_once(window: Window) -> None:
    together = threading.Barrier(8)
    with window.open("0-inside.bin") as file:

        def sampled(seed: int) -> bool:
            chance = random.Random(seed)
            places = [chance.randrange(len(CONTENT) - 64) for _ in range(2000)]
            together.wait(timeout=30)
            return all(
                file.seek(place) == place and file.read(64) == CONTENT[place : place + 64] for place in places
            )

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(sampled, range(8))) == [True] * 8


@pytest.mark.parametrize("closes", [True, False])
def test_a_file_is_given_back_whether_closed_or_dropped(closes: bool, window: Window) -> None:
    file = window.open("0-inside.bin")
    descriptor = file._descriptor
    os.fstat(descriptor)
    if closes:
        file.close()
        file.close()
    del file
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
