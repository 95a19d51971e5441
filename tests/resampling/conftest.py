"""Fixtures for tests of resampling."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.random_study import RandomStudy, make_random_study


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture(scope="session")
def random_study(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    """Sparse responses of many ties to stimuli of unequal categories."""
    return make_random_study(tmp_path_factory.mktemp("random") / "study")
