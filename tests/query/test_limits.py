"""SQL of a user keeps its limits of time and memory, whatever it calls, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from support.worked_examples import example_study
from toolbox.errors import QueryError, UsageError
from toolbox.query import Query, ask, confinement, run, shipped_query
from toolbox.query.across_models import ask_each
from toolbox.query.limits import LEAST_MEMORY, Limits
from toolbox.query.run import _computation
from toolbox.store import confined
from toolbox.store.folder import StudyFolder

SMALL = Limits(seconds=20, memory=600_000_000)
NESTED = "select * from " + "(select * from " * 500 + "(select 1) t" + ") t" * 500


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """The study of the worked examples."""
    return example_study("layers/profile/default", tmp_path_factory.mktemp("limits") / "study")


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that were started; none may be left."""
    processes: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            processes.append(self)

    monkeypatch.setattr(confinement.subprocess, "Popen", Noted)
    yield processes
    assert all(process.returncode is not None for process in processes)


def message(study: StudyFolder, sql: str, limits: Limits = SMALL) -> str:
    with pytest.raises(QueryError) as caught:
        ask(study, sql, limits=limits)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "select length(repeat('x', 3000000000))",
        "select length(printf('%1999999999d', 1))",
        "select len(range(1000000000))",
        "select len(list(i)) from range(1000000000) t (i)",
    ],
)
def test_a_statement_that_needs_too_much_memory_is_stopped(
    sql: str, study: StudyFolder, started: list[subprocess.Popen[bytes]]
) -> None:
    assert message(study, sql) == (
        "sql needed more than 0.6 GB of memory and was stopped; select fewer rows or columns, or aggregate them"
    )
    assert len(started) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select levenshtein(repeat('x', 1000000), repeat('y', 1000000))",
        "select max(factorial(33::integer) + i) from range(100000000000) t (i)",
    ],
)
def test_a_statement_that_notices_no_interrupt_is_stopped(
    sql: str, study: StudyFolder, started: list[subprocess.Popen[bytes]]
) -> None:
    begun = time.perf_counter()
    assert message(study, sql, Limits(0.5, SMALL.memory)) == "sql took longer than 0.5 s and was stopped"
    assert time.perf_counter() - begun < 10
    assert len(started) == 1


def test_rows_that_are_too_many_are_refused(study: StudyFolder) -> None:
    assert message(study, "select i, i + 1 as j, i + 2 as k from range(100000000) t (i)") == (
        "the rows of sql need more than 0.15 GB; select fewer rows or columns, or aggregate them"
    )


def test_any_machine_gives_a_statement_two_gigabytes_and_larger_ones_a_quarter() -> None:
    assert Limits().memory >= LEAST_MEMORY == 2e9
    assert Limits(memory=8 * LEAST_MEMORY).rows == 2 * LEAST_MEMORY


