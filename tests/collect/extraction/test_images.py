"""What identifies the image of a stimulus when it is presented: its pixels, and how they were made of its file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from support.own_sql import seen
from toolbox import Study
from toolbox.errors import MixtureError
from toolbox.store.parquet import provenance_of, write_table
from toolbox.terms import Fit, Resize


def maxima(study: Study, set: str) -> list[float]:
    """The responses of the first filter, which are the red values of the images."""
    rows = study.query(
        seen("select maximum from responses where layer = 'colour' and filter = 0 order by stimulus_id"),
        set=set,
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


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Wide images: red at both ends, white in the middle half, with single black columns."""
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :, 0] = 200
    pixels[:, 4:12] = 240
    pixels[:, 0::2] = 0
    (tmp_path / "stripes" / "stripe").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "stripes" / "stripe" / "a.png")
    return tmp_path / "stripes"


@pytest.mark.parametrize(
    ("resize", "fit", "reds"),
    [
        (None, None, [0, 0, 0, 0]),  # every column taken is a black one
        ("area", None, [100, 120, 120, 100]),
        ("box", "stretch", [100, 120, 120, 100]),
        ("area", "crop", [120, 120, 120, 120]),
        ("area", "pad", [128, 100, 120, 120, 100, 128]),
    ],
)
def test_resize_and_fit_reach_the_network_and_the_records(
    study: Study,
    stripes: Path,
    card: str,
    weights: str,
    resize: Resize | None,
    fit: Fit | None,
    reds: list[int],
) -> None:
    study.ingest(stripes, set="stripes")
    study.extract("stripes", model=card, weights=weights, resize=resize, fit=fit)
    assert maxima(study, "stripes") == [max(reds)]
    [path] = study.folder.plans("stripes", "tiny").glob("part-*.json")
    preprocessing = json.loads(path.read_text(encoding="utf-8"))["preprocessing"]
    assert preprocessing["resize"] == ("nearest" if resize is None else "box")
    assert preprocessing.get("fit", "stretch") == (fit or "stretch")


@pytest.mark.parametrize("other", [{"resize": "area"}, {"fit": "crop"}, {"fit": "pad"}])
def test_another_resize_or_fit_never_mixes_with_the_stored_responses(
    study: Study, stripes: Path, card: str, weights: str, other: dict[str, Any]
) -> None:
    study.extract("colours", model=card, weights=weights)
    with pytest.raises(MixtureError, match=r"another preprocessing \(card, weights, decoding, resize, fit\)"):
        study.extract("colours", model=card, weights=weights, **other)
    study.ingest(stripes, set="stripes")
    with pytest.raises(MixtureError, match="use the same settings, give the card another name"):
        study.extract("stripes", model=card, weights=weights, **other)
    assert study.estimate("colours", model=card, weights=weights).stimuli == 0


def test_two_names_of_one_method_are_one_preprocessing(
    study: Study, stripes: Path, card: str, weights: str
) -> None:
    study.ingest(stripes, set="stripes")
    study.extract("stripes", model=card, weights=weights, resize="area")
    assert study.extract("stripes", model=card, weights=weights, resize="box").shown == 0
    assert study.extract("stripes", model=card, weights=weights, resize="box", fit="stretch").shown == 0


def test_a_card_with_another_resize_is_a_network_beside_the_first(
    study: Study, stripes: Path, card: str, weights: str, tmp_path: Path
) -> None:
    study.ingest(stripes, set="stripes")
    study.extract("stripes", model=card, weights=weights)
    other = tmp_path / "tiny-area.toml"
    text = Path(card).read_text(encoding="utf-8").replace('name = "tiny"', 'name = "tiny-area"')
    other.write_text(text.replace('"nearest"', '"area"\nfit = "crop"'), encoding="utf-8")
    study.extract("stripes", model=str(other), weights=weights)
    rows = study.query(
        seen("select maximum from responses where layer = 'colour' and filter = 0"),
        model=["tiny", "tiny-area"],
    )
    assert sorted(rows["maximum"].to_list()) == [0, 120]


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
    before = maxima(study, "colours"), study.answer("layers/profile")
    study.ingest(photographs, set="colours")
    assert "pixels_sha256" in pl.read_parquet(path, hive_partitioning=False).columns
    after = study.answer("layers/profile")
    assert (maxima(study, "colours"), after.rows.rows()) == (before[0], before[1].rows.rows())
    assert after.notes == before[1].notes
    assert study.extract("colours", model=card, weights=weights).shown == 0
