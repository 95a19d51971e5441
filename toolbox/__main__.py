"""The command `toolbox`. Owns how it ends: one line on stderr, and the exit code of its kind."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import io
import os
import sys
from typing import NoReturn

from toolbox.errors import ToolboxError
from toolbox.faults import PANIC, STDOUT, check_limits, check_threads, fault_of
from toolbox.host import Stopped, ignore_image_warnings, stoppable


def main() -> None:
    """Run the command line."""
    # A start makes many objects that stay and little garbage; looking for it takes a tenth of a short command's time,
    # and looking through all of them once more at the end, when the process gives everything back, a quarter.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    ignore_image_warnings()
    _open_streams()
    try:
        with stoppable():
            check_limits()
            _run()
    except ToolboxError as error:
        _let_go(error)
        _end(f"error: {error}", error.exit_code)
    except Stopped as stop:
        _let_go(stop)
        _end_stopped(stop)
    except Exception as error:
        _end_by_fault(error)
    except BaseException as error:
        if type(error).__name__ == PANIC:
            _end_by_fault(error)
        raise


def _run() -> None:
    """Run the command, and bring what it printed to its destination while a failure can still be reported."""
    from toolbox.cli import app  # reads the files of the indices for its help

    try:
        app(prog_name="toolbox")
    finally:
        if sys.exception() is None or isinstance(sys.exception(), SystemExit):
            sys.stdout.flush()


def _end_stopped(stop: Stopped) -> NoReturn:
    """End with the line of a stop."""
    try:
        check_threads()
    except ToolboxError as error:
        _end(f"error: {error}", error.exit_code)
    _end("; ".join(filter(None, ("stopped", stop.kept))), 128 + stop.signal)


def _end_by_fault(error: BaseException) -> None:
    """End with the line of a fault; a bug goes on with its traceback."""
    if isinstance(error, BrokenPipeError):  # who reads the output has enough
        _discard_output()
        sys.exit(1)
    if (fault := fault_of(error)) is None:
        raise error
    if str(fault).startswith(STDOUT):
        _discard_output()
    _let_go(error)
    _end(f"error: {fault}", fault.exit_code)


def _let_go(error: BaseException | None) -> None:
    """Let go of what the frames of an error hold: the threads of DuckDB must have ended before Python does."""
    while error is not None:
        place = error.__traceback__
        while place is not None:
            with contextlib.suppress(RuntimeError):  # the frame is being executed
                place.tb_frame.clear()
            place = place.tb_next
        error = error.__cause__ or error.__context__


def _end(line: str, code: int) -> NoReturn:
    """Print a line on stderr, unless it is full, too."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    sys.exit(code)


def _discard_output() -> None:
    """Send nowhere what is left to print: Python would try to print it again at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Closed(io.RawIOBase):
    """A stdout that was closed before the command started."""

    name, mode = "<stdout>", "wb"

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> NoReturn:
        raise OSError(errno.EBADF, "closed", STDOUT)


def _open_streams() -> None:
    """Take the places of closed streams, into which the next file that is opened would come; keep every letter."""
    for stream in ("stdin", "stdout", "stderr"):
        if getattr(sys, stream) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            is_output = stream == STDOUT
            fresh = io.TextIOWrapper(_Closed(), write_through=True) if is_output else open(handle, "r+")  # noqa: PTH123, SIM115
            setattr(sys, stream, fresh)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: of a terminal that knows ASCII alone


if __name__ == "__main__":
    main()
