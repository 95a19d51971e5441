"""From a study to its report: what is there is shown, and what is missing is named. Starts no long computation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolbox.display import Report
from toolbox.errors import ToolboxError, UsageError
from toolbox.files import replace_file
from toolbox.progress import Progress, silent
from toolbox.show.report.cautionary import warnings_of
from toolbox.show.report.contents import REPORTED, Section
from toolbox.show.report.entries import numbered, within_budget
from toolbox.show.report.exhibits import LeftOut, ShownExhibit, show_exhibits
from toolbox.show.report.methods import Methods, joined_methods, methods_of
from toolbox.show.report.page import write_page
from toolbox.show.report.pictures import picture_exhibits
from toolbox.show.report.subject import Choices, ReportSubject, subject_of
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

BUDGET, BUDGET_WITH_IMAGES = 2_000_000, 5_000_000
"""Bytes of a page, without pixels and with them."""


@dataclass(frozen=True)
class StudyReport(Report):
    """What was written."""

    file: str
    bytes: int
    figures: int
    """Figures and tables that are shown."""
    warnings: int
    """Warnings and notes at the top of the page."""
    methods: tuple[str, ...] = ()
    """Files of the methods text and its references, if they were asked for."""
    notes: tuple[str, ...] = ()


def write_report(
    folder: StudyFolder,
    output: Path,
    selection: Selection,
    choices: Choices,
    *,
    title: str = "",
    methods: Path | None = None,
    with_images: bool = False,
    weights: str = "auto",
    progress: Progress = silent,
) -> StudyReport:
    """Write the report of a study.

    Args:
        folder: of the study.
        output: the page, which is replaced if there is one.
        selection: set, model and scheme; what is not named is chosen as for a query.
        choices: how selectivity is measured.
        title: of the page; that of the study if empty.
        methods: file of the methods text as Markdown; beside it, its references are written as BibTeX.
        with_images: whether pixels of stimuli and rendered images are part of the page.
        weights: of the network, which finds the pieces of stimuli: 'auto', a file, or 'random:SEED'.
        progress: is called with what is done.

    Raises: UsageError for a file of another suffix; as a query.
    """
    check_files(output, methods)
    subject = replace(subject_of(folder, selection, choices), page_title=title)
    pictures = list(picture_exhibits(subject, with_images=with_images, weights=weights, progress=progress))
    shown = _shown_sections(subject, pictures, progress)
    every = [each for _, exhibits in shown for each in exhibits]
    text, warned, parts = methods_of(subject), warnings_of(subject, every), numbered(shown)
    empty = write_page(subject, [part.empty() for part in parts], warned, text).encode()
    budget = BUDGET_WITH_IMAGES if with_images else BUDGET
    parts, notes = within_budget(parts, budget - len(empty))
    page = write_page(subject, parts, warned, text).encode()
    files = {output: page}
    if methods is not None:
        files |= {methods: text.markdown.encode(), methods.with_suffix(".bib"): text.bibtex.encode()}
    _write(files)
    return StudyReport(
        file=str(output),
        bytes=len(page),
        figures=sum(not entry.reason for part in parts for entry in part.shown),
        warnings=len(warned),
        methods=tuple(str(file) for file in files if file != output),
        notes=(*subject.selection.notes, *notes),
    )


def methods_text(
    folder: StudyFolder, selections: Sequence[Selection], *, with_significance: bool, with_report: bool
) -> tuple[str, list[str]]:
    """The methods of several sets and networks as one text of Markdown, with the usual choices.

    Args:
        folder: of the study.
        selections: set, model and scheme of each; what is not named is chosen as for a query.
        with_significance: whether intervals and p values are described.
        with_report: whether figures of a report are referred to.

    Returns: the text; empty if there is none; and of what there is none, and why.
    """
    found, left_out = dict[str, Methods](), list[str]()
    for selection in selections:
        name = f"{selection.model} and {selection.set}"
        try:
            subject = subject_of(folder, selection, Choices())
            found[name] = methods_of(subject, with_significance=with_significance, with_report=with_report)
        except ToolboxError as error:  # such as a set without labels
            left_out.append(f"{name}: {error}")
    return (joined_methods(found).markdown if found else ""), left_out


def check_files(output: Path, methods: Path | None) -> None:
    """Refuse files that a report cannot be written to, before anything is computed.

    Args:
        output: of the page.
        methods: of the methods text, if there is one.

    Raises: UsageError.
    """
    if output.suffix != ".html":
        raise UsageError(f"the report is a page, and {output} is none; choose a file name that ends in .html")
    if methods is not None and methods.suffix != ".md":
        raise UsageError(
            f"the methods are Markdown, and {methods} is none; choose a file name that ends in .md"
        )
    for file in filter(None, (output, methods)):
        if file.is_dir():
            raise UsageError(f"{file} is a directory; expected the name of a file")


def _shown_sections(
    subject: ReportSubject, pictures: Sequence[ShownExhibit | LeftOut], progress: Progress
) -> list[tuple[Section, list[ShownExhibit | LeftOut]]]:
    total = sum(len(section.exhibits) for section in REPORTED)
    done, found = 0, []
    for section in REPORTED:
        shown = list[ShownExhibit | LeftOut]()
        for exhibit in section.exhibits:
            progress("report", done, total)
            shown += show_exhibits(subject, exhibit)
            done += 1
        shown += pictures if section.has_pictures else []
        found.append((section, shown))
    progress("report", total, total)
    return found


def _write(files: dict[Path, bytes]) -> None:
    """All files, each whole or not at all."""
    for file, content in files.items():
        with replace_file(file) as fresh:
            fresh.write_bytes(content)
