"""The table of operators: every name is one of ONNX, stands once, and no rule is forgotten."""

from __future__ import annotations

import onnx
import pytest

from toolbox.tapping import axes, fields, operators, windows
from toolbox.tapping.operators import OPERATORS, Effect

CONTRIBUTED = {"FastGelu", "QuickGelu"}
"""Operators of onnxruntime's own, which exporters of transformers use."""


def test_every_name_is_an_operator_of_onnx() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain}
    assert set(OPERATORS) - known == CONTRIBUTED


def test_no_operator_stands_in_two_lines() -> None:
    names = " ".join(operators._TABLE).split()
    assert len(names) == len(OPERATORS) == 89


@pytest.mark.parametrize("module", [axes, fields, windows])
def test_every_rule_is_used(module: object) -> None:
    """But for those of operators that the table does not know, and a view's, which must know the table."""
    rules = {
        name
        for name, entry in vars(module).items()
        if getattr(entry, "__module__", "") == getattr(module, "__name__", "")
        and not name.startswith("_")
        and list(getattr(entry, "__annotations__", ())) == ["at", "return"]
    }
    used = {rule.__name__ for entry in OPERATORS.values() for rule in (entry.axes, entry.spans)}
    assert rules
    assert rules <= used


def test_what_hands_values_on_computes_nothing() -> None:
    hand_on = {
        name for name, entry in OPERATORS.items() if entry.effect in (Effect.COPY, Effect.VIEW, Effect.MOVE)
    }
    assert hand_on == {
        "Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand",
    }  # fmt: skip
    assert not any(OPERATORS[name].kind for name in hand_on)
