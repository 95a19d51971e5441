"""Files appear whole or not at all, and a folder has one writer."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolbox.errors import BusyError, UsageError
from toolbox.files import (
    folder_beside,
    only_writer,
    read_json,
    replace_file,
    sweep_ended,
    temporary,
    write_json,
    write_text,
)
from toolbox.files.temporary import temporary_path

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


def test_a_disk_that_removes_nothing_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoppedError), replace_file(tmp_path / "file.txt"):
        raise StoppedError


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
    content = json.loads(text)
    assert len(content.pop("record_sha256")) == 64
    assert content == {"category": "Müße → 猫", "n": 1} == read_json(tmp_path / "record.json")


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        with pytest.raises(UsageError, match="is a device, a pipe or an open stream; expected the name"):
            write_text(path, "text")
    assert pipe.is_fifo()


def test_the_file_to_which_stdout_goes_is_not_replaced(tmp_path: Path) -> None:
    program = "from pathlib import Path; from toolbox.files import write_text; "
    command = [sys.executable, "-c", program + "write_text(Path('/dev/stdout'), 'text')"]
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert "UsageError: /dev/stdout is a device, a pipe or an open stream" in done.stderr
    assert (tmp_path / "out").read_text() == ""


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "file.txt"
    link.symlink_to(tmp_path / "far" / "file.txt")
    for text in ("first", "second"):
        write_text(link, text)
        assert link.is_symlink() and (tmp_path / "far" / "file.txt").read_text() == text


# Tables


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
    with pytest.raises(BusyError) as caught, only_writer(tmp_path, "ingesting"):
        pytest.fail("two writers")
    assert str(caught.value) == (
        f"another process is ingesting in {tmp_path}; wait until it ends, or stop it, and try again"
    )
    holder.kill()
    holder.wait()
    with only_writer(tmp_path, "ingest"):
        assert (tmp_path / ".lock").exists()


def test_a_folder_made_for_a_task_that_wrote_nothing_is_taken_back(tmp_path: Path) -> None:
    with pytest.raises(StoppedError), only_writer(tmp_path / "deep" / "folder", "extracting"):
        raise StoppedError
    assert not list(tmp_path.iterdir())
    (tmp_path / "deep").mkdir()
    with pytest.raises(StoppedError), only_writer(tmp_path / "deep" / "folder", "extracting"):
        (tmp_path / "deep" / "folder" / "file").touch()
        raise StoppedError
    assert (tmp_path / "deep" / "folder" / "file").exists()


def test_the_folder_is_made_and_free_again_after_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with pytest.raises(StoppedError), only_writer(folder, "ingest"):
        raise StoppedError
    with only_writer(folder, "ingest"), pytest.raises(BusyError), only_writer(folder, "ingest"):
        pytest.fail("two writers")


def test_temporary_files_of_ended_processes_alone_are_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = temporary_path(tmp_path / "a.json")
    for file in (mine, mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{ended.pid}-"))):
        file.touch()
    sweep_ended(tmp_path)
    assert [*tmp_path.iterdir()] == [mine]


def test_what_another_user_left_keeps_nobody_from_writing_and_the_rest_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in /tmp, where only the owner of a file may delete it."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    unlink, mine = Path.unlink, temporary_path(tmp_path / "a.json").name
    left = [
        tmp_path / mine.replace(f"-{os.getpid()}-", f"-{ended.pid}-").replace("a", name, 1) for name in "abc"
    ]
    for file in left:
        file.touch()
    theirs = next(iter(tmp_path.iterdir()))  # the first that is found

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == theirs:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with folder_beside(tmp_path / "results.zip"):
        assert [file for file in left if file.exists()] == [theirs]


def test_a_folder_that_cannot_be_listed_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, _: str) -> Iterator[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "glob", refuse)
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"


def test_what_a_killed_writer_left_is_removed_when_something_is_written_beside_it(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from toolbox.files import replace_file
with replace_file(Path({str(tmp_path / "rows.csv")!r})) as fresh:
    fresh.write_text("half")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,) = tmp_path.iterdir()
    write_text(tmp_path / "other.csv", "")
    assert left.suffix == ".partial" and not left.exists()


def test_temporary_folders_of_other_computers_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose processes have numbers of their own: theirs may be running though none here has that number."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: ended.pid)
        patch.setattr(temporary, "_computer", lambda: "onanother")
        theirs = folder_beside(tmp_path / "results.zip")
        kept = theirs.__enter__()
        patch.setattr(temporary, "_computer", lambda: "onthis")
        ours = folder_beside(tmp_path / "results.zip")
        swept = ours.__enter__()
    monkeypatch.setattr(temporary, "_computer", lambda: "onthis")
    with folder_beside(tmp_path / "results.zip"):
        assert kept.is_dir()
        assert not swept.exists()
