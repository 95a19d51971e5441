"""Temporary changes to the process in which the toolbox runs, which belongs to a host program. Owns undoing them.

onnxruntime and OpenVINO are imported here, with their telemetry disabled.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NoReturn

CPU = "CPUExecutionProvider"
"""onnxruntime's name for computing on the CPU."""


def import_onnxruntime() -> Any:
    """The package `onnxruntime`, imported with its telemetry disabled."""
    with temporary_entry(os.environ, "ORT_DISABLE_TELEMETRY", "1"):
        import onnxruntime

    return onnxruntime


def import_openvino() -> Any:
    """The package `openvino`, imported while its telemetry package is hidden, without which it sends nothing."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    with temporary_entry(sys.modules, "openvino_telemetry", None):
        import openvino

    return openvino


def ignore_image_warnings() -> None:
    """Suppress Pillow's warnings about unusual EXIF, TIFF, MPO or APNG tags in this process.

    Such images are read correctly, so the warnings require no action. Call this only in the toolbox's own processes:
    the command line, and processes that decode images.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.(Jpeg|Png|Tiff)ImagePlugin")


@contextmanager
def temporary_entry(mapping: MutableMapping[str, Any], key: str, value: Any) -> Iterator[None]:
    """Change one value of a mapping inside the block, and restore it afterwards.

    Args:
        mapping: a mapping such as `os.environ` or `sys.modules`.
        key: the key to change.
        value: the value inside the block.
    """
    was_there, before = key in mapping, mapping.get(key)
    mapping[key] = value
    try:
        yield
    finally:
        if was_there:
            mapping[key] = before
        else:
            mapping.pop(key, None)


class Stopped(BaseException):
    """A signal asked the command to end. As `KeyboardInterrupt`, not an `Exception`, so that nothing takes it for one.

    Attributes:
        signal: number of the signal.
        kept: what is kept of the work, where anything is.
    """

    def __init__(self, signal: int) -> None:
        """A stop by a signal."""
        super().__init__(signal)
        self.signal = signal
        self.kept = ""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped inside the block for Ctrl-C and for what ends a process in an orderly way.

    A signal that is ignored, as after `nohup`, stays so.
    """
    stopped, before = list[int](), {}

    def stop(number: int, _: object) -> NoReturn:
        stopped.append(number)
        raise Stopped(number)

    if threading.current_thread() is threading.main_thread():
        names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        for number in (signal.Signals[name] for name in names):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, stop)
    try:
        yield
    except Exception as error:  # DuckDB reports a stop as an error of its own
        if stopped:
            raise Stopped(stopped[-1]) from error
        raise
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
