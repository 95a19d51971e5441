"""SQL from anyone reads the study's tables and nothing else, writes nothing, and ends."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from pathlib import Path

import polars as pl
import pytest

from support.worked_examples import example_study
from toolbox.errors import QueryError, UnknownNameError
from toolbox.query import ask
from toolbox.query.limits import Limits
from toolbox.store.folder import StudyFolder

SECRET = "outside-9f3a"
IN_THE_MODULE = pl.DataFrame({"word": [SECRET]})

REFUSED = [
    ("copy (select 1) to '{out}'", "COPY"),
    ("copy responses to 'study://0-part-0.parquet'", "COPY"),
    ("copy responses from '{secret}'", "COPY"),
    ("with x as (copy (select 1) to '{out}') select * from x", "COPY"),
    ("select 1 where exists (with x as (copy responses to '{out}') select * from x)", "COPY"),
    (
        "with x as (copy (select * from labels) to 'study://0-labels.parquet') select * from responses, x",
        "COPY",
    ),
    ("with x as (insert into responses values ('a', 0, 0, 0, 0) returning *) select * from x", "INSERT"),
    ("with x as (delete from labels) select 1", "DELETE"),
    ("with x as (update labels set category = 'cat') select 1", "UPDATE"),
    ("select 1 union all (with x as (delete from labels) select 2)", "DELETE"),
    ("export database '{out}'", "EXPORT"),
    ("import database '{out}'", "PRAGMA"),
    ("attach '{out}'", "ATTACH"),
    ("attach '{out}' as copied (read_only)", "ATTACH"),
    ("detach memory", "DETACH"),
    ("use memory", "SET"),
    ("install httpfs", "LOAD"),
    ("load httpfs", "LOAD"),
    ("create table t (a integer)", "CREATE"),
    ("create temp table t as select 1", "CREATE"),
    ("create or replace view labels as select 1", "CREATE"),
    ("create macro f() as 1", "CREATE"),
    ("create secret s (type s3)", "CREATE"),
    ("insert into responses values ('a', 0, 0, 0, 0)", "INSERT"),
    ("update responses set maximum = 0", "UPDATE"),
    ("delete from responses", "DELETE"),
    ("truncate responses", "DELETE"),
    ("merge into labels using responses on true when matched then delete", "MERGE_INTO"),
    ("drop view responses", "DROP"),
    ("alter view responses rename to answers", "ALTER"),
    ("comment on view responses is 'mine'", "ALTER"),
    ("set threads = 1", "SET"),
    ("set enable_external_access = true", "SET"),
    ("set lock_configuration = false", "SET"),
    ("reset lock_configuration", "SET"),
    ("pragma threads = 1", "SET"),
    ("pragma database_list", "PRAGMA"),
    ("call pragma_version()", "CALL"),
    ("prepare p as select 1", "PREPARE"),
    ("execute p", "EXECUTE"),
    ("begin transaction", "TRANSACTION"),
    ("vacuum analyze", "VACUUM"),
    ("force checkpoint", "CALL"),
    ("explain select 1", "EXPLAIN"),
    ("explain analyze copy (select 1) to '{out}'", "EXPLAIN"),
    ("select 1; select 2", "SELECT, SELECT"),
    ("select 1; copy (select 1) to '{out}'", "SELECT, COPY"),
    ("pivot responses on layer using sum(maximum)", "MULTI"),
    ("-- nothing but a comment\n", "nothing"),
]

UNREADABLE = [
    "select * from '{secret}'",
    "select * from 'secret.csv'",
    'select * from "secret.csv"',
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('secret.csv')",
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from read_json_auto('{secret}')",
    "select * from read_ndjson_objects('{secret}')",
    "select * from sniff_csv('{secret}')",
    "select * from read_text('file://{secret}')",
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('/dev/stdin')",
    "select * from glob('/*')",
    "select * from glob('*')",
    "select * from glob('{root}/**')",
    "select (select content from read_text('{secret}')) as word",
    "select * from labels where category in (select content from read_text('{secret}'))",
    "select * from read_parquet('{table}')",
    "select * from read_parquet(['study://0-labels.parquet', '{table}'])",
    "select * from parquet_metadata('{table}')",
    "select * from parquet_schema('{table}')",
    "select * from parquet_kv_metadata('{table}')",
    "select * from '{table}'",
    "select * from read_parquet('study://stimuli.parquet')",
    "select * from 'study://study.toml'",
    "select * from read_csv('study://../secret.csv')",
    "select * from read_csv('study://{secret}')",
    "select * from read_duckdb('{out}')",
    "select * from 'https://example.org/table.parquet'",
    "select * from read_csv('http://127.0.0.1:9/table.csv')",
    "select * from 's3://bucket/table.parquet'",
    "select * from query('copy (select 1) to ''{out}''')",
    "select * from query('with x as (copy (select 1) to ''{out}'') select * from x')",
    "select * from labels, query('with x as (copy (select 1) to ''study://0-labels.parquet'') select * from x')",
    "select * from query('select * from read_text(''{secret}'')')",
    "select * from query_table('{secret}')",
    "select * from query_table('{table}')",
    "select * from on_the_spot",
    "select * from IN_THE_MODULE",
    "select getenv('HOME')",
    "select set_config('threads', '1')",
    "select * from duckdb_extensions()",
    "select * from arrow_scan(1, 2, 3)",
    "select * from st_read('{secret}')",
]

EMPTY = [
    "select * from read_text('study://study.toml')",
    "select * from read_text('study://{secret}')",
    "select * from read_text('study://../../secret.csv')",
    "select * from glob('study://*')",
    "select * from glob('study://../**')",
    "select * from duckdb_secrets()",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a secret and, beside it, a study."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "secret.csv").write_text(f"word,more\n{SECRET},1\n", encoding="utf-8")
    example_study("layers/profile/default", folder / "study")
    return folder


@pytest.fixture(autouse=True)
def there(place: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tests run where the secret lies, with a cache elsewhere."""
    assert not cache.is_relative_to(place)
    monkeypatch.chdir(place)
    return place


