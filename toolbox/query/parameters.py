"""Values for the parameters of a query. Owns refusing what can be refused before any table is read.

Imports nothing that is slow to load: a mistake in a command is found in the time that Python takes to start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolbox.errors import UnknownNameError, UsageError
from toolbox.query.describing import described_views
from toolbox.query.header import Parameter, Query, query_names, read_query, shipped_query, value_of
from toolbox.query.indices import shipped_indices
from toolbox.query.sections import MOST_UNTRUSTED_SQL, check_length
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, check_set

_PLACEHOLDER = re.compile(
    r"""--[^\n]* | /\*.*?(?:\*/|\Z) | '[^']*(?:'|\Z) | "[^"]*(?:"|\Z) | \$\w*\$.*?(?:\$|\Z) | \$(\w+)""",
    re.VERBOSE | re.DOTALL,
)
"""A comment, a text, a quoted name, a text between dollars; or, captured, the name of a parameter.

What is not closed reaches to the end, so that every character is read once.
"""


def find_query(query: Query | str | Path) -> Query:
    """The query of a name, of a .sql file, or of SQL text.

    Args:
        query: a shipped query's name, a file as a path or by a name that ends in .sql, or a SELECT.

    Raises: UnknownNameError for a name that no query has; UsageError for a file that is missing, and for SQL of more
        characters than anybody writes.
    """
    if isinstance(query, Query):
        check_length(query.name, 0 if query.ships else len(query.sql))
        return query
    if isinstance(query, Path):
        return read_query(query)
    check_length("the SQL", len(query))
    if sql := described_views(query):
        return Query("sql", sql, ships=True)
    is_name = not re.search(r"\s", query.strip())
    if query.endswith(".sql") and (is_name or Path(query).is_file()):
        return read_query(Path(query))
    return shipped_query(query) if is_name else Query("sql", query)


def untrusted_question(query: Query) -> Query:
    """The query of SQL that nobody has read, which never runs in the process of the toolbox.

    Args:
        query: of a .sql file, or of SQL text.

    Raises: UsageError for a query that ships, and for more SQL than a person can read.
    """
    if query.ships and query.name in query_names():
        raise UsageError(
            f"{query.name} ships with the toolbox; untrusted is for a .sql file or SQL of somebody else: leave it out"
        )
    check_length(query.name, len(query.sql), MOST_UNTRUSTED_SQL)
    return replace(query, ships=False)


def check_question(
    study: StudyFolder,
    query: Query | str | Path,
    parameters: Mapping[str, Any] | None,
    selection: Selection | None,
) -> Query:
    """Refuse a question that cannot be answered, as far as that can be told without reading SQL or tables.

    Args:
        study: what is asked.
        query: a shipped query's name, a `Query`, SQL text, or a .sql file.
        parameters: values of its `$parameters`.
        selection: set, models and scheme.

    Returns: the query.
    Raises: UnknownNameError for the name of a query, parameter or set; UsageError for a value.
    """
    found = find_query(query)
    named = placeholders(found.sql)
    # A file may use parameters that its header does not declare; DuckDB's parser alone knows those for certain.
    if named <= {parameter.name for parameter in found.parameters}:
        parameter_values(found, parameters or {}, named)
    check_set(study, selection or Selection())
    return found


def placeholders(sql: str) -> set[str]:
    """Names of the `$parameters` in a statement, as far as that can be told without parsing it."""
    return {name for name in _PLACEHOLDER.findall(sql) if name}


def parameter_values(query: Query, given: Mapping[str, Any], named: Collection[str]) -> dict[str, Any]:
    """A value for every parameter of a statement: given, or the default.

    Args:
        query: declares parameters in its header.
        given: values by name; text is converted to the declared type.
        named: the parameters that the statement has.

    Raises: UnknownNameError for a name that the statement does not have; UsageError for a value, or for a missing one.
    """
    declared = {parameter.name: parameter for parameter in query.parameters}
    for name in given:
        if name not in named:
            raise UnknownNameError(f"parameter of {query.name}", name, named)
    missing = [name for name in sorted(named) if _is_missing(name, declared.get(name), given)]
    if missing:
        keywords, options = (
            ", ".join(f"{name}=…" for name in missing),
            " ".join(f"--{name} …" for name in missing),
        )
        raise UsageError(
            f"{query.name} needs a value for ${', $'.join(missing)}; pass it as {keywords} ({options})"
        )
    values = {
        name: value_of(declared[name], given.get(name)) if name in declared else given[name]
        for name in sorted(named)
    }
    _check_threshold(values, declared)
    return values


def _check_threshold(values: Mapping[str, Any], declared: Collection[str]) -> None:
    """Refuse a threshold outside the range of the index with which it is compared."""
    index, threshold = shipped_indices().get(str(values.get("index"))), values.get("threshold")
    if index and threshold is not None and {"index", "threshold"} <= {*declared}:
        index.check_threshold(threshold, "$threshold")


def _is_missing(name: str, parameter: Parameter | None, given: Mapping[str, Any]) -> bool:
    """Whether a value must be given and is not; only an undeclared parameter may be null."""
    return name not in given if parameter is None else parameter.required and given.get(name) is None
