"""A bundle as a collaborator uses it: the examples of its page, its SQL in plain DuckDB, validators of others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from support.exchange_places import Place
from support.needs import skip_or_fail
from support.own_sql import seen
from toolbox import Study
from toolbox.exchange.bundle.credits import LICENCES
from toolbox.exchange.bundle.descriptions.snippets import SNIPPETS

ROOT = Path(__file__).parents[3]
VALIDATORS = "TOOLBOX_VALIDATORS"
"""Names a Python that has what validators.txt lists; .ci/run makes one."""
NOTES = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
"""Of small numbers of images and permutations, which are not what is tested."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(bundle: Path, language: str) -> list[str]:
    """The examples of a language on the page of a bundle."""
    return [code for found, code in _BLOCK.findall((bundle / "README.md").read_text()) if found == language]


def expected(study: Study) -> pl.DataFrame:
    """The response contrasts, by the toolbox's own query."""
    rows = study.query("selectivity/index", set="köpfe", scheme="category")
    return rows.select("layer", "filter", "category", "contrast").sort("layer", "filter", "category")


def assert_alike(found: pl.DataFrame, study: Study) -> None:
    rows = found.select("layer", "filter", "category", "contrast").sort("layer", "filter", "category")
    own = expected(study)
    assert rows.drop("contrast").cast(pl.String).equals(own.drop("contrast").cast(pl.String))
    pairs = list(zip(rows["contrast"].fill_nan(None), own["contrast"], strict=True))
    assert all((a is None) == (b is None) for a, b in pairs)
    assert all(a == pytest.approx(b, abs=1e-9) for a, b in pairs if a is not None)
    assert any(a for a, _ in pairs)


def test_every_example_is_on_the_page(of_rollups: Path) -> None:
    page = (of_rollups / "README.md").read_text()
    assert all(f"### {title}\n" in page for title in SNIPPETS)
    assert "<set>" not in page


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_in_python_run(of_rollups: Path, rich: Study, number: int, tmp_path: Path) -> None:
    code = blocks(of_rollups, "python")[number]
    written = tmp_path / "contrast.csv"
    saving = (
        f"contrast.write_csv({str(written)!r})"
        if number == 0
        else f"contrast.to_csv({str(written)!r}, index=False)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{saving}"],
        cwd=of_rollups,
        check=True,
        capture_output=True,
    )
    assert b"contrast" in run.stdout
    assert_alike(pl.read_csv(written), rich)


def test_the_page_states_which_example_no_test_runs(of_rollups: Path) -> None:
    page = (of_rollups / "README.md").read_text()
    untested = "this example is not run"
    assert [part.split("\n")[0] for part in page.split("### ") if untested in part] == ["MATLAB"]


