"""Results that the user's cache keeps between commands. Owns these files; does not interpret their content.

All of these results can be computed again. A missing file, and one that differs from the digest in it, counts as empty;
where the cache is not writable, the results are computed again next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.cache import cache_folder
from toolbox.files import write_text


def recall(name: str) -> dict[str, Any]:
    """All entries under a name, the latest last. The caller must check them: another version may have written them."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        digest, content = _memory(name).read_bytes().split(b"\n", 1)
        if digest == _digest(content):
            return dict(json.loads(content))
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
            content = json.dumps(dict([*earlier.items(), *entries.items()][-most:]))
            write_text(_memory(name), f"{_digest(content.encode()).decode()}\n{content}")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _memory(name: str) -> Path:
    return cache_folder() / f"{name}.json"
