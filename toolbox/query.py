"""One `.sql` file is one result. Owns the header contract, the gate for SQL, and running it over a study.

A query's header is its documentation and its contract (see `queries/`): a title, paragraphs, `Source:`, then

    -- Parameters
    --   $name  type = default  {choice, choice}  description
    -- Columns
    --   name   type  description

The choices of a parameter may be a column of a view, as in {layers.layer}; a value must then be one of its values.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from toolbox.content import content_folder
from toolbox.errors import CardError, QueryError, UnknownNameError, UsageError
from toolbox.store.database import VIEWS, Choice, Database, open_database
from toolbox.store.folder import StudyFolder

TIME_LIMIT = 600.0
"""Seconds after which a query is stopped."""

TYPES = {"varchar": str, "integer": int, "bigint": int, "double": float, "boolean": bool}
_READING = ("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")
"""What a SELECT may be made of; DuckDB takes COPY, INSERT, UPDATE and DELETE inside WITH for a SELECT too."""

_PARAMETER = re.compile(r"\$(\w+)\s+(\w+)(?:\s*=\s*('[^']*'|[^\s{]+))?(?:\s+\{([^}]*)\})?\s*(.*)")
_COLUMN = re.compile(r"(\w+)\s+(\w+)\s*(.*)")
_MACRO = re.compile(r"create\s+macro\s+(\w+)\s*\([^)]*\)\s*as\s+table\s+(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Parameter:
    """A `$name` of a query; without a default it must be given."""

    name: str
    type: str
    default: Any
    required: bool
    choices: tuple[str, ...]
    description: str

    @property
    def listed_in(self) -> tuple[str, str] | None:
        """View and column that hold the choices, where the header names them as {view.column}."""
        found = re.fullmatch(r"([a-z]\w*)\.(\w+)", self.choices[0]) if len(self.choices) == 1 else None
        return (found[1], found[2]) if found else None


@dataclass(frozen=True)
class Column:
    """A column of a query's result."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Query:
    """A `.sql` file: its header and its one SELECT."""

    name: str
    sql: str
    title: str = ""
    description: str = ""
    source: str = ""
    parameters: tuple[Parameter, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def header(self) -> str:
        """The documentation as it stands in the file, without comment signs."""
        lines = takewhile(lambda line: line.startswith("--"), self.sql.splitlines())
        return "\n".join(line[2:].removeprefix(" ") for line in lines)


@dataclass(frozen=True)
class Answer:
    """The rows of a query, where they come from, and what a reader should know."""

    rows: pl.DataFrame
    provenance: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def query_names() -> list[str]:
    """Names of all shipped queries, `stage/result`."""
    folder = content_folder("queries")
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*.sql"))


def query_table() -> pl.DataFrame:
    """Name and title of all shipped queries."""
    queries = [shipped_query(name) for name in query_names()]
    return pl.DataFrame({"query": [q.name for q in queries], "title": [q.title for q in queries]})


def shipped_query(name: str) -> Query:
    """The query of a name such as 'layers/profile'.

    Raises: UnknownNameError, CardError when its header breaks the contract.
    """
    if name not in query_names():
        raise UnknownNameError("query", name, query_names(), "toolbox query --list shows them all")
    return read_query(content_folder("queries") / f"{name}.sql", name)


def read_query(path: Path, name: str = "") -> Query:
    """A query from a file. A user's own file may have a header or none.

    Raises: UsageError when there is no such file; CardError when its header breaks the contract.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}; expected a .sql file with one SELECT")
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark in front
    except UnicodeDecodeError as error:
        raise CardError(f"{path} is not text in UTF-8; save it as such") from error
    title, sections = _sections(text)
    return Query(
        name=name or path.stem,
        sql=text,
        title=title.rstrip("."),
        description="\n".join(sections["description"]).strip(),
        source=" ".join(sections["source"]),
        parameters=tuple(_parameter(path, line) for line in sections["parameters"]),
        columns=tuple(_column(path, line) for line in sections["columns"]),
    )


def ask(
    study: StudyFolder,
    query: Query | str,
    parameters: Mapping[str, Any] | None = None,
    choice: Choice | None = None,
    *,
    time_limit: float = TIME_LIMIT,
) -> Answer:
    """Run a query over a study, read-only.

    Args:
        query: a shipped query's name, a `Query`, or SQL text (one SELECT over the views).
        parameters: values of its `$parameters`; text is converted to the declared type.
        choice: set, model and scheme, where the study holds several.
        time_limit: seconds.

    Returns: rows as a polars frame, with provenance.
    Raises: QueryError when the SQL is refused, fails or takes too long; UsageError for a parameter.
    """
    if isinstance(query, str):
        query = shipped_query(query) if _is_name(query) else Query("sql", query)
    _hold_single_select(query)
    values = _values(query, parameters or {})
    views, macros = _needs(query)
    try:
        with (
            closing(open_database(study, views, choice, macros=macros)) as database,
            _interrupted_after(database, time_limit),
        ):
            _hold_listed_values(database, query, values)
            rows = database.connection.sql(query.sql, params=values).pl()
    except duckdb.InterruptException as error:
        raise QueryError(f"{query.name} took more than {time_limit:g} s and was stopped") from error
    except duckdb.Error as error:
        raise QueryError(f"{query.name}: {_first_lines(error)}") from error
    provenance = {**database.provenance, "query": query.name, "sql": query.sql, "parameters": values}
    return Answer(rows, {**provenance, "rows": rows.height}, tuple(database.remarks))


def _is_name(text: str) -> bool:
    """Whether text is meant as the name of a query, not as SQL."""
    return not re.search(r"\s", text.strip())


def _sections(text: str) -> tuple[str, dict[str, list[str]]]:
    """The comment lines in front of the SQL, sorted by the section they stand in."""
    sections: dict[str, list[str]] = {"description": [], "source": [], "parameters": [], "columns": []}
    title, current = "", "description"
    for line in takewhile(lambda line: line.startswith("--"), text.splitlines()):
        content = line[2:].strip()
        if not title:
            title = content
        elif content in ("Parameters", "Columns"):
            current = content.lower()
        elif content.startswith("Source:"):
            current = "source"
            sections[current].append(content.removeprefix("Source:").strip())
        elif content:
            sections[current].append(content)
        elif current == "description":
            sections[current].append("")
    return title, sections


def _parameter(path: Path, line: str) -> Parameter:
    found = _PARAMETER.fullmatch(line)
    if not found or found[2] not in TYPES:
        raise CardError(
            f"{path}: {line!r} is not a parameter; expected: $name type = default {{choices}} description, "
            f"with a type of {', '.join(TYPES)}"
        )
    name, type_name, default, choices, description = found.groups()
    listed = tuple(choice.strip() for choice in choices.split(",")) if choices else ()
    try:
        value = None if default in (None, "null") else _converted(name, type_name, default.strip("'"))
    except UsageError as error:
        raise CardError(f"{path}: {error} as the default in {line!r}") from error
    return Parameter(name, type_name, value, default is None, listed, description)


def _column(path: Path, line: str) -> Column:
    found = _COLUMN.fullmatch(line)
    if not found or found[2] not in TYPES:
        raise CardError(f"{path}: {line!r} is not a column; expected: name type description")
    return Column(*found.groups())


def _converted(name: str, type_name: str, value: Any) -> Any:
    """A value as the declared type; text is read, whole numbers may stand for decimals."""
    expected = TYPES[type_name]
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) is expected:
        return value
    try:
        if isinstance(value, str) and expected in (int, float):
            return expected(value)
        if expected is float and type(value) is int:
            return float(value)
        if isinstance(value, str) and expected is bool and value in ("true", "false"):
            return value == "true"
    except ValueError:
        pass  # said below, as for every other misfit
    raise UsageError(f"${name} is {value!r}; expected a value of type {type_name}")


def _values(query: Query, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for every parameter of the statement: given, or the default."""
    named = duckdb.extract_statements(query.sql)[0].named_parameters
    declared = {parameter.name: parameter for parameter in query.parameters}
    values: dict[str, Any] = {}
    for name in given:
        if name not in named:
            raise UnknownNameError(f"parameter of {query.name}", name, named)
    for name in sorted(named):
        parameter = declared.get(name)
        is_missing = name not in given if parameter is None else parameter.required and given.get(name) is None
        if is_missing:
            raise UsageError(f"{query.name} needs a value for ${name}; give it as --param {name}=…")
        values[name] = given[name] if parameter is None else _value(parameter, given.get(name))
    return values


def _value(parameter: Parameter, given: Any) -> Any:
    """What a declared parameter becomes: its default for None, else the given value as its type."""
    if given is None:
        return parameter.default
    value = _converted(parameter.name, parameter.type, given)
    if parameter.choices and not parameter.listed_in:
        choices = [_converted(parameter.name, parameter.type, choice) for choice in parameter.choices]
        if value not in choices:
            raise UsageError(f"${parameter.name} is {value!r}; expected one of {', '.join(parameter.choices)}")
    return value


def _hold_listed_values(database: Database, query: Query, values: Mapping[str, Any]) -> None:
    """Refuse a value that the column named in the header does not hold: an empty result would hide a typing error."""
    for parameter in query.parameters:
        value = values.get(parameter.name)
        if value is not None and parameter.listed_in:
            view, column = parameter.listed_in
            rows = database.connection.sql(f"select distinct {column}::varchar from {view}").fetchall()
            known = [name for (name,) in rows if name is not None]
            if str(value) not in known:
                raise UnknownNameError(parameter.name, str(value), known)


def _hold_single_select(query: Query) -> None:
    """Accept exactly one statement, a SELECT: the views are read-only, but so must be everything else."""
    try:
        statements = duckdb.extract_statements(query.sql)
    except duckdb.Error as error:
        raise QueryError(f"{query.name}: {_first_lines(error)}") from error
    kinds = [statement.type.name for statement in statements]
    if kinds == ["SELECT"]:
        parts = _kinds(query.sql)
        kinds = [kind.removesuffix("_QUERY_NODE") for kind in parts if kind not in _READING]
        if parts and not kinds:
            return
    raise QueryError(f"{query.name} is refused: expected one SELECT, found {', '.join(kinds) or 'nothing'}")


def _needs(query: Query) -> tuple[set[str], list[str]]:
    """The views a statement reads, through macros too, and the macros to make, in the order of their file."""
    macros = _macros()
    names = _tables(query.sql)
    names |= {item.listed_in[0] for item in query.parameters if item.listed_in}
    wanted: set[str] = set()
    while fresh := {name for name in names if name in macros and name not in wanted}:
        wanted |= fresh
        names |= {table for name in fresh for table in _tables(macros[name][1])}
    return names & set(VIEWS), [statement for name, (statement, _) in macros.items() if name in wanted]


@cache
def _macros() -> dict[str, tuple[str, str]]:
    """Table macros of `queries/macros.sql`: name -> (its CREATE statement, its SELECT)."""
    path = content_folder("queries") / "macros.sql"
    macros: dict[str, tuple[str, str]] = {}
    for statement in duckdb.extract_statements(path.read_text(encoding="utf-8")):
        found = _MACRO.search(statement.query)
        if not found:
            raise CardError(f"{path}: only `create macro name(…) as table select …` may stand there")
        macros[found[1]] = (statement.query, found[2].rstrip().rstrip(";"))
    return macros


def _tables(sql: str) -> set[str]:
    """Names of all tables and table functions in a SELECT, from DuckDB's own parser."""
    names = set()
    for node in _nodes(sql):
        if node.get("type") == "BASE_TABLE":
            names.add(str(node["table_name"]).lower())
        elif node.get("type") == "TABLE_FUNCTION":
            names.add(str(node["function"]["function_name"]).lower())
    return names


def _kinds(sql: str) -> list[str]:
    """Kinds of all queries that a SELECT is made of, itself included."""
    return sorted({str(node["type"]) for node in _nodes(sql) if str(node.get("type")).endswith("_NODE")})


@lru_cache(maxsize=256)
def _nodes(sql: str) -> tuple[dict[str, Any], ...]:
    """All objects in the syntax tree of a SELECT."""
    row = _parser().cursor().execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
    nodes, waiting = [], [json.loads(row[0])] if row else []
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            nodes.append(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return tuple(nodes)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection without tables, kept for its parser: opening one takes longer than many a query."""
    return duckdb.connect(":memory:")


@contextmanager
def _interrupted_after(database: Database, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, database.connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _first_lines(error: Exception) -> str:
    """DuckDB's message on one line, without the excerpt of the SQL or, for an error in the window, a traceback."""
    text = str(error).split("\n\nLINE")[0].strip()
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1]
    return " ".join(text.split())
