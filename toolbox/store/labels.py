"""Label tables: stimulus_id, category; no row for unlabelled stimuli. Owns their schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.store.columns import LABELS
from toolbox.store.parquet import arrow_table, read_table, write_table


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
