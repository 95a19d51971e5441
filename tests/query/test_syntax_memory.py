"""What DuckDB's parser said of the SQL that ships is remembered; nobody else's SQL passes the gate unparsed."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from support.memories import keep, kept_in
from toolbox.errors import QueryError
from toolbox.query import Query, shipped_query, syntax
from toolbox.query.syntax import parse_select
from toolbox.query.syntax_memory import recall_syntax


@pytest.fixture(autouse=True)
def memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of what is remembered, in a process that has parsed nothing yet."""
    monkeypatch.setattr(syntax, "_known", {})
    return cache / "syntax.json"


@pytest.fixture
def parsings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the queries that were parsed."""
    names: list[str] = []
    parse = syntax._parse

    def noted(query: Query) -> syntax.Syntax:
        names.append(query.name)
        return parse(query)

    monkeypatch.setattr(syntax, "_parse", noted)
    return names


def again(query: Query) -> syntax.Syntax:
    """What another process would find."""
    syntax._known.clear()
    return parse_select(query)


def test_a_query_that_ships_is_parsed_once(parsings: list[str]) -> None:
    query = shipped_query("layers/profile")
    assert parse_select(query) == again(query)
    assert parsings == ["layers/profile"]
    assert again(query).parameters == ("by", "index", "normalise", "statistic", "threshold")


def test_other_sql_is_parsed_each_time_even_under_the_name_of_one_that_ships(
    parsings: list[str], memory: Path
) -> None:
    own = Query("layers/profile", "select 1 as one")
    assert parse_select(own) == again(own)
    assert parsings == ["layers/profile", "layers/profile"]
    assert not memory.exists()
    with pytest.raises(QueryError, match="is refused"):
        parse_select(Query("layers/profile", "drop table labels"))


@pytest.mark.parametrize("text", ["", "{broken", "[1]", "null", '{"KEY": 1}', "OTHER"])
def test_a_damaged_memory_and_that_of_another_version_are_not_used(
    text: str, memory: Path, parsings: list[str]
) -> None:
    query = shipped_query("layers/profile")
    first = parse_select(query)
    other = json.dumps(kept_in(memory)).replace(duckdb.__version__, "1.0")
    (key,) = kept_in(memory)
    keep(memory, text.replace("KEY", key).replace("OTHER", other))
    assert again(query) == first
    assert len(parsings) == 2
    assert recall_syntax(query.sql) == json.loads(json.dumps(vars(first)))


def test_a_memory_that_differs_from_its_digest_is_not_used(memory: Path, parsings: list[str]) -> None:
    query = shipped_query("layers/profile")
    first = parse_select(query)
    content = memory.read_bytes()
    assert b'"threshold"' in content
    memory.write_bytes(content.replace(b'"threshold"', b'"treshhold"'))
    assert again(query) == first
    assert len(parsings) == 2
