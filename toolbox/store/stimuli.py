"""The table of the stimuli of a set. Owns its fixed columns, and what identifies the image of a stimulus.

Every column that is not fixed is a stimulus variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toolbox.store.parquet import read_table
from toolbox.terms import FILE_BITS, PICTURE_COLUMNS, STIMULUS_COLUMNS

STIMULI = STIMULUS_COLUMNS | PICTURE_COLUMNS
"""The fixed columns, and their types as Arrow calls them."""


def variable_names(columns: Iterable[str]) -> list[str]:
    """Names of the stimulus variables of a set, in the order of its columns."""
    return [name for name in columns if name not in STIMULI]


def read_stimuli(path: Path) -> list[dict[str, Any]]:
    """The rows of a set with its fixed columns; None where an older version did not write a column.

    Raises: VerificationError when the table is missing or damaged.
    """
    table = read_table(path)
    rows = table.select([name for name in table.column_names if name in STIMULI]).to_pylist()
    return [dict.fromkeys(STIMULI) | row for row in rows]


def image_identity(stimulus: Mapping[str, Any]) -> str:
    """What determines the pixels of a stimulus: the sha256 of its file and, if it was chosen, the bit depth.

    Args:
        stimulus: a row with the columns sha256 and bit_depth.

    Example:
        >>> image_identity({"sha256": "ab12", "bit_depth": 12})
        'ab12 of 12 bits'
    """
    is_usual = stimulus["bit_depth"] in (None, FILE_BITS)
    return str(stimulus["sha256"]) if is_usual else f"{stimulus['sha256']} of {stimulus['bit_depth']} bits"