def state(place: Path) -> dict[str, tuple[str, int]]:
    """Digest and time of change of every file."""
    return {
        str(path.relative_to(place)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in place.rglob("*")
        if path.is_file()
    }


def filled(sql: str, place: Path) -> str:
    study = StudyFolder(place / "study")
    return sql.format(
        out=place / "out.parquet", secret=place / "secret.csv", table=study.stimuli("shapes"), root=place
    )


@pytest.mark.parametrize(("sql", "found"), REFUSED)
def test_anything_but_one_select_is_refused(sql: str, found: str, place: Path) -> None:
    before = state(place)
    with pytest.raises(QueryError) as caught:
        ask(StudyFolder(place / "study"), filled(sql, place))
    assert str(caught.value) == f"sql is refused: expected one SELECT, found {found}"
    assert state(place) == before


@pytest.mark.parametrize("sql", UNREADABLE)
def test_a_select_reads_nothing_outside_the_study(sql: str, place: Path) -> None:
    before = state(place)
    on_the_spot = pl.DataFrame({"word": [SECRET]})
    with pytest.raises((QueryError, UnknownNameError)) as caught:
        ask(StudyFolder(place / "study"), filled(sql, place))
    assert str(caught.value).startswith(("sql: ", "no view or formula named "))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert SECRET in on_the_spot["word"]
    assert SECRET not in str(caught.value)
    assert state(place) == before


@pytest.mark.parametrize("sql", EMPTY)
def test_what_does_not_fail_finds_nothing(sql: str, place: Path) -> None:
    """DuckDB refuses more of these from release to release."""
    before = state(place)
    with contextlib.suppress(QueryError):
        assert ask(StudyFolder(place / "study"), filled(sql, place)).rows.rows() == []
    assert state(place) == before


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("lock_configuration", True),
        ("enable_external_access", False),
        ("python_enable_replacements", False),
        ("autoload_known_extensions", False),
        ("autoinstall_known_extensions", False),
        ("allow_community_extensions", False),
        ("allow_unsigned_extensions", False),
        ("allow_persistent_secrets", False),
        ("allow_extension_repositories", "forbidden"),
        ("temp_directory", ""),
        ("max_temp_directory_size", "0 bytes"),
    ],
)
def test_the_connection_is_closed_to_the_outside(setting: str, expected: object, place: Path) -> None:
    rows = ask(StudyFolder(place / "study"), f"select current_setting('{setting}') as value").rows
    assert rows.rows() == [(expected,)]


@pytest.mark.parametrize(
    "sql",
    [
        "select * from responses",
        "from responses",
        "table responses",
        "select count(*) from RESPONSES;",
        'select count(*) from main."Responses" -- all of them',
        "with r as (select * from responses) select * from r join labels using (stimulus_id)",
        "select (select max(maximum) from responses) as peak",
        "select 1 as n union all select count(*) from responses",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select * from n, layers",
        "from responses pivot (max(maximum) for layer in ('stem', 'pool'))",
        "unpivot responses on maximum, mean",
        "describe responses",
        "summarize labels",
        "values (1), (2)",
        "select * from category_moments('mean')",
        "select * from selectivity('maximum', 'filter')",
        "select * from index_values('share', 'maximum', 'filter')",
    ],
)
def test_any_way_to_write_a_select_over_the_views_is_fine(sql: str, place: Path) -> None:
    assert ask(StudyFolder(place / "study"), sql).rows.height > 0


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(100000000000) a, range(1000000000) b",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n",
    ],
)
def test_an_endless_query_is_stopped(sql: str, place: Path) -> None:
    study = StudyFolder(place / "study")
    with pytest.raises(QueryError) as caught:
        ask(study, sql, limits=Limits(seconds=0.2))
    assert str(caught.value) == "sql took longer than 0.2 s and was stopped"
    assert ask(study, "select count(*) from labels").rows.rows() == [(6,)]


def test_the_timer_of_an_answered_query_ends_with_it(place: Path) -> None:
    ask(StudyFolder(place / "study"), "select 1 as one", limits=Limits(seconds=600))
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for timer in timers:
        timer.join(timeout=5)
    assert not any(timer.is_alive() for timer in timers)
