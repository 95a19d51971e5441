"""What the user's cache remembers from one command to the next. Owns these files; knows nothing of what they say.

All of it can be found again: without a file, or with a damaged one, nothing is remembered, and where the cache cannot
be written to, it is found again next time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.cache import cache_folder
from toolbox.files import write_text


def recall(name: str) -> dict[str, Any]:
    """All entries under a name, the latest last. They may be another version's, so whoever reads them checks them."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return dict(json.loads(_memory(name).read_text(encoding="utf-8")))
    return {}


def remember(name: str, entries: Mapping[str, Any], most: int) -> None:
    """Add entries to those under a name.

    Args:
        name: of what is remembered.
        entries: plain values, as JSON holds them; nothing is written where there are none.
        most: entries that are kept in all, the latest ones.
    """
    if entries:
        earlier = {key: entry for key, entry in recall(name).items() if key not in entries}
        with contextlib.suppress(OSError):
            write_text(_memory(name), json.dumps(dict([*earlier.items(), *entries.items()][-most:])))


def _memory(name: str) -> Path:
    return cache_folder() / f"{name}.json"
