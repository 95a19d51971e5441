"""Tables that people bring to a question: read as manifests are, behind the wall, under names of their own."""

from __future__ import annotations

import warnings
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from support.commands import run
from toolbox import ResultWarning, Study
from toolbox.errors import QueryError, TableError, UnknownNameError, UsageError

RATINGS = "stimulus_id,rating,rater\n0,4.5,a\n1,NA,a\n3,2.5,b\n"
JOINED = (
    "select stimulus_id, rating, category from labels join ratings using (stimulus_id) order by stimulus_id"
)
ROWS = [(0, 4.5, "green"), (1, None, "green"), (3, 2.5, "red")]


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    file = tmp_path / "ratings.csv"
    file.write_text(RATINGS, encoding="utf-8")
    return file


def test_a_table_is_joined_with_the_views(study: Study, ratings: Path) -> None:
    assert study.query(JOINED, tables={"ratings": ratings}).rows() == ROWS
    assert study.query(JOINED, tables={"ratings": str(ratings)}).rows() == ROWS
    frame = pl.read_csv(ratings, null_values="NA")
    assert study.query(JOINED, tables={"ratings": frame}).rows() == ROWS


def test_several_tables_and_formats_are_read_as_manifests_are(study: Study, tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("Stimulus_ID;rating\n0;4,5\n3;2,5\n", encoding="utf-8-sig")
    pl.DataFrame({"category": ["red"], "size": [7]}).write_parquet(tmp_path / "sizes.parquet")
    sql = "select stimulus_id, rating, size from labels join ratings using (stimulus_id) left join sizes "
    tables = {"ratings": tmp_path / "ratings.csv", "sizes": tmp_path / "sizes.parquet"}
    answer = study.answer(f"{sql} using (category) order by 1", tables=tables)
    assert answer.rows.rows() == [(0, 4.5, None), (3, 2.5, 7)]
    assert answer.notes == (
        "ratings.csv: columns are separated by ';'",
        "ratings.csv: numbers in rating have a decimal comma",
    )


def test_provenance_names_the_table_its_rows_and_its_digest(study: Study, ratings: Path) -> None:
    answer = study.answer(JOINED, tables={"ratings": ratings})
    assert answer.provenance["tables"] == {
        "ratings": {
            "file": "ratings.csv",
            "sha256": sha256(ratings.read_bytes()).hexdigest(),
            "rows": 3,
            "columns": ["stimulus_id", "rating", "rater"],
        }
    }
    assert answer.provenance["set"] == "colours"
    frame = pl.DataFrame({"stimulus_id": [0], "rating": [1.0]})
    first, same = (
        study.answer(JOINED, tables={"ratings": table}).provenance["tables"]
        for table in (frame, frame.clone())
    )
    other = study.answer(JOINED, tables={"ratings": frame.with_columns(rating=2.0)}).provenance["tables"]
    assert first == same
    assert first["ratings"]["sha256"] != other["ratings"]["sha256"]
    assert "tables" not in study.answer("select 1 as one").provenance


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("labels", "the table name 'labels' is that of a view; choose another name"),
        ("Responses", "the table name 'Responses' is that of a view"),
        ("selectivity", "the table name 'selectivity' is that of a formula"),
        ("order", "'order' cannot be the name of a table in SQL; choose a name of letters, digits and '_'"),
        ("my ratings", "'my ratings' cannot be the name of a table in SQL"),
        ("a;drop", "'a;drop' cannot be the name of a table in SQL"),
        ("", "'' cannot be the name of a table in SQL"),
        ("mine", r"the table name 'mine' is that of a table that sql defines \(WITH\)"),
    ],
)
def test_a_name_that_means_something_else_is_refused(
    name: str, message: str, study: Study, ratings: Path
) -> None:
    sql = "with mine as (select 1 as x) select * from mine"
    with pytest.raises(UsageError, match=message):
        study.query(sql, tables={name: ratings})


def test_two_tables_may_not_differ_only_in_case(study: Study, ratings: Path) -> None:
    with pytest.raises(UsageError, match="the table name 'Ratings' is that of another table"):
        study.query(JOINED, tables={"ratings": ratings, "Ratings": ratings})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,X\n1,2\n", "has the columns 'x' and 'X', which differ only in case; rename one of them"),
        (",x\n1,2\n", "has a column without a name; give it one, or remove it"),
        ("", "cannot be read as csv in UTF-8"),
    ],
)
def test_a_table_that_sql_cannot_read_is_refused(
    content: str, message: str, study: Study, ratings: Path
) -> None:
    ratings.write_text(content)
    with pytest.raises(TableError, match=message):
        study.query(JOINED, tables={"ratings": ratings})


