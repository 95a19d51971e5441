"""Reports of small studies, each made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.browser import browser  # noqa: F401 a fixture
from support.hostile_names import HOSTILE_NAMES
from support.reported import Reported, reported


@pytest.fixture(scope="session")
def cache_of_reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def whole(cache_of_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """The report of three categories with resamples."""
    return reported(tmp_path_factory.mktemp("whole"), ["red", "green", "=dark"], 20)


@pytest.fixture(scope="session")
def bare(cache_of_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """The report of two categories that nobody resampled."""
    return reported(tmp_path_factory.mktemp("bare"), ["red", "green"], 0)


@pytest.fixture(scope="session")
def unsafe(cache_of_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """The report of two categories whose names end a script, and an attribute, and go on as a program."""
    return reported(tmp_path_factory.mktemp("unsafe"), [HOSTILE_NAMES[2], HOSTILE_NAMES[6]], 0)


@pytest.fixture(scope="session")
def hostile(cache_of_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """The report of twenty categories whose names are programs."""
    return reported(tmp_path_factory.mktemp("hostile"), HOSTILE_NAMES, 20)
