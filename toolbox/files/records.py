"""JSON records that are written with a digest of their content, and compared with it when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.errors import VerificationError
from toolbox.files.whole import write_text

RECORD_DIGEST = "record_sha256"
"""Key of a JSON record under which the SHA-256 of everything else in it is kept."""


def write_json(
    path: Path, record: Mapping[str, Any], scratch: Path | None = None, *, is_new: bool = False
) -> None:
    """Write a record as JSON with a digest of its content, whole or not at all.

    Args:
        path: path of the file.
        record: values that JSON can represent.
        scratch: as of `replace_file`.
        is_new: as of `replace_file`.
    """
    plain = json.loads(json.dumps(record))
    digest = {RECORD_DIGEST: _digest_of_record(plain)}
    text = json.dumps({**plain, **digest}, indent=1, ensure_ascii=False) + "\n"
    write_text(path, text, scratch, is_new=is_new)


def read_json(path: Path, remedy: str = "restore it") -> dict[str, Any]:
    """A record that `write_json` wrote, compared with its digest; those of earlier versions have none.

    Args:
        path: path of the file.
        remedy: what to do about a damaged record, for the message.

    Raises: VerificationError for a damaged record; OSError where the file cannot be read.
    """
    try:
        record = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise VerificationError(f"{path} is damaged: it is not a JSON record; {remedy}") from error
    digest = record.pop(RECORD_DIGEST, None)
    if digest not in (None, _digest_of_record(record)):
        raise VerificationError(f"{path} is damaged: its content differs from its digest; {remedy}")
    return record


def _digest_of_record(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record as JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
