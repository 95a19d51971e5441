"""Thorough verification computes responses again where images, card and weights are on this computer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from support.tiny_network import CARD
from toolbox import Study
from toolbox.cli import app
from toolbox.store.parts import read_layer, write_part
from toolbox.store.records import read_record

SET, MODEL = "colours", "tiny"


@pytest.fixture
def extracted(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study whose network, of random weights, is installed."""
    models = tmp_path / "models"
    models.mkdir()
    random = '[[weights]]\nformat = "random"\nlayers = ["*"]\nseed = 0\n'
    (models / "tiny.toml").write_text(CARD.read_text() + random)
    monkeypatch.setenv("TOOLBOX_MODELS", str(models))
    study.extract(SET, model=MODEL, progress=False)
    return study


def change_a_response(study: Study) -> None:
    """Write a part with another response, as a program with a fault would: with a record that fits."""
    folder = study.folder.extraction(SET, MODEL)
    record = read_record(folder, 0)
    assert record
    stimuli, responses = [], {}
    for layer in ("colour", "pool", "sum"):
        numbers, maximum, mean = read_layer([folder.part(0)], layer)
        stimuli = numbers.tolist()
        maximum = maximum.copy()
        maximum[0, 0] += 1 if layer == "sum" else 0
        responses[layer] = (maximum, mean)
    kept = {
        name: record[name] for name in record if name not in ("rows", "bytes", "sha256", "values", "stimuli")
    }
    write_part(folder, 0, stimuli, responses, kept)
    for rollup in (study.folder.root / "rollups").rglob("*.parquet"):
        rollup.unlink()
    shutil.rmtree(study.folder.root / "checksums" / "rollups")


def test_responses_of_the_images_that_are_there_are_right(extracted: Study) -> None:
    verification = extracted.verify(thorough=True)
    assert verification.problems == () and verification.notes == ()


def test_another_response_is_found(extracted: Study) -> None:
    change_a_response(extracted)
    assert extracted.verify().is_intact
    (problem,) = extracted.verify(thorough=True).problems
    assert problem.problem.startswith("has other responses of sum (maximum) than its images give")


def test_what_cannot_be_computed_again_is_named_with_its_reason(
    extracted: Study, photographs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(photographs)
    assert "none of the images is where the study has it" in extracted.verify(thorough=True).notes[0]
    (tmp_path / "models" / "tiny.toml").unlink()
    assert "no card of tiny is installed" in extracted.verify(thorough=True).notes[0]


def test_a_bundle_with_images_is_computed_again(extracted: Study, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.zip"
    change_a_response(extracted)
    extracted.share(bundle, including="responses", include_images=True, progress=False)
    assert CliRunner().invoke(app, ["verify", str(bundle)]).exit_code == 0
    result = CliRunner().invoke(app, ["verify", str(bundle), "--thorough"])
    assert result.exit_code == 3 and "has other responses of sum (maximum)" in result.stdout