def test_the_sheet_of_a_workbook_is_the_one_with_columns_that_the_sql_names(
    study: Study, tmp_path: Path
) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "own.xlsx")) as book:
        for name, rows in {
            "Info": [("made", "by"), ("today", "me")],
            "Data": [("category", "warmth"), ("red", 1)],
        }.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    sql = "select count(*) as n from labels join own using (category) where own.warmth = 1"
    answer = study.answer(sql, tables={"own": tmp_path / "own.xlsx"})
    assert answer.rows["n"].item() == 3
    assert "own.xlsx: the sheet 'Data' was read; not read: Info" in answer.notes
    with pytest.raises(TableError, match=r"several sheets that may be meant \(Info, Data\)"):
        study.query("select * from own", tables={"own": tmp_path / "own.xlsx"})


def test_files_that_are_no_tables_are_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv does not exist; expected the table ratings"):
        study.query(JOINED, tables={"ratings": tmp_path / "gone.csv"})
    with pytest.raises(
        UsageError, match=r"x\.doc cannot be read as a table; expected the table ratings as \.csv"
    ):
        study.query(JOINED, tables={"ratings": tmp_path / "x.doc"})
    with pytest.raises(
        UsageError, match="the table ratings is a list; expected a file or a polars data frame"
    ):
        study.query(JOINED, tables={"ratings": [1]})  # type: ignore[dict-item]


def test_the_wall_stays_where_a_table_is_brought(study: Study, ratings: Path) -> None:
    for sql in (
        f"select * from ratings union all select * from read_csv('{ratings}')",
        f"select * from ratings union all select * from '{ratings}'",
        "select * from ratings union all select * from glob('/*')",
    ):
        with pytest.raises((QueryError, UsageError)):
            study.query(sql, tables={"ratings": ratings})
    with pytest.raises(QueryError, match="expected one SELECT"):
        study.query("delete from ratings", tables={"ratings": ratings})
    assert ratings.read_text(encoding="utf-8") == RATINGS


def test_an_unknown_table_is_answered_with_how_to_bring_one(study: Study) -> None:
    with pytest.raises(
        UnknownNameError, match=r"no view or formula named 'ratings'.*\(--table ratings=FILE\)"
    ):
        study.query(JOINED)


def test_a_table_that_is_not_read_is_a_note(study: Study, ratings: Path) -> None:
    with pytest.warns(ResultWarning, match="sql does not read the table ratings"):
        study.query("select count(*) as n from labels", tables={"ratings": ratings})


def test_empty_columns_and_rows_are_read(study: Study, ratings: Path) -> None:
    ratings.write_text("stimulus_id,rating\n0,\n1,\n")
    assert study.query(JOINED, tables={"ratings": ratings})["rating"].to_list() == [None, None]
    ratings.write_text("stimulus_id,rating\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert study.query("select * from ratings", tables={"ratings": ratings}).height == 0


def test_the_command_reads_tables_for_sql_files_and_shipped_queries(
    shared_study: str, ratings: Path, tmp_path: Path
) -> None:
    there = ("--study", shared_study)
    table = ("--table", f"ratings={ratings}")
    own = tmp_path / "own.sql"
    own.write_text(JOINED, encoding="utf-8")
    for query in ([JOINED], ["--file", str(own)]):
        rows = run("query", *query, *table, "--format", "csv", *there).stdout.splitlines()
        assert rows == ["stimulus_id,rating,category", "0,4.5,green", "1,,green", "3,2.5,red"]
    shipped = run("query", "layers/profile", *table, "--format", "csv", *there)
    assert "layers/profile does not read the table ratings" in shipped.stderr
    twice = run("query", JOINED, *table, *table, *there, code=2)
    assert "--table ratings is given twice" in twice.stderr
    bare = run("query", JOINED, "--table", "ratings.csv", *there, code=2)
    assert "--table 'ratings.csv' has no value; expected NAME=FILE" in bare.stderr
