"""Comparison of rows whose decimals may differ in their last bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest


def nearly(rows: Iterable[Sequence[Any]], tolerance: float = 1e-12) -> list[tuple[Any, ...]]:
    """The rows, equal to any rows of the same other values whose decimals agree, relatively or near 0."""
    return [
        tuple(
            pytest.approx(float(cell), rel=tolerance, abs=tolerance) if isinstance(cell, float) else cell
            for cell in row
        )
        for row in rows
    ]
