"""Stimulus sets as experimental material from Python. Owns the signatures; `toolbox.design` does the work."""

from __future__ import annotations

from toolbox.study.directory import StudyDirectory


class StudyDesign(StudyDirectory):
    """What measures, compares, audits and matches stimulus sets."""
