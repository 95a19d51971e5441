"""Several jobs present a set together, each its share of the parts, as an array of SLURM does (`--part i/n`)."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.forks import forks_of
from support.own_sql import seen
from support.part_records import ingest_many, part_records, part_values
from support.tiny_network import write_weights
from toolbox import Study
from toolbox.collect.extraction import parts as module
from toolbox.errors import BusyError, StorageError, UsageError, WeightsError
from toolbox.files import only_writer, sweep
from toolbox.store.availability import available_responses, note_extraction
from toolbox.store.parts import clear, write_part


@pytest.fixture
def many(study: Study, tmp_path: Path) -> Study:
    """The study with a set `many`: twelve images of three categories."""
    return ingest_many(study, tmp_path / "many", 12)


@pytest.fixture
def alone(many: Study, tmp_path: Path, card: str, weights: str) -> list[str]:
    """The digests of the parts of an extraction without jobs."""
    other = Study(tmp_path / "alone", create=True)
    other.ingest(tmp_path / "many", set="many")
    other.extract("many", model=card, weights=weights, part=3)
    return part_values(other)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_jobs_write_the_parts_of_one_extraction(
    many: Study, card: str, weights: str, alone: list[str], order: tuple[int, ...]
) -> None:
    for number in order:
        report = many.extract("many", model=card, weights=weights, part=f"{number}/4")
        assert report.shown == 3
    assert part_values(many) == alone
    assert report.notes == (f"job {order[-1]}/4 presented 1 part; 4 of 4 parts are there",)
    assert many.verify(thorough=True).is_intact
    assert not list(many.folder.plans("many", "tiny").glob("draft*"))
    assert len(list((many.folder.root / "runs").glob("*-extract-many-tiny-*-of-4.json"))) == 4
    assert many.extract("many", model=card, weights=weights).shown == 0
    rows = many.query(
        seen("select count(*) as n, count(distinct stimulus_id) as stimuli from responses"), set="many"
    )
    assert rows.rows() == [(12 * 8, 12)]


def test_a_job_presents_its_share_and_an_extraction_the_rest(
    many: Study, card: str, weights: str, alone: list[str]
) -> None:
    many.extract("many", model=card, weights=weights, part="1/4")
    assert [record["part"] for record in part_records(many)] == [1]
    again = many.extract("many", model=card, weights=weights, part="1/4")
    assert (again.shown, again.stimuli) == (0, 3)
    rest = many.extract("many", model=card, weights=weights)
    assert (rest.shown, part_values(many)) == (9, alone)


def test_a_job_without_a_part_has_nothing_to_do(many: Study, card: str, weights: str) -> None:
    report = many.extract("many", model=card, weights=weights, limit=2, part="3/4")
    assert (report.shown, report.stimuli) == (0, 0)
    assert report.notes == ("job 3/4 presented 0 parts; 0 of 2 parts are there",)


@pytest.mark.parametrize("part", ["4/4", "1/0", "-1/4", "1/", "a/b", "1/4/2", "\u0661/4"])
def test_a_job_that_there_cannot_be_is_refused(many: Study, card: str, weights: str, part: str) -> None:
    with pytest.raises(
        UsageError, match="expected a whole number, 1 or more, or one of n jobs, '0/n' to 'n-1/n'"
    ):
        many.extract("many", model=card, weights=weights, part=part)


def test_a_running_job_is_not_started_twice_and_nobody_else_extracts(
    many: Study, card: str, weights: str
) -> None:
    folder = many.folder.extraction("many", "tiny")
    with only_writer(folder.job(1, 4), "a test"):
        with pytest.raises(BusyError, match="another process is presenting the parts 1/4"):
            many.extract("many", model=card, weights=weights, part="1/4")
        with pytest.raises(BusyError, match="another process is extracting many with tiny"):
            many.extract("many", model=card, weights=weights)
        with pytest.raises(BusyError, match="jobs of another number than 2 are running"):
            many.extract("many", model=card, weights=weights, part="0/2")
        many.extract("many", model=card, weights=weights, part="0/4")
        with pytest.raises(BusyError, match="model tiny contains"):
            many.remove("model", "tiny")
        [note] = note_extraction(many.folder, available_responses(many.folder, "many", "tiny"))
        assert "being extracted by another process" in note
    assert many.extract("many", model=card, weights=weights).stimuli == 12


def test_a_first_job_that_fails_leaves_no_model(many: Study, tmp_path: Path, card: str) -> None:
    broken = str(write_weights(tmp_path / "broken.npz", colour_bias=np.array([np.nan, 0, 0], np.float32)))
    with pytest.raises(WeightsError, match="NaN or infinite"):
        many.extract("many", model=card, weights=broken, part="0/4")
    assert many.models("many") == []
    assert many.verify().is_intact


def test_jobs_replace_responses_when_the_last_one_is_done(
    many: Study, tmp_path: Path, card: str, weights: str
) -> None:
    other = str(write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32)))
    many.extract("many", model=card, weights=weights, part=6)
    before = part_values(many)
    for number in range(4):
        assert part_values(many) == before
        many.extract("many", model=card, weights=other, part=f"{number}/4", replace=True)
    assert len(part_values(many)) == 4
    assert not many.folder.extraction("many", "tiny").replacement.plans.exists()
    assert many.extract("many", model=card, weights=other, part="2/4", replace=True).shown == 0
    assert many.verify(thorough=True).is_intact


def test_jobs_add_layers(many: Study, card: str, weights: str, alone: list[str]) -> None:
    many.extract("many", model=card, weights=weights, part=3, layers="pool")
    for number in range(3):
        many.extract("many", model=card, weights=weights, part=f"{number}/3", layers="*")
    assert part_values(many) == alone


AS_JOBS = """
from support.failpoints import kill_before
from toolbox import Study

