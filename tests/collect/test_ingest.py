"""Making a stimulus set, and making it again: nothing is ever renumbered, changed or lost, and every file is accounted
for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import FrozenInstanceError
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from toolbox.collect.ingest import IngestReport, ingest
from toolbox.errors import BusyError, CardError, StimulusError, UnknownNameError, UsageError
from toolbox.files import only_writer
from toolbox.store.folder import StudyFolder, create_study
from toolbox.store.parquet import provenance_of

NOT_AN_IMAGE = "not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)"


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return create_study(tmp_path / "study")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def paint(path: Path, level: int = 0, **options: Any) -> Path:
    """A picture whose content depends on its level alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (level, 255 - level, 7)).save(path, **options)
    return path


def stimuli(study: StudyFolder, name: str = "photos") -> pl.DataFrame:
    return pl.read_parquet(study.stimuli(name), hive_partitioning=False)


def labels(study: StudyFolder, name: str = "photos") -> dict[int, str]:
    table = pl.read_parquet(study.labels(name), hive_partitioning=False)
    assert table.schema == {"stimulus_id": pl.Int32, "category": pl.String}
    return dict(table.iter_rows())


def reasons(report: IngestReport, folder: Path) -> dict[str, str]:
    root = f"{folder.name}/"
    return {
        rejection.path.removeprefix(root): rejection.reason.replace(root, "")
        for rejection in report.rejections
    }


