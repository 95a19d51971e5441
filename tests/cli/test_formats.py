"""What commands write: one golden file for each format, with awkward values, and what no text can show."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from support.commands import run
from support.golden import check_golden
from toolbox import Study
from toolbox.query.codebook import codebook
from toolbox.query.describing import view_columns

AWKWARD = """
select * from (values
    (1, 'plain', true, 0.1::double, 9007199254740993::bigint, 1.50::decimal(9, 2), date '2018-06-18'),
    (2, 'a,"b"' || chr(10) || '[bold]ü' || chr(9) || '=1+1', false, 1e-300, -1, 0.05, null),
    (3, '', null, 'nan', 0, null, null),
    (4, null, true, 'inf', null, -2.00, date '1969-12-31'),
    (5, ' 日本 ', false, '-0', 1000000, 12345.67, null)
) as t (number, text, yes, value, whole, part, day)
order by number
"""


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_awkward_values_are_written_as_in_the_golden_file(shared_study: str, format: str) -> None:
    shown = run("query", AWKWARD, "--format", format, "--study", shared_study)
    assert shown.stderr == ""
    check_golden(f"awkward.{format}", shown.stdout)


def test_awkward_values_are_written_to_parquet_under_the_golden_schema(
    shared_study: str, tmp_path: Path
) -> None:
    file = tmp_path / "awkward.parquet"
    run("query", AWKWARD, "--output", str(file), "--study", shared_study)
    schema = pq.read_schema(file)
    check_golden("awkward.schema", "".join(f"{field.name} {field.type}\n" for field in schema))
    provenance = json.loads(schema.metadata[b"toolbox"])
    assert (provenance["query"], provenance["rows"]) == ("sql", 5)
    rows = pl.read_parquet(file)
    assert rows["text"].to_list()[1:4] == ['a,"b"\n[bold]ü\t=1+1', "", None]
    assert rows["whole"][0] == 9007199254740993


def test_a_figure_is_written_as_in_the_golden_file(shared_study: str, tmp_path: Path) -> None:
    """Its specification; where the texts of a picture stand depends on the fonts of a machine."""
    file = tmp_path / "profile.json"
    run("plot", "layers/profile", "--output", str(file), "--study", shared_study, "--quiet")
    specification = json.loads(file.read_text(encoding="utf-8"))
    assert specification.pop("$schema").startswith("https://vega.github.io/schema/vega-lite/v6")
    assert specification.pop("usermeta")["toolbox"]["query"] == "layers/profile"
    check_golden("profile.json", json.dumps(specification, indent=1, ensure_ascii=False) + "\n")


def test_every_format_holds_the_same_rows(shared_study: str, tmp_path: Path) -> None:
    asked = [
        "query",
        "select category, count(*) as n, null::double as x from labels group by all order by all",
    ]
    asked += ["--study", shared_study]
    expected = [{"category": "green", "n": 3, "x": None}, {"category": "red", "n": 3, "x": None}]
    assert json.loads(run(*asked, "--format", "json").stdout) == expected
    assert list(csv.DictReader(io.StringIO(run(*asked, "--format", "csv").stdout))) == [
        {"category": "green", "n": "3", "x": ""}, {"category": "red", "n": "3", "x": ""},
    ]  # fmt: skip
    run(*asked, "--output", str(tmp_path / "rows.parquet"))
    assert pl.read_parquet(tmp_path / "rows.parquet").to_dicts() == expected
    provenance = json.loads(pq.read_metadata(tmp_path / "rows.parquet").metadata[b"toolbox"])
    assert provenance["sql"] == asked[1]
    assert (provenance["set"], provenance["rows"]) == ("colours", 2)
    table = run(*asked).stdout.splitlines()
    assert [line.split() for line in table] == [
        ["category", "n", "x"],
        ["green", "3", "-"],
        ["red", "3", "-"],
    ]


def test_sums_are_plain_numbers(shared_study: str, tmp_path: Path) -> None:
    sql = "select sum(filter) as whole, 1.50::decimal(9, 2) as broken, sum(2::hugeint ** 70) as wide from responses"
    asked = ["query", sql, "--study", shared_study]
    assert json.loads(run(*asked, "--format", "json").stdout) == [
        {"whole": 42, "broken": 1.5, "wide": 48 * 2.0**70}
    ]
    run(*asked, "--output", str(tmp_path / "sums.parquet"))
    assert [str(kind) for kind in pq.read_schema(tmp_path / "sums.parquet").types] == [
        "int64",
        "double",
        "double",
    ]


def test_awkward_values_survive_every_format(shared_study: str, tmp_path: Path) -> None:
    text = 'a,"b"\n[bold]ü'
    sql = "select " + "'" + text + "' as t, 1e-300 as tiny, 'nan'::double as odd, true as yes"
    asked = ["query", sql, "--study", shared_study]
    row = next(csv.DictReader(io.StringIO(run(*asked, "--format", "csv").stdout)))
    assert (row["t"], float(row["tiny"]), row["yes"]) == (text, 1e-300, "TRUE")
    assert json.loads(run(*asked, "--format", "json").stdout)[0]["t"] == text
    assert "[bold]ü" in run(*asked).stdout


# --- the codebook of a CSV file ---


def test_a_csv_file_has_a_codebook_of_the_querys_columns(shared_study: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.csv"
    run("query", "layers/profile", "--output", str(file), "--study", shared_study)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profile.csv", "profile.csv-metadata.json"]
    book = json.loads((tmp_path / "profile.csv-metadata.json").read_text(encoding="utf-8"))
    assert (book["@context"][0], book["url"]) == ("http://www.w3.org/ns/csvw", "profile.csv")
    assert book["dc:title"] == "Proportion of category-selective filters in every layer"
    with file.open(newline="") as opened:
        header = next(csv.reader(opened))
    columns = {column["titles"]: column for column in book["tableSchema"]["columns"]}
    assert list(columns) == header == [column["name"] for column in book["tableSchema"]["columns"]]
    assert all(column["dc:description"] and column["null"] == "" for column in columns.values())
    assert (columns["layer"]["datatype"], columns["filters"]["datatype"]) == ("string", "long")
    provenance = book["notes"][-1]["provenance"]
    assert (provenance["query"], provenance["model"]) == ("layers/profile", "tiny")


def test_the_codebook_says_the_type_of_every_value(shared_study: str, tmp_path: Path) -> None:
    file = tmp_path / "awkward.csv"
    run("query", AWKWARD.replace("as t (number", 'as t ("a number"').replace("number\n", '"a number"\n'),
        "--output", str(file), "--study", shared_study)  # fmt: skip
    book = json.loads((tmp_path / "awkward.csv-metadata.json").read_text(encoding="utf-8"))
    assert [(column.get("name"), column["datatype"]) for column in book["tableSchema"]["columns"]] == [
        (None, "int"),
        ("text", "string"),
        ("yes", {"base": "boolean", "format": "TRUE|FALSE"}),
        ("value", "double"),
        ("whole", "long"),
        ("part", "double"),
        ("day", "date"),
    ]


def test_the_columns_of_several_networks_are_described_too(shared_study: str, tmp_path: Path) -> None:
    from toolbox.query.codebook import codebook
    from toolbox.query.run import Answer

    rows = pl.DataFrame({"model": ["a"], "layer": ["b"], "counterpart": ["c"]})
    book = json.loads(codebook(Answer(rows, {"sql": "select 1"}), tmp_path / "x.csv"))
    described = [column["dc:description"] for column in book["tableSchema"]["columns"]]
    assert described == [
        "the network",
        "layer of the network",
        "layer of the first network that is nearest in depth",
    ]


@pytest.mark.parametrize("content", [b"{}", b"[1]", b'{"url": "other.csv"}', b"\xff", b'"text"'])
def test_another_file_with_the_name_of_a_codebook_is_not_overwritten(
    content: bytes, shared_study: str, tmp_path: Path
) -> None:
    book = tmp_path / "rows.csv-metadata.json"
    book.write_bytes(content)
    asked = ["query", "select 1 as n", "--output", str(tmp_path / "rows.csv"), "--study", shared_study]
    message = run(*asked, code=2).stderr
    assert (
        f"{book} would be overwritten by the codebook of rows.csv, but is another file; rename it" in message
    )
    assert [path.name for path in tmp_path.iterdir()] == [book.name]
    book.unlink()
    run(*asked)
    run(*asked)
    assert json.loads(book.read_text())["url"] == "rows.csv"


@pytest.mark.parametrize(
    ("sql", "column", "words"),
    [
        ("select * from responses", "maximum", "maximum of the activation map, in the units of the network"),
        ("select * from significance", "q", "Benjamini"),
        ("select * from reliability", "cross_validated", "index, in one half, of the category preferred"),
        ("select maximum from rollups", "maximum", "largest response, in the units of the network"),
    ],
)
def test_columns_of_views_are_described_in_the_codebook_of_own_sql(
    sql: str, column: str, words: str, shared_study: str, tmp_path: Path
) -> None:
    answer = Study(shared_study).answer(sql)
    book = json.loads(codebook(answer, tmp_path / "x.csv"))
    assert book["dc:title"] == sql
    described = {each["titles"]: each.get("dc:description", "") for each in book["tableSchema"]["columns"]}
    assert words in described[column]
    assert all(described.values())


def test_a_column_that_means_two_things_is_not_described() -> None:
    assert "maximum" not in view_columns(["responses", "rollups"])
    assert view_columns(["responses", "labels", "nothing"]).keys() == {"maximum", "mean"}


def test_only_csv_files_have_a_codebook(shared_study: str, tmp_path: Path) -> None:
    for name in ("rows.json", "rows.parquet"):
        run("query", "select 1 as n", "--output", str(tmp_path / name), "--study", shared_study)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.json", "rows.parquet"]


def test_true_and_false_are_read_as_such_by_every_program(shared_study: str, tmp_path: Path) -> None:
    file = tmp_path / "dead.csv"
    run("query", "select true as a, false as b", "--output", str(file), "--study", shared_study)
    assert file.read_text() == "a,b\nTRUE,FALSE\n"
    assert pl.read_csv(file).rows() == [(True, False)]
    assert duckdb.sql(f"from '{file}'").fetchall() == [(True, False)]


def test_a_p_that_the_permutations_bound_is_printed_as_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    from toolbox.cli.tables import print_table

    rows = pl.DataFrame(
        {
            "p": [0.01, 0.01, 0.5],
            "q": [0.02, None, 0.6],
            "p_fwe": [0.01, 0.04, 0.9],
            "p_welch": [0.01, 0.01, 0.01],
            "is_bound": [True, True, False],
        }
    )
    print_table(rows)
    first, second, third = (line.split("  ") for line in capsys.readouterr().out.splitlines()[1:])
    cells = [[cell.strip() for cell in line if cell.strip()] for line in (first, second, third)]
    assert cells[0] == ["<= 0.01", "<= 0.02", "<= 0.01", "0.01", "True"]
    assert cells[1] == ["<= 0.01", "-", "0.04", "0.01", "True"]
    assert cells[2] == ["0.5", "0.6", "0.9", "0.01", "False"]
