"""The command in a process of its own: exit codes, streams, a terminal, Ctrl-C, and what it imports for its help."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from support.commands import run_process
from support.tiny_network import paint
from toolbox import Study
from toolbox.cli.progress import STARTS_AGAIN, progress_bars
from toolbox.host import Stopped


def test_the_installed_command_tells_its_version() -> None:
    command = shutil.which("toolbox", path=str(Path(sys.executable).parent))
    assert command, "the toolbox is not installed where this Python is"
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (version("selectivity-toolbox") + "\n", "")


def test_without_arguments_the_help_is_an_error_of_usage() -> None:
    done = run_process(code=2)
    assert (done.stdout, done.stderr.startswith("Usage: toolbox ")) == ("", True)


def test_rows_go_to_stdout_alone(shared_study: str) -> None:
    asked = ["query", "select count(*) as n from responses", "--format", "csv", "--study", shared_study]
    done = run_process(*asked)
    assert (done.stdout, done.stderr) == ("n\n48\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["query", "layers/profle"], 2, "no query named 'layers/profle'; did you mean 'layers/profile'?"),
        (["query", "select nothing from labels"], 1, "nothing"),
    ],
)
def test_an_error_is_one_line_and_its_kind_the_exit_code(
    shared_study: str, arguments: list[str], code: int, message: str
) -> None:
    done = run_process(*arguments, "--study", shared_study, code=code)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert done.stderr.count("\n") == 1


def test_damage_ends_with_code_3(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights)
    part = study.folder.responses("colours", "tiny") / "part-0.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    told = run_process("query", "layers/profile", "--study", str(study.folder.root), code=3).stderr
    assert "part-0.parquet is damaged: its bytes have changed since they were written" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("format", ["csv", "table"])
def test_a_closed_pipe_ends_it_without_a_word(shared_study: str, format: str) -> None:
    rows = "select a.layer, b.layer as other from responses a, responses b, responses c"
    with subprocess.Popen(
        [sys.executable, "-m", "toolbox", "query", rows, "--format", format, "--study", shared_study],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_a_study_is_found_from_the_environment_and_the_directory(shared_study: str) -> None:
    assert "colours" in run_process("query", "sets/summary", TOOLBOX_STUDY=shared_study).stdout
    assert "colours" in run_process("query", "sets/summary", cwd=Path(shared_study)).stdout


def test_help_needs_none_of_the_heavy_libraries() -> None:
    heavy = (
        "numpy",
        "polars",
        "duckdb",
        "pyarrow",
        "altair",
        "onnx",
        "onnxruntime",
        "PIL",
        "pooch",
        "rich.progress",
    )
    program = (
        "import sys\nfrom toolbox.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "extract" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_narrow_terminal_cuts_neither_numbers_nor_names(shared_study: str) -> None:
    import pty

    asked = "select 123456789.5 as first, path, sha256, 987654321 as last from stimuli limit 1"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "toolbox", "query", asked, "--study", shared_study],
        stdout=theirs, env={**os.environ, "COLUMNS": "60", "TERM": "dumb"},
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while process.poll() is None or not shown:
            with contextlib.suppress(OSError):  # the end of a terminal
                shown += os.read(ours, 1 << 16)
    os.close(ours)
    assert all(text in shown.decode() for text in ("first", "123456790", "sha256", "last", "987654321"))
    assert "…" not in shown.decode()
    assert len(shown.decode().split("first")) == 2  # columns that do not fit follow in a further block


def test_an_interrupted_extraction_says_what_is_kept(
    study: Study, card: str, weights: str, tmp_path: Path
) -> None:
    for number in range(300):
        paint(tmp_path / "many" / "x" / f"{number}.png", (number % 256, number // 256, 0))
    study.ingest(tmp_path / "many", set="many")
    command = ["extract", "many", "--model", card, "--weights", weights, "--batch", "1", "--part", "5"]
    parts = study.folder.plans("many", "tiny")
    with subprocess.Popen(
        [sys.executable, "-m", "toolbox", *command, "--study", str(study.folder.root)],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and not list(parts.glob("part-*.json")):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert "stopped; finished parts of the result are kept, and the same command continues from there" in told
    assert 0 < len(list(parts.glob("part-*.json"))) < 60
    assert study.extract("many", model=card, weights=weights).stimuli == 300


def test_a_command_that_keeps_nothing_is_not_said_to_continue() -> None:
    with pytest.raises(Stopped) as stop, progress_bars(quiet=True, kept=STARTS_AGAIN):
        raise Stopped(signal.SIGINT)
    assert stop.value.kept == "nothing was written; the same command starts again"
