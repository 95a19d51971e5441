"""The numeric variables of the stimuli of a bundle, as a study has them in SQL: parameters, and measured properties.

Owns which values these are, and which of them a study lacks after an import.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator

import polars as pl

from toolbox.exchange.importing.taking import Taking
from toolbox.exchange.importing.values import Content
from toolbox.store.parameters import mean_of
from toolbox.store.properties import read_ingestion_measures, read_measurement
from toolbox.terms import PICTURE_COLUMNS, STIMULUS_COLUMNS

ValuesOfStimuli = dict[int, float]
"""stimulus_id -> value; without those that are missing or infinite."""


def variables_of(content: Content, set_name: str) -> dict[str, ValuesOfStimuli]:
    """The values of every variable of a set. Of one name, a parameter comes before a property.

    Args:
        content: the tables of a bundle.
        set_name: the set in the bundle.
    """
    if set_name not in content.variables:
        content.variables[set_name] = properties_of(content, set_name) | dict(_parameters(content, set_name))
    return content.variables[set_name]


def properties_of(content: Content, set_name: str) -> dict[str, ValuesOfStimuli]:
    """The values of the measured properties of a set.

    Args:
        content: the tables of a bundle.
        set_name: the set in the bundle.
    """
    found = dict[str, ValuesOfStimuli]()
    for record in content.bundle.record.tables_named("properties"):
        if record.set == set_name:
            rows = pl.DataFrame(content.rows(record)).drop("set")
            found |= dict(_columns(rows, {name: name for name in rows.columns[1:]}))
    return found


def _parameters(content: Content, set_name: str) -> Iterator[tuple[str, ValuesOfStimuli]]:
    for record in content.bundle.record.tables_named("stimuli"):
        if record.set == set_name:
            rows = pl.DataFrame(content.rows(record))
            names = {
                column: record.variables.get(column, column)
                for column, kind in rows.schema.items()
                if column not in ("set", *STIMULUS_COLUMNS, *PICTURE_COLUMNS) and kind != pl.String
            }
            yield from _columns(rows, names)
    rows = content.frame("observations")
    if not rows.is_empty():
        for (name,), values in rows.filter(set=set_name).partition_by("parameter", as_dict=True).items():
            yield str(name), _means(values)


def _columns(rows: pl.DataFrame, names: dict[str, str]) -> Iterator[tuple[str, ValuesOfStimuli]]:
    numbers = rows["stimulus_id"].to_list()
    for column, name in names.items():
        values = zip(numbers, rows[column].cast(pl.Float64).to_list(), strict=True)
        if found := {key: value for key, value in values if value is not None and math.isfinite(value)}:
            yield name, found


def _means(rows: pl.DataFrame) -> ValuesOfStimuli:
    """The means of the observations, in the order in which the views of a study add them."""
    found = defaultdict[int, list[float]](list)
    for number, value in rows.select("stimulus_id", "value").drop_nulls().iter_rows():
        found[number].append(value)
    return {number: mean_of(values) for number, values in found.items()}


def lacking_variables(taking: Taking, set_name: str, names: Collection[str]) -> list[str]:
    """The variables of which the study will not have the values of the bundle: properties that were left out.

    Args:
        taking: the import, whose tables of the set are staged.
        set_name: the set in the bundle.
        names: of variables.
    """
    study, name = taking.study, taking.names[set_name]
    first, later = (taking.there(path) for path in (study.properties(name), study.measured(name)))
    rows = {**read_ingestion_measures(first)}
    for number, values in read_measurement(later).values.items():
        known = {key: value for key, value in values.items() if value is not None}
        rows[number] = {**rows.get(number, {}), **known}
    parameters = dict(_parameters(taking.content, set_name))
    stated = properties_of(taking.content, set_name)
    return [
        variable
        for variable in names
        if variable in stated.keys() - parameters.keys()
        and stated[variable]
        != {number: values[variable] for number, values in rows.items() if variable in values}
    ]
