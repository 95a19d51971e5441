"""The filters that are rendered, and the stimuli that drive them most. Owns the questions to the study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolbox.query import ask
from toolbox.show.rendering.choices import Rendering
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

PHOTOGRAPHS = 3
"""Best stimuli that are shown beside the pictures of a filter."""
Filter = tuple[str, int]
"""Layer and number."""


@dataclass(frozen=True)
class Best:
    """A stimulus, and the response of a filter to it as it is stored."""

    stimulus_id: int
    path: str
    category: str | None
    response: float


def chosen_filters(
    study: StudyFolder, selection: Selection, choices: Rendering
) -> tuple[dict[Filter, str | None], tuple[str, ...]]:
    """The filters, in the order in which they are rendered, each with the category that it was chosen for, and notes.

    Args:
        study: with the responses.
        selection: set, model and scheme.
        choices: a layer and its filters, or categories.

    Raises: UnknownNameError for a category; QueryError.
    """
    if choices.layer is not None:
        return dict.fromkeys(((choices.layer, int(number)) for number in choices.filters)), ()
    found: dict[Filter, str | None] = {}
    notes: tuple[str, ...] = ()
    for category in choices.categories:
        values = {
            "category": category,
            "count": choices.top,
            "index": choices.index,
            "statistic": choices.statistic,
        }
        answer = ask(study, "filters/representative", values, selection)
        for row in answer.rows.iter_rows(named=True):
            found.setdefault((str(row["layer"]), int(row["filter"])), str(row["category"]))
        notes = (*notes, *(note for note in answer.notes if note not in notes))
    return found, notes


def best_stimuli(
    study: StudyFolder, selection: Selection, filters: Iterable[Filter], statistic: str
) -> Mapping[Filter, list[Best]]:
    """The stimuli that drive filters most, the best one first.

    Args:
        study: with the responses.
        selection: set and model.
        filters: layers and numbers.
        statistic: 'maximum' or 'mean' of the activation map.

    Raises: UnknownNameError, UsageError for a layer without responses.
    """
    found = {}
    for layer, number in filters:
        values = {"layer": layer, "filter": number, "count": PHOTOGRAPHS, "statistic": statistic}
        rows = ask(study, "filters/stimuli", values, selection).rows
        found[layer, number] = [
            Best(int(row["stimulus_id"]), str(row["path"]), row["category"], float(row["response"]))
            for row in rows.iter_rows(named=True)
        ]
    return found
