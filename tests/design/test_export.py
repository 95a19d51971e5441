"""The command export: every program reads back the stimuli, the names and the values that were written."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image
from typer.testing import CliRunner

from support.experiment_programs import opensesame_rows, psychopy_conditions
from support.tiny_network import paint
from toolbox import Study
from toolbox.cli import app
from toolbox.errors import ResultWarning, StimulusError, UsageError
from toolbox.files import digest_of

COMPUTED = ["1", "2,5", "None", "nan", "=1+1", "[0]", "(1,)", "-3", "@sum", "true", "1e3", "a\\new", "12:30"]
AWKWARD = [*COMPUTED, "café", "x;y"]
"""Categories that a program would take for something else, and some that it would not."""


@pytest.fixture
def awkward(tmp_path: Path, cache: Path) -> Study:
    """A study with a stimulus in each awkward category, and a parameter with an awkward name."""
    rows = []
    for number, category in enumerate(AWKWARD):
        file = paint(tmp_path / "images" / f"picture {number}.png", (number * 9, 200 - number, 3))
        rows.append({"path": str(file), "category": category, "reaction time (ms)": 300 + number})
    table = tmp_path / "awkward.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    study = Study(tmp_path / "study", create=True)
    study.ingest(table, set="awkward", missing="category")
    return study


pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")


@pytest.mark.parametrize("name", ["conditions.csv", "conditions.xlsx"])
def test_psychopy_reads_every_row_with_the_texts_that_were_written(
    tmp_path: Path, awkward: Study, name: str
) -> None:
    with pytest.warns(ResultWarning, match="written with the name of their column in front"):
        awkward.export("awkward", to="psychopy", output=tmp_path / "out" / name, column="reaction time (ms)")
    rows = psychopy_conditions(tmp_path / "out" / name)
    assert [*rows[0]] == ["image_file", "category", "stimulus_id", "reaction_time_ms"]
    assert len(rows) == len(AWKWARD)
    found = {row["stimulus_id"]: row for row in rows}
    for number, category in enumerate(AWKWARD):
        assert isinstance(found[number]["category"], str)
        assert found[number]["category"].endswith(category.replace("\\", "/"))
        assert found[number]["reaction_time_ms"] == 300 + number
        assert (tmp_path / "out" / found[number]["image_file"]).is_file()


@pytest.mark.parametrize(("to", "name"), [("csv", "table.csv"), ("xlsx", "table.xlsx")])
def test_opensesame_evaluates_no_cell(tmp_path: Path, awkward: Study, to: str, name: str) -> None:
    awkward.export("awkward", to=to, output=tmp_path / name)
    rows = opensesame_rows(tmp_path / name)
    assert len(rows) == len(AWKWARD)
    assert {*rows[0]} == {"image_file", "category", "stimulus_id"}


def test_a_plain_category_is_written_as_it_is(tmp_path: Path, awkward: Study) -> None:
    awkward.export("awkward", to="csv", output=tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        categories = [row["category"] for row in csv.DictReader(file)]
    assert {"café", "x;y"} <= {*categories}
    assert "category_=1+1" in categories


def test_a_workbook_has_no_formula_and_no_link(tmp_path: Path, awkward: Study) -> None:
    awkward.export("awkward", to="xlsx", output=tmp_path / "table.xlsx")
    with zipfile.ZipFile(tmp_path / "table.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_a_table_has_no_blank_row(tmp_path: Path, awkward: Study) -> None:
    awkward.export("awkward", to="psychopy", output=tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text().split("\n")
    assert lines[-1] == ""
    assert all(line.strip(",") for line in lines[:-1])


def test_jspsych_gets_variables_and_urls_of_all_images(tmp_path: Path, awkward: Study) -> None:
    awkward.export("awkward", to="jspsych", output=tmp_path / "timeline.json", column="reaction time (ms)")
    content = json.loads((tmp_path / "timeline.json").read_text())
    first = content["timeline_variables"][0]
    assert [*first] == ["stimulus", "category", "stimulus_id", "reaction_time_ms"]
    assert " " not in first["stimulus"]
    assert (tmp_path / unquote(first["stimulus"])).is_file()
    assert {row["category"] for row in content["timeline_variables"]} == {*AWKWARD}
    assert sorted(content["images"]) == sorted(row["stimulus"] for row in content["timeline_variables"])


def test_bids_has_a_table_and_a_description_of_every_column(tmp_path: Path, awkward: Study) -> None:
    report = awkward.export(
        "awkward", to="bids", output=tmp_path / "stimuli.tsv", column="reaction time (ms)"
    )
    assert [Path(file).name for file in report.files] == ["stimuli.tsv", "stimuli.json"]
    with (tmp_path / "stimuli.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    described = json.loads((tmp_path / "stimuli.json").read_text())
    assert rows[0]["stimulus_id"].startswith("stim-")
    assert {*rows[0]} <= {*described}
    assert {*described["category"]["Levels"]} == {*AWKWARD}
    assert all((tmp_path / row["stim_file"]).is_file() for row in rows)


def test_copies_are_the_images_and_the_list_names_them(tmp_path: Path, awkward: Study) -> None:
    folder = tmp_path / "experiment"
    report = awkward.export(
        "awkward", to="psychopy", output=folder / "conditions.csv", copy_images=folder / "images"
    )
    assert report.copied == len(AWKWARD)
    for row in psychopy_conditions(folder / "conditions.csv"):
        assert row["image_file"].startswith("images/")
        assert digest_of(folder / row["image_file"]) in {
            digest_of(file) for file in (tmp_path / "images").iterdir()
        }
    moved = shutil.move(folder, tmp_path / "elsewhere")
    for row in psychopy_conditions(Path(moved) / "conditions.csv"):
        assert (Path(moved) / row["image_file"]).is_file()


def test_the_same_export_again_replaces_its_own_copies_but_no_other_file(
    tmp_path: Path, study: Study
) -> None:
    options = {"to": "csv", "output": tmp_path / "list.csv", "copy_images": tmp_path / "copies"}
    study.export("colours", **options)  # type: ignore[arg-type]
    assert study.export("colours", **options).copied == 6  # type: ignore[arg-type]
    Image.new("RGB", (2, 2)).save(next((tmp_path / "copies").iterdir()))
    before = (tmp_path / "list.csv").read_bytes()
    with pytest.raises(UsageError, match="is another file than the copy of"):
        study.export("colours", **{**options, "to": "xlsx", "output": tmp_path / "list.xlsx"})  # type: ignore[arg-type]
    assert (tmp_path / "list.csv").read_bytes() == before
    assert not (tmp_path / "list.xlsx").exists()


def test_the_list_of_a_match_is_exported_in_its_order_with_its_columns(tmp_path: Path, study: Study) -> None:
    from toolbox.query.files import write_rows

    found = study.match("colours", n=2, on="brightest")
    write_rows(found.answer, tmp_path / "list.csv")
    study.export("colours", to="psychopy", output=tmp_path / "conditions.csv", source=tmp_path / "list.csv")
    rows = psychopy_conditions(tmp_path / "conditions.csv")
    assert [row["stimulus_id"] for row in rows] == found.chosen["stimulus_id"].to_list()
    assert [row["match"] for row in rows] == [1, 1, 2, 2]
    assert [row["category"] for row in rows] == found.chosen["category"].to_list()


def test_a_scheme_of_sets_keeps_the_first_category(tmp_path: Path, study: Study) -> None:
    study.match("colours", n=1, sets=2, on="brightest", save_as="lists")
    study.export("colours", to="csv", output=tmp_path / "list.csv", scheme="lists")
    rows = opensesame_rows(tmp_path / "list.csv")
    assert sorted(row["category"] for row in rows) == ["set 1", "set 1", "set 2", "set 2"]
    assert sorted(row["ingested_category"] for row in rows) == ["green", "green", "red", "red"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stimulus_id\n99\n", "names stimulus_id 99 in row 1, which colours does not have"),
        ("stimulus_id,path\n0,other.png\n", "names other.png as stimulus_id 0, which is"),
        ("path\nred 0.png\n", "has no column stimulus_id"),
        ("stimulus_id\nx\n", "has a stimulus_id that is no whole number"),
    ],
)
def test_a_list_of_other_stimuli_is_refused(tmp_path: Path, study: Study, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(StimulusError, match=message):
        study.export("colours", to="csv", output=tmp_path / "out.csv", source=tmp_path / "list.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("to", "name", "message"),
    [
        (
            "psychopie",
            "a.csv",
            "no program or format 'psychopie'; expected one of psychopy, .*; did you mean 'psychopy'",
        ),
        ("jspsych", "a.csv", "a list for jspsych cannot be written to a.csv; expected .json"),
        ("bids", "a.json", "expected .tsv"),
    ],
)
def test_an_unknown_program_or_suffix_is_refused(
    tmp_path: Path, study: Study, to: str, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        study.export("colours", to=to, output=tmp_path / name)


def test_an_image_that_is_missing_or_has_changed_is_not_listed(
    tmp_path: Path, study: Study, photographs: Path
) -> None:
    file = photographs / "red" / "red 0.png"
    kept = file.read_bytes()
    paint(file, (1, 2, 3))
    with pytest.raises(StimulusError, match="changed after it was ingested"):
        study.export("colours", to="csv", output=tmp_path / "out.csv")
    file.unlink()
    with pytest.raises(StimulusError, match="cannot be found"):
        study.export("colours", to="csv", output=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    file.write_bytes(kept)


def test_the_command_prints_the_files_and_what_is_in_them(tmp_path: Path, study: Study) -> None:
    words = [
        "export",
        "colours",
        "--as",
        "psychopy",
        "-o",
        str(tmp_path / "c.csv"),
        "--study",
        str(study.folder.root),
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "c.csv")
    assert "6 rows for psychopy: green 3, red 3" in result.stderr
