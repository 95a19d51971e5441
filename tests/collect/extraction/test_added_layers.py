"""Layers are added to responses: only what is missing runs, what is there stays, and two networks are never mixed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.own_sql import seen
from support.tiny_network import paint, write_weights
from toolbox import Study
from toolbox.collect.extraction import parts as module
from toolbox.collect.extraction import worker
from toolbox.errors import MixtureError, StimulusError
from toolbox.files import read_json
from toolbox.runtime.session import Session
from toolbox.store.parts import write_part


def records(study: Study, name: str = "colours") -> list[dict[str, Any]]:
    folder = study.folder.plans(name, "tiny")
    return [read_json(folder / f"part-{number}.json") for number in range(len([*folder.glob("part-*.json")]))]


def values(study: Study, name: str = "colours") -> list[str]:
    return [record["values"] for record in records(study, name)]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The outputs of every network that is started."""
    found: list[tuple[str, ...]] = []

    def start(*given: Any, **options: Any) -> Session:
        session = start_network(*given, **options)
        found.append(session.outputs)
        return session

    start_network = worker.start_network
    monkeypatch.setattr(worker, "start_network", start)
    return found


@pytest.fixture
def whole(study: Study, tmp_path: Path, card: str, weights: str) -> list[str]:
    """The digests of three parts with all layers, extracted at once."""
    shutil.copytree(study.folder.root, tmp_path / "whole")
    other = Study(tmp_path / "whole")
    other.extract("colours", model=card, weights=weights, part=2)
    return values(other)


@pytest.mark.parametrize("first", [["pool"], ["sum"], ["colour", "sum"]])
def test_added_layers_alone_are_computed_and_give_the_parts_of_one_extraction(
    study: Study, card: str, weights: str, whole: list[str], started: list[Any], first: Sequence[str]
) -> None:
    study.extract("colours", model=card, weights=weights, part=2, layers=first)
    report = study.extract("colours", model=card, weights=weights, layers="*")
    missing = [layer for layer in ("colour", "pool", "sum") if layer not in first]
    assert [*started[-1]] == [f"{layer}.{each}" for layer in missing for each in ("maximum", "mean")]
    assert (report.shown, report.stimuli, report.layers) == (6, 6, ("colour", "pool", "sum"))
    assert values(study) == whole
    assert records(study)[0]["earlier"][0]["layers"] == first
    assert study.verify(thorough=True).is_intact
    assert not study.folder.extraction("colours", "tiny").replacement.plans.exists()
    assert study.extract("colours", model=card, weights=weights, layers="*").shown == 0


def test_fewer_layers_than_there_are_run_nothing(study: Study, card: str, weights: str) -> None:
    study.extract("colours", model=card, weights=weights, part=2)
    before = values(study)
    report = study.extract("colours", model=card, weights=weights, layers=["pool"])
    assert (report.shown, report.layers, values(study)) == (0, ("colour", "pool", "sum"), before)
    assert report.notes == ("there are responses of colour, sum too, which are kept and extended",)


def test_layers_are_added_step_by_step(study: Study, card: str, weights: str, whole: list[str]) -> None:
    for layers in ("sum", "pool", "colour"):
        study.extract("colours", model=card, weights=weights, part=2, layers=layers)
    assert values(study) == whole
    earlier = records(study)[0]["earlier"]
    assert [entry["layers"] for entry in earlier] == [["sum"], ["pool"]]


def test_stimuli_that_are_new_get_all_layers(
    study: Study, photographs: Path, card: str, weights: str, started: list[Any]
) -> None:
    study.extract("colours", model=card, weights=weights, part=2, layers=["pool"])
    paint(photographs / "red" / "new.png", (77, 20, 0))
    study.ingest(photographs, set="colours")
    report = study.extract("colours", model=card, weights=weights, layers="*")
    assert (report.shown, report.stimuli) == (7, 7)
    assert [len(outputs) for outputs in started] == [2, 4, 6]
    rows = study.query(seen("select count(*) as n, count(distinct stimulus_id) as stimuli from responses"))
    assert rows.rows() == [(7 * 8, 7)]


def test_other_weights_are_not_mixed_in_by_adding_layers(
    study: Study, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, layers=["pool"])
    before = values(study)
    other = write_weights(tmp_path / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("colours", model=card, weights=str(other), layers="*")
    assert values(study) == before


def test_other_weights_of_a_deeper_layer_are_found_when_a_lower_one_is_added(
    study: Study, tmp_path: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, layers=["sum"])
    other = write_weights(tmp_path / "other.npz", sum_bias=np.array([1, -1], np.float32))
    with pytest.raises(MixtureError, match="other weights or another preprocessing"):
        study.extract("colours", model=card, weights=str(other), layers=["colour"])


def test_an_image_that_is_gone_keeps_its_responses_and_no_layer_is_added(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    study.extract("colours", model=card, weights=weights, part=2, layers=["pool"])
    before = values(study)
    image = photographs / "red" / "red 1.png"
    content = image.read_bytes()
    image.unlink()
    with pytest.raises(StimulusError, match="has responses, but further layers cannot be added"):
        study.extract("colours", model=card, weights=weights, layers="*")
    assert values(study) == before
    image.write_bytes(content)
    assert study.extract("colours", model=card, weights=weights, layers="*").stimuli == 6


def test_an_image_that_was_unreadable_gets_all_layers_with_its_part(
    study: Study, photographs: Path, card: str, weights: str, whole: list[str]
) -> None:
    image = photographs / "red" / "red 1.png"
    content = image.read_bytes()
    image.unlink()
    study.extract("colours", model=card, weights=weights, part=2, layers=["pool"])
    report = study.extract("colours", model=card, weights=weights, layers=["pool", "sum"])
    assert (report.stimuli, len(report.unreadable)) == (5, 1)
    image.write_bytes(content)
    assert study.extract("colours", model=card, weights=weights, layers="*").stimuli == 6
    assert values(study) == whole


class Stopped(BaseException):
    """As Ctrl-C."""


@pytest.mark.parametrize("number", [0, 1, 2])
def test_interrupted_the_earlier_responses_count_and_it_goes_on(
    study: Study, card: str, weights: str, whole: list[str], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: Any, part: int, *rest: Any) -> Any:
        if part == number:
            raise Stopped
        return write_part(folder, part, *rest)

    study.extract("colours", model=card, weights=weights, part=2, layers=["pool"])
    before = values(study)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, "write_part", stop)
        study.extract("colours", model=card, weights=weights, layers="*")
    assert values(study) == before
    report = study.extract("colours", model=card, weights=weights, layers="*")
    assert (report.shown, report.stimuli, values(study)) == (6 - 2 * number, 6, whole)
