"""Temporary changes to the process in which the toolbox runs, which belongs to a host program. Owns undoing them.

onnxruntime and OpenVINO are imported here, with their telemetry disabled.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

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
