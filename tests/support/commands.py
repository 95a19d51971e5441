"""The command: most tests run it in this process, a few in one of its own, as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from toolbox.__main__ import main

COLUMNS = "100"
"""Width of the terminal that no test has."""


@dataclass(frozen=True)
class Outcome:
    """What a command left: text of both streams, and its exit code."""

    stdout: str
    stderr: str
    returncode: int


def run(*arguments: str, code: int = 0, **environment: str) -> Outcome:
    """Run the command in this process, by the function that the installed script calls.

    An error that is not the toolbox's own, and any warning, fails the test with its traceback.
    """
    stdout, stderr = _stream(), _stream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["toolbox", *arguments])
        for name, value in {"COLUMNS": COLUMNS, **environment}.items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            ended = _exit_code()
    outcome = Outcome(_text(stdout), _text(stderr), ended)
    assert outcome.returncode == code, outcome.stderr
    return outcome


def run_process(*arguments: str, code: int = 0, cwd: Path | None = None, **environment: str) -> Outcome:
    """Run the command as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "toolbox", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": COLUMNS, **environment},
    )
    assert done.returncode == code, done.stderr
    return Outcome(done.stdout, done.stderr, done.returncode)


def _exit_code() -> int:
    """Run the command to its end, as the interpreter would take it."""
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)  # noqa: T201
            return 1
        return ended.code or 0
    return 0


def _stream() -> io.TextIOWrapper:
    """A stream with a buffer below it, as those of a process have: parquet goes to the buffer."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
