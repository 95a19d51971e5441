"""The files in which results are kept between commands, as a test reads and spoils them: a digest, then JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def kept_in(file: Path) -> Any:
    """The entries of a file."""
    return json.loads(file.read_text().partition("\n")[2])


def keep(file: Path, text: str) -> None:
    """Write any text as the content of a file, with its digest: the entries of another version, not damage."""
    content = text.encode("utf-8", "surrogatepass")
    file.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
