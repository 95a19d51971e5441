"""Replication: a published table of selectivities compared with those of a study.

The formulas are in `queries/replication/`; SQL sees the checked table as the view `reference`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from toolbox.analyse.published_table import PublishedTable
from toolbox.errors import UnknownNameError, UsageError
from toolbox.query import Answer, Query, ask, shipped_query
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, resolve_selection

LAYERS_QUERY, FILTERS_QUERY = "replication/layers", "replication/filters"
MAP = "map={LABEL: CATEGORY} (--map LABEL=CATEGORY)"
"""How counterparts are named, in Python and on the command line."""
POOLED = "all"
"""How `replication/layers` calls the row over all categories in common."""


def replicate(
    study: StudyFolder,
    table: PublishedTable,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    filters: bool = False,
) -> Answer:
    """How well a study agrees with a published table, per layer and category; or its values filter by filter.

    Args:
        study: that is compared.
        table: what was published.
        parameters: those of `replication/layers`: index, statistic, normalise, threshold, count.
        selection: set, model and scheme, where there are several.
        filters: whether the rows are those of `replication/filters`, which has no threshold and no count.

    Returns: one row for every layer and category in common and one over all categories; or, with `filters`, one for
        every filter and category. Values and correlations are null where they are not known.
    Raises: UsageError for a table that does not fit the study; all that running the query raises.

    Example:
        >>> from toolbox.analyse.published_table import read_published_table
        >>> table = read_published_table(Path("published.csv"), {"rouge": "red"})
        >>> replicate(study.folder, table).rows["layer"].to_list()
        ['colour', 'colour', 'colour']
    """
    chosen = selection or Selection()
    return read_between_commits(study, lambda: _replicate(study, table, parameters, chosen, filters))


def _replicate(
    study: StudyFolder,
    table: PublishedTable,
    parameters: Mapping[str, Any] | None,
    selection: Selection,
    filters: bool,
) -> Answer:
    """The rows of the query over the published table, and what is missing on either side."""
    chosen = resolve_selection(study, {"responses", "labels", "layers"}, selection)
    notes = [*table.notes, *_check_places(study, table, chosen), *_check_categories(study, table, chosen)]
    query = shipped_query(FILTERS_QUERY if filters else LAYERS_QUERY)
    answer = ask(study, query, parameters, chosen, tables={"reference": table.rows.to_arrow()})
    absent = [name for name in table.distinct_names("layer") if name not in set(answer.rows["layer"])]
    if absent:
        notes.append(
            f"layers of {table.file} without responses in the study are left out: {', '.join(absent)}"
        )
    provenance = {**answer.provenance, "reference": table.provenance}
    return replace(answer, provenance=provenance, notes=(*answer.notes, *notes))


def pair_filters(
    study: StudyFolder,
    table: PublishedTable,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
) -> Answer:
    """The values of every filter here and in a published table, for a scatter.

    Args:
        study: that is compared.
        table: what was published.
        parameters: as of `replicate`; those that only its counts need are left aside.
        selection: as of `replicate`.
    """
    known = {parameter.name for parameter in shipped_query(FILTERS_QUERY).parameters}
    of_values = {name: value for name, value in (parameters or {}).items() if name in known}
    return replicate(study, table, of_values, selection, filters=True)


def _check_places(study: StudyFolder, table: PublishedTable, selection: Selection) -> list[str]:
    """Refuse layers and filters that the model does not have; report values that are not known."""
    query = Query("sql", "select layer, filters from layers", ships=True)
    known = dict(ask(study, query, selection=selection).rows.rows())
    for layer in table.distinct_names("layer"):
        if layer not in known:
            raise UnknownNameError(f"layer of {selection.model}", layer, known, f"in {table.file}")
    filters = pl.col("layer").replace_strict(known, return_dtype=pl.Int64)
    outside = table.rows.filter((pl.col("filter") < 0) | (pl.col("filter") >= filters))
    if not outside.is_empty():
        layer, number = outside.select("layer", "filter").row(0)
        raise UsageError(f"{table.file} names filter {number} of {layer}; expected 0 to {known[layer] - 1}")
    unknown = table.rows["value"].null_count()
    if unknown == 1:
        return [f"1 row of {table.file} has no value and counts as unpaired"]
    return [f"{unknown:,} rows of {table.file} have no value and count as unpaired"] if unknown else []


def _check_categories(study: StudyFolder, table: PublishedTable, selection: Selection) -> list[str]:
    """Refuse a map and a table that lead to no category of the study; report what has no counterpart."""
    query = Query("sql", "select distinct category from labels where category is not null", ships=True)
    here = ask(study, query, selection=selection).rows["category"]
    there = table.distinct_names("category")
    for category in table.renamed.values():
        if category not in set(here):
            raise UnknownNameError(f"category of {selection.set}", category, here, f"in {MAP}")
    if POOLED in there:
        raise UsageError(
            f"{table.file} has a category {POOLED!r}, which is the row over all categories; "
            f"rename it with {MAP}"
        )
    only_there, only_here = sorted({*there} - {*here}), sorted({*here} - {*there})
    if len(only_there) == len(there):
        raise UsageError(
            f"{table.file} ({', '.join(only_there)}) and {selection.set} ({', '.join(only_here)}) have no "
            f"category in common; name counterparts with {MAP}"
        )
    return _notes_on_categories(str(table.file), str(selection.set), only_there, only_here)


def _notes_on_categories(
    file: str, set_name: str, only_there: Sequence[str], only_here: Sequence[str]
) -> list[str]:
    """Which categories of the table, and which of the study, have no counterpart."""
    notes = []
    if only_there:
        notes.append(
            f"left out, as {set_name} has no such category: {', '.join(only_there)} (of {file}); "
            f"{MAP} names a counterpart"
        )
    if only_here:
        notes.append(f"left out, as {file} has no such category: {', '.join(only_here)} (of {set_name})")
    return notes
