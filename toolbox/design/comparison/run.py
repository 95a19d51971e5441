"""Categories of a set compared: the use case. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from toolbox.chart import Chart
from toolbox.chart.comparison import ComparisonWords, draw_comparison
from toolbox.design.comparison.complexity import Complexity, measure_complexity
from toolbox.design.comparison.measures import LAYER, category_rows
from toolbox.design.comparison.pairs import PAIR_COLUMNS, pair_rows
from toolbox.design.comparison.paragraph import comparison_paragraph
from toolbox.design.comparison.reference import ReferenceResponses, check_reference, find_reference
from toolbox.design.comparison.stimuli import compared_properties, stimulus_measures
from toolbox.design.comparison.subject import ComparedCategories, Comparing, read_subject
from toolbox.design.equivalence import ALPHA
from toolbox.errors import command_line
from toolbox.progress import Progress, silent
from toolbox.query import Answer
from toolbox.query.result_files import NO_FILES, ResultFiles
from toolbox.stimuli.image_property import FILE
from toolbox.store.availability import note_extraction
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection

FEW_FILTERS = 10
"""Fewer of them have a depth that depends on single ones."""
SEEN = ~pl.col("measure").str.ends_with(FILE)
"""Rows of what the network sees: without properties of the file's own pixels."""


@dataclass(frozen=True, eq=False)
class CategoryComparison:
    """Whether categories are alike.

    Attributes:
        rows: a row for every measure and pair of categories.
        categories: the value of every measure for every category, with its 95 % interval.
        paragraph: what was compared, how, and what was found, for a reviewer.
        chart: the figure.
        provenance: of the rows.
        notes: what a reader should know.
    """

    rows: pl.DataFrame
    categories: pl.DataFrame
    paragraph: str
    chart: Chart
    provenance: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> pl.DataFrame:
        """The rows for reading: without single layers, and without properties of the file's own pixels."""
        return self.rows.filter(SEEN, pl.col("kind") != LAYER)

    @property
    def answer(self) -> Answer:
        """The rows, as the result of a query."""
        return Answer(self.rows, self.provenance, self.notes)

    def __repr__(self) -> str:
        """The paragraph."""
        return f"CategoryComparison({self.paragraph!r})"


def compare_categories(
    study: StudyFolder,
    categories: Sequence[str],
    choices: Comparing,
    selection: Selection,
    files: ResultFiles = NO_FILES,
    *,
    progress: Progress = silent,
) -> CategoryComparison:
    """Compare categories of a set in the complexity of their representation, and in the properties of their images.

    Args:
        study: with the responses.
        categories: two or more.
        choices: how.
        selection: set, model and scheme; the only ones if not named.
        files: where figure and paragraph are written.
        progress: called with how many filters are done.

    Raises: as `read_subject`, `find_reference` and `check_reference`.
    """
    found = read_between_commits(study, lambda: _compare(study, categories, choices, selection, progress))
    files.write(found)
    return found


def _compare(
    study: StudyFolder,
    categories: Sequence[str],
    choices: Comparing,
    selection: Selection,
    progress: Progress,
) -> CategoryComparison:
    subject, reference, notes = _subject_and_reference(study, categories, choices, selection)
    complexity = measure_complexity(subject, choices, reference, progress)
    stimuli = stimulus_measures(subject, complexity)
    properties = compared_properties(subject, complexity.stimuli.tolist())
    rows = pair_rows(subject, complexity, stimuli, properties, choices)
    values = category_rows(subject, complexity, stimuli, properties)
    words = _figure_words(subject, reference, complexity.threshold)
    return CategoryComparison(
        rows,
        values,
        comparison_paragraph(subject, rows, values, choices, reference, complexity.threshold),
        draw_comparison(values, rows.filter(SEEN), words, subject.all_categories),
        _provenance(subject, choices, reference, complexity.threshold, rows),
        (*notes, *_notes(subject, complexity, choices)),
    )


def _subject_and_reference(
    study: StudyFolder, categories: Sequence[str], choices: Comparing, selection: Selection
) -> tuple[ComparedCategories, ReferenceResponses | None, tuple[str, ...]]:
    """What is compared with what; a reference without some of the layers leaves them out, with a note."""
    subject = read_subject(study, categories, choices, selection)
    notes = (*subject.selection.notes, *subject.responses.notes, *note_extraction(study, subject.responses))
    if choices.reference is None:
        return subject, None, notes
    reference = find_reference(study, choices.reference, subject.model)
    lacking = check_reference(reference, subject.identity, [layer.name for layer in subject.layers])
    kept = tuple(layer for layer in subject.layers if layer.name in set(reference.rows["layer"]))
    subject = subject.with_layers(kept)
    if reference.origin.get("file") is None and reference.name == subject.set:
        lacking = (
            *lacking,
            f"the reference is the compared set {subject.set} itself, so stimuli that are added to it change the "
            "numbers of all categories",
        )
    return subject, reference, (*notes, *reference.notes, *lacking)


def _notes(subject: ComparedCategories, complexity: Complexity, choices: Comparing) -> list[str]:
    notes = []
    totals = dict(zip(subject.categories, complexity.observed.sum(axis=1).tolist(), strict=True))
    few = [f"{name} {total}" for name, total in totals.items() if total < FEW_FILTERS]
    if few:
        notes.append(
            f"few filters respond highly to {', '.join(few)}, so where they are located depends on single filters"
        )
    pairs = len(totals) * (len(totals) - 1) // 2
    if pairs / (choices.resamples + 1) >= ALPHA:
        notes.append(
            f"with {choices.resamples:,} resamples, no p_holm of the {pairs} pairs can be below {ALPHA:g}; use "
            f"--resamples {int(pairs / ALPHA)} or more"
        )
    if not subject.study.measured(subject.set).is_file():
        notes.append(
            f"the images of {subject.set} were not measured by the toolbox; to compare their properties, too: "
            f"{command_line('properties', subject.set)}"
        )
    return notes


def _provenance(
    subject: ComparedCategories,
    choices: Comparing,
    reference: ReferenceResponses | None,
    threshold: float,
    rows: pl.DataFrame,
) -> dict[str, Any]:
    asked = {name: value for name, value in asdict(choices).items() if name not in ("reference", "layer")}
    return with_version(
        {
            **subject.responses.provenance,
            **subject.selection.names(),
            "query": "compare",
            "parameters": {**asked, "threshold": threshold},
            "categories": list(subject.categories),
            "layers": [layer.name for layer in subject.layers],
            **({"reference": {"name": reference.name, **reference.origin}} if reference else {}),
            "columns": {name: meaning for name, (_, meaning) in PAIR_COLUMNS.items()},
            "rows": rows.height,
        }
    )


def _figure_words(
    subject: ComparedCategories, reference: ReferenceResponses | None, threshold: float
) -> ComparisonWords:
    with_what = "all other stimuli of the set" if reference is None else f"the reference {reference.name}"
    return ComparisonWords(
        title=f"Complexity of {', '.join(subject.categories)}",
        subtitle=f"{subject.set} · {subject.model} · relative to {with_what}",
        responding=f"{with_what} by more than {threshold:g} of its range",
    )
