"""What DuckDB's parser says of the SQL that ships. Owns remembering it: parsing takes longer than many an answer.

It lies in the user's cache under the digest of the text, and is of one version of DuckDB.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from toolbox.cache import cache_folder
from toolbox.files import write_json


def recall(sql: str) -> dict[str, Any]:
    """What is remembered of a text; empty where nothing is."""
    entry = _read_memory().get(_digest(sql))
    return dict(entry) if isinstance(entry, dict) else {}


def remember(sql: str, entry: Mapping[str, Any]) -> None:
    """Remember what was found in a text.

    Args:
        sql: the text, which must ship: nobody else's SQL is let through without being parsed.
        entry: plain values, as JSON holds them.
    """
    entries = {**_read_memory(), _digest(sql): dict(entry)}
    with contextlib.suppress(OSError):  # without a writable cache, it is parsed again next time
        write_json(_memory(), {"duckdb": duckdb.__version__, "entries": entries})


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


def _memory() -> Path:
    return cache_folder() / "syntax.json"


def _read_memory() -> dict[str, Any]:
    # Without it, or with a damaged one, all is parsed again.
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        memory = json.loads(_memory().read_text(encoding="utf-8"))
        if memory["duckdb"] == duckdb.__version__:
            return dict(memory["entries"])
    return {}
