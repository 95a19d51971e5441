"""The command match over a study: list, balance, paragraph, figure, label scheme, record of the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from support.own_sql import seen
from support.tiny_network import paint
from toolbox import Study
from toolbox.cli import app
from toolbox.design.differences import standardised_difference
from toolbox.errors import ResultWarning, UnknownNameError, UsageError


@pytest.fixture
def rated(tmp_path: Path, cache: Path) -> Study:
    """A study of 12 faces and 12 cars, with ratings a and b, a column of pairs of twins, and one of fixed stimuli."""
    rng = np.random.default_rng(0)
    lines = ["path,category,a,b,twin,wanted"]
    for number in range(24):
        category = "face" if number < 12 else "car"
        file = paint(
            tmp_path / "images" / category / f"{category}_{number}.png", (number * 9, number, 200 - number)
        )
        a, b = rng.normal(size=2) + (0.4 if category == "car" else 0)
        twin = f"t{number // 2}" if number < 4 else ""
        wanted = {5: "yes", 6: "no"}.get(number, "")
        lines.append(f"{file},{category},{a:.4f},{'' if number == 20 else f'{b:.4f}'},{twin},{wanted}")
    table = tmp_path / "rated.csv"
    table.write_text("\n".join(lines) + "\n")
    study = Study(tmp_path / "study", create=True)
    study.ingest(table, set="pictures")
    return study


@pytest.fixture(autouse=True)
def notes_are_expected(recwarn: pytest.WarningsRecorder) -> None:
    """Notes are tested where they matter."""


pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")


def test_the_list_has_pairs_and_the_values_that_counted(rated: Study) -> None:
    found = rated.match(n=6, on=["a", "b"])
    assert found.chosen.columns == ["stimulus_id", "path", "category", "match", "distance", "a", "b"]
    assert found.chosen.height == 12
    assert found.chosen["match"].to_list() == [number for pair in range(1, 7) for number in (pair, pair)]
    assert found.chosen.group_by("match").agg(pl.col("category").n_unique())["category"].to_list() == [2] * 6
    assert found.chosen["distance"].is_sorted()


def test_the_balance_has_every_variable_and_is_that_of_its_definition(rated: Study) -> None:
    found = rated.match(n=6, on=["a", "b"])
    assert set(found.balance["variable"]) >= {"a", "b", "rms_contrast", "sharpness", "darkest", "brightest"}
    row = found.balance.row(by_predicate=pl.col("variable") == "a", named=True)
    by_category = [found.chosen.filter(category=name)["a"] for name in (row["first"], row["second"])]
    assert row["difference_after"] == pytest.approx(standardised_difference(*by_category))
    assert (row["role"], row["difference_before"] != row["difference_after"]) == ("agree", True)
    assert found.largest == pytest.approx(
        found.balance.filter(role="agree")["difference_after"].abs().max()  # type: ignore[arg-type]
    )


def test_stimuli_without_a_value_are_left_out_with_a_warning(rated: Study) -> None:
    with pytest.warns(ResultWarning, match="left out, as b is not known of them: 1 car"):
        found = rated.match(n=6, on=["a", "b"])
    assert 20 not in found.chosen["stimulus_id"]


def test_the_paragraph_says_what_was_chosen_and_what_still_differs(rated: Study) -> None:
    found = rated.match(n=6, on=["a", "b"])
    for words in ("6 of 12 face and 6 of 11 car", "no image was changed", "seed 0", "further measures"):
        assert words in found.paragraph.replace(
            "6 of 11 car and 6 of 12 face", "6 of 12 face and 6 of 11 car"
        )


def test_the_paragraph_names_what_is_not_balanced_and_nothing_where_all_is(rated: Study) -> None:
    short, balanced = rated.match(n=11, on=["a", "b"]), rated.match(n=4, on=["a"])
    assert short.largest > 0.1 > balanced.largest
    largest = short.balance.filter(role="agree").sort(pl.col("difference_after").abs()).row(-1, named=True)
    named = f"{largest['variable']} ({abs(largest['difference_after']):.2f})"
    assert f"The sets are not balanced (at most 0.1) in {named}" in short.paragraph
    assert "not balanced" not in balanced.paragraph


@pytest.mark.parametrize("option", ["--output", "--balance"])
def test_a_table_that_cannot_be_written_is_refused_before_stimuli_are_chosen(
    rated: Study, tmp_path: Path, option: str
) -> None:
    words = ["match", "--n", "4", "--on", "a", "--save-as", "chosen", "--study", str(rated.folder.root)]
    told = CliRunner().invoke(app, [*words, option, str(tmp_path / "list.docx")])
    assert isinstance(told.exception, UsageError)
    assert "no format 'docx' for files; expected csv, json, parquet" in str(told.exception)
    assert rated.folder.schemes("pictures") == ["category"]


def test_the_paragraph_names_what_was_not_measured(rated: Study) -> None:
    unknown = "Other properties of the images were not measured"
    assert unknown in rated.match(n=6, on="a").paragraph
    rated.properties("pictures", progress=False)
    assert unknown not in rated.match(n=6, on="a").paragraph


def test_the_run_is_recorded_with_options_list_and_balance(rated: Study) -> None:
    found = rated.match(n=6, on=["a", "b"], seed=3)
    [file] = (rated.folder.root / "runs").glob("*-match-pictures.json")
    record = json.loads(file.read_text())
    assert record["source"]["options"]["seed"] == 3
    assert [row["stimulus_id"] for row in record["chosen"]] == found.chosen["stimulus_id"].to_list()
    assert len(record["balance"]) == found.balance.height
    assert str(rated.folder.root.parent) not in file.read_text()


def test_the_chosen_stimuli_become_a_label_scheme_that_queries_use(rated: Study) -> None:
    found = rated.match(n=6, on=["a", "b"], save_as="matched")
    rows = rated.query(seen("select stimulus_id, category from labels"), scheme="matched")
    assert sorted(rows["stimulus_id"]) == sorted(found.chosen["stimulus_id"])
    assert rows["category"].value_counts().sort("category").rows() == [("car", 6), ("face", 6)]


def test_a_scheme_with_other_labels_is_not_overwritten_and_nothing_is_written(rated: Study) -> None:
    rated.match(n=6, on=["a", "b"], save_as="matched")
    before = sorted((rated.folder.root / "runs").iterdir())
    with pytest.raises(UsageError, match="'matched' of pictures already contains different labels"):
        rated.match(n=5, on=["a", "b"], save_as="matched")
    assert sorted((rated.folder.root / "runs").iterdir()) == before
    assert rated.match(n=5, on=["a", "b"], save_as="matched", replace=True).saved_as == "matched"


@pytest.mark.parametrize("name", ["category", "Category", "../evil"])
def test_a_scheme_cannot_have_a_name_that_labelling_refuses(rated: Study, name: str) -> None:
    with pytest.raises(UsageError):
        rated.match(n=6, on=["a"], save_as=name)


def test_sets_of_the_same_stimuli_are_labelled_by_number(rated: Study) -> None:
    found = rated.match(n=3, on=["a"], sets=2, save_as="lists")
    assert found.chosen["set"].value_counts().sort("set").rows() == [(1, 6), (2, 6)]
    rows = rated.query(
        seen("select category, count(*) as n from labels group by category order by 1"), scheme="lists"
    )
    assert rows.rows() == [("set 1", 6), ("set 2", 6)]


def test_columns_of_the_set_keep_stimuli_together_apart_and_fixed(rated: Study) -> None:
    together = rated.match(n=6, on=["a"], together="twin").chosen["stimulus_id"]
    assert len({0, 1} & {*together}) in (0, 2)
    apart = rated.match(n=6, on=["a"], apart="twin").chosen["stimulus_id"]
    assert max(len({0, 1} & {*apart}), len({2, 3} & {*apart})) <= 1
    fixed = rated.match(n=6, on=["a"], fixed="wanted").chosen["stimulus_id"]
    assert 5 in fixed
    assert 6 not in fixed


def test_a_label_scheme_may_be_such_a_column(tmp_path: Path, rated: Study) -> None:
    source = tmp_path / "identity.csv"
    source.write_text("stimulus_id,identity\n0,anna\n1,anna\n2,anna\n")
    rated.label("pictures", scheme="identity", source=source)
    chosen = {*rated.match(n=6, on=["a"], apart="identity", scheme="category").chosen["stimulus_id"]}
    assert len(chosen & {0, 1, 2}) <= 1


def test_stimuli_are_kept_and_left_out_by_name_and_number(rated: Study) -> None:
    chosen = rated.match(n=6, on=["a"], keep=["face_3.png", "15"], leave_out="car/car_16.png").chosen
    assert {3, 15} <= {*chosen["stimulus_id"]}
    assert 16 not in chosen["stimulus_id"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on": ["c"]}, UnknownNameError, "no variable of pictures named 'c'"),
        ({"on": ["a"], "category": ["bird"]}, UnknownNameError, "no category named 'bird'"),
        ({"on": ["a"], "category": ["face"]}, UsageError, "only one category is named"),
        ({"on": ["a"], "together": "family"}, UnknownNameError, "no column or label scheme of pictures"),
        ({"on": ["a"], "keep": ["dog.png"]}, UsageError, "'dog.png' is no stimulus that can be chosen"),
        ({"on": ["a"], "keep": ["5"], "leave_out": ["5"]}, UsageError, "must be chosen and left out"),
        ({"on": ["a"], "fixed": "twin"}, UsageError, "twin has the value 't0'; expected yes, no or nothing"),
        ({"on": ["a"], "figure": "love.bmp"}, UsageError, "bmp"),
        ({"on": ["a"], "text": "words.doc"}, UsageError, "words.doc"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_is_written(
    rated: Study, options: dict[str, object], error: type[Exception], message: str
) -> None:
    before = sorted((rated.folder.root / "runs").iterdir())
    with pytest.raises(error, match=message):
        rated.match(**options)  # type: ignore[arg-type]
    assert sorted((rated.folder.root / "runs").iterdir()) == before


def test_what_the_pool_does_not_allow_is_said_with_range_and_possible_number(
    tmp_path: Path, rated: Study
) -> None:
    lines = ["path,category,size"]
    for number in range(20):
        category, size = ("small", number) if number < 10 else ("large", number - 3)
        file = paint(tmp_path / "sized" / category / f"{number}.png", (number * 5, 9, 200 - number))
        lines.append(f"{file},{category},{size}")
    (tmp_path / "sized.csv").write_text("\n".join(lines) + "\n")
    rated.ingest(tmp_path / "sized.csv", set="sized")
    with pytest.warns(ResultWarning, match="size still differs") as caught:
        found = rated.match("sized", n=8, on="size")
    assert found.largest > 1
    notes = [str(each.message) for each in caught]
    assert any(
        "large 7 to 16, small 0 to 9" in note and "in common 7 to 9, with 3 large, 3 small" in note
        for note in notes
    )
    assert any("n of " in note for note in notes)


def test_the_command_prints_balance_and_paragraph_and_writes_its_files(tmp_path: Path, rated: Study) -> None:
    files = {name: tmp_path / f"out{name}" for name in (".csv", ".png", ".md", ".json")}
    words = [
        "match",
        "pictures",
        "--category",
        "face",
        "car",
        "--n",
        "6",
        "--on",
        "a",
        "b",
        "--study",
        str(rated.folder.root),
    ]
    shown = CliRunner().invoke(app, [*words, "--figure", str(files[".png"]), "--text", str(files[".md"])])
    assert shown.exit_code == 0, shown.output
    assert "difference_after" in shown.stdout
    assert "no image was changed" in shown.stdout
    assert files[".png"].read_bytes().startswith(b"\x89PNG")
    assert files[".md"].read_text().strip() in shown.stdout
    written = CliRunner().invoke(app, [*words, "-o", str(files[".csv"]), "--balance", str(files[".json"])])
    assert written.exit_code == 0, written.output
    assert pl.read_csv(files[".csv"]).height == 12
    assert {row["variable"] for row in json.loads(files[".json"].read_text())} >= {"a", "b", "sharpness"}


def test_list_and_balance_say_where_they_come_from_and_what_their_columns_mean(rated: Study) -> None:
    found = rated.match("pictures", n=4, on=["a", "b"], sets=2, category=["face"])
    provenance = found.answer.provenance
    assert provenance["tool"] and provenance["query"] == "match" and provenance["parameters"]["sets"] == 2
    variables = {"a", "b", "stimulus_id", "path", "category"}
    assert {*found.chosen.columns} - variables | {*found.balance.columns} == {*provenance["columns"]}


def test_layers_are_matched_as_distances_of_their_responses(shared_study: str, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(shared_study, tmp_path / "copy")
    study = Study(tmp_path / "copy")
    found = study.match("colours", n=2, on="colou*")
    assert {"colour_pc1", "colour_pc2"} <= {*found.chosen.columns}
    row = found.balance.row(by_predicate=pl.col("variable") == "colour", named=True)
    assert row["role"] == "agree"
    assert row["ks_after"] is None
