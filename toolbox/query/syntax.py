"""The syntax of a query, from DuckDB's own parser. Owns the gate for SQL, and which views and macros a query needs."""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import Any

import duckdb

from toolbox.content import content_folder
from toolbox.errors import CardError, QueryError
from toolbox.query.header import Query
from toolbox.store.views import VIEWS

_READING = ("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE")
"""What a SELECT may be made of; DuckDB takes COPY, INSERT, UPDATE and DELETE inside WITH for a SELECT too."""
_MACRO = re.compile(r"create\s+macro\s+(\w+)\s*\([^)]*\)\s*as\s+table\s+(.*)", re.IGNORECASE | re.DOTALL)


def parse_select(query: Query) -> duckdb.Statement:
    """Accept exactly one statement, a SELECT: the views are read-only, but so must be everything else.

    Returns: the statement, which knows its parameters.
    Raises: QueryError for anything else.
    """
    try:
        statements = duckdb.extract_statements(query.sql)
    except duckdb.Error as error:
        raise QueryError(f"{query.name}: {message_of(error)}") from error
    kinds = [statement.type.name for statement in statements]
    if kinds == ["SELECT"]:
        parts = _kinds(query.sql)
        kinds = [kind.removesuffix("_QUERY_NODE") for kind in parts if kind not in _READING]
        if parts and not kinds:
            return statements[0]
    raise QueryError(f"{query.name} is refused: expected one SELECT, found {', '.join(kinds) or 'nothing'}")


def needs(query: Query) -> tuple[set[str], list[str]]:
    """The views a statement reads, through macros too, and the macros to make, in the order of their file."""
    macros = _macros()
    tables, functions = _names(query.sql)
    tables |= {item.listed_in[0] for item in query.parameters if item.listed_in}
    wanted: set[str] = set()
    while fresh := (functions & macros.keys()) - wanted:
        wanted |= fresh
        for name in fresh:
            further, called = _names(macros[name][1])
            tables, functions = tables | further, functions | called
    return tables & set(VIEWS), [statement for name, (statement, _) in macros.items() if name in wanted]


def macro_names() -> list[str]:
    """Names of the table macros that any query may use."""
    return list(_macros())


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


def _names(sql: str) -> tuple[set[str], set[str]]:
    """Names of all tables, WITH's own among them, and of all table functions in a SELECT, from DuckDB's own parser."""
    tables, functions = set(), set()
    for node in _nodes(sql):
        if node.get("type") == "BASE_TABLE":
            tables.add(str(node["table_name"]).lower())
        elif node.get("type") == "TABLE_FUNCTION":
            functions.add(str(node["function"]["function_name"]).lower())
    return tables, functions


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


def message_of(error: Exception) -> str:
    """DuckDB's message on one line, without the excerpt of the SQL or, for an error in the window, a traceback."""
    text = str(error).split("\n\nLINE")[0].strip()
    if "Traceback (most recent call last)" in text:
        text = text.splitlines()[-1]
    return " ".join(text.removeprefix("Invalid Input Error: ").split())
