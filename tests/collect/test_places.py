"""Where images are: named once in a study, found again when they moved, and not needed for answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.commands import run
from support.own_sql import seen
from support.places import files_naming
from support.tiny_network import paint
from toolbox import Study
from toolbox.errors import StimulusError, ToolboxError
from toolbox.store.roots import Roots


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's home, which contains everything that these tests write."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def roots(study: Study) -> dict[str, str]:
    return dict(study.folder.roots.folders)


def paths(study: Study, set: str = "colours") -> list[str]:
    return study.query(seen("select path from stimuli order by stimulus_id"), set=set)["path"].to_list()


def test_a_study_names_a_folder_of_images_once(
    home: Path, study: Study, photographs: Path, card: str, weights: str
) -> None:
    (photographs / "red" / "broken.png").write_text("no image")
    table = home / "ratings.csv"
    table.write_text(
        f"path,category,luminance\n{photographs / 'red' / 'red 0.png'},red,0.5\n{home / 'gone.png'},red,1\n,red,2\n"
    )
    study.ingest(photographs, set="colours")
    study.ingest(table, set="colours")
    labels = home / "labels.csv"
    labels.write_text("category,warmth\nred,warm\ngreen,cold\n")
    study.label("colours", scheme="warmth", source=labels)
    (photographs / "red" / "red 2.png").unlink()
    study.extract("colours", model=card, weights=weights)
    study.significance(set="colours", scheme="warmth", resamples=20)
    assert files_naming(str(home), study.folder.root) == {
        "study.toml": [f'photographs = "{photographs.as_posix()}"']
    }
    run("query", "filters/stimuli", "--param", "layer=colour", "--param", "filter=0", "--scheme", "warmth",
        "--set", "colours", "--study", str(study.folder.root), "--output", str(home / "stimuli.csv"))  # fmt: skip
    assert str(home) not in (home / "stimuli.csv").read_text()
    assert "photographs/red/red 1.png" in (home / "stimuli.csv").read_text()


def test_images_that_moved_are_one_line(study: Study, photographs: Path) -> None:
    study.ingest(photographs, set="other")
    before = study.folder.stimuli("colours").read_bytes()
    moved = photographs.rename(photographs.with_name("pictures"))
    report = study.ingest(moved, set="colours")
    assert (report.added, report.moved, report.known, report.rejections) == (0, 6, 0, [])
    assert roots(study) == {"photographs": moved.as_posix()}
    assert paths(study, "other")[0] == "photographs/green/green 0.png"
    assert all(study.folder.image(path).is_file() for path in paths(study, "other"))
    assert study.ingest(moved, set="colours").known == 6
    assert study.folder.stimuli("colours").read_bytes()[:500] == before[:500]


def test_the_line_may_be_changed_by_hand_and_begin_with_the_home_folder(
    home: Path, study: Study, photographs: Path
) -> None:
    photographs.rename(photographs.with_name("pictures"))
    file = study.folder.root / "study.toml"
    file.write_text(file.read_text().replace(photographs.as_posix(), "~/pictures"))
    assert all(study.folder.image(path).is_file() for path in paths(study))
    assert study.ingest(home / "pictures", set="colours").known == 6
    assert roots(study) == {"photographs": "~/pictures"}


def test_a_folder_that_only_looks_alike_is_another_root(study: Study, photographs: Path) -> None:
    shutil.rmtree(photographs)
    for name in ("red 0", "red 1"):
        paint(photographs.with_name("else") / "photographs" / "red" / f"{name}.png", (1, 2, 3 + len(name)))
    report = study.ingest(photographs.with_name("else") / "photographs", set="colours")
    assert report.added == 1  # both are one picture
    assert roots(study) == {
        "photographs": photographs.as_posix(),
        "photographs-2": (photographs.with_name("else") / "photographs").as_posix(),
    }


def test_sets_may_have_roots_of_their_own(study: Study, tmp_path: Path) -> None:
    paint(tmp_path / "disk" / "faces" / "a" / "1.png", (1, 1, 1))
    paint(tmp_path / "disk" / "faces" / "b" / "2.png", (2, 2, 2))
    study.ingest(tmp_path / "disk" / "faces", set="faces")
    assert paths(study, "faces") == ["faces/a/1.png", "faces/b/2.png"]
    study.ingest(tmp_path / "disk" / "faces", set="colours")
    assert set(roots(study)) == {"photographs", "faces"}
    assert paths(study)[6:] == ["faces/a/1.png", "faces/b/2.png"]


def test_a_root_is_not_mistaken_for_a_folder_in_the_study(study: Study, tmp_path: Path) -> None:
    inside = study.folder.root / "photographs"
    paint(inside / "blue" / "1.png", (1, 2, 200))
    study.ingest(inside, set="inside")
    [path] = paths(study, "inside")
    assert study.folder.image(path).is_file()
    assert study.folder.image(path).is_relative_to(inside)
    paint(tmp_path / "stimuli" / "blue" / "2.png", (1, 3, 200))
    study.ingest(tmp_path / "stimuli", set="named-alike")
    assert paths(study, "named-alike") == ["stimuli-2/blue/2.png"]


def test_images_all_over_the_disk_have_few_roots_none_above_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    empty = Roots(tmp_path, {})
    files = [*map(Path, ("/home/ada/a/x/1.png", "/home/ada/a/y/2.png", "/home/ada/b/3.png", "/data/z/4.png"))]
    found = empty.extended(files, Path("/home/ada"))
    assert found.folders == {"z": "/data/z", "a": "/home/ada/a", "b": "/home/ada/b"}
    assert [found.stored(file) for file in files] == ["a/x/1.png", "a/y/2.png", "b/3.png", "z/4.png"]
    alone = empty.extended([Path("/home/ada/5.png")])
    assert (alone.folders, alone.stored(Path("/home/ada/5.png"))) == ({"home": "/home/ada"}, "home/5.png")
    assert found.extended(files) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/data/photos", "photos"),
        ("/data/photos/a.png", "photos/a.png"),
        ("same content as /data/photos/a.png; ignored", "same content as photos/a.png; ignored"),
        ("/mnt/data/photos/a.png", "/mnt/data/photos/a.png"),
        ("/data/photos-2/a.png", "/data/photos-2/a.png"),
        ("/home/ada/b.csv, row 3", "~/b.csv, row 3"),
        ("/study/images/a.png", "images/a.png"),
        ("/study", "."),
        ("/tables/c.csv, row 1", "c.csv, row 1"),
        ("a.png", "a.png"),
    ],
)
def test_a_text_without_places(text: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert Roots(Path("/study"), {"photos": "/data/photos"}).anonymous(text, Path("/tables")) == expected


def test_links_and_dots_lead_to_one_root(study: Study, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photographs)
    for source in (tmp_path / "link", tmp_path / "study" / ".." / "photographs"):
        assert study.ingest(source, set="colours").known == 6
    assert set(roots(study)) == {"photographs"}
    file = study.folder.root / "study.toml"
    file.write_text(file.read_text().replace(photographs.as_posix(), (tmp_path / "link").as_posix()))
    assert study.ingest(photographs, set="colours").known == 6


def test_a_study_without_its_images_answers_everything_but_what_needs_them(
    study: Study, photographs: Path, card: str, weights: str, tmp_path: Path
) -> None:
    study.extract("colours", model=card, weights=weights, layers=["pool"])
    study.significance(resamples=20)
    shutil.rmtree(photographs)
    moved = Study(shutil.move(study.folder.root, tmp_path / "handed on"))
    before = moved.query(seen("from responses order by all"))
    assert moved.query("selectivity/significance").height > 0
    assert moved.extract("colours", model=card, weights=weights).shown == 0
    remedy = "or change the line of their folder under .roots. in .*handed on/study.toml, or ingest them from where"
    with pytest.raises(StimulusError, match=f"none of the 6 images can be read .*{remedy}"):
        moved.extract("colours", model=card, weights=weights, layers=["*"], replace=True)
    assert moved.query(seen("from responses order by all")).equals(before), "nothing was discarded"
    with pytest.raises(
        StimulusError, match=r"cannot be read .* change the line of its folder under \[roots\]"
    ):
        moved.plot("filters/stimuli", layer="pool", filter=0, thumbnails=True)


@pytest.mark.parametrize("table", ["roots = 3\n", "[roots]\nphotographs = 3\n"])
def test_a_table_of_roots_that_is_none_is_one_clear_line(table: str, study: Study) -> None:
    file = study.folder.root / "study.toml"
    file.write_text(file.read_text().partition("\n[roots]")[0] + table)
    with pytest.raises(
        ToolboxError, match=r'expected a table \[roots\] with lines such as photographs = "/data'
    ):
        study.folder.image("a.png")


def test_a_refused_ingestion_adds_no_root(study: Study, tmp_path: Path) -> None:
    before = (study.folder.root / "study.toml").read_bytes()
    paint(tmp_path / "new" / "a" / "1.png", (1, 1, 1))
    (tmp_path / "new" / "a" / "2.png").write_text("no image")
    with pytest.raises(StimulusError):
        study.ingest(tmp_path / "new", set="new", strict=True)
    study.ingest(tmp_path / "new", set="new", dry_run=True)
    assert (study.folder.root / "study.toml").read_bytes() == before
