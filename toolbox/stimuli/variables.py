"""Stimulus variables: their names and types. Owns what may be a column of a set beside the fixed ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from toolbox.errors import StimulusError
from toolbox.stimuli.sources import Candidate, Value, text_of
from toolbox.terms import STIMULUS_COLUMNS

VariableType = Literal["boolean", "bigint", "double", "varchar"]
"""Types of stimulus variables, by their SQL names."""
RESERVED = (*STIMULUS_COLUMNS, "category", "set")
"""Columns that every stimulus set has, or that join it with others."""


def check_names(names: Iterable[str], place: str) -> None:
    """Refuse names that SQL could not tell from others.

    Args:
        names: of stimulus variables.
        place: what has them, for the message.

    Raises: StimulusError for an empty name, a fixed column's, or two that differ by case alone.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not name.strip():
            raise StimulusError(f"{place} has a column without a name; give it one, or remove it")
        if name.lower() in RESERVED:
            raise StimulusError(
                f"{place} has a column {name!r}, which the toolbox fills itself; rename the column"
            )
        if name.lower() in seen:
            other = seen[name.lower()]
            raise StimulusError(f"{place} has columns {other!r} and {name!r}, alike but for case; rename one")
        seen[name.lower()] = name


def type_of(value: Value) -> VariableType | None:
    """The type of one value; None for an unknown value.

    Raises: TypeError for anything that is not a plain value.
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
    """Types of all variables of a set once the candidates are in it; whole numbers and numbers make numbers.

    Args:
        existing: types of the variables that the set has already.
        candidates: with the values of their variables.

    Raises: StimulusError when a variable would have two types, or two names differ by case alone.
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
    """The type of a variable that has values of two types."""
    if old == new:
        return old
    if {old, new} == {"bigint", "double"}:
        return "double"
    raise StimulusError(
        f"{name} is {old} so far, but {new} ({candidate.parameters[name]!r}) for {text_of(candidate.path)}; "
        "make its values alike, or rename the variable"
    )
