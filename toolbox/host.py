"""The process that the toolbox runs in belongs to somebody else. Owns what is changed of it for a moment, and set back.

onnxruntime and OpenVINO are imported here, so that they report to nobody.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

CPU = "CPUExecutionProvider"
"""How onnxruntime calls a processor without a GPU."""


def import_onnxruntime() -> Any:
    """The package `onnxruntime`, imported without a report to its maker."""
    with temporary_entry(os.environ, "ORT_DISABLE_TELEMETRY", "1"):
        import onnxruntime

    return onnxruntime


def import_openvino() -> Any:
    """The package `openvino`, which does without its telemetry where that is missing."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    with temporary_entry(sys.modules, "openvino_telemetry", None):
        import openvino

    return openvino


def ignore_image_warnings() -> None:
    """Let this process never print Pillow's warnings about odd EXIF, TIFF, MPO or APNG tags.

    The pictures are read all the same, so nobody need act on them. Only for processes of the toolbox's own: the
    command line, and those that decode images.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.(Jpeg|Png|Tiff)ImagePlugin")


@contextmanager
def temporary_entry(mapping: MutableMapping[str, Any], key: str, value: Any) -> Iterator[None]:
    """A mapping of the process with one value changed inside the block, and set back after it.

    Args:
        mapping: such as `os.environ` or `sys.modules`.
        key: of the value.
        value: inside the block.
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
