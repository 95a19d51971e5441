"""Checks whether a set-up can run the main tasks, and reports what to fix. Owns the order of the questions.

The doctor fixes nothing. It is the only place of the toolbox that catches every exception: users call it because of a
broken library, which must be reported as a finding and not as a traceback. Every question imports what it needs
itself. No question uses the Internet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from toolbox.faults import explains_faults
from toolbox.setup.doctor.finding import Finding, State
from toolbox.setup.doctor.machine import cores, gpu, half_precision, memory
from toolbox.setup.doctor.places import cache, study_folder, weights
from toolbox.setup.doctor.software import builds, onnxruntime_import, packages, python

__all__ = ["Finding", "Question", "State", "answer_questions", "as_json", "can_work", "examine_setup"]


@dataclass(frozen=True)
class Question:
    """One subject to check, and the packages that the check needs."""

    subject: str
    ask: Callable[[], Iterable[Finding]]
    needs: tuple[str, ...] = ()


@explains_faults
def examine_setup(study: Path | None = None) -> tuple[Finding, ...]:
    """Look at the software, the machine, the cache with every model's weights, and a study's folder if one is named.

    Example:
        >>> findings = examine_setup(Path("my-study"))
        >>> findings[0].subject, findings[0].state
        ('python', 'ok')
    """
    network = ("numpy", "onnx", "polars")
    questions = [
        Question("python", python),
        Question("packages", packages),
        Question("onnxruntime's package", builds),
        Question("onnxruntime", onnxruntime_import, network),
        Question("cores", cores),
        Question("memory", memory),
        Question("bf16", half_precision, ("openvino",)),
        Question("GPU", gpu, (*network, "onnxruntime")),
        Question("cache", cache),
        Question("weights", weights, ("polars",)),
    ]
    if study is not None:
        questions.append(Question("study", lambda: study_folder(study), ("polars", "pyarrow")))
    return answer_questions(questions)


def answer_questions(questions: Iterable[Question]) -> tuple[Finding, ...]:
    """The findings of all questions in order; a question that needs a broken package is skipped with a note.

    Importing such a package may crash Python itself, which no exception handler can catch.
    """
    findings: list[Finding] = []
    for question in questions:
        broken = {finding.subject for finding in findings if finding.state == "problem"}.intersection(
            question.needs
        )
        if broken:
            report = f"not checked, because it needs {' and '.join(sorted(broken))}"
            findings.append(Finding(question.subject, "note", report))
        else:
            findings += _answer(question)
    return tuple(findings)


def _answer(question: Question) -> list[Finding]:
    """The findings of one question; a failure of the question itself is also a finding."""
    try:
        return list(question.ask())
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        report = f"cannot be checked ({reason})"
        return [Finding(question.subject, "problem", report, "fix this error, and run the doctor again")]


def can_work(findings: Iterable[Finding]) -> bool:
    """Whether no problem prevents the main tasks: ingestion, extraction, queries and figures."""
    return all(finding.state != "problem" for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """The findings as a JSON array of objects, for programs and bug reports."""
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False)
