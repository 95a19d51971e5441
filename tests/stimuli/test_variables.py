"""Stimulus variables: which types agree, and which names SQL could confuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolbox.errors import StimulusError
from toolbox.stimuli.sources import Candidate, Value
from toolbox.stimuli.variables import VariableType, check_names, merge_types, type_of


def candidates(*values: Value) -> list[Candidate]:
    return [Candidate(Path(f"/{number}.png"), None, {"v": value}) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("existing", "values", "expected"),
    [
        ({}, (), {}),
        ({}, (None, None), {}),
        ({}, (1, None), {"v": "bigint"}),
        ({}, (1, 2.5), {"v": "double"}),
        ({}, (2.5, 1), {"v": "double"}),
        ({}, (True,), {"v": "boolean"}),
        ({}, ("x",), {"v": "varchar"}),
        ({"v": "bigint"}, (2.5,), {"v": "double"}),
        ({"v": "double"}, (1,), {"v": "double"}),
        ({"v": "varchar"}, (None,), {"v": "varchar"}),
        ({"w": "boolean"}, (1,), {"w": "boolean", "v": "bigint"}),
    ],
)
def test_the_type_of_a_variable_covers_all_its_values(
    existing: dict[str, VariableType], values: tuple[Value, ...], expected: dict[str, VariableType]
) -> None:
    assert merge_types(existing, candidates(*values)) == expected


@pytest.mark.parametrize(
    ("existing", "value", "expected"),
    [
        (
            {"v": "bigint"},
            "high",
            r"the variable v has the type bigint, but varchar \('high'\) for /0\.png; use one type",
        ),
        ({"v": "varchar"}, 3, r"v has the type varchar, but bigint \(3\)"),
        ({"v": "double"}, True, r"v has the type double, but boolean \(True\)"),
        ({"v": "boolean"}, 1, r"v has the type boolean, but bigint \(1\)"),
    ],
)
def test_a_variable_cannot_have_two_types(
    existing: dict[str, VariableType], value: Value, expected: str
) -> None:
    with pytest.raises(StimulusError, match=expected):
        merge_types(existing, candidates(value))


def test_names_alike_but_for_case_are_refused_across_sources() -> None:
    with pytest.raises(
        StimulusError, match="the stimulus set has the columns 'V' and 'v', which differ only in case"
    ):
        merge_types({"V": "bigint"}, candidates(1))


def test_a_name_that_cannot_be_shown_is_refused_whoever_brings_it() -> None:
    """Also that of a recipe, which no table has."""
    with pytest.raises(
        StimulusError, match=r"the recipe has the column 'angle\\x1b\[2J', with a character that"
    ):
        check_names(["size", "angle\x1b[2J"], "the recipe")


def test_an_array_is_not_a_value() -> None:
    with pytest.raises(TypeError, match="must be a number, text, true or false, not list"):
        type_of([1])  # type: ignore[arg-type]


def test_ordinary_names_pass() -> None:
    check_names(["orientation", "spatial frequency", "Kontrast ä"], "x.csv")
