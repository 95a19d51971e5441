"""Golden files: what was written once and looked at, to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "golden"


def check_golden(name: str, written: str) -> None:
    """Compare with the file of that name in `tests/golden`.

    Where a change is meant, delete the file and run the test twice: a missing file is written, and fails the test.
    """
    file = FOLDER / name
    if not file.exists():
        file.write_bytes(written.encode())
        pytest.fail(f"{file} was missing and is written now; look at it")
    assert written == file.read_bytes().decode()
