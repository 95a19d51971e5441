"""The syntax of a query, from DuckDB's own parser. Owns the gate for SQL, and which views and macros a query needs."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from toolbox.content import content_folder
from toolbox.errors import CardError, QueryError
from toolbox.query.expansion import expand
from toolbox.query.header import Query, query_names, shipped_query
from toolbox.query.syntax_memory import recall_syntax, remember_syntax
from toolbox.store.views import VIEWS

_READING = ("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")
"""What a SELECT may be made of; DuckDB takes COPY, INSERT, UPDATE and DELETE inside WITH for a SELECT too."""
_MACRO = re.compile(r"create\s+macro\s+(\w+)\s*\([^)]*\)\s*as\s+(table\s)?(.*)", re.IGNORECASE | re.DOTALL)


_MOST_MESSAGE = 500
"""Characters of a message of DuckDB, which repeats what the SQL contains."""
_known: dict[str, Syntax] = {}
"""Texts that were parsed, or recalled, in this process."""


@dataclass(frozen=True)
class Syntax:
    """What a SELECT is made of.

    Attributes:
        parameters: names of its `$parameters`.
        tables: names of all tables, WITH's own among them.
        functions: names of all functions, of tables and of values.
    """

    parameters: tuple[str, ...]
    tables: tuple[str, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Macro:
    """A macro, of a table or of a value: the statement that creates it, and what it is made of."""

    statement: str
    is_table: bool
    tables: Sequence[str]
    functions: Sequence[str]


def parse_select(query: Query) -> Syntax:
    """Accept exactly one statement, a SELECT: the views are read-only, but so must be everything else.

    Raises: QueryError for anything else.
    """
    if query.sql not in _known:
        _check_encodable(query)
        _known[query.sql] = _recall_select(query.sql) or _parse(query)
    return _known[query.sql]


def _check_encodable(query: Query) -> None:
    """Refuse half of a character; Python makes it of a command's bytes too, where the locale does not know them."""
    try:
        query.sql.encode()
    except UnicodeEncodeError as error:
        if "\udc80" <= query.sql[error.start] <= "\udcff":
            raise
        raise QueryError(f"{query.name} has a character that UTF-8 cannot encode; remove it") from error


def _recall_select(sql: str) -> Syntax | None:
    """What is remembered of a SELECT that ships."""
    with contextlib.suppress(TypeError):  # nothing, or another version remembered something else
        return Syntax(**{name: tuple(values) for name, values in recall_syntax(sql).items()})
    return None


def _parse(query: Query) -> Syntax:
    """Let DuckDB parse a SELECT, and remember what it says of one that ships."""
    parameters = _check_single_select(query)
    syntax = Syntax(parameters, *_names(query.sql))
    if query.name in query_names() and shipped_query(query.name).sql == query.sql:
        remember_syntax(query.sql, vars(syntax))
    return syntax


def _check_single_select(query: Query) -> tuple[str, ...]:
    """Refuse all but one SELECT; the names of its parameters."""
    try:
        statements = duckdb.extract_statements(query.sql)
    except duckdb.Error as error:
        raise QueryError(f"{query.name}: {message_of(error)}") from error
    kinds = [_kind(statement) for statement in statements]
    if kinds == ["SELECT"]:
        parts = _kinds(query.sql)
        kinds = [kind.removesuffix("_QUERY_NODE") for kind in parts if kind not in _READING]
        if parts and not kinds:
            return tuple(sorted(statements[0].named_parameters))
    raise QueryError(f"{query.name} is refused: expected one SELECT, found {', '.join(kinds) or 'nothing'}")


def _kind(statement: duckdb.Statement) -> str:
    """The kind of a statement."""
    try:
        return statement.type.name
    except ValueError:  # DuckDB's parser knows kinds that its interface for Python has no name for
        return " ".join(statement.query.split()[:2]).upper()


def needs(query: Query) -> tuple[set[str], list[str]]:
    """The views a statement reads, through macros too, and the macros to create, each after those that it uses."""
    macros, syntax = _macros(), parse_select(query)
    tables, functions = set(syntax.tables), set(syntax.functions)
    tables |= {item.listed_in[0] for item in query.parameters if item.listed_in}
    wanted: set[str] = set()
    while fresh := (functions & macros.keys()) - wanted:
        wanted |= fresh
        for name in fresh:
            tables.update(macros[name].tables)
            functions.update(macros[name].functions)
    return tables & set(VIEWS), [macro.statement for name, macro in macros.items() if name in wanted]


def macro_names() -> list[str]:
    """Names of the macros that any query may use."""
    return list(_macros())


