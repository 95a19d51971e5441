"""SQL that a test needs to see which rows are stored, and that is not what it tests."""

from __future__ import annotations

from toolbox.query import Query


def seen(sql: str) -> Query:
    """A SELECT as if it shipped, for its rows: it runs in this process, ten times as fast as in one of its own.

    What a user's SQL gets besides rows differs from this: its notes on pooling, its limits and its errors, which come
    from the process of its own. A test that asserts notes or errors asks with the text itself.
    """
    return Query("of a test", sql, ships=True)
