"""What DuckDB's parser says of the SQL that ships, remembered in the user's cache: parsing outlasts many an answer.

An entry is of one text and one version of DuckDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from toolbox.cache import cache_folder
from toolbox.store.memory import recall, remember

REMEMBERED_TEXTS = 300
"""Texts of which the cache remembers what the parser said."""


def recall_syntax(sql: str) -> dict[str, Any]:
    """What is remembered of a text; empty where nothing is."""
    entry = _remembered(cache_folder()).get(_key(sql))
    return entry if isinstance(entry, dict) else {}


def remember_syntax(sql: str, entry: Mapping[str, Any]) -> None:
    """Remember what was found in a text.

    Args:
        sql: the text, which must ship: nobody else's SQL is let through without being parsed.
        entry: plain values, as JSON holds them.
    """
    remember("syntax", {_key(sql): dict(entry)}, REMEMBERED_TEXTS)
    _remembered.cache_clear()


@lru_cache(maxsize=1)  # a query asks for a dozen texts
def _remembered(folder: Path) -> dict[str, Any]:  # noqa: ARG001  # tests have a folder each
    return recall("syntax")


def _key(sql: str) -> str:
    return f"{duckdb.__version__} {hashlib.sha256(sql.encode()).hexdigest()}"
