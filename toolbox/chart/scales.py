"""Axes on which one category dwarfs the rest. Owns when they have a square-root scale, and their ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

DWARFED = 3.0
"""Times the median of all categories that the largest may be on a linear axis."""
ROOT_WORDS = "square root axis"
BETWEEN_TICKS = 15.0  # pixels


def root_end(rows: pl.DataFrame, columns: Sequence[str]) -> float | None:
    """Where a square-root axis ends; None for a linear one, on which no category dwarfs the rest.

    Args:
        rows: of all that share the axis, with a column `category`.
        columns: what is measured, and after it whatever else is drawn on the axis.

    >>> root_end(pl.DataFrame({"category": ["car", "cat", "dog"], "value": [0.9, 0.1, 0.0]}), ["value"])
    1.0
    """
    present = [name for name in columns if name in rows.columns]
    largest = rows.group_by("category").agg(pl.col(present[0]).max())[present[0]].drop_nulls()
    middle, highest = largest.median(), largest.max()
    is_dwarfed = len(largest) > 2 and middle is not None and highest > DWARFED * middle  # type: ignore[operator]
    return _next_digit(rows.select(pl.max_horizontal(pl.col(present).max())).item()) if is_dwarfed else None


def _next_digit(value: float) -> float:
    """The next larger number of one digit, such as 0.3 of 0.24; a value of at least nine tenths becomes one."""
    power = 10.0 ** math.floor(math.log10(value))
    digit = math.ceil(round(value / power, 6))
    return 10 * power if digit == 9 else digit * power


def root_scale(end: float | None) -> alt.Scale | alt.UndefinedType:
    """The scale of an axis: from 0 to the end of a square-root one; as Vega-Lite chooses for a linear one.

    Args:
        end: as `root_end` returns it.
    """
    return alt.Scale(type="sqrt", domain=[0, end], nice=False) if end else alt.Undefined


def root_axis(end: float, height: float) -> dict[str, Any]:
    """What an axis of proportions needs that has the ticks of `root_ticks`: Vega leaves out some beyond its own number.

    Args:
        end: of the axis.
        height: of the axis in pixels.
    """
    ticks = root_ticks(end, height)
    return {"values": ticks, "tickCount": len(ticks), "labelOverlap": False, "format": ".2~p"}


def root_ticks(end: float, height: float) -> list[float]:
    """0, the end, and those of the numbers 1, 2 and 5 of every power of ten that have room on a square-root axis.

    Args:
        end: of the axis.
        height: of the axis in pixels.

    >>> root_ticks(1.0, 130)
    [0.0, 0.02, 0.1, 0.2, 0.5, 1.0]
    """
    powers = range(math.floor(math.log10(end)), -7, -1)
    kept, last = [end], height
    for tick in (digit * 10.0**power for power in powers for digit in (5, 2, 1)):
        place = math.sqrt(tick / end) * height
        if BETWEEN_TICKS <= place <= last - BETWEEN_TICKS:
            kept.append(round(tick, 9))
            last = place
    return [0.0, *reversed(kept)]
