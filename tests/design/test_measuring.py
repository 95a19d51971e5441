"""Measuring a set: what is measured once, kept, refused, found to be damaged, and how it is asked for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from support.commands import run
from support.own_sql import seen
from support.tiny_network import paint
from toolbox import Study, VerificationError
from toolbox.design import properties as module
from toolbox.design.properties import PropertiesReport, measure_properties
from toolbox.errors import BusyError, ResultWarning, UnknownNameError
from toolbox.files import only_writer
from toolbox.stimuli.image_properties import image_properties, measure_picture, property_columns
from toolbox.stimuli.image_property import DECLARED
from toolbox.stimuli.images import decode
from toolbox.store.properties import read_ingestion_measures, read_measurement, read_properties
from toolbox.terms import MEASURED_AT_INGESTION

SET = "colours"


def measured(study: Study) -> pl.DataFrame:
    return pl.read_parquet(study.folder.measured(SET), hive_partitioning=False)


def flip(path: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def counted(study: Study) -> tuple[PropertiesReport, list[tuple[int, int]]]:
    """The report of a measurement, and how far it was reported to be."""
    steps: list[tuple[int, int]] = []
    report = measure_properties(
        study.folder, SET, progress=lambda _, done, total: steps.append((done, total))
    )
    return report, steps


def test_a_set_is_measured_once_and_only_what_is_new_afterwards(study: Study, photographs: Path) -> None:
    report, steps = counted(study)
    assert (report.stimuli, report.measured, report.properties) == (6, 6, tuple(property_columns()))
    assert steps == [(done, 6) for done in range(1, 7)]
    before = measured(study)
    assert counted(study) == (PropertiesReport(SET, 6, 0, (), notes=report.notes), [])
    paint(photographs / "red" / "new.png", (7, 8, 9))
    study.ingest(photographs, set=SET)
    report, steps = counted(study)
    assert (report.stimuli, report.measured, steps) == (7, 1, [(1, 1)])
    assert measured(study).head(6).equals(before) and measured(study).height == 7


def test_the_table_has_the_values_of_the_pictures_and_says_what_they_are(
    study: Study, photographs: Path
) -> None:
    study.properties(SET)
    table = measured(study)
    assert table.columns == ["stimulus_id", *property_columns()]
    assert {kind for name, kind in table.schema.items() if name != "stimulus_id"} == {pl.Float64}
    for row in study.query(seen("select stimulus_id, path from stimuli")).iter_rows(named=True):
        pixels = decode(study.folder.image(row["path"]).read_bytes()).pixels
        found = table.filter(stimulus_id=row["stimulus_id"]).drop("stimulus_id").row(0, named=True)
        assert found == measure_picture(pixels, property_columns())
    metadata = json.loads(pq.read_metadata(study.folder.measured(SET)).metadata[b"toolbox"])
    assert metadata["columns"] == property_columns()
    slope = metadata["columns"]["spectral_slope_file"]
    assert (slope["unit"], slope["version"]) == ("log / log", 1)
    assert "Field (1987)" in slope["source"] and "pixels of the file" in slope["pixels"]


def test_what_ingestion_measures_is_what_the_properties_of_that_name_are(
    study: Study, photographs: Path
) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(photographs / "red" / "noise.jpg")
    study.ingest(photographs, set=SET)
    first = read_ingestion_measures(study.folder.properties(SET))
    study.properties(SET)
    for row in measured(study).iter_rows(named=True):
        assert row["sharpness"] == first[row["stimulus_id"]]["sharpness"]
        assert row["rms_contrast"] == first[row["stimulus_id"]]["rms_contrast"]


def test_an_interrupted_run_keeps_what_it_measured_and_is_continued(study: Study) -> None:
    def interrupt(_: str, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_properties(study.folder, SET, progress=interrupt)
    assert measured(study).height == 3
    report, steps = counted(study)
    assert (report.measured, len(steps)) == (3, 3)
    assert measured(study)["stimulus_id"].to_list() == list(range(6))


def test_what_is_measured_is_kept_meanwhile(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed writes nothing at its end."""
    monkeypatch.setattr(module, "SECONDS_BETWEEN", 0)
    heights: list[int] = []

    def look(_: str, done: int, total: int) -> None:
        if done > 1:
            heights.append(measured(study).height)

    measure_properties(study.folder, SET, progress=look)
    assert heights == [1, 2, 3, 4, 5]
    assert study.verify().problems == ()


