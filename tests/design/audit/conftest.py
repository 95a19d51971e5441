"""A study with planted faults, which all tests of audits read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.faulty_set import SET, FaultySet, make_faulty_set
from toolbox.design.audit import Audit, audit
from toolbox.store.selection import Selection


@pytest.fixture(scope="session")
def faulty_folder(tmp_path_factory: pytest.TempPathFactory) -> FaultySet:
    return make_faulty_set(tmp_path_factory.mktemp("faulty") / "study")


@pytest.fixture
def faulty(faulty_folder: FaultySet, cache: Path) -> FaultySet:
    """The study, with a cache of the test's own."""
    return faulty_folder


@pytest.fixture(scope="session")
def found(faulty_folder: FaultySet, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """All that is found in the study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        return audit(faulty_folder.folder, Selection(SET))
