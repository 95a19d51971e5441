"""The views of what is known of every stimulus beside its image: `parameters`, `observations`, `variables`.

parameters    stimulus_id, parameter, value: columns of the manifest, and parameters added later; one row each, as text
observations  parameter, stimulus_id, observer, value: every single value of the parameters that were added later
variables     stimulus_id, variable, value: all numeric parameters, and what was measured of the images

A parameter that was added later has the mean of its observations. Where a parameter and a measured property have one
name, the name means the parameter.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolbox.store.property_views import StudyTables, select_known_properties
from toolbox.store.quoting import quote_name, quote_text
from toolbox.store.stimuli import STIMULI

_NUMBERS = ("int64", "double", "bool")
"""Types of the stimulus variables that are numbers; true is 1, false is 0."""
_MEAN = "list_avg(list(value order by value))"
"""In an order of the values: equal values must give equal means, to the last bit, or ties are lost."""


def select_parameters(views: StudyTables) -> str:
    """Every parameter of the set; DuckDB's UNPIVOT leaves out what is null."""
    return _union(
        [*_columns(views, "varchar", "parameter"), *_added(views, "parameter", "varchar")],
        "select 0::integer as stimulus_id, ''::varchar as parameter, ''::varchar as value where false",
    )


def select_observations(views: StudyTables) -> str:
    """Every single value of the parameters that were added after ingestion."""
    set_name = views.names[0]
    return _union(
        [
            views.select_table(
                views.study.observations(set_name, name), f"{quote_text(name)}::varchar as parameter, *"
            )
            for name in views.study.added_parameters(set_name)
        ],
        "select ''::varchar as parameter, 0::integer as stimulus_id, ''::varchar as observer, 0::double as value "
        "where false",
    )


def select_variables(views: StudyTables) -> str:
    """All numeric parameters of the set, and its measured properties."""
    parameters = [*_columns(views, "double", "variable"), *_added(views, "variable", "double")]
    nothing = "select 0::integer as stimulus_id, ''::varchar as variable, 0::double as value where false"
    return (
        f"with own as ({_union(parameters, nothing)}) select * from own union all "
        f"select stimulus_id, property as variable, value from ({select_known_properties(views)}) "
        "where property not in (select variable from own)"
    )


def _columns(views: StudyTables, kind: str, noun: str) -> Iterator[str]:
    """The columns of the table of stimuli that are parameters, as rows; only numbers where numbers are wanted."""
    path = views.study.stimuli(views.names[0])
    types = views.checked.columns(path)
    names = [
        quote_name(name)
        for name, type_ in types.items()
        if name not in STIMULI and (kind == "varchar" or type_ in _NUMBERS)
    ]
    if names:
        columns = ", ".join(f"{name}::{kind} as {name}" for name in names)
        wide = views.select_files([path], f"stimulus_id, {columns}")
        yield f"select * from (unpivot ({wide}) on {', '.join(names)} into name {noun} value value)"


def _added(views: StudyTables, noun: str, kind: str) -> Iterator[str]:
    """The means of the parameters that were added after ingestion."""
    set_name = views.names[0]
    for name in views.study.added_parameters(set_name):
        observed = views.select_table(views.study.observations(set_name, name))
        yield (
            f"select stimulus_id, {quote_text(name)}::varchar as {noun}, {_MEAN}::{kind} as value "
            f"from ({observed}) group by stimulus_id"
        )


def _union(selects: list[str], nothing: str) -> str:
    return " union all ".join(selects) or nothing
