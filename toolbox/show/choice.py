"""Which categories and layers a figure shows. Owns the rule for queries that have a parameter of that name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from toolbox.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    import polars as pl

    from toolbox.query import Query

Choice = Mapping[str, Sequence[str]]
"""Names by column: 'category' or 'layer'."""

COLUMNS_OF = {"category": ("category", "other"), "layer": ("layer",)}
"""Columns of rows that hold a category, or a layer. A single category chosen is shown with all others in pairs."""


def chosen(category: str | Sequence[str] | None, layer: str | Sequence[str] | None) -> Choice:
    """The names that were chosen, by column.

    Args:
        category: one, several, or all of them if None.
        layer: one, several, or all of them if None.
    """
    given = {"category": category, "layer": layer}
    return {
        column: (names,) if isinstance(names, str) else tuple(names)
        for column, names in given.items()
        if names
    }


def split_choice(
    query: Query, parameters: Mapping[str, Any], choice: Choice
) -> tuple[dict[str, Any], Choice]:
    """What of a choice is a parameter of the query, and what is left for its rows.

    A single name is the value of the parameter. Of several, the rows are chosen, if the query can return all.

    Args:
        query: with parameters.
        parameters: their values.
        choice: names by column.

    Returns: all values of parameters; the names by column that are none.
    Raises: UsageError for a name that was given both ways, or several names where the query takes one.
    """
    declared = {parameter.name: parameter for parameter in query.parameters}
    values, left = dict(parameters), dict[str, Sequence[str]]()
    for column, names in choice.items():
        if column in values:
            raise UsageError(f"{column} is given twice, as a parameter and as --{column}; give it once")
        is_one = len(names) == 1 and not any(sign in names[0] for sign in "*?[")
        if column in declared and (is_one or declared[column].required):
            values[column] = _only(query, column, names)
        else:
            left[column] = names
    return values, left


def choose_rows(query: str, rows: pl.DataFrame, choice: Choice) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """The rows of the chosen categories and layers.

    Args:
        query: name, for messages.
        rows: of the query.
        choice: names by column; layers may be patterns, such as 'block5_*'.

    Returns: those rows; the names that are shown, categories in the order of the choice, layers in that of the rows.
    Raises: UsageError when the rows have no such column; UnknownNameError when they have no such name.
    """
    import polars as pl  # late: a mistake in the names of parameters is found before

    shown = {column: _matching(query, rows, column, names) for column, names in choice.items()}
    for column, names in shown.items():
        are_chosen = [pl.col(each).is_in(names) for each in COLUMNS_OF[column] if each in rows.columns]
        rows = rows.filter(
            pl.any_horizontal(are_chosen) if len(names) == 1 else pl.all_horizontal(are_chosen)
        )
    return rows, shown


def _matching(query: str, rows: pl.DataFrame, column: str, wanted: Sequence[str]) -> list[str]:
    """The names in the rows that were chosen."""
    if column not in rows.columns:
        raise UsageError(f"the rows of {query} have no {column} to choose; leave out --{column}")
    columns = [each for each in COLUMNS_OF[column] if each in rows.columns]
    known = list(dict.fromkeys(name for each in columns for name in rows[each].drop_nulls()))
    found = dict[str, None]()
    for each in wanted:
        matching = [name for name in known if name == each or (column == "layer" and fnmatchcase(name, each))]
        if not matching:
            raise UnknownNameError(column, each, known)
        found |= dict.fromkeys(matching)
    return list(found) if column == "category" else [name for name in known if name in found]


def _only(query: Query, column: str, names: Sequence[str]) -> str:
    """The one name that a parameter takes."""
    if len(names) > 1:
        raise UsageError(f"{query.name} takes one {column}, and got {', '.join(names)}; choose one of them")
    return names[0]
