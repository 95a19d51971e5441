"""The process that runs the SQL of a user: each of its limits alone, as if the others were not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.worked_examples import example_study
from toolbox.errors import QueryError
from toolbox.query import ask, confinement
from toolbox.query.limits import Limits
from toolbox.store.folder import StudyFolder
from toolbox.store.window import PROTOCOL

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems lack some of these limits")
LIMITS = Limits(seconds=20, memory=600_000_000)
CONFINED = """
import os, sys, time
from toolbox.store import confined
from toolbox.store.connection import Readable, StatementRequest
confined._watch = lambda request: None
confined._confine(StatementRequest("", {{}}, Readable(None), {seconds}, 600_000_000, 1))
{then}
"""


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    """The study of a worked example."""
    return example_study("layers/profile/default", tmp_path / "study")


def in_confinement(then: str, seconds: float = 20) -> subprocess.CompletedProcess[str]:
    """A program within the limits that a process has without being watched."""
    program = CONFINED.format(seconds=seconds, then=then)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_system_limits_the_memory() -> None:
    done = in_confinement("bytearray(1_200_000_000)")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "MemoryError")
    assert in_confinement("bytearray(300_000_000)").returncode == 0


def test_duckdb_limits_its_memory(study: StudyFolder) -> None:
    sql = "select current_setting('memory_limit') as most"
    assert ask(study, sql, limits=LIMITS).rows["most"][0] == "457.7 MiB"  # 0.8 of the limit


def test_the_process_ends_by_itself_when_its_time_is_over() -> None:
    begun = time.perf_counter()
    done = in_confinement("time.sleep(60)", seconds=0.2)
    assert done.returncode == 1 and time.perf_counter() - begun < 30


def test_ctrl_c_in_the_terminal_is_for_the_process_that_asked() -> None:
    with confinement.confined("sql", LIMITS) as process:
        assert os.getsid(process.child.pid) == process.child.pid != os.getsid(0)


def test_every_lock_is_set(study: StudyFolder) -> None:
    """Two of them do the same, so that no statement would show that one is missing."""
    locks = {
        "allowed_directories": [f"{PROTOCOL}://"],
        "enable_external_access": False,
        "lock_configuration": True,
    }
    sql = "select " + ", ".join(f"current_setting('{name}') as {name}" for name in locks)
    assert ask(study, sql).rows.row(0, named=True) == locks
    with pytest.raises(QueryError, match="File system LocalFileSystem has been disabled"):
        ask(study, "select * from 'rows.csv'")