def test_an_interrupted_statement_ends(
    study: StudyFolder, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(confinement.Confinement, "_exchange", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(study, "select 1 as one")
    assert len(started) == 1


ORPHAN = """
import os, sys, threading, time
from pathlib import Path
from toolbox.query import ask, confinement
from toolbox.store.folder import StudyFolder
popen = confinement.subprocess.Popen
def noted(*arguments, **options):
    child = popen(*arguments, **options)
    print(child.pid, flush=True)
    return child
confinement.subprocess.Popen = noted
rows = "from range(100000000000) a, range(1000000000) b where a.range * b.range = 7"
ask(StudyFolder(Path(sys.argv[1])), f"select count(*) {rows}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process without parent is found by its number")
def test_no_statement_outlives_the_process_that_asked_it(study: StudyFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN, str(study.root)], stdout=subprocess.PIPE) as asking:
        assert asking.stdout
        child = int(asking.stdout.readline())
        time.sleep(1)
        asking.kill()
    end = time.monotonic() + 8  # long before the process would end by its own limit of time
    while is_running(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: int) -> bool:
    """Whether a process is there, and not only waits for somebody to read how it ended."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def test_the_memory_of_a_process_is_watched_where_the_system_does_not_limit_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends = list[str]()

    def end(kind: str, _: str = "") -> None:
        ends.append(kind)
        raise SystemExit

    monkeypatch.setattr(confined, "_end", end)
    request = confinement.StatementRequest(
        "",
        {},
        confinement.Readable(None),
        1,
        1_000_000,
        1,
        os.getppid(),  # type: ignore[arg-type]
    )
    with pytest.raises(SystemExit):
        confined._watch(request)
    assert ends == ["memory"]


def test_a_query_that_ships_ends_with_its_time(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a study of many more responses."""
    frame = run._frame
    long = "select count(*) from range(200000) a, range(100000) b where a.range * b.range = 7"
    monkeypatch.setattr(run, "_frame", lambda rows: frame(rows.query("rows", long)))
    with pytest.raises(QueryError, match=r"^layers/profile took longer than 0.5 s and was stopped$"):
        ask(study, "layers/profile", limits=Limits(0.5))


def test_a_query_that_ships_starts_no_process(
    study: StudyFolder, started: list[subprocess.Popen[bytes]]
) -> None:
    assert ask(study, "layers/profile").rows.height
    assert ask(study, "describe labels").rows.height
    assert started == []


def test_a_query_of_a_user_that_has_the_name_of_one_that_ships_is_a_user_s(
    study: StudyFolder, started: list[subprocess.Popen[bytes]]
) -> None:
    own = Query("layers/profile", shipped_query("layers/profile").sql)
    assert not own.ships
    with _computation(own, SMALL):
        assert len(started) == 1


def test_tables_and_values_reach_the_statement(study: StudyFolder) -> None:
    own = {"own": pl.DataFrame({"category": ["dog", "ä"], "warmth": [1.5, None]})}
    sql = "select category, warmth, $n as n from own order by warmth"
    answer = ask_each(study, sql, {"n": 3}, tables=own)
    assert answer.rows.rows() == [("dog", 1.5, 3), ("ä", None, 3)]


def test_modules_in_the_current_folder_are_not_imported(
    study: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "json", "pyarrow", "resource"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    assert ask(study, "select 1 as one").rows.rows() == [(1,)]


@pytest.mark.parametrize(
    ("value", "kind", "cast"),
    [
        ("interval 1 month", "INTERVAL", "epoch(x) for seconds, or x::varchar"),
        ("map {'a': 1}", "MAP(VARCHAR, INTEGER)", "map_entries(x), or x::varchar"),
        ("1::uhugeint", "UHUGEINT", "x::double, or x::varchar"),
        ("1::bignum", "BIGNUM", "x::double, or x::varchar"),
        ("'12:00:00+01'::timetz", "TIME WITH TIME ZONE", "x::time, or x::varchar"),
        ("'101'::bit", "BIT", "x::varchar"),
        ("union_value(n := 2)", "UNION(n INTEGER)", "x::varchar"),
        ("1::variant", "VARIANT", "x::varchar"),
        ("[interval 1 day]", "INTERVAL[]", "x::varchar"),
        ("{'d': interval 1 day}", "STRUCT(d INTERVAL)", "x::varchar"),
    ],
)
def test_a_type_that_no_other_program_reads_is_refused_with_its_cast(
    value: str, kind: str, cast: str, study: StudyFolder
) -> None:
    expected = f"sql: column 'x' is of type {kind}, which other programs cannot read; cast it, as in {cast}"
    assert message(study, f"select {value} as x") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("'infinity'::date", "dates in the years 1 to 9999"),
        ("['-infinity'::date]", "dates in the years 1 to 9999"),
        ("{'d': date '9999-12-31' + 1}", "dates in the years 1 to 9999"),
        ("'infinity'::timestamp", "dates in the years 1 to 9999"),
        ("'infinity'::timestamp_ns", "dates in the years 1 to 9999"),
        ("'infinity'::timestamptz", "dates in the years 1 to 9999"),
        ("timestamptz '9999-12-31 00:00:00+00'", "dates in the years 1 to 9999"),
        ("'24:00:00'::time", "times before 24:00"),
    ],
)
def test_a_date_or_time_that_no_other_program_reads_is_refused(
    value: str, expected: str, study: StudyFolder
) -> None:
    assert message(study, f'select {value} as "X"') == (
        f"sql: column 'X' has a value that other programs cannot read; expected {expected}; "
        'cast it, as in "X"::varchar'
    )


def test_types_that_other_programs_read_are_rows(study: StudyFolder) -> None:
    values = {
        "date '2020-02-29'": "2020-02-29",
        "time '23:59:59'": "23:59:59",
        "timestamp '9999-12-01'": "9999-12-01 00:00:00",
        "null::date": "None",
        "'a'::enum('a', 'b')": "a",
        "'00000000-0000-0000-0000-000000000001'::uuid": "00000000-0000-0000-0000-000000000001",
        "170141183460469231731687303715884105727::hugeint": "1.7014118346046923e+38",
        "1.5::decimal(38, 10)": "1.5",
        "[{'a': [1, 2]}]": "[{'a': [1, 2]}]",
    }
    columns = ", ".join(f"{value} as c{number}" for number, value in enumerate(values))
    (row,) = ask(study, f"select {columns}").rows.rows()
    assert list(map(str, row)) == list(values.values())


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("update extensions", "sql is refused: expected one SELECT, found UPDATE EXTENSIONS"),
        ("update extensions (httpfs)", "sql is refused: expected one SELECT, found UPDATE EXTENSIONS"),
        (NESTED, "the SQL is nested too deeply; name its inner parts in WITH"),
        ("select 1" + " + 1" * 500, "the SQL is nested too deeply; name its inner parts in WITH"),
        ("select '\ud800' as x", "sql has a character that UTF-8 cannot encode; remove it"),
        ("select 1 as a, 2 as a", "sql: 2 columns are named 'a'; give each a name of its own, with AS"),
        ("select case when i = 1500000 then error('late') end as x from range(2000000) t (i)", "sql: late"),
        ("select error(repeat('x', 100000)) as x", f"sql: {'x' * 500} …"),
    ],
    ids=range(8),
)
def test_what_cannot_be_answered_is_one_line(sql: str, expected: str, study: StudyFolder) -> None:
    assert message(study, sql) == expected


def test_sql_of_more_characters_than_anybody_writes_is_refused_before_it_is_parsed(
    study: StudyFolder, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"the SQL has 200,012 characters; expected at most 200,000; pass"):
        ask(study, f"select '{'x' * 200_000}' as")
    file = tmp_path / "long.sql"
    file.write_bytes(b"-- " + b"x" * 300_000)
    with pytest.raises(UsageError, match=r"long.sql has 300,003 characters"):
        ask(study, str(file))


@pytest.mark.parametrize("text", ["/*" * 90_000, "$$a" * 60_000, "'" * 199_001, '"' * 199_001])
def test_text_that_does_not_end_is_read_once(text: str) -> None:
    from toolbox.query.parameters import placeholders

    begun = time.perf_counter()
    placeholders(f"select {text}")
    assert time.perf_counter() - begun < 2


def test_a_crash_of_duckdb_is_one_line(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = confinement.Confinement._exchange

    def crash(process: confinement.Confinement, request: confinement.StatementRequest) -> tuple[bytes, str]:
        threading.Timer(0.3, process.child.send_signal, [11]).start()
        return exchange(process, request)

    monkeypatch.setattr(confinement.Confinement, "_exchange", crash)
    sql = "select count(*) from range(100000000000) a, range(1000000000) b"
    assert message(study, sql) == "sql made DuckDB crash (SIGSEGV); write it in another way"
