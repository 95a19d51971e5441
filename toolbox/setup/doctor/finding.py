"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was found, and what to do about it.

    Attributes:
        state: 'ok'; 'note' for what is good to know and stands in nobody's way; 'problem' for what does.
        remedy: empty where there is nothing to do.
    """

    subject: str
    state: State
    finding: str
    remedy: str = ""
