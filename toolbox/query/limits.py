"""How long a statement may take, and how much memory it may use."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolbox.runtime.hardware import memory_limit

LEAST_MEMORY = 2_000_000_000
"""Bytes that a statement may use on any machine."""


def _quarter() -> int:
    """A quarter of the memory that the machine or its container has, but not less than any machine gives."""
    return max((memory_limit() or 0) // 4, LEAST_MEMORY)


@dataclass(frozen=True)
class Limits:
    """Of one statement.

    Attributes:
        seconds: after which it is stopped.
        memory: bytes that a statement of a user may use; its rows may have a quarter of them.
    """

    seconds: float = 600.0
    memory: int = field(default_factory=_quarter)

    @property
    def rows(self) -> int:
        """Bytes that the rows of a statement of a user may have; to read them takes three times as many here."""
        return self.memory // 4


UNTRUSTED = Limits(seconds=60.0, memory=1_000_000_000)
"""Of SQL that somebody else wrote and that nobody has read."""
