"""A study in object storage is used as one in a directory, and gives the same values."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.commands import run
from support.object_storage import storage
from toolbox import Study

QUERIES = ("filters/selective", "layers/profile")


def fill(study: Study, photographs: Path, card: str, weights: str) -> None:
    """Ingest, extract and resample."""
    study.ingest(photographs, set="colours")
    study.extract("colours", model=card, weights=weights)
    study.significance("colours", resamples=20)


@pytest.fixture
def both(address: str, tmp_path: Path, photographs: Path, card: str, weights: str) -> tuple[Study, Study]:
    """The same study in a directory and in object storage."""
    studies = Study(tmp_path / "local", create=True), Study(address, create=True)
    for study in studies:
        fill(study, photographs, card, weights)
    return studies


def test_every_answer_is_that_of_a_local_study(both: tuple[Study, Study]) -> None:
    local, remote = both
    for name in QUERIES:
        assert remote.query(name).rows.equals(local.query(name).rows)
    sql = "select layer, filter, stimulus_id, maximum, mean from responses order by all"
    assert remote.query(sql).rows.equals(local.query(sql).rows)
