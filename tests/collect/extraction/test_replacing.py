"""Replaced responses stay, and are those that are read, until all others are there; every run has its record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.tiny_network import write_weights
from toolbox import Study
from toolbox.collect.extraction import parts as module
from toolbox.errors import ResultWarning, StimulusError, WeightsError
from toolbox.store import parts as store
from toolbox.store.parts import write_part
from toolbox.store.plan import read_plan
from toolbox.store.stimuli import stimuli_of


@pytest.fixture
def extracted(study: Study, card: str, weights: str) -> Study:
    """Six stimuli in three parts."""
    study.extract("colours", model=card, weights=weights, part=2)
    return study


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Weights that change the third filter."""
    return str(write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32)))


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """Weights that give NaN."""
    return str(write_weights(tmp_path / "broken.npz", colour_bias=np.array([np.nan, 0, 0], np.float32)))


def contents(study: Study) -> dict[str, bytes]:
    """All files of responses, plans and layers, with what the name of a lock tells."""
    trees = ("responses", "plans", "layers")
    files = [file for tree in trees for file in (study.folder.root / tree).rglob("*") if file.is_file()]
    return {str(file): file.read_bytes() for file in files if file.name not in (".lock", "committed.json")}


def third(study: Study) -> set[float]:
    """The responses of the filter that the weights change, to one image."""
    rows = study.responses("colours", layer="colour").values
    return {float(rows[3, 2])}


class Stopped(BaseException):
    """As Ctrl-C."""


def stop_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the writing of a part end the run."""

    def stop(folder: Any, part: int, *rest: Any) -> Any:
        if part == number:
            raise Stopped
        return write_part(folder, part, *rest)

    monkeypatch.setattr(module, "write_part", stop)


def test_weights_that_give_nan_discard_nothing(extracted: Study, card: str, broken: str) -> None:
    before = contents(extracted)
    with pytest.raises(WeightsError, match="NaN or infinite"):
        extracted.extract("colours", model=card, weights=broken, replace=True)
    assert contents(extracted) == before


def test_a_first_extraction_that_fails_leaves_no_model(study: Study, card: str, broken: str) -> None:
    with pytest.raises(WeightsError, match="NaN or infinite"):
        study.extract("colours", model=card, weights=broken)
    assert study.models("colours") == []
    assert contents(study) == {}


def stop_before_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end when a part is written, and its record is not."""

    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    monkeypatch.setattr(store, "write_json", stop)


