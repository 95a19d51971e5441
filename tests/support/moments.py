"""Tests that repeat something for many moments, places or figures: some by default, all of them with the long tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def at_every(step: int) -> pytest.MarkDecorator:
    """The parameter `step` of a test: 1 in the long tests, so that nothing is left out, and larger by default."""
    choices = [pytest.param(step, id="some"), pytest.param(1, id="every", marks=pytest.mark.long)]
    return pytest.mark.parametrize("step", choices)


def some_of(values: Iterable[Any], step: int) -> list[Any]:
    """Values of a parameter, of which by default only the first and every `step`-th after it are tested."""
    marks = [pytest.mark.long]
    cases = [value if isinstance(value, tuple) else (value,) for value in values]
    return [pytest.param(*case, marks=marks if place % step else []) for place, case in enumerate(cases)]
