"""Parameters of a query as options of `toolbox query` and `toolbox plot`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from support.commands import run
from toolbox import Study
from toolbox.cli import app
from toolbox.cli.query_options import declared_parameters
from toolbox.query import query_names, shipped_query


@pytest.fixture
def extracted(study: Study, card: str, weights: str) -> str:
    """The directory of a study whose set `colours` was presented to the three-layer network."""
    study.extract("colours", model=card, weights=weights)
    return str(study.folder.root)


def rows(*arguments: str) -> list[dict[str, str]]:
    printed = run("query", *arguments, "--format", "csv", "--quiet").stdout
    return list(csv.DictReader(io.StringIO(printed)))


@pytest.mark.parametrize("command", ["query", "plot"])
def test_no_parameter_of_a_shipped_query_is_called_as_an_option_of_the_command(command: str) -> None:
    found: Any = typer.main.get_command(app)
    own = {option for each in found.commands[command].params for option in each.opts} | {"--help"}
    if command == "plot":
        own -= {"--category", "--layer"}  # there, they are the query's parameter if it has one
    for name in query_names():
        assert own.isdisjoint(f"--{parameter.name}" for parameter in shipped_query(name).parameters), name


@pytest.mark.parametrize(
    "arguments",
    [
        ("layers/profile", "--threshold", "0.99", "--by", "layer"),
        ("--threshold", "0.99", "layers/profile"),
        ("layers/profile", "--threshold=0.99"),
        ("layers/profile", "--Threshold", "0.99"),
        ("layers/profile", "--threshold", "0.1", "--threshold", "0.99"),
    ],
)
def test_a_parameter_is_an_option(extracted: str, arguments: tuple[str, ...]) -> None:
    expected = rows("layers/profile", "--param", "threshold=0.99", "--study", extracted)
    assert expected != rows("layers/profile", "--study", extracted)
    assert rows(*arguments, "--study", extracted) == expected


def test_a_figure_has_the_same_options(extracted: str, tmp_path: Path) -> None:
    figure = tmp_path / "figure.json"
    run("plot", "layers/profile", "--threshold", "0.99", "-o", str(figure), "--study", extracted)
    assert '"threshold": 0.99' in figure.read_text(encoding="utf-8")


def test_a_file_of_the_users_own_is_found_by_its_name_and_has_options(extracted: str, tmp_path: Path) -> None:
    bare, documented = tmp_path / "my query.sql", tmp_path / "mine.sql"
    bare.write_text("select * from layers where position <= $last")
    documented.write_text(
        "-- Mine.\n--\n-- Parameters\n--   $last_one  integer = 1  position of the last layer\n"
        "select layer, position from layers where position <= $last_one"
    )
    assert len(rows(str(bare), "--last", "2", "--study", extracted)) == 2
    assert rows(str(documented), "--study", extracted) == [{"layer": "colour", "position": "1"}]
    assert len(rows("--file", str(documented), "--last-one", "3", "--study", extracted)) == 3
    assert (
        len(rows("select layer from layers where layer = $name", "--name", "pool", "--study", extracted)) == 1
    )


def test_a_parameter_that_is_called_as_a_general_option_is_reached_by_param(extracted: str) -> None:
    sql = "select $format as chosen from layers limit 1"
    assert rows(sql, "--param", "format=wide", "--study", extracted) == [{"chosen": "wide"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["query", "layers/profile", "--thresold", "0.1"],
            "no option of layers/profile named '--thresold'; did you mean '--threshold'? (its own options: --by, "
            "--index, --threshold, --statistic, --normalise; all: toolbox query --help)",
        ),
        (["plot", "layers/profile", "--ouput", "x.png"], "did you mean '--output'? (its own options: --by"),
        (["plot", "sets/summary", "--index", "auc"], "(its own options: none; all: toolbox plot --help)"),
        (["query", "select 1", "--index", "auc"], "no option of sql named '--index'"),
        (
            ["query", "layers/significant", "--threshold", "0.05"],
            "no option of layers/significant named '--threshold'; did you mean '--level'? (its own options: --index, ",
        ),
        (
            ["query", "layers/significant", "--zzz", "1"],
            "no option of layers/significant named '--zzz' (its own options: --index, --level, --statistic, "
            "--normalise; all: toolbox query --help)",
        ),
        (
            ["query", "--descibe", "layers/profile"],
            "no option of toolbox query named '--descibe'; did you mean '--describe'?",
        ),
        (["query", "layers/profile", "--threshold"], "--threshold has no value; expected --threshold VALUE"),
        (["query", "layers/profile", "--threshold", "--index", "auc"], "--threshold has no value"),
        (["query", "layers/profile", "--threshold", "low"], "$threshold is 'low'; expected a finite number"),
        (
            ["query", "layers/profle", "--threshold", "1"],
            "no query named 'layers/profle'; did you mean 'layers/profile'?",
        ),
        (["query", "missing.sql"], "no file missing.sql; expected a .sql file with one SELECT"),
        (
            ["query", "filters/stimuli", "--layer", "pool"],
            "filters/stimuli needs a value for $filter; pass it as filter=… (--filter …)",
        ),
    ],
)
def test_a_wrong_option_is_refused_in_a_line(study: Study, arguments: list[str], message: str) -> None:
    told = run(*arguments, "--study", str(study.folder.root), code=2)
    assert message in told.stderr
    assert told.stderr.count("\n") == 1


def test_help_lists_the_options_of_the_query_that_is_named(tmp_path: Path) -> None:
    shown = run("query", "layers/profile", "--help").stdout
    general, own = shown.split("Options of layers/profile:")
    assert "--format" in general
    assert "--by <str>" in own
    assert "one of layer, block; default: layer" in " ".join(own.split())
    assert "Options of" not in run("query", "--help").stdout
    assert "Options of" not in run("query", "sets/summary", "--help").stdout
    assert "no query named 'nothing'" in run("query", "nothing", "--help", code=2).stderr
    file = tmp_path / "mine.sql"
    file.write_text("select $limit")
    assert "Options of mine:\n  --limit <str>" in run("plot", str(file), "--help").stdout


def test_every_declared_parameter_comes_before_those_of_the_statement_alone(tmp_path: Path) -> None:
    query = shipped_query("layers/profile")
    assert declared_parameters(query) == list(query.parameters)


def test_a_query_of_the_users_own_is_drawn(
    extracted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.sql").write_text(
        "-- Filters of every layer.\nselect layer, filters from layers where position >= $first order by filters"
    )
    there = ["--study", extracted]
    assert run("plot", "mine.sql", "--first", "1", *there).stdout == "mine.html\n"
    run("plot", "mine.sql", "--first", "1", "-o", "mine.json", *there)
    drawn = json.loads(Path("mine.json").read_text(encoding="utf-8"))
    assert drawn["title"] == {
        "text": ["Filters of every layer"],
        "subtitle": ["tiny · first 1", "filters by layer"],
    }
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["domain"] == ["colour", "pool", "sum"]
    assert run("plot", "select kind, count(*) as n from layers group by kind", *there).stdout == "sql.html\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["layers/significant"],
            "layers/significant has no rows for colours, tiny, index contrast, level 0.05, normalise filter, statistic "
            "maximum, so nothing is drawn: this index was not resampled; to resample it: toolbox significance colours",
        ),
        (["select layer, filters from layers where false"], "sql has no rows for tiny, so nothing is drawn"),
        (["select path, sha256 from stimuli"], "the columns of the result (path, sha256) cannot be drawn"),
    ],
)
def test_nothing_to_draw_is_an_error_and_leaves_no_file(
    extracted: str, arguments: list[str], message: str, tmp_path: Path
) -> None:
    figure = tmp_path / "figure.html"
    code = 2 if "cannot be drawn" in message else 1
    told = run("plot", *arguments, "--output", str(figure), "--study", extracted, code=code)
    assert message in told.stderr
    assert told.stderr.count("\n") == 1
    assert not figure.exists()
