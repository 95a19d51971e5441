"""Whether a set-up can do the main job, and what to mend. Owns the order of the questions; reports, and mends nothing.

The one place of the toolbox that catches whatever goes wrong: a broken library is what a user comes here with, so it
becomes a finding and no traceback. Everything a question needs is imported inside it. No question asks a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from toolbox.doctor.finding import Finding, State
from toolbox.doctor.machine import cores, gpu, half_precision, memory
from toolbox.doctor.places import cache, study_folder, weights
from toolbox.doctor.software import builds, imported_runtime, packages, python

__all__ = ["Finding", "State", "as_json", "can_work", "examine"]

Question = Callable[[], Iterable[Finding]]


def examine(study: Path | None = None) -> tuple[Finding, ...]:
    """Look at the software, the machine, the cache with every model's weights, and a study's folder if one is named."""
    questions: list[tuple[str, Question]] = [
        ("python", python),
        ("packages", packages),
        ("onnxruntime's package", builds),
        ("onnxruntime", imported_runtime),
        ("cores", cores),
        ("memory", memory),
        ("bf16", half_precision),
        ("GPU", gpu),
        ("cache", cache),
        ("weights", weights),
    ]
    if study is not None:
        questions.append(("study", lambda: study_folder(study)))
    return tuple(finding for subject, question in questions for finding in answers(subject, question))


def answers(subject: str, question: Question) -> list[Finding]:
    """The findings of one question; that it cannot be answered is a finding too."""
    try:
        return list(question())
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        return [Finding(subject, "problem", f"cannot be looked at ({reason})", "mend what it names, and ask again")]


def can_work(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way of the main job: ingestion, extraction, queries and figures."""
    return all(finding.state != "problem" for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """The findings as an array of objects, for programs and for reports of a fault."""
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False)
