"""Bounds of a number, as headers write them: `0 to 1`, `1 or more`. Owns reading, testing and writing them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

_NUMBER = r"(-?\d+(?:\.\d+)?)"
_FORM = re.compile(rf"{_NUMBER} (?:to {_NUMBER}|or more)")


@dataclass(frozen=True)
class Bounds:
    """The values that a number may have, both ends among them."""

    least: float
    most: float

    def __contains__(self, value: float) -> bool:
        """Whether a number is one of them; NaN never is."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        """As a header writes them."""
        return f"{self.least:g} or more" if self.most == inf else f"{self.least:g} to {self.most:g}"


def read_bounds(text: str) -> Bounds | None:
    """The bounds that a text consists of; None if it is none.

    Args:
        text: such as '0 to 1' or '1 or more'.

    >>> print(read_bounds("-1 to 1"), read_bounds("2 or more"), read_bounds("unbounded"))
    -1 to 1 2 or more None
    """
    found = _FORM.fullmatch(text.strip())
    return Bounds(float(found[1]), float(found[2]) if found[2] else inf) if found else None
