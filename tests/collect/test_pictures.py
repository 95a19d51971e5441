"""Ingestion looks at pictures, not at files: the same pixels are one stimulus, and what misleads is reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from support.commands import run
from toolbox.collect.ingest import IngestReport, ingest
from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.confounds import confound_warnings
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.parquet import provenance_of, write_table
from toolbox.store.properties import read_ingestion_measures


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return create_study(tmp_path / "study")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def save(pixels: np.ndarray, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path.resolve()


def noise(seed: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def rejected(report: IngestReport) -> list[tuple[str, str, bool]]:
    return [(Path(each.path).name, each.reason, each.is_conflict) for each in report.rejections]


def rows(study: StudyFolder, name: str = "photos") -> pl.DataFrame:
    return pl.read_parquet(study.stimuli(name), hive_partitioning=False)


# --- the same pixels are one stimulus ---


def test_one_picture_in_two_formats_and_categories_is_a_label_conflict_that_names_both(
    study: StudyFolder, photos: Path
) -> None:
    save(noise(1), photos / "cat" / "a.png")
    save(noise(1), photos / "dog" / "a.tif")
    save(noise(2), photos / "dog" / "b.png")
    report = ingest(study, photos, set_name="photos")
    expected = "same pixels as photos/cat/a.png, of category 'cat'; category 'dog' ignored"
    assert rejected(report) == [("a.tif", expected, True)]
    assert (report.added, report.categories) == (2, {"cat": 1, "dog": 1})


def test_colour_below_full_transparency_makes_no_other_stimulus(study: StudyFolder, photos: Path) -> None:
    base = np.zeros((8, 8, 4), np.uint8)
    base[2:6, 2:6] = (200, 30, 30, 255)
    hidden = base.copy()
    hidden[0, :, :3] = (0, 255, 0)
    save(base, photos / "cat" / "a.png")
    save(hidden, photos / "cat" / "b.png")
    report = ingest(study, photos, set_name="photos")
    [(name, reason, is_conflict)] = rejected(report)
    assert (name, is_conflict, report.added) == ("b.png", False, 1)
    assert reason.startswith("same pixels as ") and "category" not in reason


def test_a_picture_that_its_file_turns_is_the_same_as_the_turned_picture(
    study: StudyFolder, photos: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    save(noise(3), photos / "cat" / "upright.png")
    save(noise(3)[::-1, ::-1], photos / "cat" / "with-tag.png", exif=exif)
    assert ingest(study, photos, set_name="photos").added == 1


def test_one_grey_in_8_and_in_16_bits_is_one_stimulus(study: StudyFolder, photos: Path) -> None:
    grey = noise(4)[:, :, 0]
    save(grey, photos / "cat" / "a.png")
    save(grey.astype(np.uint16) * 257, photos / "cat" / "b.png")
    assert ingest(study, photos, set_name="photos").added == 1


def test_a_picture_of_another_shape_with_the_same_bytes_is_another_stimulus(
    study: StudyFolder, photos: Path
) -> None:
    pixels = noise(5, 4, 9)
    save(pixels, photos / "cat" / "a.png")
    save(pixels.reshape(9, 4, 3), photos / "cat" / "b.png")
    assert ingest(study, photos, set_name="photos").added == 2


def test_strict_refuses_a_label_conflict(study: StudyFolder, photos: Path) -> None:
    save(noise(1), photos / "cat" / "a.png")
    save(noise(1), photos / "dog" / "a.bmp")
    with pytest.raises(StimulusError, match=r"same pixels as .*, of category 'cat'; category 'dog' ignored"):
        ingest(study, photos, set_name="photos", strict=True)
    assert study.sets() == []


def test_the_command_prints_conflicts_before_everything_else(tmp_path: Path, photos: Path) -> None:
    for number in range(12):
        (photos / "cat").mkdir(parents=True, exist_ok=True)
        (photos / "cat" / f"{number}.txt").write_text("no image")
    save(noise(1), photos / "cat" / "z.png")
    save(noise(1), photos / "dog" / "z.bmp")
    lines = run(
        "ingest", str(photos), "--set", "pets", "--create", "--study", str(tmp_path / "new")
    ).stderr.splitlines()
    assert lines[0].startswith("label conflict: ") and "dog/z.bmp: same pixels as" in lines[0]


def test_a_file_written_again_with_the_same_pixels_stays_the_same_stimulus(
    study: StudyFolder, photos: Path
) -> None:
    path = save(noise(1), photos / "cat" / "a.png")
    ingest(study, photos, set_name="photos")
    before = path.read_bytes()
    save(noise(1), path, compress_level=0)
    assert path.read_bytes() != before
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known, report.changed, report.rejections) == (0, 1, [], [])


# --- studies of older versions ---


def make_old(study: StudyFolder, name: str = "photos") -> None:
    """Take away what older versions did not write."""
    path = study.stimuli(name)
    table = pq.ParquetFile(path).read().drop_columns(["pixels_sha256", "bit_depth"])
    write_table(path, table, provenance_of(path))
    study.properties(name).unlink()


def test_a_set_of_an_older_version_is_measured_when_images_are_added(
    study: StudyFolder, photos: Path
) -> None:
    save(noise(1), photos / "cat" / "a.png")
    save(noise(2), photos / "cat" / "b.png")
    ingest(study, photos, set_name="photos")
    new, measured = rows(study), read_ingestion_measures(study.properties("photos"))
    make_old(study)
    save(noise(1), photos / "dog" / "a.tif")
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known, [each.is_conflict for each in report.rejections]) == (0, 2, [True])
    assert rows(study).equals(new)
    assert read_ingestion_measures(study.properties("photos")) == measured


def test_an_older_stimulus_whose_file_is_gone_or_changed_stays_as_it_is(
    study: StudyFolder, photos: Path
) -> None:
    gone = save(noise(1), photos / "cat" / "a.png")
    changed = save(noise(2), photos / "cat" / "b.png")
    ingest(study, photos, set_name="photos")
    make_old(study)
    gone.unlink()
    save(noise(3), changed)
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.stimuli) == (1, 3)
    assert rows(study)["pixels_sha256"].is_null().to_list() == [True, True, False]
    assert list(read_ingestion_measures(study.properties("photos"))) == [2]


# --- range ---


def twelve_bits(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).integers(0, 4096, (16, 16)).astype(np.uint16)
    values[0, 0] = 4095
    return values


def test_values_of_12_bits_in_files_of_16_are_named_and_counted_by_category(
    study: StudyFolder, photos: Path
) -> None:
    for seed in range(2):
        save(twelve_bits(seed), photos / "scan" / f"{seed}.png")
    save(noise(1), photos / "scan" / "bright.png")
    save(noise(2), photos / "photo" / "a.png")
    report = ingest(study, photos, set_name="photos")
    assert report.warnings == [
        "scan: 2 of 3 images use at most 6 % of the range from black to white (photos/scan/0.png, photos/scan/1.png): "
        "values of 12 bits in files of 16; to make 4095 white, ingest these images into another set with bit_depth=12 "
        "(--bit-depth 12)"
    ]
    assert report.dim == dict.fromkeys(("photos/scan/0.png", "photos/scan/1.png"), 4095 / 65535)
    [record] = (study.root / "runs").iterdir()
    assert json.loads(record.read_text(encoding="utf-8"))["warnings"] == report.warnings


def test_a_dark_picture_among_others_of_16_bits_is_nearly_black_and_nothing_else(
    study: StudyFolder, photos: Path
) -> None:
    save(twelve_bits(1), photos / "scan" / "dark.png")
    save(twelve_bits(2) * 16, photos / "scan" / "bright.png")
    save(noise(1) // 16, photos / "photo" / "night.png")
    report = ingest(study, photos, set_name="photos")
    assert [line.partition(" (")[0] for line in report.warnings] == [
        "photo: 1 of 1 images use at most 6 % of the range from black to white",
        "scan: 1 of 2 images use at most 6 % of the range from black to white",
    ]
    assert all(line.endswith("): nearly black") for line in report.warnings)


def test_pictures_without_contrast_are_named_by_category(study: StudyFolder, photos: Path) -> None:
    save(np.full((5, 5, 3), 90, np.uint8), photos / "cat" / "a.png")
    save(np.tile(np.arange(224, dtype=np.uint8), (224, 1)), photos / "cat" / "ramp.png")
    report = ingest(study, photos, set_name="photos")
    assert report.warnings == ["cat: 1 image has the same grey level everywhere (photos/cat/a.png)"]
    assert report.uniform == ["photos/cat/a.png"]


def test_a_low_contrast_around_mid_grey_is_a_stimulus_like_any_other(
    study: StudyFolder, photos: Path
) -> None:
    grating = np.tile((128 + 4 * np.sin(np.arange(64) / 3)).astype(np.uint8), (64, 1))
    save(grating, photos / "grating" / "a.png")
    assert ingest(study, photos, set_name="photos").warnings == []


def test_a_chosen_bit_depth_uses_the_whole_range_and_is_recorded(study: StudyFolder, photos: Path) -> None:
    save(twelve_bits(1), photos / "scan" / "a.png")
    save(noise(1), photos / "photo" / "a.png")
    report = ingest(study, photos, set_name="photos", bit_depth=12)
    assert (report.warnings, report.added) == ([], 2)
    assert rows(study)["bit_depth"].to_list() == [None, 12]
    assert provenance_of(study.stimuli("photos"))["sources"] == [{"folder": "photos", "bit_depth": 12}]


def test_a_stimulus_keeps_its_bit_depth(study: StudyFolder, photos: Path) -> None:
    save(twelve_bits(1), photos / "scan" / "a.png")
    ingest(study, photos, set_name="photos")
    report = ingest(study, photos, set_name="photos", bit_depth=12)
    assert rejected(report) == [
        ("a.png", "already has bit depth 16; 12 ignored; use another set for it", False)
    ]
    assert rows(study)["bit_depth"].to_list() == [16]
    assert ingest(study, photos, set_name="scaled", bit_depth=12).added == 1


def test_two_scalings_in_one_set_are_reported(study: StudyFolder, photos: Path, tmp_path: Path) -> None:
    save(twelve_bits(1), photos / "scan" / "a.png")
    save(twelve_bits(2) * 16, tmp_path / "other" / "scan" / "b.png")
    ingest(study, photos, set_name="photos", bit_depth=12)
    report = ingest(study, tmp_path / "other", set_name="photos")
    assert report.warnings == [
        "files of 16 bits are scaled in 2 ways: 12 bits (1 images), 16 bits (1 images); equal values differ in "
        "brightness"
    ]


@pytest.mark.parametrize("wrong", [0, 17, -1, 12.0, "12", True])
def test_an_impossible_bit_depth_is_refused_before_anything_is_read(
    study: StudyFolder, photos: Path, wrong: Any
) -> None:
    with pytest.raises(
        UsageError, match="expected the number of bits of the grey values, 1 to 16, such as 12"
    ):
        ingest(study, photos, set_name="photos", bit_depth=wrong)


# --- confounds ---


def test_a_category_of_larger_wider_or_sharper_images_is_named_once_for_each_measure(
    study: StudyFolder, photos: Path
) -> None:
    for seed in range(10):
        save(noise(seed, 40, 60), photos / "car" / f"{seed}.png")
        save(noise(100 + seed, 20, 20) // 8 + 100, photos / "dog" / f"{seed}.png")
    report = ingest(study, photos, set_name="photos")
    size, aspect_ratio, sharpness = report.warnings
    assert size == (
        "images of dog are smaller than the others (median 400 against 2,400, pixels; AUC 0.00): filters may respond "
        "to size, not to dog; so can car (larger)"
    )
    assert aspect_ratio.startswith(
        "images of dog are narrower than the others (median 1 against 1.5, width / height"
    )
    assert "blurrier" in sharpness and "variance of the Laplacian" in sharpness


def test_few_images_or_alike_categories_give_no_warning(study: StudyFolder, photos: Path) -> None:
    for seed in range(9):
        save(noise(seed, 40, 60), photos / "car" / f"{seed}.png")
    for seed in range(20):
        save(noise(100 + seed, 20, 20), photos / "dog" / f"{seed}.png")
        save(noise(200 + seed, 20, 20), photos / "cat" / f"{seed}.png")
    assert ingest(study, photos, set_name="photos").warnings == []


def test_the_auc_of_a_confound_is_the_probability_that_an_image_of_the_category_exceeds_another() -> None:
    values = np.random.default_rng(0).integers(0, 6, 60).astype(float)  # with many ties
    values[:20] += 4
    table = pl.DataFrame(
        {
            "category": ["car"] * 20 + ["dog"] * 20 + ["cat"] * 20,
            "size": values,
            "aspect_ratio": 1.0,
            "sharpness": 1.0,
        }
    )
    pairs = values[:20, None] - values[None, 20:]
    auc = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    [line] = confound_warnings(table)
    assert auc > 0.8 and line.startswith("images of car are larger") and f"AUC {auc:.2f})" in line
