"""A published table against a study: what is read, what is refused, what is said, and where the rows come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support.small_study import (
    MODEL,
    SET,
    add_labels,
    add_layers,
    add_responses,
    add_stimuli,
    plain_layers,
    small_study,
)
from toolbox import ResultWarning, Study
from toolbox.analyse.published_table import read_published_table
from toolbox.analyse.replication import MAP, pair_filters, replicate
from toolbox.errors import AmbiguousError, TableError, UnknownNameError, UsageError
from toolbox.query import Answer, ask
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection

GOOD = [
    ("conv1", 0, "car", 0.5),
    ("conv1", 1, "car", -0.5),
    ("conv1", 0, "dog", 0.25),
    ("conv1", 1, "dog", 0.1),
]
COLUMNS = ["layer", "filter", "label", "selectivity"]


def compare(
    folder: StudyFolder, file: Path, renamed: Mapping[str, str] | None = None, **choices: Any
) -> Answer:
    """What replication says of a file."""
    return replicate(folder, read_published_table(file, renamed or {}), **choices)


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    """Two filters of conv1 and their responses to a car, a dog and a face; conv2 was not extracted."""
    values = {0: (4.0, 0.0, 2.0), 1: (0.0, 4.0, 0.0)}
    rows = [
        ("conv1", number, stimulus, v, v) for number, row in values.items() for stimulus, v in enumerate(row)
    ]
    responses = pl.DataFrame(rows, schema=["layer", "filter", "stimulus_id", "maximum", "mean"], orient="row")
    layers = pl.DataFrame(
        {"layer": ["conv1", "conv2"], "position": [1, 2], "kind": "convolution", "filters": [2, 3]},
        schema_overrides={"kind": pl.String},
    )
    labels = pl.DataFrame({"stimulus_id": [0, 1, 2], "category": ["car", "dog", "face"]})
    return small_study(tmp_path / "study", responses, labels, layers=layers)


def written(path: Path, rows: list[tuple[object, ...]] | None = None, columns: list[str] = COLUMNS) -> Path:
    """A table as a file of the kind that its name says."""
    table = pl.DataFrame(GOOD if rows is None else rows, schema=columns, orient="row", strict=False)
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.parquet", "TABLE.CSV"])
def test_a_table_is_read_from_every_format(name: str, folder: StudyFolder, tmp_path: Path) -> None:
    rows = compare(folder, written(tmp_path / name), filters=True).rows
    assert rows.rows() == [
        ("conv1", 0, "car", 0.75, 0.5),
        ("conv1", 0, "dog", -0.75, 0.25),
        ("conv1", 1, "car", -0.5, -0.5),
        ("conv1", 1, "dog", 1.0, 0.1),
    ]


def test_the_name_of_a_category_is_the_label_if_there_is_one(folder: StudyFolder, tmp_path: Path) -> None:
    coded = [(number, "x", label, layer, value, 7) for layer, number, label, value in GOOD]
    columns = ["filter", "author", "category", "layer", "selectivity", "code"]
    by_category = compare(folder, written(tmp_path / "a.csv", coded, columns)).rows
    columns = ["filter", "author", "label", "layer", "selectivity", "category"]
    assert compare(folder, written(tmp_path / "b.csv", coded, columns)).rows.rows() == by_category.rows()
    assert by_category["category"].to_list() == ["car", "dog", "all"]


def test_agreement_is_told_per_category_and_over_all(folder: StudyFolder, tmp_path: Path) -> None:
    rows = compare(folder, written(tmp_path / "table.csv"), parameters={"count": 1, "threshold": 0.2}).rows
    chosen = rows.select(
        "layer", "category", "filters", "pearson", "overlap", "selective_here", "selective_there"
    )
    assert chosen.rows()[:2] == [
        ("conv1", "car", 2, pytest.approx(1.0), 1.0, 1, 1),
        ("conv1", "dog", 2, pytest.approx(-1.0), 0.0, 1, 1),
    ]
    assert chosen.row(2)[:3] == ("conv1", "all", 4)


def test_labels_are_mapped_onto_the_categories_of_the_study(folder: StudyFolder, tmp_path: Path) -> None:
    file = written(tmp_path / "table.csv", [("conv1", 0, "portrait", 0.5), ("conv1", 1, "portrait", 0.1)])
    answer = compare(folder, file, {"portrait": "face"}, filters=True)
    assert answer.rows["category"].to_list() == ["face", "face"]
    assert answer.provenance["reference"] == {
        "file": str(file),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "map": {"portrait": "face"},
    }
    assert answer.provenance["query"] == "replication/filters"


def test_what_has_no_counterpart_is_said(folder: StudyFolder, tmp_path: Path) -> None:
    more = [*GOOD, ("conv1", 0, "furniture", 0.1), ("conv2", 2, "car", 0.1), ("conv1", 1, "face", "NA")]
    file = written(tmp_path / "table.csv", more)
    assert compare(folder, file).notes == (
        f"1 row of {file} has no value and counts as unpaired",
        f"left out, as {SET} has no such category: furniture (of {file}); {MAP} names a counterpart",
        f"layers of {file} without responses in the study are left out: conv2",
    )
    file = written(tmp_path / "other.csv")
    assert compare(folder, file).notes == (f"left out, as {file} has no such category: face (of {SET})",)


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "nan"])
def test_a_value_that_the_table_does_not_know_is_counted(
    missing: str, folder: StudyFolder, tmp_path: Path
) -> None:
    file = written(tmp_path / "table.csv", [*GOOD[:3], ("conv1", 1, "dog", missing)])
    rows = compare(folder, file).rows
    assert rows.select("category", "filters", "unpaired").rows() == [
        ("car", 2, 0),
        ("dog", 1, 1),
        ("all", 3, 1),
    ]
    assert rows.filter(category="dog")["pearson"].to_list() == [None]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no rows; expected one for every filter and category"),
        ([("conv1", "x", "car", 1)], "row 1: filter is 'x'; expected a whole number"),
        ([*GOOD, ("conv1", 1.5, "face", 1)], "row 5: filter is '1.5'; expected a whole number"),
        ([("conv1", None, "car", 1)], "row 1: filter is None; expected a whole number"),
        ([("conv1", 0, "car", "high")], "row 1: selectivity is 'high'; expected a number"),
        ([("conv1", 0, "car", "inf")], "row 1: selectivity is 'inf'; expected a number"),
        ([("conv1", 0, "", 1)], "row 1: label is ''; expected a name"),
        ([*GOOD, GOOD[1]], "has two rows for filter 1 of conv1 and car; leave one of them"),
    ],
)
def test_a_table_that_is_none_is_refused(
    rows: list[tuple[object, ...]], message: str, tmp_path: Path
) -> None:
    text = "\n".join(",".join("" if cell is None else str(cell) or '""' for cell in row) for row in rows)
    file = tmp_path / "table.csv"
    file.write_text(f"{','.join(COLUMNS)}\n{text}")
    with pytest.raises(UsageError) as caught:
        read_published_table(file, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_semicolons_and_decimal_commas_is_read_with_notes(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("Layer;Filter;Label;Selectivity\nconv1;0;face;0,5\nconv1;1;face;NA\nconv1;2;face;\n")
    table = read_published_table(file, {})
    assert table.rows.rows() == [
        ("conv1", 0, "face", 0.5),
        ("conv1", 1, "face", None),
        ("conv1", 2, "face", None),
    ]
    notes = [
        "table.csv: columns are separated by ';'",
        "table.csv: numbers in Selectivity have a decimal comma",
    ]
    assert table.notes == notes


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "damaged.parquet").write_text("no")
    (tmp_path / "latin.csv").write_bytes("layer,filter,label,selectivity\nä,0,b,1\n".encode("latin-1"))
    (tmp_path / "empty.csv").write_text("")
    for name, message in {
        "none.csv": "no file",
        "table.doc": "cannot be read as a table; expected a published table as .csv",
        "damaged.parquet": "cannot be read as Parquet",
        "latin.csv": "cannot be read as csv in UTF-8",
        "empty.csv": "cannot be read as csv in UTF-8",
    }.items():
        with pytest.raises((UsageError, TableError), match=message):
            read_published_table(tmp_path / name, {})


@pytest.mark.parametrize("missing", COLUMNS)
def test_a_column_that_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    columns = [name for name in COLUMNS if name != missing]
    file = written(tmp_path / "table.csv", [(0, 1, 2)], columns)
    name = "category" if missing == "label" else missing
    with pytest.raises(
        UsageError, match=f"has no column '{name}', only {', '.join(columns)}; it needs layer, filter"
    ):
        read_published_table(file, {})


@pytest.mark.parametrize(
    ("rows", "renamed", "message"),
    [
        ([("cnv1", 0, "car", 1)], {}, "no layer of tiny named 'cnv1'; did you mean 'conv1'?"),
        ([("conv1", 2, "car", 1)], {}, "names filter 2 of conv1; expected 0 to 1"),
        ([("conv1", -1, "car", 1)], {}, "names filter -1 of conv1; expected 0 to 1"),
        (GOOD, {"cat": "car"}, "no label of "),
        (GOOD, {"car": "fase"}, "no category of shapes named 'fase'; did you mean 'face'?"),
        (GOOD, {"car": "dog"}, "has two rows for filter 0 of conv1 and dog"),
        ([("conv1", 0, "sofa", 1)], {}, "(sofa) and shapes (car, dog, face) have no category in common"),
        ([("conv1", 0, "all", 1), *GOOD], {}, "has a category 'all', which is the row over all categories"),
    ],
)
def test_a_table_that_does_not_fit_the_study_is_refused(
    rows: list[tuple[object, ...]], renamed: dict[str, str], message: str, folder: StudyFolder, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as caught:
        compare(folder, written(tmp_path / "table.csv", rows), renamed)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_model_and_the_scheme_are_chosen(folder: StudyFolder, tmp_path: Path) -> None:
    responses = pl.DataFrame(
        {
            "layer": "conv1",
            "filter": 0,
            "stimulus_id": [0, 1, 2],
            "maximum": [0.0, 1.0, 2.0],
            "mean": [0.0, 1.0, 2.0],
        }
    )
    add_layers(folder, plain_layers(responses).with_columns(filters=pl.lit(1)), "other")
    add_responses(folder, responses, SET, "other")
    add_labels(folder, pl.DataFrame({"stimulus_id": [0, 1, 2], "category": ["b", "b", "a"]}), SET, "coarse")
    file = written(tmp_path / "table.csv", [("conv1", 0, "a", 1), ("conv1", 0, "b", 2)])
    with pytest.raises(AmbiguousError):
        compare(folder, file)
    rows = compare(folder, file, selection=Selection(None, "other", "coarse"), filters=True).rows
    assert rows.rows() == [("conv1", 0, "a", 0.75, 1.0), ("conv1", 0, "b", -0.75, 2.0)]
    with pytest.raises(UnknownNameError, match=f"no model named 'tinny'; did you mean '{MODEL}'"):
        compare(folder, file, selection=Selection(None, "tinny", "coarse"))


def test_a_set_without_responses_does_not_come_into_question(folder: StudyFolder, tmp_path: Path) -> None:
    add_stimuli(folder, pl.DataFrame({"stimulus_id": [0]}), "unseen")
    add_labels(folder, pl.DataFrame({"stimulus_id": [0], "category": ["car"]}), "unseen")
    assert compare(folder, written(tmp_path / "table.csv")).provenance["set"] == SET


@pytest.mark.parametrize("asked", ["replication/layers", "replication/filters", "select * from reference"])
def test_without_a_table_the_command_that_brings_one_is_named(asked: str, folder: StudyFolder) -> None:
    with pytest.raises(
        UsageError,
        match="which is not part of a study; it is available in: toolbox replicate --reference FILE",
    ):
        ask(folder, asked)


def test_a_column_of_that_name_stays_what_it_is(folder: StudyFolder) -> None:
    assert ask(folder, "with reference as (select 1 as one) from reference").rows.rows() == [(1,)]


def test_the_table_is_there_for_one_question_and_opens_no_file(folder: StudyFolder, tmp_path: Path) -> None:
    table = {"reference": pl.DataFrame({"a": [1]}).to_arrow()}
    assert ask(folder, "from reference", tables=table).rows.rows() == [(1,)]
    with pytest.raises(UsageError):
        ask(folder, "from reference")


def test_a_study_answers_in_python(folder: StudyFolder, tmp_path: Path) -> None:
    file, study = written(tmp_path / "table.csv"), Study(folder.root)
    with pytest.warns(ResultWarning, match="has no such category: face"):
        rows = study.replicate(file, figure=tmp_path / "scatter.json", threshold=0.6)
    assert rows["selective_here"].to_list() == [1, 1, 2]
    with pytest.warns(ResultWarning):
        assert study.replicate(str(file), filters=True)["there"].to_list() == [0.5, 0.25, -0.5, 0.1]
    specification = json.loads((tmp_path / "scatter.json").read_text())
    assert specification["usermeta"]["toolbox"]["reference"]["file"] == file.name
    assert "compared with table.csv" in " ".join(specification["title"]["subtitle"])


def test_the_scatter_has_no_threshold_to_tell_of(folder: StudyFolder, tmp_path: Path) -> None:
    table = read_published_table(written(tmp_path / "table.csv"), {})
    answer = pair_filters(folder, table, {"threshold": 0.1, "index": "share"})
    assert answer.provenance["parameters"] == {"index": "share", "normalise": "layer", "statistic": "mean"}
