"""What identifies the image of a stimulus when it is presented: its pixels, and how they were made of its file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from toolbox import Study
from toolbox.errors import MixtureError
from toolbox.store.parquet import provenance_of, write_table


def maxima(study: Study, set: str) -> list[float]:
    """The responses of the first filter, which are the red values of the images."""
    rows = study.query(
        "select maximum from responses where layer = 'colour' and filter = 0 order by stimulus_id", set=set
    )
    return rows["maximum"].to_list()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Two files of 16 bits with values of 12 bits, each of one grey."""
    folder = tmp_path / "scans" / "scan"
    folder.mkdir(parents=True)
    for number, value in enumerate((1024, 4095)):
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(folder / f"{number}.png")
    return folder.parent


def test_a_bit_depth_is_applied_at_extraction_too(study: Study, scans: Path, card: str, weights: str) -> None:
    study.ingest(scans, set="scaled", bit_depth=12)
    study.ingest(scans, set="dark")
    for name in ("scaled", "dark"):
        study.extract(name, model=card, weights=weights)
    assert maxima(study, "scaled") == [64, 255]
    assert maxima(study, "dark") == [4, 16]


def test_responses_under_another_bit_depth_are_never_read_or_continued(
    study: Study, scans: Path, card: str, weights: str
) -> None:
    study.ingest(scans, set="scans")
    study.extract("scans", model=card, weights=weights)
    shutil.rmtree(study.folder.stimuli("scans").parent)
    study.ingest(scans, set="scans", bit_depth=12)
    with pytest.raises(MixtureError, match="responses to other images than the current images"):
        maxima(study, "scans")
    with pytest.raises(MixtureError, match="responses to other images"):
        study.extract("scans", model=card, weights=weights)
    study.extract("scans", model=card, weights=weights, replace=True)
    assert maxima(study, "scans") == [64, 255]


def test_an_image_whose_file_was_written_again_is_still_presented(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    path = photographs / "red" / "red 0.png"
    image = Image.open(path).convert("RGB")
    before = path.read_bytes()
    image.save(path, compress_level=0)
    assert path.read_bytes() != before
    assert study.extract("colours", model=card, weights=weights).unreadable == ()
    assert maxima(study, "colours")[3] == 100
    Image.new("RGB", (4, 4), (1, 2, 3)).save(path)
    [changed] = study.extract("colours", model=card, weights=weights, layers="pool", replace=True).unreadable
    assert changed.reason == "changed since it was ingested"


def test_responses_stay_current_when_a_set_of_an_older_version_is_measured(
    study: Study, photographs: Path, card: str, weights: str
) -> None:
    path = study.folder.stimuli("colours")
    whole = pq.ParquetFile(path).read()
    write_table(path, whole.drop_columns(["pixels_sha256", "bit_depth"]), provenance_of(path))
    study.folder.properties("colours").unlink()
    study.extract("colours", model=card, weights=weights)
    study.significance("colours", resamples=20)
    before = maxima(study, "colours"), study.query("layers/profile", set="colours").rows()
    study.ingest(photographs, set="colours")
    assert "pixels_sha256" in pl.read_parquet(path, hive_partitioning=False).columns
    assert (maxima(study, "colours"), study.query("layers/profile", set="colours").rows()) == before
    assert study.answer("layers/profile").notes == ()
    assert study.extract("colours", model=card, weights=weights).shown == 0
