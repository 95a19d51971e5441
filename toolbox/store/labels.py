"""Label tables: stimulus_id, category; no row for unlabelled stimuli. Owns their schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolbox.store.parquet import read_table, write_table

LABELS = pa.schema([("stimulus_id", pa.int32()), ("category", pa.string())])


def write_labels(path: Path, labels: Mapping[int, str], provenance: Mapping[str, Any]) -> None:
    """Write categories by stimulus_id, in the order of the numbers, whole or not at all."""
    numbers = sorted(labels)
    columns = {"stimulus_id": numbers, "category": [labels[number] for number in numbers]}
    write_table(path, pa.table(columns, LABELS), provenance)


def read_labels(path: Path) -> dict[int, str]:
    """Categories by stimulus_id.

    Raises: VerificationError when the file is missing or damaged.
    """
    rows = read_table(path, *LABELS.names).to_pylist()
    return {row["stimulus_id"]: row["category"] for row in rows if row["category"] is not None}
