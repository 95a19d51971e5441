"""What was measured of the images of a set: stimulus_id, property, value. Owns the schema of the table.

These are measures of the pictures, not stimulus parameters of the user. Sets of older versions have no such table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.store.columns import PROPERTIES
from toolbox.store.parquet import arrow_table, read_table, write_table


def write_properties(
    path: Path, properties: Mapping[int, Mapping[str, float]], provenance: Mapping[str, Any]
) -> None:
    """Write the table in the order of stimulus_id, whole or not at all.

    Args:
        path: the file, which is replaced if it exists.
        properties: value by property, by stimulus_id.
        provenance: the origin of the values, for the metadata of the file.
    """
    rows = [(number, *pair) for number in sorted(properties) for pair in properties[number].items()]
    columns = dict(zip(PROPERTIES, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    write_table(path, arrow_table(columns or {name: [] for name in PROPERTIES}, PROPERTIES), provenance)


def read_properties(path: Path) -> dict[int, dict[str, float]]:
    """Value by property, by stimulus_id; empty where nothing was measured.

    Raises: VerificationError when the table is damaged.
    """
    if not path.is_file():
        return {}
    properties: dict[int, dict[str, float]] = {}
    for row in read_table(path, *PROPERTIES).to_pylist():
        properties.setdefault(row["stimulus_id"], {})[row["property"]] = row["value"]
    return properties
