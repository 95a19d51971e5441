"""Label tables: stimulus_id, category; no row for unlabelled stimuli. Owns their schema, and when two are equal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.store.checksums import present_digest
from toolbox.store.columns import LABELS
from toolbox.store.memory import recall, remember
from toolbox.store.parquet import arrow_table, read_table, write_table

REMEMBERED_LABELS = 300
"""Number of label tables whose digest is kept in the cache."""


def write_labels(path: Path, labels: Mapping[int, str], provenance: Mapping[str, Any]) -> None:
    """Write a label table in the order of stimulus_id, whole or not at all.

    Args:
        path: the file, which is replaced if it exists.
        labels: category by stimulus_id.
        provenance: the origin of the labels, for the metadata of the file.
    """
    numbers = sorted(labels)
    columns: dict[str, list[Any]] = {
        "stimulus_id": numbers,
        "category": [labels[number] for number in numbers],
    }
    write_table(path, arrow_table(columns, LABELS), provenance)


def read_labels(path: Path) -> dict[int, str]:
    """Categories by stimulus_id.

    Raises: VerificationError when the file is missing or damaged.
    """
    rows = read_table(path, *LABELS).to_pylist()
    return {row["stimulus_id"]: row["category"] for row in rows if row["category"] is not None}


def labels_digest(labels: Mapping[int, str]) -> str:
    """SHA-256 of labels: category by stimulus_id."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()


def digest_of_labels(path: Path) -> str:
    """SHA-256 of the labels in a table: equal for equal labels, whatever else the file contains.

    It is in the user's cache under the digest of the file.

    Raises: VerificationError when the file is missing or damaged.
    """
    key = present_digest(path)
    entry: Any = recall("labels").get(key)
    if isinstance(entry, str):
        return entry
    digest = labels_digest(read_labels(path))
    remember("labels", {key: digest}, REMEMBERED_LABELS)
    return digest
