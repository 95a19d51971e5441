"""Words of paragraphs: lists, counts and proportions, the same in all of them. Knows no result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def enumerated(names: Sequence[str], most: int | None = None) -> str:
    """Names as a sentence lists them.

    Args:
        names: at least one.
        most: how many are named; all if None.

    Example:
        >>> enumerated(["face", "car", "dog"]), enumerated(["face", "car", "dog"], 1)
        ('face, car and dog', 'face and 2 more')
    """
    more = [] if most is None or len(names) <= most else [f"{len(names) - most} more"]
    shown = [*names[:most], *more]
    return " and ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun.

    Args:
        number: 0 or more.
        noun: for one.
        several: for others; with an s if empty.

    Example:
        >>> counted(1, "layer"), counted(2000, "property", "properties")
        ('1 layer', '2,000 properties')
    """
    return f"{number:,} {noun if number == 1 else several or f'{noun}s'}"


def in_percent(proportion: float | None) -> str:
    """A proportion in percent.

    Args:
        proportion: None if it is not known.

    Example:
        >>> in_percent(0.894)
        '89.4 %'
    """
    return "unknown" if proportion is None else f"{100 * proportion:.1f} %"


def accuracy_in_percent(row: Mapping[str, Any]) -> str:
    """Percent correct with its interval, without the sign.

    Args:
        row: accuracy, low, high; the ends are None where there is no interval.

    Example:
        >>> accuracy_in_percent({"accuracy": 0.894, "low": 0.861, "high": 0.927})
        '89.4 [86.1, 92.7]'
    """
    bounds = "" if row["low"] is None else f" [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
    return f"{100 * row['accuracy']:.1f}{bounds}"
