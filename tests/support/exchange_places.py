"""Who has a study where, in tests of what of that a bundle tells."""

from __future__ import annotations

import getpass
import platform
from dataclasses import dataclass
from pathlib import Path

import pytest

USER, COMPUTER, OTHER_USER, PARTICIPANT, OBSERVER = (
    "annabel",
    "lab-pc-17",
    "gregorius",
    "theodora",
    "wilhelmine",
)
PRIVATE = (USER, COMPUTER, OTHER_USER, PARTICIPANT, OBSERVER)
"""Names that a bundle must not contain."""


@dataclass(frozen=True)
class Place:
    """Where a user has a study: the computer's home folder, and the study in it."""

    home: Path
    study: Path

    def own(self, patch: pytest.MonkeyPatch) -> None:
        """Be this user of this computer."""
        patch.setenv("HOME", str(self.home))
        patch.setenv("TOOLBOX_CACHE", str(self.home / "cache"))
        patch.setattr(getpass, "getuser", lambda: self.home.name)
        patch.setattr(platform, "node", lambda: COMPUTER)
