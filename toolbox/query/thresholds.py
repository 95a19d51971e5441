"""Thresholds and chance levels of the indices, which may depend on the sizes of categories. Imports nothing slow."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from toolbox.query.indices import shipped_index
from toolbox.query.syntax import formula_connection


def index_thresholds(name: str, sizes: Sequence[int]) -> tuple[list[float], list[float]]:
    """Where the filters of an index are counted unless somebody chooses: as the macro of this name in SQL.

    Args:
        name: of the index.
        sizes: number of stimuli of every category.

    Returns: the suitable threshold of every category; and those that count for all, as published.
    Raises: UnknownNameError for another name.

    >>> index_thresholds("contrast", [60, 60])
    ([0.1, 0.1], [0.01])
    >>> index_thresholds("share", [30, 60])
    ([0.5, 0.8], [])
    """
    index = shipped_index(name)
    suitable = values_over_sizes(index.threshold[0], sizes)
    return suitable, values_over_sizes(index.published[0], sizes)[:1] if index.published else []


def values_over_sizes(expression: str, sizes: Sequence[int]) -> list[float]:
    """An expression of n, all_n and categories, as a threshold or a chance level is written, for every category.

    Args:
        expression: SQL.
        sizes: number of stimuli of every category.

    >>> values_over_sizes("n / all_n", [30, 50, 120])
    [0.15, 0.25, 0.6]
    """
    sql = (
        f"select ({expression})::double "
        "from (select unnest($sizes::bigint[]) as n, $all_n::bigint as all_n, $categories::bigint as categories)"
    )
    values = {"sizes": list(sizes), "all_n": sum(sizes), "categories": len(sizes)}
    with contextlib.suppress(ValueError):  # a number needs no connection, which takes 15 ms to open
        return [float(expression)] * len(sizes)
    with formula_connection() as connection:
        return [value for (value,) in connection.execute(sql, values).fetchall()]