@cache
def _macros() -> dict[str, Macro]:
    """The macros of `queries/macros/` by name, each after those that it uses."""
    macros: dict[str, Macro] = {}
    for path in sorted((content_folder("queries") / "macros").glob("*.sql")):
        macros.update(_macros_of_file(path))
    used = {name: sorted(macros.keys() & {*macro.functions}) for name, macro in macros.items()}
    return {name: macros[name] for name in TopologicalSorter(used).static_order()}


def _macros_of_file(path: Path) -> dict[str, Macro]:
    """The macros of one file by name."""
    text = expand(path.read_text(encoding="utf-8"))
    with contextlib.suppress(TypeError):  # another version remembered something else
        if entry := recall_syntax(text):
            return {name: Macro(**macro) for name, macro in entry.items()}
    macros = dict(_parse_macros(path, text))
    remember_syntax(text, {name: vars(macro) for name, macro in macros.items()})
    return macros


def _parse_macros(path: Path, text: str) -> Iterator[tuple[str, Macro]]:
    """Every macro of a file, which must contain nothing else."""
    for statement in duckdb.extract_statements(text):
        found = _MACRO.search(statement.query)
        if not found:
            raise CardError(f"{path}: expected only `create macro name(…) as …` or `… as table select …`")
        body = found[3].rstrip().rstrip(";")
        is_table = found[2] is not None
        yield found[1], Macro(statement.query, is_table, *_names(body if is_table else f"select {body}"))


def _names(sql: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of all tables, WITH's own among them, and of all functions in a SELECT."""
    tables, functions = set(), set()
    for node in _nodes(sql):
        if node.get("type") == "BASE_TABLE":
            tables.add(str(node["table_name"]).lower())
        elif "function_name" in node:
            functions.add(str(node["function_name"]).lower())
    return tuple(sorted(tables)), tuple(sorted(functions))


def named_columns(query: Query) -> list[str]:
    """Names of all columns that a query refers to, in any table, in lower case.

    Args:
        query: one that `parse_select` accepts.
    """
    names = {str(node["column_names"][-1]) for node in _nodes(query.sql) if node.get("type") == "COLUMN_REF"}
    names.update(str(name) for node in _nodes(query.sql) for name in node.get("using_columns", ()))
    return sorted({name.lower() for name in names})


def own_names(query: Query) -> set[str]:
    """Names of the tables that a query defines in WITH, in lower case; for the query, they hide others of the name."""
    parse_select(query)
    entries = [entry for node in _nodes(query.sql) for entry in node.get("cte_map", {}).get("map", ())]
    return {str(entry["key"]).lower() for entry in entries}


def _kinds(sql: str) -> list[str]:
    """Kinds of all queries that a SELECT is made of, itself included."""
    return sorted({str(node["type"]) for node in _nodes(sql) if str(node.get("type")).endswith("_NODE")})


@lru_cache(maxsize=8)
def _nodes(sql: str) -> tuple[dict[str, Any], ...]:
    """All objects in the syntax tree of a SELECT."""
    row = _parser().cursor().execute("select json_serialize_sql(?::varchar)", [sql]).fetchone()
    try:
        nodes, waiting = [], [json.loads(row[0])] if row else []
    except RecursionError as error:  # hundreds of levels
        raise QueryError("the SQL is nested too deeply; name its inner parts in WITH") from error
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            nodes.append(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return tuple(nodes)


def referenced_columns(expression: str) -> frozenset[str]:
    """Names of all columns to which an SQL expression refers, in lower case.

    Raises: duckdb.Error for what is no expression.
    """
    duckdb.extract_statements(f"select ({expression})")  # says what is wrong, where the tree would be empty
    nodes = _nodes(f"select ({expression})")
    return frozenset(
        str(node["column_names"][-1]).lower() for node in nodes if node.get("type") == "COLUMN_REF"
    )


def formula_connection() -> duckdb.DuckDBPyConnection:
    """A connection without tables in which an expression may use the macros of values."""
    return _formulas().cursor()


@cache
def _formulas() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    for macro in _macros().values():
        if not macro.is_table:
            connection.execute(macro.statement)
    return connection


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """A connection without tables, kept for its parser: opening one takes longer than many a query."""
    return duckdb.connect(":memory:")


def message_of(error: Exception) -> str:
    """DuckDB's message on one short line, without the excerpt of the SQL or, for an error in the window, traceback."""
    text = str(error).split("\n\nLINE")[0].strip()
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1]
    line = " ".join(text.removeprefix("Invalid Input Error: ").split())
    return line if len(line) <= _MOST_MESSAGE else f"{line[:_MOST_MESSAGE]} …"
