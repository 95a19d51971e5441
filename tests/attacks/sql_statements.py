"""SQL that tries to leave a study: some 300 statements, asked as a user asks them.

    python tests/attacks/sql_statements.py

Beside the study there is a secret, and its name is in the environment. For every statement that does not end in rows
or in one line, that shows the secret, or after which a file differs, the script prints what happened; at the end the
counts. Expected: left: 0, tracebacks: 0, several lines: 0.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

SECRET = "outside-9f3a"
READERS = (
    "read_text", "read_blob", "read_csv", "read_csv_auto", "sniff_csv", "read_json", "read_json_auto", "read_ndjson",
    "read_ndjson_objects", "read_json_objects", "read_json_objects_auto", "read_parquet", "parquet_scan",
    "parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata", "parquet_bloom_probe",
    "read_duckdb", "glob", "query_table", "query", "st_read", "read_xlsx", "sqlite_scan", "postgres_scan",
    "mysql_scan", "iceberg_scan", "delta_scan", "arrow_scan", "pandas_scan", "python_map_function", "read_avro",
)  # fmt: skip
PLACES = (
    "{secret}", "file://{secret}", "study://{secret}", "study://../secret.csv", "/etc/passwd", "/proc/self/environ",
    "http://127.0.0.1:9/x.csv", "s3://bucket/x.parquet",
)  # fmt: skip
CATALOGUES = (
    "duckdb_settings", "duckdb_secrets", "duckdb_extensions", "duckdb_databases", "duckdb_functions", "duckdb_tables",
    "duckdb_views", "duckdb_variables", "duckdb_temporary_files", "duckdb_memory", "duckdb_logs", "duckdb_optimizers",
    "duckdb_keywords", "duckdb_prepared_statements", "duckdb_external_file_cache", "pragma_database_size",
    "pragma_storage_info", "pragma_user_agent", "pragma_platform", "pragma_version", "which_secret",
    "duckdb_secret_types", "duckdb_log_contexts", "checkpoint", "force_checkpoint", "repeat_row", "test_all_types",
    "icu_calendar_names", "pg_timezone_names",
)  # fmt: skip
VALUES = (
    "getenv('SECRET')", "current_setting('home_directory')", "current_setting('temp_directory')",
    "set_config('threads', '1')", "getvariable('x')", "current_user", "current_database()", "current_query()",
    "pg_read_file('{secret}')", "load_file('{secret}')", "system('id')", "shell('id')", "txid_current()",
    "current_setting('secret_directory')", "current_setting('extension_directory')", "writefile('{out}', 'x')",
    "write_log('x')", "nextval('s')", "add_parquet_key('k', '0123456789112345')", "in_search_path('main', 'main')",
    "parse_path('{secret}')", "file_exists('{secret}')", "http_get('http://127.0.0.1:9')", "uuid()",
    "read_text('{secret}')", "error('{secret}')", "create_sort_key(1, 'asc')",
    "__internal_compress_string_ubigint('a')",
    "sleep_ms(1)", "vector_type(1)", "stats(1)", "current_connection_id()", "current_transaction_id()", "version()",
)  # fmt: skip
STATEMENTS = (
    "copy (select 1) to '{out}'", "copy labels from '{secret}'", "copy labels to 'study://0-labels.parquet'",
    "copy from database memory to x", "export database '{out}'", "import database '{out}'", "attach '{out}'",
    "attach '{secret}' (type sqlite)", "attach 'http://127.0.0.1:9/x'", "attach ':memory:' as x", "detach memory",
    "use memory", "install httpfs", "install '{secret}'", "install httpfs from community", "force install httpfs",
    "load httpfs", "load '{secret}'", "update extensions", "update extensions (httpfs)", "create table t as select 1",
    "create temp table t (a int)", "create view v as select 1", "create or replace view labels as select 1",
    "create macro f() as 1", "create function f(x) as x", "create secret s (type s3)", "create schema s",
    "create persistent secret s (type http)", "create type t as enum ('a')", "create sequence s", "drop secret s",
    "create index i on labels (category)", "insert into labels values (1, 'a')", "update labels set category = 'a'",
    "delete from labels", "truncate labels", "drop view labels", "drop table labels", "alter view labels rename to l",
    "merge into labels using labels l on true when matched then delete", "comment on view labels is 'x'",
    "set threads = 1", "set global threads = 1", "set variable x = 1", "reset threads",
    "set lock_configuration = false",
    "set enable_external_access = true", "set allowed_directories = ['/']", "set disabled_filesystems = ''",
    "set secret_directory = '/'", "set home_directory = '/'", "set memory_limit = '1TB'", "set search_path = 'x'",
    "pragma database_list", "pragma threads = 1", "pragma enable_profiling", "pragma profiling_output = '{out}'",
    "pragma enable_logging", "pragma version", "pragma show_tables", "pragma storage_info('labels')",
    "call pragma_version()", "call enable_logging()", "call query('select 1')", "prepare p as select 1", "execute p",
    "deallocate p", "begin", "commit", "rollback", "vacuum", "analyze", "checkpoint", "force checkpoint",
    "explain select 1", "explain analyze select 1", "explain analyze copy (select 1) to '{out}'", "show databases",
    "show all tables", "show variables", "select 1; select 2", "select 1; copy (select 1) to '{out}'", ";", "--", "/*",
    "pivot labels on category using count(*)", "summarize labels", "describe labels", "from '{secret}'",
    "select * from '{secret}'", "select * from '{table}'", 'select * from "{secret}"', "select * from SECRET",
    "select * from on_the_spot", "select * from query('copy (select 1) to ''{out}''')",
    "with x as (copy (select 1) to '{out}') select * from x", "with x as (delete from labels) select 1",
    "select * from (show databases)", "select * from (describe labels)", "select (select 1 union all select 2)",
    "select * from read_text(getvariable('x'))", "select * from read_csv(['{secret}', '{table}'])",
    "select * from read_parquet('study://*')", "select * from read_parquet('study://0-labels.parquet')",
    "select * from read_csv('study://0-labels.parquet')", "select * from read_blob('study://0-labels.parquet')",
    "select * from labels positional join read_text('{secret}')", "select * from labels, lateral (from '{secret}')",
    "select 1 at (version => 1)", "from labels at (timestamp => now())", "select * from information_schema.tables",
    "select * from pg_catalog.pg_settings", "select * from sqlite_master", "select * from memory.main.labels",
    "select * from system.main.duckdb_settings", "select * from temp.x", "table labels", "values (1)",
    "execute immediate 'select 1'", "select 'a' into outfile '{out}'", "select load_extension('{secret}')",
    "select 1 \x00 ; copy (select 1) to '{out}'", "select 1 -- \r copy", "\ufeffselect 1", "select '\ud800'",
    ".read {secret}", ".shell id", "\\copy labels to '{out}'", "lock tables", "grant all on labels to x",
    "select * from " + "(select * from " * 500 + "(select 1) t" + ") t" * 500, "select " + "(" * 5000 + ")" * 5000,
    "select 1 as a, 2 as a", "select interval 1 day", "select 'infinity'::date", "select union_value(a := 1)",
)  # fmt: skip


def statements() -> Iterator[str]:
    """All statements."""
    for reader, place in product(READERS, PLACES[:5]):
        yield f"select * from {reader}('{place}')"
    for place in PLACES:
        yield f"select content from read_text('{place}')"
        yield f"select * from '{place}'"
    for name in CATALOGUES:
        yield f"select * from {name}()"
    for value in VALUES:
        yield f"select {value} as value"
    yield from STATEMENTS


def state(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def outcome(study: Path, sql: str) -> str:
    """What comes of a statement: `rows` or `a line`, else what is wrong."""
    from toolbox import Study, ToolboxError

    on_the_spot = SECRET
    try:
        text = str(Study(study).answer(sql).rows.rows())
    except ToolboxError as error:
        text = str(error)
        if "\n" in text:
            return f"several lines: {text}"
        return "left: its message" if on_the_spot in text else "a line"
    except BaseException as error:
        return f"traceback: {type(error).__name__} {error}"
    return f"left: {text[:200]}" if on_the_spot in text or "root:x" in text else "rows"


def main() -> None:
    """Ask all statements, and print the counts."""
    from support.worked_examples import example_study

    with TemporaryDirectory() as name:
        place = Path(name).resolve() / "place"
        place.mkdir()
        os.environ |= {"SECRET": SECRET, "TOOLBOX_CACHE": str(Path(name) / "cache")}
        (place / "secret.csv").write_text(f"word,more\n{SECRET},1\n", encoding="utf-8")
        study = example_study("layers/profile/default", place / "study")
        os.chdir(place)
        names = {"secret": place / "secret.csv", "out": place / "out.csv", "table": study.stimuli("shapes")}
        before, counts = state(place), Counter[str]()
        for statement in statements():
            sql = statement
            for key, path in names.items():
                sql = sql.replace(f"{{{key}}}", str(path))
            found = outcome(study.root, sql)
            if state(place) != before:
                found = "left: files differ"
                before = state(place)
            counts[found.partition(":")[0]] += 1
            if found not in ("rows", "a line"):
                print(f"{sql[:100]!r}: {found[:200]}", flush=True)
        print(f"{counts.total()} statements; {', '.join(f'{key}: {n}' for key, n in counts.most_common())}")


if __name__ == "__main__":
    main()