def run(root, card, weights, part, failpoint):
    if failpoint is not None:
        kill_before(root, failpoint)
    Study(root).extract("many", model=card, weights=weights, part=part, batch=1)
"""


@pytest.mark.parametrize("failpoints", [(14,), pytest.param((4, 14, 24, 34), marks=pytest.mark.long)])
def test_a_job_that_is_killed_anywhere_hinders_none_and_is_started_again(
    failpoints: tuple[int, ...],
    many: Study,
    tmp_path: Path,
    card: str,
    weights: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Study(tmp_path / "alone", create=True)
    other.ingest(tmp_path / "many", set="many")
    other.extract("many", model=card, weights=weights, part=2)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    given = (many.folder.root, card, weights)
    with forks_of(AS_JOBS) as one, forks_of(AS_JOBS) as another:
        for failpoint in failpoints:
            clear(many.folder.extraction("many", "tiny"))
            one.start(*given, "0/6", failpoint)
            another.start(*given, "1/6", None)
            assert one.exit_code() == -signal.SIGKILL
            assert another.exit_code() == 0
            problems = many.verify(thorough=True).problems
            assert all(".partial" in problem.file for problem in problems)
        for number in range(0, 6, 2):
            one.start(*given, f"{number}/6", None)
            another.start(*given, f"{number + 1}/6", None)
            assert (one.exit_code(), another.exit_code()) == (0, 0)
    assert part_values(many) == part_values(other)
    assert many.verify(thorough=True).is_intact


def test_a_part_that_another_process_wrote_meanwhile_stays(
    many: Study, card: str, weights: str, alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes at one part, as after a worker that only seemed to be dead: the later one changes nothing."""
    folder = many.folder.extraction("many", "tiny")

    def after_another(place: Any, number: int, stimuli: Any, responses: Any, record: Any) -> Any:
        if number == 1:
            write_part(folder, number, stimuli, responses, {**record, "run": "another"})
        return write_part(place, number, stimuli, responses, record)

    monkeypatch.setattr(module, "write_part", after_another)
    many.extract("many", model=card, weights=weights, part=3)
    assert part_values(many) == alone
    assert [record["run"] == "another" for record in part_records(many)] == [False, True, False, False]
    assert many.verify(thorough=True).is_intact


def test_a_process_whose_work_was_swept_away_writes_nothing(
    many: Study, card: str, weights: str, alone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = many.folder.extraction("many", "tiny")

    def swept(place: Any, number: int, *rest: Any) -> Any:
        complete = write_part(place, number, *rest)
        if number == 1:
            sweep(folder.plans)
        return complete

    with monkeypatch.context() as patch, pytest.raises(StorageError):
        patch.setattr(module, "write_part", swept)
        many.extract("many", model=card, weights=weights, part=3)
    assert part_values(many) == alone[:1]
    assert many.verify(thorough=True).is_intact
    many.extract("many", model=card, weights=weights)
    assert part_values(many) == alone


def test_a_process_that_was_taken_for_dead_does_not_write_into_other_responses(
    many: Study, tmp_path: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = str(write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32)))
    there = Study(tmp_path / "there", create=True)
    there.ingest(tmp_path / "many", set="many")
    there.extract("many", model=card, weights=other, part=3)

    def late(place: Any, number: int, *rest: Any) -> Any:
        for tree in ("plans", "responses", "checksums"):
            shutil.copytree(there.folder.root / tree, many.folder.root / tree, dirs_exist_ok=True)
        return write_part(place, number, *rest)

    with monkeypatch.context() as patch, pytest.raises(BusyError, match="has begun other responses"):
        patch.setattr(module, "write_part", late)
        many.extract("many", model=card, weights=weights, part=3)
    assert part_values(many) == part_values(there)
