"""Results that the user's cache keeps between commands. Owns these files; does not interpret their content.

All of these results can be computed again. A missing or damaged file counts as empty; where the cache is not writable,
the results are computed again next time.
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
    """All entries under a name, the latest last. The caller must check them: another version may have written them."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return dict(json.loads(_memory(name).read_text(encoding="utf-8")))
    return {}


def remember(name: str, entries: Mapping[str, Any], most: int) -> None:
    """Add entries to those under a name.

    Args:
        name: name of the entries.
        entries: values that JSON can represent; nothing is written if there are none.
        most: largest number of entries to keep; the latest are kept.
    """
    if entries:
        earlier = {key: entry for key, entry in recall(name).items() if key not in entries}
        with contextlib.suppress(OSError):
            write_text(_memory(name), json.dumps(dict([*earlier.items(), *entries.items()][-most:])))


def _memory(name: str) -> Path:
    return cache_folder() / f"{name}.json"
