"""One `.sql` file is one result: reading its header, letting only a SELECT through, running it over a study."""

from toolbox.query.header import TYPES, Query, query_names, query_table, read_query, shipped_query
from toolbox.query.reference import query_reference
from toolbox.query.run import Answer, ask

__all__ = [
    "TYPES",
    "Answer",
    "Query",
    "ask",
    "query_names",
    "query_reference",
    "query_table",
    "read_query",
    "shipped_query",
]
