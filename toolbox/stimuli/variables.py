"""Stimulus variables: their names and types. Owns which further columns a set may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from toolbox.errors import StimulusError
from toolbox.stimuli.categories import check_printable
from toolbox.stimuli.sources import Candidate, Value, text_of
from toolbox.terms import PICTURE_COLUMNS, STIMULUS_COLUMNS

VariableType = Literal["boolean", "bigint", "double", "varchar"]
"""Types of stimulus variables, with their SQL names."""
RESERVED = (*STIMULUS_COLUMNS, *PICTURE_COLUMNS, "category", "set")
"""Columns that every stimulus set has, or that join its tables."""


def check_names(names: Iterable[str], place: str) -> None:
    """Check that SQL can distinguish the names of stimulus variables.

    Args:
        names: names of stimulus variables.
        place: their origin, for the message.

    Raises: StimulusError for an empty name, one with a character that cannot be shown, the name of a fixed column, or
        two names that differ only in case.
    """
    names, seen = list(names), dict[str, str]()
    check_printable(names, f"{place} has the column")
    for name in names:
        if not name.strip():
            raise StimulusError(f"{place} has a column without a name; give it one, or remove it")
        if name.lower() in RESERVED:
            raise StimulusError(
                f"{place} has a column {name!r}, a name that the toolbox reserves; rename the column"
            )
        if name.lower() in seen:
            other = seen[name.lower()]
            raise StimulusError(
                f"{place} has the columns {other!r} and {name!r}, which differ only in case; rename one of them"
            )
        seen[name.lower()] = name


def type_of(value: Value) -> VariableType | None:
    """The type of one value; None for an unknown value.

    Raises: TypeError for a value that is not a number, text, true or false.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "bigint"
    if isinstance(value, float):
        return "double"
    if isinstance(value, str):
        return "varchar"
    raise TypeError(f"a stimulus variable must be a number, text, true or false, not {type(value).__name__}")


def merge_types(
    existing: Mapping[str, VariableType], candidates: Iterable[Candidate]
) -> dict[str, VariableType]:
    """Types of all variables of a set together with new candidates; integers and doubles become doubles.

    Args:
        existing: types of the existing variables of the set.
        candidates: the new candidates, with the values of their variables.

    Raises: StimulusError when a variable would have two types, or two names differ only in case.
    """
    types = dict(existing)
    for candidate in candidates:
        for name, value in candidate.parameters.items():
            new = type_of(value)
            if new is not None:
                types[name] = _common_type(types.get(name, new), new, name, candidate)
    check_names(types, "the stimulus set")
    return types


def _common_type(old: VariableType, new: VariableType, name: str, candidate: Candidate) -> VariableType:
    """The common type of a variable with values of two types."""
    if old == new:
        return old
    if {old, new} == {"bigint", "double"}:
        return "double"
    raise StimulusError(
        f"the variable {name} has the type {old}, but {new} ({candidate.parameters[name]!r}) for "
        f"{text_of(candidate.path)}; use one type for all its values, or rename the variable"
    )
