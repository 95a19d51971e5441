"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """The subject of a check, the result, and the remedy.

    Attributes:
        state: 'ok'; 'note' for information that does not prevent the main tasks; 'problem' for an obstacle to them.
        remedy: what to do; empty where no action is needed.
    """

    subject: str
    state: State
    finding: str
    remedy: str = ""
