"""The filters that are rendered, and the stimuli that drive them most. Owns the questions to the study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolbox.query import ask
from toolbox.show.gallery.choice import GalleryChoice
from toolbox.show.gallery.filters import named_filters, representatives
from toolbox.show.patches import Filter
from toolbox.show.rendering.choices import Rendering
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

PHOTOGRAPHS = 3
"""Best stimuli that are shown beside the pictures of a filter."""


@dataclass(frozen=True)
class Best:
    """A stimulus that drives a filter.

    Attributes:
        response: as it is stored, the maximum or the mean of the map.
        maximum: as it is stored, too.
    """

    stimulus_id: int
    path: str
    category: str | None
    response: float
    maximum: float


def chosen_filters(
    study: StudyFolder, selection: Selection, choices: Rendering
) -> tuple[dict[Filter, str | None], tuple[str, ...]]:
    """The filters, in the order in which they are rendered, each with the category that it was chosen for, and notes.

    Args:
        study: with the responses.
        selection: set, model and, for categories, scheme.
        choices: layers and filters, or categories.

    Raises: UnknownNameError for a category or a layer; UsageError for a filter.
    """
    choice = GalleryChoice(
        tuple(choices.layers),
        tuple(choices.filters),
        tuple(choices.categories),
        top=choices.top,
        index=choices.index,
    )
    if not choices.categories:
        return dict.fromkeys(named_filters(study, selection, choice)), ()
    found: dict[Filter, str | None] = {}
    categories, notes = representatives(study, selection, choice)
    for each in categories:
        for layer, number, _ in each.filters:
            found.setdefault((layer, number), each.category)
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
    return {
        (layer, number): _best_of(study, selection, layer, number, statistic) for layer, number in filters
    }


def _best_of(study: StudyFolder, selection: Selection, layer: str, number: int, statistic: str) -> list[Best]:
    """The stimuli that drive one filter most."""
    rows = list(stored_responses(study, selection, (layer, number), statistic, PHOTOGRAPHS))
    maxima = {row["stimulus_id"]: row["response"] for row in rows}
    if statistic != "maximum":
        every = stored_responses(study, selection, (layer, number), "maximum", 2**31 - 1)
        maxima = {row["stimulus_id"]: row["response"] for row in every}
    return [
        Best(row["stimulus_id"], row["path"], row["category"], row["response"], maxima[row["stimulus_id"]])
        for row in rows
    ]


def stored_responses(
    study: StudyFolder, selection: Selection, one: Filter, statistic: str, count: int
) -> Iterator[dict[str, Any]]:
    """The largest responses of a filter, as the query `filters/stimuli` returns them.

    Args:
        study: with the responses.
        selection: set and model.
        one: layer and number of the filter.
        statistic: 'maximum' or 'mean' of the activation map.
        count: of stimuli.

    Raises: UnknownNameError, UsageError for a layer without responses.
    """
    values = {"layer": one[0], "filter": one[1], "count": count, "statistic": statistic}
    yield from ask(study, "filters/stimuli", values, selection).rows.iter_rows(named=True)
