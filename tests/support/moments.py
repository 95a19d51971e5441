"""Tests that repeat something at every moment or place: at some of them by default, at each in the long tests."""

from __future__ import annotations

import pytest


def at_every(step: int) -> pytest.MarkDecorator:
    """The parameter `step` of a test: 1 in the long tests, so that nothing is left out, and larger by default."""
    choices = [pytest.param(step, id="some"), pytest.param(1, id="every", marks=pytest.mark.long)]
    return pytest.mark.parametrize("step", choices)