def state(study: StudyFolder) -> dict[str, tuple[int, bytes]]:
    """Time and content of every file of a study but locks."""
    return {
        path.relative_to(study.root).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
        for path in study.root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def tables(study: StudyFolder) -> dict[str, tuple[int, bytes]]:
    """The same without records of runs and of commits."""
    return {
        name: content for name, content in state(study).items() if not name.startswith(("runs/", "plans/"))
    }


def manifest(folder: Path, *rows: str, name: str = "stimuli.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


# --- what is written ---


def test_a_folder_becomes_a_set_with_identity_size_and_labels(study: StudyFolder, photos: Path) -> None:
    face = paint(photos / "face" / "a b.png", 1)
    car = paint(photos / "car" / "ä.jpg", 2)
    report = ingest(study, photos, set_name="photos")
    table = stimuli(study)
    assert table.schema == {
        "stimulus_id": pl.Int32,
        "sha256": pl.String,
        "path": pl.String,
        "width": pl.Int32,
        "height": pl.Int32,
        "format": pl.String,
        "bytes": pl.Int64,
        "pixels_sha256": pl.String,
        "bit_depth": pl.Int32,
    }
    assert table["bit_depth"].to_list() == [None, None]
    assert table.drop("pixels_sha256", "bit_depth").rows() == [
        (0, sha256(car.read_bytes()).hexdigest(), "photos/car/ä.jpg", 5, 4, "JPEG", car.stat().st_size),
        (
            1,
            sha256(face.read_bytes()).hexdigest(),
            "photos/face/a b.png",
            5,
            4,
            "PNG",
            face.stat().st_size,
        ),
    ]
    assert labels(study) == {0: "car", 1: "face"}
    assert study.sets() == ["photos"]
    assert study.schemes("photos") == ["category"]
    assert report == IngestReport(
        set="photos",
        added=2,
        known=0,
        moved=0,
        filled=0,
        parameters=[],
        changed=[],
        animated=[],
        rejections=[],
        warnings=[
            "car: 1 image has the same grey level everywhere (photos/car/ä.jpg)",
            "face: 1 image has the same grey level everywhere (photos/face/a b.png)",
        ],
        dim={},
        uniform=["photos/car/ä.jpg", "photos/face/a b.png"],
        stimuli=2,
        categories={"car": 1, "face": 1},
    )
    with pytest.raises(FrozenInstanceError):
        report.added = 3  # type: ignore[misc]


def test_images_inside_the_study_are_stored_relative_to_it(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(study.root / "my images" / "face" / "a.png")
    monkeypatch.chdir(study.root)
    ingest(StudyFolder(Path()), "my images", set_name="photos")
    assert stimuli(study)["path"].to_list() == ["my images/face/a.png"]
    assert study.image("my images/face/a.png").is_file()


def test_a_study_reached_through_a_link_is_the_same_study(study: StudyFolder, tmp_path: Path) -> None:
    paint(study.root / "images" / "face" / "a.png")
    (tmp_path / "link").symlink_to(study.root)
    ingest(study, study.root / "images", set_name="photos")
    again = ingest(StudyFolder(tmp_path / "link"), tmp_path / "link" / "images", set_name="photos")
    assert (again.added, again.known) == (0, 1)


def test_the_size_is_that_after_the_turn_which_the_file_asks_for(study: StudyFolder, photos: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    paint(photos / "face" / "upright.jpg", exif=exif)
    ingest(study, photos, set_name="photos")
    assert stimuli(study).select("width", "height").row(0) == (4, 5)


def test_both_tables_say_where_the_images_come_from(study: StudyFolder, photos: Path, tmp_path: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    ingest(study, photos, set_name="photos")
    paint(tmp_path / "b.png", 2)
    file = manifest(tmp_path, "path,category", "b.png,car")
    ingest(study, file, set_name="photos")
    expected = [
        {"folder": "photos"},
        {"manifest": f"{tmp_path.name}/stimuli.csv", "sha256": sha256(file.read_bytes()).hexdigest()},
    ]
    for path in (study.stimuli("photos"), study.labels("photos")):
        provenance = provenance_of(path)
        assert (provenance["task"], provenance["set"], provenance["sources"]) == (
            "ingest",
            "photos",
            expected,
        )


def test_a_cards_set_carries_its_name_citation_and_licence(study: StudyFolder, tmp_path: Path) -> None:
    card = tmp_path / "few.toml"
    card.write_text(
        'name = "few"\nlike = "gratings"\norientation = [0, 90]\nspatial_frequency = [4]\nside = 16\n'
    )
    report = ingest(study, card)
    assert (report.set, report.added, report.categories) == ("few", 4, {"grating": 4})
    table = stimuli(study, "few")
    assert table.columns[9:] == ["orientation", "spatial_frequency", "phase", "contrast"]
    assert table["orientation"].dtype == pl.Float64
    assert table["orientation"].to_list() == [0.0, 0.0, 90.0, 90.0]
    assert all(path.startswith("images/few/few/orientation-") for path in table["path"])
    [source] = provenance_of(study.stimuli("few"))["sources"]
    assert source["card"] == "few"
    assert source["licence"] == "CC0-1.0"
    assert "Enroth-Cugell" in source["citation"]
    before = state(study)
    again = ingest(study, str(card))
    assert (again.added, again.known) == (0, 4)
    assert state(study) == before


def test_a_shipped_card_is_found_by_name(study: StudyFolder) -> None:
    report = ingest(study, "gratings", set_name="tuning")
    assert (report.set, report.added, report.rejections) == ("tuning", 96, [])
    assert study.sets() == ["tuning"]


def test_the_record_of_a_run_names_every_file_that_was_left_out(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    (photos / "face" / "notes ä.txt").write_text("hello")
    ingest(study, photos, set_name="photos")
    [record] = (study.root / "runs").iterdir()
    assert record.name.endswith("Z-ingest-photos.json")
    run = json.loads(record.read_text(encoding="utf-8"))
    assert run["rejections"] == [
        {"path": "photos/face/notes ä.txt", "reason": NOT_AN_IMAGE, "is_conflict": False}
    ]
    assert (run["task"], run["set"], run["added"], run["categories"]) == ("ingest", "photos", 1, {"face": 1})
    assert run["source"] == {"folder": "photos"}
    assert run["tool"].startswith("selectivity-toolbox ")


def test_progress_counts_every_file_once_and_in_order(study: StudyFolder, photos: Path) -> None:
    for number in range(5):
        paint(photos / "face" / f"{number}.png", number)
    told: list[tuple[str, int, int]] = []
    ingest(study, photos, set_name="photos", progress=lambda *news: told.append(news))
    assert told == [("read images", done, 5) for done in range(1, 6)]


# --- what is left out ---


def test_every_file_that_is_left_out_has_its_reason(study: StudyFolder, photos: Path) -> None:
    good = paint(photos / "face" / "good.jpg", 1)
    whole = good.read_bytes()
    (photos / "face" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "face" / "empty.png").touch()
    (photos / "face" / "table.csv").write_text("x,y\n1,2\n")
    (photos / "face" / "copy.jpg").write_bytes(whole)
    (photos / "face" / "gone.png").symlink_to(photos / "nowhere.png")
    Image.new("F", (2, 2)).save(photos / "face" / "float.tiff")
    paint(photos / "stray.png", 3)
    report = ingest(study, photos, set_name="photos")
    found = reasons(report, photos)
    assert found.pop("face/cut.jpg").startswith("damaged image (")
    assert found == {
        "stray.png": "not in a category folder",
        "face/empty.png": "empty file",
        "face/table.csv": NOT_AN_IMAGE,
        "face/good.jpg": "same content as face/copy.jpg",
        "face/gone.png": "a link without a target",
        "face/float.tiff": "32-bit float pixels have no defined white; convert it to 8 or 16 bits a channel",
    }
    assert (report.added, report.stimuli) == (1, 1)


def test_the_same_bytes_in_two_categories_are_one_stimulus_and_both_are_reported(
    study: StudyFolder, photos: Path
) -> None:
    paint(photos / "a" / "x.png", 1)
    paint(photos / "b" / "x.png", 1)
    report = ingest(study, photos, set_name="photos")
    assert reasons(report, photos) == {
        "b/x.png": "same content as a/x.png, of category 'a'; category 'b' ignored"
    }
    assert report.rejections[0].is_conflict
    assert labels(study) == {0: "a"}


def test_a_file_listed_twice_is_reported(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png")
    file = manifest(tmp_path, "path,category", "a.png,face", "a.png,face", "./a.png,car")
    report = ingest(study, file, set_name="photos")
    assert [rejection.reason for rejection in report.rejections] == [
        "listed twice",
        "listed twice, of category 'face'; category 'car' ignored",
    ]
    assert [rejection.is_conflict for rejection in report.rejections] == [False, True]


def test_a_file_in_thousands_of_rows_is_opened_once(
    study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "a.png", 1)
    opened: list[Path] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or read_bytes(path))  # type: ignore[func-returns-value]
    rows = [f"a.png,face,{trial}" for trial in range(3000)]
    report = ingest(study, manifest(tmp_path, "path,category,trial", *rows, "a.png,car,0"), set_name="photos")
    assert opened.count(tmp_path.resolve() / "a.png") == 1
    assert (report.added, report.stimuli) == (1, 1)
    assert [rejection.reason for rejection in report.rejections] == [
        "listed 3,000 times",
        "listed twice, of category 'face'; category 'car' ignored",
    ]


def test_a_set_that_differs_from_another_only_in_case_is_refused(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    ingest(study, photos, set_name="Pets")
    before = state(study)
    with pytest.raises(UsageError, match="the name 'pets' differs from the stimulus set 'Pets' only in case"):
        ingest(study, photos, set_name="pets")
    assert state(study) == before
    assert ingest(study, photos, set_name="Pets").known == 1


def test_categories_that_differ_only_in_case_are_reported(study: StudyFolder, photos: Path) -> None:
    for number, category in enumerate(["Cat", "cat", "dog"]):
        paint(photos / category / f"{number}.png", number)
    report = ingest(study, photos, set_name="photos")
    assert report.categories == {"Cat": 1, "cat": 1, "dog": 1}
    [note] = report.notes
    assert note.startswith("photos has the categories 'Cat', 'cat', which differ only in case")
    [record] = (study.root / "runs").iterdir()
    assert json.loads(record.read_text(encoding="utf-8"))["notes"] == [note]


@pytest.mark.parametrize(
    "name", ["007", "1", "true", "2024", "1e5", "nan", "null", "None", "inf", "2024-01-01"]
)
def test_a_set_name_that_others_read_as_a_value_is_refused_with_a_suggestion(
    study: StudyFolder, photos: Path, name: str
) -> None:
    paint(photos / "face" / "a.png", 1)
    with pytest.raises(UsageError, match=f"choose a name such as 'set-{name}'"):
        ingest(study, photos, set_name=name)
    assert ingest(study, photos, set_name=f"set-{name}").added == 1
    assert study.sets() == [f"set-{name}"]


def test_a_card_is_not_asked_what_a_missing_value_means(study: StudyFolder) -> None:
    with pytest.raises(UsageError, match=r"gratings is a card, .* leave out missing \(--missing\)"):
        ingest(study, "gratings", missing="category")
    assert study.sets() == []


def test_a_set_of_such_a_name_that_is_there_can_be_continued(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    ingest(study, photos, set_name="set-7")
    (study.root / "stimuli" / "set=set-7").rename(study.root / "stimuli" / "set=7")
    (study.root / "labels" / "set=set-7").rename(study.root / "labels" / "set=7")
    paint(photos / "face" / "b.png", 2)
    assert ingest(study, photos, set_name="7").added == 1


def test_a_workbook_of_stimuli_is_ingested_with_what_was_assumed(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png", 1)
    book = xlsxwriter.Workbook(str(tmp_path / "stimuli.xlsx"))
    for sheet, rows in {
        "Images": [("Path", "Category", "size"), ("a.png", 7, 1.5)],
        "Notes": [("x",)],
    }.items():
        written = book.add_worksheet(sheet)
        for number, row in enumerate(rows):
            written.write_row(number, 0, row)
    book.close()
    report = ingest(study, tmp_path / "stimuli.xlsx", set_name="photos")
    assert (report.added, report.categories) == (1, {"7": 1})
    assert report.notes == ["stimuli.xlsx: the sheet 'Images' was read; not read: Notes"]
    assert stimuli(study)["size"].to_list() == [1.5]


def test_a_spreadsheet_of_another_format_is_refused_in_plain_words(
    study: StudyFolder, tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"old\.xls is a spreadsheet in the format \.xls; save it as \.xlsx or \.csv"
    ):
        ingest(study, tmp_path / "old.xls", set_name="photos")


def test_a_file_too_large_to_be_a_picture_is_not_read(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    with (photos / "face" / "film.mp4").open("wb") as film:
        film.truncate((1 << 30) + 1)  # takes no space on the disk
    report = ingest(study, photos, set_name="photos")
    assert reasons(report, photos) == {
        "face/film.mp4": "oversized: 1,073,741,825 bytes, expected at most 1,073,741,824"
    }


def test_animations_are_counted_by_name(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "still.png", 1)
    frames = [Image.new("RGB", (4, 4), (level, 0, 0)) for level in (0, 100, 200)]
    frames[0].save(photos / "face" / "moving.gif", save_all=True, append_images=frames[1:])
    report = ingest(study, photos, set_name="photos")
    assert report.animated == ["photos/face/moving.gif"]
    assert report.added == 2


def test_strict_takes_all_or_nothing(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    for number in range(5):
        (photos / "face" / f"{number}.txt").write_text("hello")
    before = state(study)
    with pytest.raises(StimulusError, match=r"5 entries of .* would be left out .*; and 2 more\); nothing"):
        ingest(study, photos, set_name="photos", strict=True)
    assert state(study) == before
    assert study.sets() == []
    for number in range(5):
        (photos / "face" / f"{number}.txt").unlink()
    assert ingest(study, photos, set_name="photos", strict=True).added == 1
    assert ingest(study, photos, set_name="photos", strict=True).known == 1


def test_a_source_without_any_usable_image_writes_nothing(study: StudyFolder, photos: Path) -> None:
    (photos / "face").mkdir(parents=True)
    (photos / "face" / "a.txt").write_text("hello")
    before = state(study)
    with pytest.raises(StimulusError, match=r"has no usable image among 1 files .*a\.txt: not an image"):
        ingest(study, photos, set_name="photos")
    assert state(study) == before
    assert study.sets() == []


def test_a_bad_source_is_refused_for_a_set_that_has_stimuli_too(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    ingest(study, photos, set_name="photos")
    before = state(study)
    (photos / "face" / "a.png").write_text("hello")
    with pytest.raises(StimulusError, match="has no usable image among 1 files"):
        ingest(study, photos, set_name="photos")
    assert state(study) == before


# --- impossible sources and names ---


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "nowhere",
            "no folder, manifest, container or stimulus card named 'nowhere'; available: caltech101, gratings, lfw",
        ),
        ("grating", "did you mean 'gratings'"),
        ("photo.jpg", r"a manifest ends in \.csv, \.tsv, \.txt, \.xlsx, \.parquet"),
        ("gone.toml", "no card named 'gone.toml'"),
    ],
)
def test_an_unknown_source_is_answered_with_what_there_is(
    study: StudyFolder, source: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "photo.jpg")
    with pytest.raises(UnknownNameError, match=expected):
        ingest(study, source, set_name="photos")
    assert study.sets() == []


def test_folders_and_manifests_need_a_name_for_their_set(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    with pytest.raises(
        UsageError,
        match=r"photos is a folder without a set name; name the stimulus set with set=… \(--set …\)",
    ):
        ingest(study, photos)
    with pytest.raises(UsageError, match=r"m\.csv is a manifest without a set name; name"):
        ingest(study, manifest(photos, "path,category", "face/a.png,face", name="m.csv"))


@pytest.mark.parametrize("name", ["", "two words", "../out", "set=x", "ä/ö"])
def test_a_name_that_cannot_be_a_folder_is_refused(study: StudyFolder, photos: Path, name: str) -> None:
    paint(photos / "face" / "a.png")
    with pytest.raises(UsageError, match="is not a valid name for a stimulus set"):
        ingest(study, photos, set_name=name)


def test_a_folder_here_goes_before_a_shipped_card_of_its_name(
    study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "lfw" / "face" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert ingest(study, "lfw", set_name="mine").added == 1


def test_a_missing_manifest_or_a_broken_card_leaves_no_set(study: StudyFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        ingest(study, tmp_path / "gone.csv", set_name="photos")
    (tmp_path / "card.toml").write_text('name = "x"\n')
    with pytest.raises(CardError, match="lacks title"):
        ingest(study, tmp_path / "card.toml")
    assert not (study.root / "stimuli").exists()


def test_two_ingestions_into_one_set_do_not_mix(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    with (
        only_writer(study.lock("photos"), "ingest"),
        pytest.raises(BusyError, match="another process is ingesting in"),
    ):
        ingest(study, photos, set_name="photos")
    assert ingest(study, photos, set_name="photos").added == 1


# --- again ---


def test_doing_it_again_writes_nothing(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    paint(photos / "car" / "b.png", 2)
    ingest(study, photos, set_name="photos")
    before = state(study)
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known, report.stimuli, report.rejections) == (0, 2, 2, [])
    assert state(study) == before


def test_new_files_get_the_next_numbers_and_nothing_else_moves(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "m.png", 1)
    paint(photos / "face" / "n.png", 2)
    ingest(study, photos, set_name="photos")
    before = stimuli(study)
    paint(photos / "car" / "a.png", 3)  # sorts before both
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known) == (1, 2)
    assert stimuli(study).head(2).equals(before)
    assert stimuli(study)["path"][2].endswith("car/a.png")
    assert labels(study) == {0: "face", 1: "face", 2: "car"}


def test_a_source_is_named_once_however_often_it_adds(study: StudyFolder, photos: Path) -> None:
    for number in range(3):
        paint(photos / "face" / f"{number}.png", number)
        assert ingest(study, photos, set_name="photos").added == 1
    assert provenance_of(study.stimuli("photos"))["sources"] == [{"folder": "photos"}]


def test_removed_files_keep_their_rows(study: StudyFolder, photos: Path) -> None:
    first = paint(photos / "face" / "a.png", 1)
    paint(photos / "face" / "b.png", 2)
    ingest(study, photos, set_name="photos")
    first.unlink()
    assert ingest(study, photos, set_name="photos").stimuli == 2


def test_another_source_may_add_to_a_set(study: StudyFolder, photos: Path, tmp_path: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    ingest(study, photos, set_name="photos")
    paint(tmp_path / "more" / "face" / "a.png", 2)
    report = ingest(study, tmp_path / "more", set_name="photos")
    assert (report.added, report.stimuli, report.categories) == (1, 2, {"face": 2})
    report = ingest(study, "gratings", set_name="photos")
    assert (report.added, report.categories) == (96, {"face": 2, "grating": 96})
    assert stimuli(study)["orientation"].null_count() == 2


def test_a_file_that_changed_is_a_further_stimulus_and_reported(study: StudyFolder, photos: Path) -> None:
    path = paint(photos / "face" / "a.png", 1)
    ingest(study, photos, set_name="photos")
    paint(path, 2)
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known, report.rejections) == (1, 0, [])
    assert report.changed == ["photos/face/a.png"]
    assert stimuli(study)["path"].to_list() == ["photos/face/a.png"] * 2
    again = ingest(study, photos, set_name="photos")
    assert (again.added, again.known, again.changed) == (0, 1, [])


def test_a_label_that_differs_is_told_and_never_changed(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png")
    ingest(study, manifest(tmp_path, "path,category", "a.png,face"), set_name="photos")
    before = tables(study)
    report = ingest(study, manifest(tmp_path, "path,category", "a.png,car"), set_name="photos")
    assert [(rejection.path, rejection.reason) for rejection in report.rejections] == [
        (f"{tmp_path.name}/a.png", "already has category 'face'; 'car' ignored")
    ]
    assert (report.added, report.known, report.filled) == (0, 1, 0)
    assert tables(study) == before


def test_what_was_unknown_is_filled_in_and_what_is_known_stays(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png", 1)
    paint(tmp_path / "b.png", 2)
    ingest(study, manifest(tmp_path, "path,category,valence", "a.png,,0.5", "b.png,car,"), set_name="photos")
    assert labels(study) == {1: "car"}
    rows = ("path,category,valence,arousal", "a.png,face,0.75,3", "b.png,car,1.5,")
    report = ingest(study, manifest(tmp_path, *rows), set_name="photos")
    assert labels(study) == {0: "face", 1: "car"}
    assert stimuli(study).select("valence", "arousal").rows() == [(0.5, 3), (1.5, None)]
    assert (report.known, report.filled) == (2, 3)
    assert [rejection.reason for rejection in report.rejections] == ["already has valence 0.5; 0.75 ignored"]


def test_the_variables_of_two_sources_are_united(study: StudyFolder, tmp_path: Path) -> None:
    for number in range(3):
        paint(tmp_path / f"{number}.png", number)
    ingest(study, manifest(tmp_path, "path,category,contrast,eyes", "0.png,x,1,true"), set_name="photos")
    ingest(study, manifest(tmp_path, "path,category,source", "1.png,x,lab"), set_name="photos")
    ingest(study, manifest(tmp_path, "path,category,contrast", "2.png,x,0.5"), set_name="photos")
    table = stimuli(study)
    assert table.select("contrast", "eyes", "source").rows() == [
        (1.0, True, None),
        (None, None, "lab"),
        (0.5, None, None),
    ]
    assert table.schema["contrast"] == pl.Float64  # whole numbers became numbers
    assert table.schema["eyes"] == pl.Boolean


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("path,category,contrast\n1.png,x,high", r"contrast has the type bigint, but varchar \('high'\)"),
        ("path,category,Contrast\n1.png,x,2", "columns 'contrast' and 'Contrast', which differ only in case"),
    ],
)
def test_a_conflict_of_variables_is_found_before_anything_is_written(
    study: StudyFolder, tmp_path: Path, second: str, expected: str
) -> None:
    paint(tmp_path / "0.png", 0)
    paint(tmp_path / "1.png", 1)
    ingest(study, manifest(tmp_path, "path,category,contrast", "0.png,x,1"), set_name="photos")
    before = state(study)
    with pytest.raises(StimulusError, match=expected):
        ingest(study, manifest(tmp_path, second), set_name="photos")
    assert state(study) == before


# --- what became of files meanwhile ---


def test_photographs_that_moved_are_known_under_their_new_paths(study: StudyFolder, tmp_path: Path) -> None:
    for number in range(3):
        paint(tmp_path / "here" / "x" / f"{number}.png", number)
    ingest(study, tmp_path / "here", set_name="photos")
    (tmp_path / "here").rename(tmp_path / "there")
    report = ingest(study, tmp_path / "there", set_name="photos")
    assert (report.added, report.moved, report.known, report.rejections) == (0, 3, 0, [])
    paths = pq.ParquetFile(study.stimuli("photos")).read()["path"].to_pylist()
    assert [study.image(path).parent for path in paths] == [tmp_path / "there" / "x"] * 3
    assert ingest(study, tmp_path / "there", set_name="photos").known == 3


def test_a_study_inside_the_folder_is_no_category(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "photos" / "x" / "0.png", 0)
    paint(tmp_path / "photos" / "my-study" / "stimuli" / "1.png", 1)
    (tmp_path / "photos" / "my-study" / "study.toml").write_text("")
    report = ingest(study, tmp_path / "photos", set_name="photos")
    assert report.categories == {"x": 1}
    assert [rejection.reason for rejection in report.rejections] == [
        "a study of the toolbox, not a folder of images"
    ]


# --- killed in between ---

KILLED_AT_THE_SECOND_TABLE = """
import os, signal, sys
from pathlib import Path
from toolbox.collect.ingest import ingest
from toolbox.store import parquet as subject
from toolbox.store.folder import StudyFolder

written, write = [], subject.write_tables
def write_one_only(path, *rest):
    if written:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(path)
    write(path, *rest)
subject.write_tables = write_one_only
ingest(StudyFolder(Path(sys.argv[1])), sys.argv[2], set_name="photos")
"""


def kill_between_the_tables(study: StudyFolder, source: Path) -> None:
    command = [sys.executable, "-c", KILLED_AT_THE_SECOND_TABLE, str(study.root), str(source)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL


@pytest.mark.parametrize("held", [0, 2])
def test_a_run_killed_between_its_tables_heals_with_the_next(
    study: StudyFolder, photos: Path, held: int
) -> None:
    for number in range(held):
        paint(photos / "held" / f"{number}.png", number)
    if held:
        ingest(study, photos, set_name="photos")
    paint(photos / "face" / "new.png", 100)
    kill_between_the_tables(study, photos)
    assert study.sets() == (["photos"] if held else [])
    report = ingest(study, photos, set_name="photos")
    assert (report.added, report.known) == (1, held)
    assert labels(study) == {**dict.fromkeys(range(held), "held"), held: "face"}
    assert len(stimuli(study)) == held + 1


@pytest.mark.parametrize("held", [0, 2])
def test_after_a_kill_no_other_stimulus_inherits_a_label(
    study: StudyFolder, photos: Path, tmp_path: Path, held: int
) -> None:
    for number in range(held):
        paint(photos / "held" / f"{number}.png", number)
    if held:
        ingest(study, photos, set_name="photos")
    paint(photos / "face" / "new.png", 100)
    kill_between_the_tables(study, photos)
    paint(tmp_path / "other.png", 200)
    ingest(study, manifest(tmp_path, "path,category", "other.png,"), set_name="photos")
    assert labels(study) == dict.fromkeys(range(held), "held")
    assert stimuli(study)["path"][held].endswith("other.png")


def test_a_kill_leaves_no_labels_of_nothing(study: StudyFolder, photos: Path) -> None:
    paint(photos / "held" / "a.png", 1)
    ingest(study, photos, set_name="photos")
    kept = labels(study)
    new = paint(photos / "face" / "new.png", 100)
    kill_between_the_tables(study, photos)
    assert labels(study) == kept
    new.unlink()
    assert ingest(study, photos, set_name="photos").added == 0
    assert labels(study) == kept


def test_a_set_without_its_labels_gets_them_from_the_next_run(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png", 1)
    paint(photos / "car" / "b.png", 2)
    ingest(study, photos, set_name="photos")
    study.labels("photos").unlink()
    report = ingest(study, photos, set_name="photos")
    assert labels(study) == {0: "car", 1: "face"}
    assert (report.added, report.known, report.filled) == (0, 2, 2)


def test_a_set_of_unlabelled_stimuli_has_an_empty_table_of_labels(study: StudyFolder, tmp_path: Path) -> None:
    paint(tmp_path / "a.png")
    report = ingest(study, manifest(tmp_path, "path,category", "a.png,"), set_name="photos")
    assert labels(study) == {}
    assert report.categories == {}
    assert pq.read_metadata(study.labels("photos")).num_rows == 0


# --- invariances ---


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_neither_the_order_of_files_nor_a_split_into_two_runs_changes_the_set(data: st.DataObject) -> None:
    names = [f"{number}.png,{'face' if number % 2 else 'car'},{number / 4}" for number in range(6)]
    rows = data.draw(st.permutations(names))
    cut = data.draw(st.integers(1, 5))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number in range(6):
            paint(folder / f"{number}.png", number)
        contents: list[set[Any]] = []
        for name, runs in {"whole": [names], "split": [rows[:cut], rows[cut:]]}.items():
            study = create_study(folder / name)
            for run in runs:
                ingest(study, manifest(folder, "path,category,contrast", *run), set_name="photos")
            table = stimuli(study).with_columns(
                category=pl.Series(list(dict(sorted(labels(study).items())).values()))
            )
            assert table["stimulus_id"].to_list() == list(range(6))
            contents.append(set(table.drop("stimulus_id").rows()))
        assert contents[0] == contents[1]


def test_numbers_follow_the_sorted_names_whatever_finishes_first(study: StudyFolder, photos: Path) -> None:
    for number in range(40):
        size = 600 if number % 3 == 0 else 2  # some take a thread much longer than others
        path = photos / "face" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((size, size), number + 1).save(path)
    ingest(study, photos, set_name="photos")
    assert [Path(path).stem for path in stimuli(study)["path"]] == [f"{number:02d}" for number in range(40)]


def test_a_file_that_cannot_be_opened_is_listed(study: StudyFolder, photos: Path) -> None:
    paint(photos / "face" / "a.png")
    os.mkfifo(photos / "face" / "pipe.png")
    report = ingest(study, photos, set_name="photos")
    assert reasons(report, photos) == {"face/pipe.png": "not a regular file"}
