"""The program that runs one SELECT of a user in a process of its own, within its limits.

`toolbox.query.confinement` starts it. It reads a pickled request from stdin, and writes the rows to stdout as a stream
of Arrow; what went wrong is a line of JSON on stderr. DuckDB alone cannot keep the limits: `repeat`, for one, allocates
beside its `memory_limit` and does not notice an interrupt. So they are limits of the process, which ends with them.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import pickle
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import duckdb
import pyarrow as pa

from toolbox.errors import BusyError, QueryError, StorageError, UsageError, VerificationError
from toolbox.store.connection import StatementRequest, connect
from toolbox.store.result_types import check_column_types, check_times

_OF_DUCKDB = 0.8
"""Part of the memory that DuckDB may use by its own count; the rest is for what it does not count."""
_MESSAGE = 10_000
"""Characters of a message: more would not fit into a pipe that nobody reads yet."""
_TICK = 0.01
"""Seconds between two looks at the memory."""
_STACK = 8 << 20
"""Bytes that Linux counts for the stack of a thread before they are used."""


def run_request() -> None:
    """Answer the request on stdin."""
    request: StatementRequest = pickle.load(sys.stdin.buffer)
    _confine(request)
    try:
        with request.readable.window.own_errors():
            _write_rows(request)
    except (MemoryError, duckdb.OutOfMemoryException):
        _end("memory")
    except QueryError as error:
        _end("refused", str(error))
    except (VerificationError, BusyError, UsageError) as error:
        _end(type(error).__name__, str(error))
    except StorageError as error:
        _end(StorageError.__name__, str(error))
    except duckdb.Error as error:
        _end(type(error).__name__, str(error))
    except (pa.ArrowException, OSError) as error:  # DuckDB's errors after its first rows
        _end("memory" if "Out of Memory" in str(error) else "Error", str(error))
    sys.stdout.flush()
    os._exit(0)  # at once: DuckDB would first return all memory


def _write_rows(request: StatementRequest) -> None:
    """Write the rows as they are computed."""
    connection = connect(request.readable, memory_limit=f"{request.memory * _OF_DUCKDB:.0f}B")
    relation = connection.sql(request.sql, params=request.values)
    check_column_types(relation)
    written = 0
    reader = pa.RecordBatchReader.from_stream(relation)
    with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as stream:
        for batch in reader:
            written += batch.nbytes
            if written > request.rows:
                _end("rows")
            check_times(batch)
            stream.write_batch(batch)


def _end(kind: str, message: str = "") -> NoReturn:
    """End with what went wrong, in a line that the other process reads."""
    os.write(sys.stderr.fileno(), json.dumps({"kind": kind, "message": message[:_MESSAGE]}).encode() + b"\n")
    os._exit(1)


def _confine(request: StatementRequest) -> None:
    """Set the limits of this process; it keeps them without the one that started it."""
    faulthandler.dump_traceback_later(request.seconds, exit=True)
    with contextlib.suppress(OSError):  # Linux: where memory is short, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # Windows lacks these limits, macOS the second

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        limit = request.memory + _STACK * (os.cpu_count() or 1)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    threading.Thread(target=_watch, args=(request,), daemon=True).start()


def _watch(request: StatementRequest) -> None:
    """End this process when it uses too much memory, or when the one that started it has ended."""
    while os.getppid() == request.parent:
        if _peak_memory() > request.memory:
            _end("memory")
        time.sleep(_TICK)
    os._exit(1)


def _peak_memory() -> int:
    """The largest number of bytes that this process has used."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    own = Path("/proc/self/status")
    if own.exists():  # Linux, whose getrusage counts the memory of the process that started this one, too
        with own.open("rb") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmHWM:"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    run_request()
