"""The command: lines and JSON, exit codes, broken set-ups without a traceback, and no request to anyone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.commands import Outcome, run, run_process
from toolbox import Study
from toolbox.setup.doctor import Finding, Question, answer_questions, can_work

WATCHING = """
import sys

def watch(event, arguments):
    if event.startswith("socket."):
        with open({log!r}, "a") as file:
            print(event, arguments, file=file)
        raise PermissionError("no network here")

sys.addaudithook(watch)
"""


def examine(*arguments: str, code: int = 0, **environment: str) -> Outcome:
    """Run the command in a process of its own, whose Python may be a broken one."""
    done = run_process("doctor", *arguments, code=code, **environment)
    assert "Traceback" not in done.stderr
    return done


def watched(folder: Path) -> tuple[Path, dict[str, str]]:
    """A log of every use of a socket by any Python started with this environment; each use is refused too."""
    log = folder / "sockets.log"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WATCHING.format(log=str(log)))
    return log, {"PYTHONPATH": str(folder)}


def test_a_sound_set_up_is_reported_as_sound_without_network_access(study: Study, tmp_path: Path) -> None:
    log, environment = watched(tmp_path / "watched")
    told = examine("--study", str(study.folder.root), **environment)
    assert told.stderr == "the toolbox can be used\n"
    subjects = [line[9:].split("  ")[0] for line in told.stdout.splitlines() if line[0] != " "]
    assert subjects[:3] == ["python", "toolbox", "numpy"]
    assert {"onnxruntime", "cores", "memory", "cache", "weights of vgg16", "study's disk"} <= {*subjects}
    assert not log.exists()


def test_a_request_would_have_been_seen(tmp_path: Path) -> None:
    log, environment = watched(tmp_path / "watched")
    program = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **environment}, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert "socket." in log.read_text()


def test_a_problem_ends_with_exit_code_1_and_its_remedy(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = run("doctor", "--study", str(study.folder.root), code=1, TOOLBOX_CACHE=str(tmp_path / "file"))
    lines = told.stdout.splitlines()
    (number,) = [number for number, line in enumerate(lines) if line.startswith("problem")]
    assert "is not writable (it is a file)" in lines[number]
    assert lines[number + 1].endswith("-> set TOOLBOX_CACHE to a writable folder")
    assert told.stderr == "1 to fix before the toolbox can be used\n"


def test_an_onnxruntime_that_cannot_be_imported_is_a_finding(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libonnxruntime.so.1: undefined symbol')")
    told = examine("--format", "json", "--quiet", code=1, PYTHONPATH=str(tmp_path))
    assert told.stderr == ""
    (problem,) = [entry for entry in json.loads(told.stdout) if entry["state"] == "problem"]
    assert problem["subject"] == "onnxruntime"
    assert "undefined symbol" in problem["finding"]
    assert "--force-reinstall" in problem["remedy"]


def test_a_package_that_breaks_python_is_a_finding(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "polars.py").write_text("import os; os.abort()")
    told = examine("--format", "json", "--quiet", code=1, PYTHONPATH=str(tmp_path))
    assert told.stderr == ""
    problems = {entry["subject"]: entry for entry in json.loads(told.stdout) if entry["state"] == "problem"}
    assert "crashes Python with SIGABRT" in problems["polars"]["finding"]
    notes = {
        entry["subject"]: entry["finding"] for entry in json.loads(told.stdout) if entry["state"] == "note"
    }
    assert notes["weights"] == "not checked, because it needs polars"


def test_a_question_that_fails_is_a_finding_and_the_next_one_is_asked() -> None:
    def fails() -> list[Finding]:
        raise ImportError("DLL load failed")

    first, second, third = answer_questions(
        [
            Question("pyarrow", fails),
            Question("study", lambda: [Finding("study", "ok", "there")], ("pyarrow",)),
            Question("cores", lambda: [Finding("cores", "ok", "2")]),
        ]
    )
    assert (first.subject, first.state) == ("pyarrow", "problem")
    assert first.finding == "cannot be checked (ImportError: DLL load failed)"
    assert (second.state, second.finding) == ("note", "not checked, because it needs pyarrow")
    assert third == Finding("cores", "ok", "2")
    assert not can_work([first, second, third])
    assert can_work([second, third])
