"""How numbers and names read in a sentence. Owns nothing of a study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

RowValues = dict[str, Any]
MOST_NAMED = 3
"""Names in a sentence, of many."""


def percent(value: float | None) -> str:
    """A proportion in per cent, with as many digits as are read.

    Args:
        value: from 0 to 1.

    >>> percent(0.8765), percent(0.0123), percent(0.00004), percent(0), percent(None)
    ('88 %', '1.2 %', '< 0.1 %', '0 %', 'unknown')
    """
    if value is None:
        return "unknown"
    if 0 < value < 0.001:
        return "< 0.1 %"
    return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"


def number(value: float | None) -> str:
    """A measured value with two decimals.

    Args:
        value: any, or None.

    >>> number(0.4567), number(-0.001), number(-0.14), number(None)
    ('0.46', '0.00', '−0.14', 'unknown')
    """
    return "unknown" if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def listed(names: Iterable[str]) -> str:
    """Names as in a sentence.

    Args:
        names: any number.

    >>> listed(["a", "b", "c"]), listed(["a"]), listed([])
    ('a, b and c', 'a', 'none')
    """
    *most, last = [*names] or ["none"]
    return f"{', '.join(most)} and {last}" if most else last


def largest(rows: pl.DataFrame, column: str) -> RowValues | None:
    """The first row with the largest value of a column; None where none is known.

    Args:
        rows: of a query.
        column: of numbers.
    """
    known = rows.filter(pl.col(column).is_finite())
    return known.sort(column, descending=True, maintain_order=True).row(0, named=True) if len(known) else None


def few(names: Sequence[str]) -> str:
    """Names as in a sentence, the number of them where they are many.

    Args:
        names: any number.

    >>> few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    shown = [*names[:MOST_NAMED], *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])]
    return listed(shown if len(names) != MOST_NAMED + 1 else names)


def unit(row: RowValues) -> str:
    """A filter as texts name it.

    Args:
        row: with layer and filter.
    """
    return f"{row['layer']} / {row['filter']}"


def median(rows: pl.DataFrame, column: str) -> float | None:
    """The median of a column; None where no value is known.

    Args:
        rows: of a query.
        column: of numbers.
    """
    value = rows[column].median()
    return float(value) if isinstance(value, int | float) else None