def test_a_plan_becomes_visible_with_its_first_part(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_before_records(patch)
        study.extract("colours", model=card, weights=weights)
    assert contents(study) == {}


def test_a_part_counts_until_the_one_that_is_made_again_does(
    study: Study, card: str, weights: str, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = next(photographs.rglob("*.png"))
    away = image.rename(photographs.parent / image.name)
    study.extract("colours", model=card, weights=weights)
    before = contents(study)
    away.rename(image)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_before_records(patch)
        study.extract("colours", model=card, weights=weights)
    assert contents(study) == before
    assert study.extract("colours", model=card, weights=weights).shown == 6


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_interrupted_replacement_changes_nothing_and_continues(
    number: int, extracted: Study, card: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = third(extracted)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(number, patch)
        extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    assert third(extracted) == before
    report = extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    assert (report.shown, report.stimuli) == (6 - 2 * number, 6)
    assert third(extracted) == {value - 1 for value in before}
    assert not extracted.folder.extraction("colours", "tiny").replacement.plans.exists()
    assert extracted.extract("colours", model=card, weights=other, replace=True).shown == 0


def test_an_interrupted_replacement_is_completed_though_its_last_images_are_gone(
    extracted: Study, card: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(2, patch)
        extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    plan = read_plan(extracted.folder.extraction("colours", "tiny").replacement)
    stimuli = stimuli_of(extracted.folder, "colours")
    assert plan is not None
    for number in plan.parts[2]:
        stimuli[number].file.unlink()
    before = third(extracted)
    report = extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    assert (report.shown, len(report.unreadable)) == (0, 2)
    with pytest.warns(ResultWarning, match="4 of 6 stimuli"):
        assert third(extracted) == {value - 1 for value in before}
    with pytest.raises(StimulusError, match="none of the 2 images can be read"):
        extracted.extract("colours", model=card, weights=other, replace=True)


def test_an_unfinished_replacement_is_reported_until_it_is_continued_or_discarded(
    extracted: Study, card: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert extracted.verify().notes == ()
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(1, patch)
        extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    verification = extracted.verify(thorough=True)
    assert verification.is_intact
    note, not_computed = verification.notes
    assert "no card of tiny is installed" in not_computed
    assert "extract colours --model tiny --replace was interrupted after 2 of 6 stimuli" in note
    assert note in str(extracted)
    assert "was interrupted after 2 of 6 stimuli" in extracted._repr_html_()
    root = extracted.folder.root
    for folder in note.partition("to discard it, delete ")[2].split(" and "):
        shutil.rmtree(root / folder)
    assert extracted.verify().notes == ()
    assert extracted.verify(thorough=True).is_intact
    assert "interrupted" not in str(extracted)


@pytest.mark.parametrize("name", ["plan", "part-0"])
def test_damage_of_an_unfinished_replacement_is_named(
    name: str, extracted: Study, card: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(1, patch)
        extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    file = extracted.folder.extraction("colours", "tiny").replacement.parts / f"{name}.parquet"
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(content)
    (problem,) = extracted.verify(thorough=True).problems
    assert problem.file == f"plans/set=colours/model=tiny/replacement/{name}.parquet"
    assert "is damaged" in problem.problem and "delete its folder replacement" in problem.remedy


def test_an_unfinished_replacement_is_not_mixed_with_another(
    extracted: Study, card: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    another = write_weights(tmp_path / "another.npz", colour_bias=np.array([0, 0, -12], np.float32))
    before = third(extracted)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(2, patch)
        extracted.extract("colours", model=card, weights=other, part=2, replace=True)
    report = extracted.extract("colours", model=card, weights=str(another), part=3, replace=True)
    assert (report.shown, report.stimuli) == (6, 6)
    assert third(extracted) == {value - 2 for value in before}
    parts = {path.name for path in extracted.folder.responses("colours", "tiny").iterdir()}
    assert parts == {
        "part-0.parquet",
        "part-1.parquet",
    }  # of three stimuli each: none of the three earlier ones


def test_without_any_image_nothing_is_replaced(
    extracted: Study, photographs: Path, card: str, other: str
) -> None:
    before = contents(extracted)
    shutil.rmtree(photographs)
    with pytest.raises(StimulusError):
        extracted.extract("colours", model=card, weights=other, replace=True)
    assert contents(extracted) == before


def runs(study: Study) -> list[dict[str, Any]]:
    files = sorted((study.folder.root / "runs").glob("*-extract-*.json"))
    return [json.loads(file.read_text()) for file in files]


def test_the_record_of_a_run_that_was_killed_is_written_by_the_next(
    extracted: Study, card: str, weights: str
) -> None:
    [lost] = (extracted.folder.root / "runs").glob("*-extract-*.json")
    lost.unlink()
    report = extracted.extract("colours", model=card, weights=weights)
    assert report.shown == 0
    [written] = (extracted.folder.root / "runs").glob("*-extract-*.json")
    assert written.name == lost.name
    [record] = runs(extracted)
    assert (record["interrupted"], record["shown"], record["parts"]) == (True, 6, [0, 1, 2])
    assert record["provider"] == report.provider


def test_a_run_that_continues_one_that_was_stopped_writes_both_records(
    study: Study, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        stop_at(1, patch)
        study.extract("colours", model=card, weights=weights, part=2)
    assert runs(study) == []
    study.extract("colours", model=card, weights=weights, part=2)
    first, second = runs(study)
    assert (first["interrupted"], first["shown"], second["shown"]) == (True, 2, 4)
    assert study.extract("colours", model=card, weights=weights).shown == 0
    assert len(runs(study)) == 2


def test_a_part_names_no_record_outside_the_study(extracted: Study, card: str, weights: str) -> None:
    from toolbox.files import write_json

    for file in extracted.folder.plans("colours", "tiny").glob("part-*.json"):
        record = json.loads(file.read_text())
        record.pop("record_sha256", None)
        write_json(file, {**record, "run": "../../outside"})
    extracted.extract("colours", model=card, weights=weights)
    assert not (extracted.folder.root.parent / "outside.json").exists()
    assert (extracted.folder.root / "runs" / "outside.json").exists()
