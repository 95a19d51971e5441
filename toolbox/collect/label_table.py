"""A table of labels as text. Owns which of its columns identifies the stimuli, and which contains the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolbox.collect.matching import KEYS, NamingRow, texts_of
from toolbox.errors import StimulusError
from toolbox.stimuli.categories import read_categories
from toolbox.tables import find_column, read_rows
from toolbox.terms import Missing


@dataclass(frozen=True)
class LabelRow(NamingRow):
    """One row of a table."""

    category: str | None


@dataclass(frozen=True)
class LabelTable:
    """A table of labels as text."""

    file: Path
    key: str
    value: str
    ignored: list[str]
    rows: list[LabelRow]
    notes: list[str]


def read_label_table(file: Path, scheme: str, missing: Missing | None = None) -> LabelTable:
    """The rows of a table of labels; empty rows, which spreadsheets append, are left out.

    Args:
        file: the table.
        scheme: name of the label scheme, and of the column with the labels, if there is one; else `category`.
        missing: what a label such as `nan` or `None` means, as of `read_categories`.

    Raises: TableError when the file cannot be read; StimulusError when it lacks a column, has no text, or has labels
        that usually mean a missing value.
    """
    read = read_rows(file, [*KEYS, scheme], literal=["category", scheme])
    table = read.rows
    found = _columns(file, table.columns, scheme)
    key, value = found["key"], found["value"]
    beside = [found["sha256"]] if "sha256" in found else []
    keys, texts = (texts_of(table[name], file) for name in (key, value))
    digests = texts_of(table[beside[0]], file) if beside else [None] * table.height
    categories = read_categories(dict.fromkeys(texts), str(file), missing)
    cells = zip(keys, digests, (categories.names[text] for text in texts), strict=True)
    rows = [LabelRow(number, *row) for number, row in enumerate(cells, 1) if any(row)]
    ignored = [name for name in table.columns if name not in (key, value, *beside)]
    return LabelTable(file, key.lower(), value, ignored, rows, [*read.notes, *categories.notes])


def _columns(file: Path, columns: Sequence[str], scheme: str) -> dict[str, str]:
    """The columns `key` (identifies the stimuli), `value` (their labels) and, beside stimulus_id, `sha256`."""
    found = {name: find_column(file, columns, name) for name in (*KEYS, scheme)}
    value = found[scheme] or found["category"]
    key = next((name for name in KEYS if found[name] not in (None, value)), None)
    if value is None or key is None:
        names = ", ".join(map(repr, columns))
        raise StimulusError(
            f"{file} has only the columns {names}; expected the labels in a column {scheme!r} (or 'category') "
            f"and one of the columns {', '.join(KEYS)}"
        )
    kept = {"key": found[key], "value": value}
    if key == "stimulus_id" and found["sha256"] != value:
        kept["sha256"] = found["sha256"]
    return {use: column for use, column in kept.items() if column is not None}
