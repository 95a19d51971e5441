"""One `.sql` file is one result: reading its header, letting only a SELECT through, running it over a study.

What runs a query is imported on first use: a wrong parameter, say, is found without DuckDB and polars.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolbox.query.header import (
    SQL_TYPES,
    Query,
    describe_query,
    query_names,
    query_table,
    read_query,
    shipped_query,
)
from toolbox.query.indices import index_names

if TYPE_CHECKING:
    from toolbox.query.reference import query_reference
    from toolbox.query.run import Answer, ask

__all__ = [
    "SQL_TYPES",
    "Answer",
    "Query",
    "ask",
    "describe_query",
    "index_names",
    "query_names",
    "query_reference",
    "query_table",
    "read_query",
    "shipped_query",
]

_HOMES = {
    "Answer": "toolbox.query.run",
    "ask": "toolbox.query.run",
    "query_reference": "toolbox.query.reference",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'toolbox.query' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
