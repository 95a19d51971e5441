"""Whether a set-up can do the main job, and what to fix. Owns the order of the questions; reports, and fixes nothing.

The one place of the toolbox that catches whatever goes wrong: a broken library is what a user comes here with, so it
becomes a finding and no traceback. Everything a question needs is imported inside it. No question asks a network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from toolbox.setup.doctor.finding import Finding, State
from toolbox.setup.doctor.machine import cores, gpu, half_precision, memory
from toolbox.setup.doctor.places import cache, study_folder, weights
from toolbox.setup.doctor.software import builds, onnxruntime_import, packages, python

__all__ = ["Finding", "Question", "State", "answer_questions", "as_json", "can_work", "examine_setup"]


@dataclass(frozen=True)
class Question:
    """One thing to look at, and the packages without which it cannot be."""

    subject: str
    ask: Callable[[], Iterable[Finding]]
    needs: tuple[str, ...] = ()


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
    """The findings of questions in their order; one that needs a broken package is left out, and said to be.

    Such a package may end Python itself, where no catching helps.
    """
    findings: list[Finding] = []
    for question in questions:
        broken = {finding.subject for finding in findings if finding.state == "problem"}.intersection(
            question.needs
        )
        if broken:
            report = f"not looked at, since it needs {' and '.join(sorted(broken))}"
            findings.append(Finding(question.subject, "note", report))
        else:
            findings += _answer(question)
    return tuple(findings)


def _answer(question: Question) -> list[Finding]:
    """The findings of one question; that it cannot be answered is a finding too."""
    try:
        return list(question.ask())
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        report = f"cannot be looked at ({reason})"
        return [Finding(question.subject, "problem", report, "mend what it names, and ask again")]


def can_work(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands in the way of the main job: ingestion, extraction, queries and figures."""
    return all(finding.state != "problem" for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """The findings as an array of objects, for programs and for reports of a fault."""
    return json.dumps([asdict(finding) for finding in findings], indent=1, ensure_ascii=False)