def test_the_example_in_r_runs(of_rollups: Path, rich: Study, tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed; apt-get install r-base-core")
    has = subprocess.run(["Rscript", "-e", "library(nanoparquet)"], capture_output=True, check=False)
    if has.returncode:
        pytest.skip("R has no nanoparquet; Rscript -e 'install.packages(\"nanoparquet\")'")
    (code,) = blocks(of_rollups, "r")
    written = tmp_path / "contrast.csv"
    script = tmp_path / "example.R"
    script.write_text(f'{code}\nwrite.csv(contrast, "{written}", row.names = FALSE)\n', encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(["Rscript", str(script)], cwd=of_rollups, check=True, env=environment)
    assert_alike(pl.read_csv(written, null_values="NA"), rich)


def in_duckdb(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> duckdb.DuckDBPyConnection:
    """DuckDB in the folder of a bundle, with its views."""
    monkeypatch.chdir(bundle)
    connection = duckdb.connect()
    for name in ("views.sql", "queries.sql"):
        connection.execute((bundle / name).read_text(encoding="utf-8"))
    return connection


def test_the_example_in_duckdb_runs(of_rollups: Path, rich: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks(of_rollups, "sql")
    monkeypatch.chdir(of_rollups)
    whole = re.sub(r"^\.read (.*)$", lambda found: Path(found[1]).read_text(), code, flags=re.MULTILINE)
    rows = duckdb.connect().sql(whole).pl()
    order = ["contrast", "layer", "filter", "category"]
    descending = [True, False, False, False]
    own = expected(rich).sort(order, descending=descending, nulls_last=True).head(5)
    assert rows.rows() == own.rows()


@NOTES
@pytest.mark.parametrize(
    "query",
    ["selectivity/index", "layers/profile", "selectivity/ranks", "selectivity/reliability", "sets/summary"],
)
def test_queries_give_the_rows_of_the_toolbox(
    shared: Path, rich: Study, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = in_duckdb(shared, monkeypatch)
    narrowed = {} if query.startswith("sets") else {"set": "köpfe", "scheme": "category"}
    own = rich.query(query, **narrowed)
    rows = connection.sql(f'from "{query}"').pl()
    assert rows.columns == own.columns
    assert rows.height == own.height > 0
    plain = [name for name, kind in own.schema.items() if kind in (pl.String, pl.Int32, pl.Int64)]
    assert rows.select(plain).cast(pl.String).rows() == own.select(plain).cast(pl.String).rows()


@NOTES
def test_related_filters_are_those_of_the_toolbox(
    shared: Path, rich: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = in_duckdb(shared, monkeypatch)
    for query in ("relation/filters", "relation/layers", "relation/variables"):
        chosen = {} if query.endswith("variables") else {"parameter": "age", "given": "category"}
        for name, value in chosen.items():
            connection.execute(f"set variable {name} = '{value}'")
        own = rich.query(query, set="köpfe", scheme="category", **chosen)
        rows = connection.sql(f'from "{query}"').pl()
        assert rows.columns == own.columns and rows.height == own.height > 0
        for name, kind in own.schema.items():
            pairs = [*zip(rows[name], own[name], strict=True)]
            assert all(a == (pytest.approx(b) if kind.is_float() else b) for a, b in pairs), (query, name)


def test_every_query_of_a_bundle_runs_or_names_what_it_needs(
    of_rollups: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = re.compile(r"set variable \w+ = …, first|this bundle has no responses")
    for bundle in (of_rollups, shared):
        connection = in_duckdb(bundle, monkeypatch)
        views = connection.sql(
            "select view_name from duckdb_views() where not internal and view_name like '%/%'"
        )
        names = [name for (name,) in views.fetchall()]
        assert len(names) > 15
        failed = {}
        for name in names:
            try:
                connection.sql(f'from "{name}"').fetchall()
            except duckdb.Error as error:
                failed[name] = str(error)
        assert {name: text for name, text in failed.items() if not needed.search(text)} == {}
        assert len(failed) < len(names) / 2


def test_without_responses_no_query_of_ranks_returns_silently_nothing(
    of_rollups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = in_duckdb(of_rollups, monkeypatch)
    with pytest.raises(duckdb.Error, match="this bundle has no responses"):
        connection.sql('from "selectivity/ranks"').fetchall()


def test_another_set_and_parameters_are_chosen_by_variables(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = in_duckdb(shared, monkeypatch)
    assert connection.sql("select count(*) from stimuli").fetchall() == [(12,)]
    connection.execute("set variable set = 'kopfe'")
    assert connection.sql("select count(*) from stimuli").fetchall() == [(2,)]
    assert connection.sql("select distinct category from labels order by all").fetchall() == [
        ("dark",),
        ("light",),
    ]
    connection.execute("set variable layer = 'sum'; set variable filter = 0")
    assert len(connection.sql('from "tuning/category"').fetchall()) == 2


@NOTES
def test_variables_are_those_of_the_study(shared: Path, rich: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = in_duckdb(shared, monkeypatch)
    for view in ("variables", "property_values", "labels", "layers"):
        own = rich.query(seen(f"select * from {view} order by all"), set="köpfe", scheme="category")
        assert connection.sql(f"select * from {view} order by all").pl().rows() == own.rows(), view
    own = rich.query(seen("select * from parameters where parameter <> 'site' order by all"), set="köpfe")
    rows = connection.sql("select * from parameters where parameter <> 'site' order by all").pl()
    assert rows.rows() == own.rows()


@NOTES
def test_no_name_is_a_mark_on_a_page(rich: Study, made: Place, tmp_path: Path) -> None:
    """Titles and categories of somebody else, on pages that a browser or an editor renders."""
    study = Study(shutil.copytree(made.study, tmp_path / "copy"))
    record = tmp_path / "copy" / "study.toml"
    titled = re.sub(
        "^title = .*$", 'title = "<script>alert(1)</script> [x](y)"', record.read_text(), flags=re.MULTILINE
    )
    record.write_text(titled)
    rows = [
        f"{number},{'<img src=x onerror=alert(2)>' if number % 2 else '`a` | *b*'}" for number in range(12)
    ]
    (tmp_path / "marks.csv").write_text("\n".join(["stimulus_id,category", *rows]))
    study.label("köpfe", scheme="marks", source=tmp_path / "marks.csv")
    study.share(tmp_path / "bundle", set="köpfe", scheme="marks", report=True)
    html, markdown = r"<img src=x|<script>alert", r"`a`|\*b\*|\[x\]\(y\)"
    for page, marks in (
        ("README.md", f"{html}|{markdown}"),
        ("methods.md", f"{html}|{markdown}"),
        ("report.html", html),
    ):
        text = re.sub(r"\\[<>|*`\[\]]", "", (tmp_path / "bundle" / page).read_text())
        assert "alert(" in text
        assert not re.search(marks, text), page


@pytest.mark.parametrize("kind", ["shared", "of_rollups", "credited"])
def test_validators_find_nothing_wrong(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    python = os.environ.get(VALIDATORS)
    if not python:
        skip_or_fail(
            f"{VALIDATORS} names no Python with tests/exchange/bundle/validators.txt; .ci/run makes one"
        )
    bundle = request.getfixturevalue(kind)
    script = ROOT / "tests" / "support" / "validate_bundle.py"
    run = subprocess.run(
        [python, str(script), str(bundle), *LICENCES],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    found = json.loads(run.stdout.splitlines()[-1])
    assert found == {"frictionless": [], "croissant": [], "ro-crate": [], "citation": [], "licences": []}


def test_the_citation_is_valid_yaml_with_what_must_be_there(shared: Path) -> None:
    text = (shared / "CITATION.cff").read_text()
    assert "cff-version: 1.2.0\n" in text
    assert re.search(r"^date-released: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert re.search(r"^title: \"Selectivity of filters: ", text, re.MULTILINE)


def test_the_data_package_describes_every_column(shared: Path) -> None:
    package = json.loads((shared / "datapackage.json").read_text())
    for resource in package["resources"]:
        assert "bytes" not in resource
        names = pl.read_parquet_schema(shared / resource["path"]).names()
        assert [field["name"] for field in resource["schema"]["fields"]] == names
        assert all(field["description"] for field in resource["schema"]["fields"])
