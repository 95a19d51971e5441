"""SQL of a user in a process of its own. Owns starting that process, ending it, and what it reports.

No statement can use more memory than its limit, or outlast its time, whatever it calls: the process ends with it.
The SQL that ships runs in the process of the toolbox, without the time that another one takes to start.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from toolbox import errors
from toolbox.errors import QueryError
from toolbox.query.limits import Limits
from toolbox.store.connection import Readable, StatementRequest

_PROGRAM = "toolbox.store.confined"
_GRACE = 10.0
"""Seconds after its limit at which a process ends by itself, should the one that started it be gone."""

_FEWER = "select fewer rows or columns, or aggregate them"
_OF_MEMORY = (-getattr(signal, "SIGKILL", 9), -signal.SIGABRT)
"""How a process ends when the system or the C++ library has no more memory for it."""


@dataclass(frozen=True)
class Confinement:
    """A process that waits for a statement.

    Attributes:
        name: of the query, for messages.
        limits: of the statement.
        child: the process.
        stopped: whether it was stopped because its time was over.
    """

    name: str
    limits: Limits
    child: subprocess.Popen[bytes]
    stopped: threading.Event = field(default_factory=threading.Event)

    def rows(self, sql: str, values: Mapping[str, Any], readable: Readable) -> pl.DataFrame:
        """The rows of the statement.

        Args:
            sql: one SELECT.
            values: of its parameters.
            readable: what it may read.

        Raises: QueryError when it needs more than its limits; duckdb.Error when it fails.
        """
        limits = self.limits
        seconds = limits.seconds + _GRACE
        request = StatementRequest(sql, values, readable, seconds, limits.memory, limits.rows)
        timer = threading.Timer(limits.seconds, self._stop)
        timer.daemon = True
        timer.start()
        try:
            rows, report = self._exchange(request)
        finally:
            timer.cancel()
        if self.stopped.is_set():
            raise QueryError(f"{self.name} took longer than {limits.seconds:g} s and was stopped")
        if self.child.returncode:
            raise self._failure(report)
        return pl.read_ipc_stream(rows)

    def _stop(self) -> None:
        """End the process, which ends the exchange with it."""
        self.stopped.set()
        self.child.kill()

    def _exchange(self, request: StatementRequest) -> tuple[bytes, str]:
        """What the process writes until it ends: rows, and a report where there are none."""
        requests, rows, reports = self.child.stdin, self.child.stdout, self.child.stderr
        assert requests and rows and reports
        with contextlib.suppress(BrokenPipeError), io.BufferedWriter(requests) as pipe:  # of one that ended
            pickle.dump(request, pipe)
        content, report = rows.read(), reports.read()
        self.child.wait()
        return content, report.decode(errors="replace").strip()

    def _failure(self, report: str) -> Exception:
        """Why there are no rows."""
        try:
            entry = json.loads(report.splitlines()[-1])
            kind, message = entry["kind"], entry["message"]
        except (ValueError, LookupError, TypeError):  # it could not say why
            return self._death(report)
        if kind == "memory":
            return self._exceeded()
        if kind == "rows":
            return QueryError(
                f"the rows of {self.name} need more than {self.limits.rows / 1e9:.3g} GB; {_FEWER}"
            )
        if kind == "refused":
            return QueryError(f"{self.name}: {message}")
        failure: Exception = getattr(errors if hasattr(errors, kind) else duckdb, kind)(message)
        return failure

    def _exceeded(self) -> QueryError:
        size = f"{self.limits.memory / 1e9:.3g} GB"
        return QueryError(f"{self.name} needed more than {size} of memory and was stopped; {_FEWER}")

    def _death(self, report: str) -> Exception:
        """Of a process that ended without a report: its memory was short, or DuckDB met with a mistake of its own."""
        if self.child.returncode in _OF_MEMORY or "bad_alloc" in report or "MemoryError" in report:
            return self._exceeded()
        if self.child.returncode < 0:
            name = signal.Signals(-self.child.returncode).name
            return QueryError(f"{self.name} made DuckDB crash ({name}); write it in another way")
        return RuntimeError(f"{_PROGRAM} ended with {self.child.returncode}:\n{report}")


@contextmanager
def confined(name: str, limits: Limits) -> Iterator[Confinement]:
    """A process that starts while the caller prepares what the statement reads, and does not outlive the block.

    Args:
        name: of the query, for messages.
        limits: of the statement.
    """
    # The modules of this process and of no other folder: `-P` leaves out the current one.
    path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path if folder)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C is for this process, which ends the other
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    with child:
        try:
            yield Confinement(name, limits, child)
        finally:
            child.kill()
