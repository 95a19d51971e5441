"""Faults of the computer end in one line, from Python and from the command; a bug keeps its traceback."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from support.commands import run_process
from support.tiny_network import CARD
from toolbox import ResourceError, StorageError, Study
from toolbox.__main__ import _end_stopped, _let_go
from toolbox.faults import check_threads, explains_faults, fault_of
from toolbox.files import replace_file, write_text
from toolbox.host import Stopped, stoppable

TOOLBOX = [sys.executable, "-m", "toolbox"]


def of_library(module: str, text: str, base: type[Exception] = Exception) -> Exception:
    """An error as a library raises it."""
    return type("Error", (base,), {"__module__": module})(text)


# Which errors are faults


def test_where_nothing_temporary_can_be_written_a_folder_for_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "missing")])
    with pytest.raises(FileNotFoundError) as caught:
        tempfile.gettempdir()
    fault = fault_of(caught.value)
    assert isinstance(fault, StorageError) and "TMPDIR" in str(fault) and "\n" not in str(fault)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space is left on its disk"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "its disk is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.ENAMETOOLONG, "the name is too long"),
        (errno.ESTALE, "its disk does not answer"),
        (errno.EIO, "its disk does not answer"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
def test_an_error_of_the_system_names_the_file_and_a_remedy(number: int, words: str) -> None:
    fault = fault_of(OSError(number, os.strerror(number), "study/plans"))
    assert isinstance(fault, StorageError)
    assert str(fault).startswith("study/plans: ") and words in str(fault) and "\n" not in str(fault)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (RuntimeError("can't start new thread"), "thread"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "thread"),
        (ImportError("lib.so: failed to map segment from shared object"), "memory"),
        (ImportError("lib.so: cannot open shared object file: Too many open files"), "open files"),
        (of_library("duckdb", "Out of Memory Error: failed to allocate data"), "memory"),
        (of_library("onnxruntime.capi", "[ONNXRuntimeError] : 6 : std::bad_alloc"), "memory"),
    ],
)
def test_an_exhausted_computer_is_no_bug(error: Exception, words: str) -> None:
    fault = fault_of(error)
    assert isinstance(fault, ResourceError) and words in str(fault).replace("files are open", "open files")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("layer"), TypeError("out of memory"), AssertionError(), ValueError("too many open files"),
        RuntimeError("dictionary changed size"), OSError("no number"), OSError(errno.EBADF, "Bad file descriptor"),
        ImportError("cannot import name 'x'"), of_library("duckdb", "INTERNAL Error"),
    ],
)  # fmt: skip
def test_a_bug_is_no_fault(error: Exception) -> None:
    assert fault_of(error) is None

    @explains_faults
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error


def run_instead(lines: str) -> subprocess.CompletedProcess[str]:
    """The command, which runs these lines instead of what was asked."""
    program = f"import toolbox.cli as cli\nfrom toolbox.__main__ import main\n{lines}\nmain()"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_a_bug_in_a_command_keeps_its_traceback() -> None:
    done = run_instead("cli.app = lambda **_: {}['bug']")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "KeyError: 'bug'" in done.stderr


@pytest.mark.parametrize(
    ("text", "is_fault"), [("failed to allocate 8 bytes", True), ("index out of bounds", False)]
)
def test_a_panic_of_a_library_in_rust_is_a_fault_where_the_computer_is_exhausted(
    text: str, is_fault: bool
) -> None:
    done = run_instead(
        "from polars.exceptions import PanicException\ndef app(**_):\n"
        f"    raise PanicException({text!r})\ncli.app = app"
    )
    assert done.returncode == 1
    assert ("Traceback" not in done.stderr) is is_fault
    assert done.stderr.startswith("error: there is not enough memory; ") is is_fault


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize("limit", ["ulimit -v 500000", "ulimit -v 1000000"])
def test_too_little_memory_is_refused_before_a_library_ends_the_process(
    limit: str, shared_study: str
) -> None:
    command = f'{limit}; exec "$@"'
    asked = ["query", "layers/profile", "--study", shared_study]
    done = subprocess.run(
        ["bash", "-c", command, "bash", *TOOLBOX, *asked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: this process may use ") and done.stderr.count("\n") == 1


def test_a_reading_that_names_no_file_is_of_a_disk() -> None:
    assert str(fault_of(OSError(errno.EIO, "Input/output error"))).startswith(
        "a file of the study, or an image: "
    )


def test_a_stop_that_a_library_feigns_for_want_of_threads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(ResourceError, match="ulimit -u"):
        check_threads()


def test_ctrl_c_for_want_of_threads_ends_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(SystemExit) as end:
        _end_stopped(Stopped(signal.SIGINT))
    assert end.value.code == 1 and "ulimit -u" in capsys.readouterr().err


def test_a_stop_is_a_stop_although_a_library_reports_it_as_its_own_error() -> None:
    with pytest.raises(Stopped) as caught, stoppable():
        try:
            signal.raise_signal(signal.SIGTERM)
        except Stopped:
            raise RuntimeError("INTERRUPT Error: Interrupted!") from None
    assert caught.value.signal == signal.SIGTERM


def test_what_the_frames_of_an_error_hold_is_let_go() -> None:
    class Held:
        """As a connection to DuckDB."""

    def fail() -> NoReturn:
        held = Held()
        kept.append(weakref.ref(held))
        raise ValueError

    def fail_after_that() -> NoReturn:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError from error

    kept: list[weakref.ref[Held]] = []
    with pytest.raises(RuntimeError) as caught:
        fail_after_that()
    assert kept[0]() is not None
    _let_go(caught.value)
    assert kept[0]() is None


# Python


def test_a_method_of_a_study_explains_a_fault(
    study: Study, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r": no space is left on its disk"):
        study.ingest(photographs, set="again")
    assert study.sets == ["colours"]


def test_a_warning_points_to_the_line_that_asked(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, limit=4)
    with pytest.warns(match="4 of 6 stimuli") as warned:
        study.query("layers/profile")
    assert {Path(each.filename).name for each in warned} == {"test_faults.py"}


def test_a_file_that_cannot_be_written_is_named_without_its_temporary_name(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, replace_file(tmp_path / "rows.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["o" * 255, "ö" * 127, "o" * 220 + ".csv"])
def test_a_name_may_be_as_long_as_the_disk_allows(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, "content")
    assert [path.name for path in tmp_path.iterdir()] == [name]


# Streams


@pytest.mark.parametrize(
    "command", [["--help"], ["query", "--list"], ["query", "layers/profile", "--describe"]]
)
@pytest.mark.parametrize(("target", "words"), [(">&-", "it is closed"), (">/dev/full", "no space is left")])
def test_an_output_that_goes_nowhere_is_an_error(command: list[str], target: str, words: str) -> None:
    if target.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = in_shell(target, *command)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(f"error: stdout: {words}".encode())


@pytest.mark.parametrize("format", ["table", "csv", "parquet"])
@pytest.mark.parametrize(("target", "words"), [(">&-", "it is closed"), (">/dev/full", "no space is left")])
def test_rows_that_go_nowhere_are_an_error(format: str, target: str, words: str, shared_study: str) -> None:
    if target.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    asked = ["query", "select 1 as one from labels", "--format", format, "--study", shared_study]
    done = in_shell(target, *asked)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert done.stderr.startswith(f"error: stdout: {words}".encode())


def test_a_closed_stderr_changes_nothing(study: Study, card: str, weights: str) -> None:
    given = ["--model", card, "--weights", weights, "--study", str(study.folder.root)]
    assert in_shell("2>&-", "extract", "colours", *given).returncode == 0
    assert study.query("select count(*) as n from responses", set="colours")["n"][0] == 48


def test_a_full_stderr_keeps_the_exit_code() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = in_shell("2>/dev/full", "query", "nothing/at/all")
    assert (done.returncode, done.stdout) == (2, b"")


PRINTS = "import toolbox.cli; toolbox.cli.app = lambda prog_name: print('rows'); "
PRINTS += "from toolbox.__main__ import main; main()"
"""A command whose rows are still on their way when it ends."""


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [("| true", 1, ""), (">/dev/full", 1, "error: stdout: no space is left on its disk")],
)
def test_what_was_printed_is_sent_before_the_command_ends(target: str, code: int, words: str) -> None:
    if target.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {target}; exit ${{PIPESTATUS[0]}}', sys.executable, PRINTS],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        text=True,
    )
    assert (done.returncode, done.stderr.count("\n")) == (code, bool(words))
    assert done.stderr.startswith(words)


def test_a_table_is_printed_where_only_ascii_can_be() -> None:
    done = run_process("model", "show", "größe", code=2, PYTHONIOENCODING="ascii")
    assert "gr\\xf6\\xdfe" in done.stderr
    listed = run_process("query", "--list", PYTHONIOENCODING="ascii").stdout
    assert "layers/profile" in listed


def test_names_beyond_ascii_are_printed_as_escapes(shared_study: str) -> None:
    asked = ["query", "select 'Straße → 猫' as cat from labels limit 1", "--study", shared_study]
    shown = in_shell("", *asked, PYTHONIOENCODING="latin-1")
    assert (shown.returncode, shown.stdout.splitlines()[1:]) == (0, [b"Stra\xdfe \\u2192 \\u732b"])


def test_a_system_that_knows_ascii_alone_is_named(shared_study: str) -> None:
    plain = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    asked = ["query", "select 'Straße' as street from labels limit 1", "--study", shared_study]
    told = run_process(*asked, code=2, **plain).stderr
    assert told.startswith("error: ") and "LC_ALL=C.UTF-8" in told and told.count("\n") == 1


def in_shell(redirection: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command with a redirected stream."""
    return subprocess.run(
        ["bash", "-c", f'exec "$@" {redirection}', "bash", *TOOLBOX, *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )


# Stopping


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_command_ends_in_one_line(number: int, code: int, shared_study: str) -> None:
    rows = "select count(*) as n from responses a, responses b, responses c, responses d, responses e, responses f"
    noticing = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    noticing += "os.execv(sys.executable, sys.argv[1:])"  # also where the tests were started by nohup
    with subprocess.Popen(
        [sys.executable, "-c", noticing, *TOOLBOX, "query", rows, "--study", shared_study],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(1.5)
        process.send_signal(number)
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (code, "stopped\n")


def test_a_signal_that_is_ignored_stays_so(shared_study: str) -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    ignoring += "os.execv(sys.executable, sys.argv[1:])"
    asked = [
        "query",
        "select sum(a.stimulus_id * b.stimulus_id) as n from responses a, responses b, responses c",
    ]
    with subprocess.Popen(
        [sys.executable, "-c", ignoring, *TOOLBOX, *asked, "--study", shared_study], stdout=subprocess.DEVNULL
    ) as process:
        time.sleep(0.2)
        process.send_signal(signal.SIGHUP)
    assert process.returncode == 0


# Studies that cannot be written to


AS_ANOTHER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
"""Root is kept from nothing, so it becomes another user."""


@pytest.fixture
def another() -> list[str]:
    """What a command begins with so that permissions count."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    if (
        not shutil.which("setpriv")
        or subprocess.run([*AS_ANOTHER, *TOOLBOX, "--version"], check=False).returncode
    ):
        pytest.skip("as root, and Python cannot be run as another user")
    return AS_ANOTHER


@pytest.fixture
def locked(extracted_folder: Path) -> Iterator[Path]:
    """A copy of the study that nobody may write to, and a cache that does not exist."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        shutil.copytree(extracted_folder / "study", top / "study")
        paths = [top, *top.rglob("*")]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield top / "study"
        for path in paths:
            if path.is_dir():
                path.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders do not keep from writing there")
def test_a_study_that_cannot_be_written_to_is_read(locked: Path, another: list[str]) -> None:
    shown = in_locked(locked, another, "query", "sets/summary", "--format", "csv")
    assert shown.stdout.splitlines()[1].startswith("colours,category,green,3,0.5"), shown.stderr
    for command in (["query", "layers/profile"], ["use"], ["remove", "set", "colours", "--dry-run"]):
        assert in_locked(locked, another, *command).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of folders do not keep from writing there")
@pytest.mark.parametrize(
    "command",
    [
        ["significance", "colours", "--resamples", "20"],
        ["use", "colours"],
        ["remove", "set", "colours", "--yes"],
        ["extract", "colours", "--model", str(CARD), "--weights", "random:1", "--replace"],
        ["query", "layers/profile", "--output", "{study}/rows.csv"],
    ],
    ids=lambda command: command[0],
)
def test_what_would_write_into_it_is_refused_in_one_line(
    command: list[str], locked: Path, another: list[str]
) -> None:
    done = in_locked(locked, another, *(word.format(study=locked) for word in command))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {locked}")
    assert "permission denied" in done.stderr and "Traceback" not in done.stderr


def in_locked(study: Path, another: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command about a study, with a cache that cannot be made."""
    return subprocess.run(
        [*another, *TOOLBOX, *arguments, "--study", str(study)], capture_output=True, text=True, check=False,
        env={**os.environ, "TOOLBOX_CACHE": str(study.parent / "cache")},
    )  # fmt: skip


def test_a_clock_after_the_year_9999_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="year") as caught:
        datetime.fromtimestamp(253_402_300_800, UTC)
    assert fault_of(caught.value) is None, "with another clock it is a bug"
    monkeypatch.setattr(time, "time", lambda: 253_402_300_800.0)
    assert "clock of this computer is after the year 9999" in str(fault_of(caught.value))
