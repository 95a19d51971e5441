"""A study in object storage is used as one in a directory, and gives the same values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolbox import Study
from toolbox.remote import mirror

QUERIES = ("layers/profile", "filters/representative", "layers/significant")
SQL = "select layer, filter, stimulus_id, maximum, mean from responses order by all"

pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
Fill = Callable[[str | Path], Study]


@pytest.fixture
def fill(photographs: Path, card: str, weights: str) -> Fill:
    """Makes a study at a place: ingests, extracts and resamples."""

    def made(place: str | Path) -> Study:
        study = Study(place, create=True)
        study.ingest(photographs, set="colours")
        study.extract("colours", model=card, weights=weights)
        study.significance("colours", resamples=20)
        return study

    return made


@pytest.fixture
def another_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Goes on as on a computer that has seen nothing of the study yet."""

    def go_on() -> None:
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "another cache"))

    return go_on


@pytest.fixture
def placeholders(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every table were large."""
    monkeypatch.setattr(mirror, "LARGEST_WHOLE", 0)


def answers(study: Study) -> list[object]:
    """The rows of queries."""
    return [study.query(name).rows() for name in (*QUERIES, SQL)]


def test_every_answer_is_that_of_a_local_study(
    address: str, tmp_path: Path, fill: Fill, another_computer: Callable[[], None]
) -> None:
    expected = answers(fill(tmp_path / "local"))
    assert answers(fill(address)) == expected
    another_computer()
    study = Study(address)
    assert answers(study) == expected
    assert study.verify(thorough=True).is_intact


def test_blocks_are_read_from_the_storage_and_kept(
    address: str, fill: Fill, another_computer: Callable[[], None], placeholders: None
) -> None:
    expected = answers(fill(address))
    another_computer()
    study = Study(address)
    parts = sorted(study.folder.root.glob("responses/*/*/part-*.parquet"))
    assert parts and not any(any(part.read_bytes()) for part in parts)  # zeros, of the right number
    assert answers(study) == expected
    assert all(part.read_bytes().startswith(b"PAR1") for part in parts)
    assert study.verify(thorough=True).is_intact
