"""Fixtures for tests of queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from random_study import RandomStudy, make_random_study


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test of a query remembers the intact files of another."""
    return cache


@pytest.fixture(scope="session")
def random_study(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """Sparse responses of many ties to stimuli of unequal categories and 5 orientations."""
    return make_random_study(tmp_path_factory.mktemp("random") / "study")
