"""Which filters a gallery shows: those that are named, or the most selective ones of a category.

Owns this choice. The most selective filters are those of the query `filters/representative`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from toolbox.errors import QueryError, UnknownNameError, UsageError, command_line
from toolbox.query import Query, ask
from toolbox.show.gallery.choice import GalleryChoice
from toolbox.store.availability import available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

REPRESENTATIVE = "filters/representative"
MOST_FILTERS = 200
"""Sheets of one gallery; more are asked for by mistake."""


@dataclass(frozen=True)
class Representatives:
    """The most selective filters of one category.

    Attributes:
        category: its name.
        filters: layer, number, and value of the index, the most selective one first.
        index: that ranks them.
    """

    category: str
    filters: tuple[tuple[str, int, float], ...]
    index: str


def named_filters(study: StudyFolder, selection: Selection, choice: GalleryChoice) -> list[tuple[str, int]]:
    """The filters that a choice names, by layer in the order of the network.

    Args:
        study: with the responses.
        selection: set and model.
        choice: with layers and numbers.

    Raises: UnknownNameError for a layer; UsageError for a layer without responses, a number that no layer has, or too
        many filters.
    """
    sizes = recorded_layers(study, selection, choice.layer)
    for layer, filters in sizes.items():
        for number in choice.filter:
            if not 0 <= number < filters:
                raise UsageError(f"no filter {number} in {layer}; expected 0 to {filters - 1}")
    chosen = [(layer, number) for layer in sizes for number in dict.fromkeys(choice.filter)]
    if len(chosen) > MOST_FILTERS:
        raise UsageError(
            f"a gallery of {len(chosen):,} filters; expected at most {MOST_FILTERS}: name fewer layers or filters"
        )
    return chosen


def recorded_layers(study: StudyFolder, selection: Selection, patterns: Sequence[str]) -> Mapping[str, int]:
    """The layers that match any of the patterns and have responses, with the numbers of their filters.

    Args:
        study: with the responses.
        selection: set and model.
        patterns: names or patterns; all layers where there is none.

    Raises: UnknownNameError for a pattern that matches no layer; UsageError for a layer without responses.
    """
    set_name, model = str(selection.set), str(selection.model)
    table = Query("sql", "select layer, filters from layers order by position", ships=True)
    known = dict(ask(study, table, selection=Selection(set_name, model)).rows.rows())
    recorded = available_responses(study, set_name, model).layers
    found = set[str]()
    for pattern in patterns or ("*",):
        matching = {name for name in known if fnmatchcase(name, pattern)}
        if not matching:
            raise UnknownNameError("layer", pattern, known)
        if not matching & {*recorded}:
            again = command_line("extract", set_name, "--model", model, "--layers", "*", "--replace")
            raise UsageError(
                f"no responses of {pattern} to {set_name} are stored, only of {', '.join(recorded)}; to extract it: "
                f"{again}"
            )
        found |= matching & {*recorded}
    return {name: filters for name, filters in known.items() if name in found}


def representatives(
    study: StudyFolder, selection: Selection, choice: GalleryChoice
) -> tuple[list[Representatives], tuple[str, ...]]:
    """The most selective filters of the chosen categories.

    Args:
        study: with the responses.
        selection: set, model and scheme.
        choice: with categories.

    Returns: for every category; and notes on the choice.
    Raises: UnknownNameError for a category; QueryError where none of the layers has such a filter; all errors of the
        query.
    """
    layers, notes = recorded_layers(study, selection, choice.layer), list[str]()
    count = choice.top if not choice.layer else sum(recorded_layers(study, selection, ()).values())
    found = []
    for category in choice.category:
        parameters = {"category": category, "count": count, "index": choice.index}
        answer = ask(study, REPRESENTATIVE, parameters, selection)
        rows = answer.rows.filter(pl.col("layer").is_in([*layers])).head(choice.top)
        if rows.is_empty():
            raise QueryError(
                f"no filter of {', '.join(layers)} has a value of {choice.index} for {category}; pooling layers, which "
                "repeat the filters below them, and silent filters are left out: choose other layers"
            )
        filters = tuple(rows.select("layer", "filter", "value").iter_rows())
        found.append(Representatives(category, filters, choice.index))
        notes += answer.notes
    return found, tuple(dict.fromkeys(notes))
