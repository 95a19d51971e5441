"""Results that travel between laboratories, from Python. Owns the signatures; `toolbox.exchange` does the work."""

from __future__ import annotations

from toolbox.study.directory import StudyDirectory


class StudyExchange(StudyDirectory):
    """What hands results on, takes in those of others, merges and compares them."""
