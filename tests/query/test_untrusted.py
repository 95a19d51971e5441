"""SQL that nobody has read: a process of its own, the tightest limits, and nothing but the views of the study."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from toolbox import Study
from toolbox.cli import app
from toolbox.errors import QueryError, UnknownNameError, UsageError
from toolbox.query import ask, confinement, read_query, run
from toolbox.query.limits import UNTRUSTED, Limits
from toolbox.store.folder import StudyFolder


def written(folder: Path, sql: str) -> Path:
    """A file of somebody else."""
    file = folder / "theirs.sql"
    file.write_text(sql, encoding="utf-8")
    return file


def test_untrusted_sql_has_the_tightest_limits_in_a_process_of_its_own(
    tmp_path: Path, shared_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Limits] = []
    confined = confinement.confined

    def noted(name: str, limits: Limits) -> object:
        given.append(limits)
        return confined(name, limits)

    monkeypatch.setattr(confinement, "confined", noted)
    file = written(tmp_path, "select count(*) as n from responses")
    assert Study(shared_study).query(file, untrusted=True)["n"].item() == 48
    assert Study(shared_study).query("show tables", untrusted=True).height > 5
    assert given == [UNTRUSTED, UNTRUSTED]
    assert Limits(60.0, 1_000_000_000) == UNTRUSTED
    Study(shared_study).query(file)
    assert given[2].memory > UNTRUSTED.memory


BOMBS = {
    "memory": "select length(repeat('x', 3000000000)) as n",
    "memory of rows": "select i, i + 1 as j, i + 2 as k, i + 3 as l from range(100000000) t (i)",
    "time": "select levenshtein(repeat('x', 1000000), repeat('y', 1000000)) as n",
}


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_bombs_are_stopped_with_a_line(
    tmp_path: Path, shared_study: str, bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolbox.query.limits.UNTRUSTED", Limits(3.0, 500_000_000))
    begun = time.perf_counter()
    command = ["query", "--untrusted", str(written(tmp_path, BOMBS[bomb])), "--study", shared_study]
    found = CliRunner().invoke(app, command)
    assert isinstance(found.exception, QueryError)
    assert "\n" not in str(found.exception)
    assert any(word in str(found.exception) for word in ("3 s and was stopped", "0.5 GB", "0.125 GB"))
    assert time.perf_counter() - begun < 15


def test_a_query_that_ships_is_none_of_somebody_else(shared_study: str) -> None:
    with pytest.raises(UsageError, match="layers/profile ships with the toolbox"):
        Study(shared_study).query("layers/profile", untrusted=True)


def test_more_sql_than_anybody_reads_is_refused_before_it_is_parsed(
    tmp_path: Path, shared_study: str
) -> None:
    file = written(tmp_path, "select " + ", ".join(f"{number} as n{number}" for number in range(3000)))
    assert Study(shared_study).query(file).width == 3000
    with pytest.raises(UsageError, match=r"theirs has .* characters; expected at most 20,000"):
        Study(shared_study).query(file, untrusted=True)


@pytest.mark.parametrize(
    "sql",
    [
        "select getenv('HOME')",
        "select * from read_text('/etc/passwd')",
        "select * from glob('/*')",
        "from '/etc/passwd'",
        "select * from sniff_csv('/etc/passwd')",
        "select * from 'https://example.org/a.csv'",
        "select * from sqlite_scan('a.db', 'a')",
        "copy (select 1) to 'stolen.csv'",
        "install httpfs",
        "attach 'a.db'",
        "set lock_configuration = false",
        "select 1; select 2",
        "create table a as select 1",
        "pragma database_list",
        "select * from query('copy (select 1) to ''stolen.csv''')",
    ],
)
def test_untrusted_sql_reads_no_file_no_variable_and_no_address_and_writes_nothing(
    tmp_path: Path, shared_study: str, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = written(tmp_path, sql)
    with pytest.raises((QueryError, UsageError)) as caught:
        Study(shared_study).query(file, untrusted=True)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.sql"]


def _header(listed: str, value: str) -> str:
    return f"-- Theirs.\n--\n-- Parameters\n--   $a varchar = '{value}' {{{listed}}} any\nselect $a as a\n"


def test_a_header_of_somebody_else_makes_this_process_read_no_column(
    tmp_path: Path, shared_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header names a column that lists the values of a parameter: it too is read in a process of its own."""
    asked: list[str] = []
    rows = confinement.Confinement.rows

    def noted(self: confinement.Confinement, sql: str, values: object, readable: object) -> object:
        asked.append(sql)
        return rows(self, sql, values, readable)  # type: ignore[arg-type]

    monkeypatch.setattr(confinement.Confinement, "rows", noted)
    study = StudyFolder(Path(shared_study))
    assert (
        ask(study, read_query(written(tmp_path, _header("labels.category", "red")))).rows["a"].item() == "red"
    )
    assert len(asked) == 2
    assert "from labels" in asked[0]
    with pytest.raises(UnknownNameError, match=r"no a named 'rde'; did you mean 'red'\?"):
        ask(study, read_query(written(tmp_path, _header("labels.category", "rde"))))


def test_a_value_is_found_among_more_than_a_message_lists(
    tmp_path: Path, shared_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_LISTED", 1)
    study = StudyFolder(Path(shared_study))
    for category in ("red", "green"):
        file = written(tmp_path, _header("labels.category", category))
        assert ask(study, read_query(file)).rows["a"].item() == category
