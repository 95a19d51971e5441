"""A study with planted faults, which all tests of audits read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.faulty_set import FaultySet, make_faulty_set


@pytest.fixture(scope="session")
def faulty_folder(tmp_path_factory: pytest.TempPathFactory) -> FaultySet:
    return make_faulty_set(tmp_path_factory.mktemp("faulty") / "study")


@pytest.fixture
def faulty(faulty_folder: FaultySet, cache: Path) -> FaultySet:
    """The study, with a cache of the test's own."""
    return faulty_folder