@pytest.fixture
def change_luminance(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """What a toolbox with another formula of the luminance does to a study that was measured."""

    def change() -> None:
        changed = replace(image_properties()["luminance"], version=2, measure=lambda _: 1.5)
        monkeypatch.setitem(DECLARED, "luminance", changed)
        image_properties.cache_clear()

    yield change
    monkeypatch.undo()
    image_properties.cache_clear()


def test_a_changed_formula_is_measured_again_alone_and_at_once(
    study: Study, change_luminance: Callable[[], None]
) -> None:
    study.properties(SET)
    before = measured(study)
    change_luminance()

    def interrupt(_: str, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_properties(study.folder, SET, progress=interrupt)
    assert measured(study).equals(before)  # all values of a column are of one formula
    report, _ = counted(study)
    assert (report.measured, report.properties) == (6, ("luminance", "luminance_file"))
    names = ["luminance", "luminance_file"]
    assert measured(study)["luminance"].to_list() == [1.5] * 6
    assert measured(study).drop(names).equals(before.drop(names))
    assert read_measurement(study.folder.measured(SET)).columns["luminance"]["version"] == 2


def test_images_that_changed_or_are_gone_are_refused_and_named(study: Study, photographs: Path) -> None:
    paint(photographs / "red" / "red 0.png", (1, 2, 3))
    (photographs / "red" / "red 1.png").unlink()
    (photographs / "red" / "red 2.png").write_bytes(b"no image")
    report, _ = counted(study)
    assert report.measured == 3
    assert report.unreadable == {
        "photographs/red/red 0.png": "changed since it was ingested",
        "photographs/red/red 1.png": "No such file or directory",
        "photographs/red/red 2.png": "not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)",
    }
    with pytest.warns(ResultWarning) as warned:
        rows = study.properties(SET)
    assert "not measured: photographs/red/red 0.png: changed since it was ingested" in map(
        str, (each.message for each in warned)
    )
    assert rows.filter(category="red")["luminance"].null_count() == 3
    record = min(study.folder.root.glob("runs/*-properties-colours.json"))
    assert json.loads(record.read_text())["unreadable"] == report.unreadable


def test_the_same_picture_with_other_tags_is_measured(study: Study, photographs: Path) -> None:
    path = photographs / "red" / "red 0.png"
    with Image.open(path) as image:
        image.load()
    image.save(path, pnginfo=None, compress_level=1)
    report, _ = counted(study)
    assert (report.measured, report.unreadable) == (6, {})


def test_a_damaged_table_is_noticed_by_everything_that_reads_it(study: Study) -> None:
    study.properties(SET)
    path = study.folder.measured(SET)
    flip(path)
    remedy = "restore it, or delete it and measure the images again: toolbox properties colours"
    for ask in (
        lambda: study.query("select * from properties"),
        lambda: study.query("properties/categories"),
        lambda: read_properties(study.folder, SET),
        lambda: study.properties(SET),
    ):
        with pytest.raises(VerificationError, match=rf"measured.parquet is damaged: .*; {remedy}"):
            ask()
    (problem,) = study.verify().problems
    assert (problem.file, problem.remedy) == ("properties/set=colours/measured.parquet", remedy)
    path.unlink()
    shutil.rmtree(study.folder.root / "checksums" / "properties" / "set=colours" / "measured")
    study.properties(SET)
    assert study.verify().problems == ()


def test_a_table_of_other_images_is_noticed_and_measured_again(study: Study, tmp_path: Path) -> None:
    other = Study(tmp_path / "other", create=True)
    paint(tmp_path / "pictures" / "cat" / "a.png", (9, 9, 9))
    other.ingest(tmp_path / "pictures", set=SET)
    other.properties(SET)
    shutil.copy(other.folder.measured(SET), study.folder.measured(SET))
    reason = "it is of other images than those of the set"
    assert [reason in each.problem for each in study.verify().problems if "measured" in each.file] == [True]
    with pytest.raises(VerificationError, match=reason):
        read_properties(study.folder, SET)
    assert counted(study)[0].measured == 6
    assert study.verify().problems == () and measured(study).height == 6


def test_a_table_without_a_description_of_its_columns_is_damaged(study: Study) -> None:
    study.properties(SET)
    path = study.folder.measured(SET)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns("luminance"), path)
    shutil.rmtree(study.folder.root / "checksums" / "properties")
    with pytest.raises(VerificationError, match="its metadata do not describe its columns"):
        read_properties(study.folder, SET)


def test_a_removed_set_has_no_properties(study: Study) -> None:
    study.properties(SET)
    assert study.remove("set", SET, dry_run=True).files >= 4
    study.remove("set", SET)
    assert not (study.folder.root / "properties").exists()
    assert not [*study.folder.root.glob("checksums/properties/**/*.json")]


def test_two_processes_do_not_measure_one_set_at_once(study: Study) -> None:
    with only_writer(study.folder.lock(SET), "ingesting"), pytest.raises(BusyError):
        measure_properties(study.folder, SET)
    assert not study.folder.measured(SET).exists()


def test_an_unknown_set_is_named(study: Study) -> None:
    with pytest.raises(UnknownNameError, match="no stimulus set named 'colour'; did you mean 'colours'"):
        study.properties("colour")


def test_the_views_show_what_is_measured_and_before_it_what_ingestion_measured(study: Study) -> None:
    with pytest.warns(ResultWarning, match="only what ingestion measures .* toolbox properties colours"):
        before = study.query("select * from properties")
    assert before.columns == ["set", "stimulus_id", *MEASURED_AT_INGESTION]
    study.properties(SET)
    after = study.query(seen("select * from properties order by stimulus_id"))
    assert after.select(before.columns).equals(before.sort("stimulus_id"))
    assert set(after.columns) - set(before.columns) == property_columns().keys() - {
        "sharpness",
        "rms_contrast",
    }
    assert after.drop("set").equals(read_properties(study.folder, SET))
    values = study.query(seen("select * from property_values"))
    names = after.columns[2:]
    assert values.height == sum(len(after) - after[name].null_count() for name in names)
    assert values["property"].unique().sort().to_list() == sorted(
        name for name in names if after[name].null_count() < len(after)
    )


def test_the_catalogue_has_the_properties_of_all_sets_that_are_measured(study: Study, tmp_path: Path) -> None:
    paint(tmp_path / "greys" / "grey" / "a.png", (119, 119, 119))
    study.ingest(tmp_path / "greys", set="greys")
    assert study.query(seen("select * from catalogue")).columns[-1] == "sharpness"
    study.properties("greys")
    rows = study.query(
        seen('select "set", category, avg(luminance) as luminance from catalogue group by all order by all')
    )
    assert [(name, category) for name, category, _ in rows.rows()] == [
        ("colours", "green"),
        ("colours", "red"),
        ("greys", "grey"),
    ]
    assert rows["luminance"].to_list() == [None, None, pytest.approx(50.03, abs=0.01)]
    assert study.query("sets/summary").height == 3


def test_a_column_that_is_not_measured_yet_is_an_error_with_the_remedy(study: Study) -> None:
    outcome = run("query", "select luminance from properties", "--study", str(study.folder.root), code=1)
    assert "once the images are measured: toolbox properties" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_the_command_prints_means_by_category_and_writes_all_values(study: Study, tmp_path: Path) -> None:
    place = ("--study", str(study.folder.root))
    outcome = run("properties", SET, *place)
    assert f"{len(property_columns())} properties of 6 stimuli measured, of 6" in outcome.stderr
    header, *lines = outcome.stdout.splitlines()
    assert header.split() == ["property", "unit", "green", "red"]
    assert len(lines) == len(image_properties())
    assert next(line for line in lines if line.startswith("spectral_slope")).split()[-2:] == ["-", "-"]
    file = tmp_path / "rows.csv"
    run("properties", SET, "--output", str(file), *place)
    rows = pl.read_csv(file)
    assert rows.columns[:3] == ["stimulus_id", "path", "category"]
    assert rows.columns[3:] == study.query(seen("select * from properties")).columns[2:]
    columns = json.loads(file.with_name("rows.csv-metadata.json").read_text())["tableSchema"]["columns"]
    described = {column["titles"]: column.get("dc:description") for column in columns}
    assert described["luminance"].startswith("mean luminance, as perceived (L*): mean of L*")
    assert all(described.values()), [name for name, text in described.items() if not text]


def test_steep_slopes_are_reported_with_how_many_stimuli_have_them(study: Study, photographs: Path) -> None:
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    frequency[0, 0] = np.inf
    for seed, alpha in enumerate((1, 1.5, 1.8, 2)):
        spectrum = np.fft.fft2(np.random.default_rng(seed).standard_normal((256, 256)))
        levels = np.fft.ifft2(frequency**-alpha * spectrum / np.abs(spectrum)).real
        pixels = np.clip(levels / levels.std() * 40 + 128, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(photographs / "red" / f"phase {alpha}.png")
    study.ingest(photographs, set=SET)
    outcome = run("properties", SET, "--study", str(study.folder.root))
    assert (
        "warning: spectral_slope_file: 2 of 4 stimuli are below -1.6, where the estimator breaks down: published"
    ) in outcome.stderr


def test_many_categories_are_summed_up_together(study: Study, photographs: Path) -> None:
    for number in range(9):
        paint(photographs / f"category {number}" / "a.png", (number, 77, 3))
    study.ingest(photographs, set=SET)
    study.properties(SET)
    assert module.summary_of_properties(study.folder, SET).columns == ["property", "unit", "all"]
