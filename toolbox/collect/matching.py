"""The stimuli that the rows of a table mean. Owns how a row names its stimuli, and what is refused.

A row names them by the first column of KEYS that the table has. A path may be as stored in the set, absolute, relative
to the folder of the table, or the end of a stored path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from toolbox.errors import StimulusError
from toolbox.stimuli.categories import compose_accents
from toolbox.stimuli.manifest import check_text_column, locate_file
from toolbox.store.folder import StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table

KEYS = ("stimulus_id", "sha256", "path", "file", "category")
"""Columns that can identify the stimuli; the first one that a table has is used."""
PATHS = ("path", "file")
"""Those that contain paths."""
_EXAMPLES = 3
"""Rows that a message lists."""
_LISTING = 'list them with: toolbox query "select stimulus_id, sha256, path from stimuli"'


@dataclass(frozen=True)
class NamingRow:
    """A row of a table that names stimuli."""

    number: int
    """Counted from 1, without the header."""
    name: str | None
    """The value in the key column."""
    sha256: str | None
    """The digest in the table, where stimulus_id is the key; None without one."""


@dataclass(frozen=True)
class NamingTable:
    """The rows of a table that name stimuli, and the column by which they do."""

    file: Path
    key: str
    rows: Sequence[NamingRow]


StimulusNames = Mapping[str, str | None]
"""The identifiers of one stimulus, by column."""


def stimulus_names(study: StudyFolder, set_name: str) -> dict[int, StimulusNames]:
    """The identifiers of each stimulus of a set, by stimulus_id.

    Args:
        study: the study that contains the set.
        set_name: name of the stimulus set.
    """
    stimuli = read_table(study.stimuli(set_name), "stimulus_id", "sha256", "path").to_pylist()
    labels = study.labels(set_name)
    categories = read_labels(labels) if labels.is_file() else {}
    names: dict[int, StimulusNames] = {}
    for row in stimuli:
        number, path = row["stimulus_id"], compose_accents(row["path"])
        names[number] = {**row, "stimulus_id": str(number), "path": path, "category": categories.get(number)}
    return names


def match_rows(
    study: StudyFolder, set_name: str, table: NamingTable, names: Mapping[int, StimulusNames]
) -> list[list[int]]:
    """The numbers of the stimuli that each row of a table means, in the order of its rows.

    Args:
        study: the study that contains the set.
        set_name: name of the stimulus set.
        table: the rows.
        names: the identifiers of the stimuli.

    Raises: StimulusError where a row means no stimulus of the set, or a path is the end of several.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    by_end: dict[str, set[str]] = defaultdict(set)
    column = "path" if table.key in PATHS else table.key
    for number, columns in names.items():
        if name := columns[column]:
            by_name[name].append(number)
            by_end[PurePosixPath(name).name].add(name)
    found = [_find_stimuli(study, table, row, by_name, by_end) for row in table.rows]
    pairs = zip(table.rows, found, strict=True)
    unmatched = [row for row, numbers in pairs if not numbers or not _is_same(row, names[numbers[0]])]
    if unmatched:
        raise _unmatched_error(table, unmatched, set_name, by_name)
    return found


def _unmatched_error(
    table: NamingTable, rows: Sequence[NamingRow], set_name: str, known: Mapping[str, list[int]]
) -> StimulusError:
    """An error for rows that match no stimulus of the set; it says how to list the stimuli."""
    listing = f"{_LISTING} --set {set_name}"
    hint = f"its categories: {', '.join(sorted(known)) or 'none'}" if table.key == "category" else listing
    return StimulusError(
        f"{table.file} has rows that match no stimulus of {set_name}: {name_rows(table, rows)}; {hint}"
    )


def _find_stimuli(
    study: StudyFolder,
    table: NamingTable,
    row: NamingRow,
    by_name: Mapping[str, list[int]],
    by_end: Mapping[str, set[str]],
) -> list[int]:
    """Numbers of the stimuli that match a row."""
    if row.name is None:
        return []
    name = row.name if row.name in by_name else row.name.strip()  # blanks around it are typed unseen
    if table.key not in PATHS or name in by_name:
        return by_name.get(name, [])
    file = locate_file(table.file.parent.resolve(), name)
    path = compose_accents(study.stored_path(file))
    return by_name.get(path) or by_name.get(_only_path(table, name, by_end), [])


def _only_path(table: NamingTable, name: str, by_end: Mapping[str, set[str]]) -> str:
    """The only stored path that ends in a name; empty where none does.

    Raises: StimulusError where several stored paths do.
    """
    end = PurePosixPath(name.replace("\\", "/"))
    found = [path for path in sorted(by_end.get(end.name, ())) if f"/{path}".endswith(f"/{end}")]
    if len(found) > 1:
        more = f" and {len(found) - 2} more" if len(found) > 2 else ""
        raise StimulusError(
            f"{table.file} names {name!r}, which is the end of {found[0]} and {found[1]}{more}; write more of the "
            "path, or use the column stimulus_id"
        )
    return found[0] if found else ""


def _is_same(row: NamingRow, stimulus: StimulusNames) -> bool:
    """Whether a row has no digest, or that of the stimulus: a number means another image in another set."""
    return row.sha256 in (None, stimulus["sha256"])


def name_rows(table: NamingTable, rows: Sequence[NamingRow]) -> str:
    """The names of the first rows, and the number of the others.

    Args:
        table: that contains the rows.
        rows: to be named.
    """
    names = list(dict.fromkeys(_describe_row(table, row) for row in rows))
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"


def _describe_row(table: NamingTable, row: NamingRow) -> str:
    if not row.name:
        return f"row {row.number}, without {table.key}"
    digest = f" with sha256 {row.sha256[:12]}…" if row.sha256 else ""
    return f"{table.key} {row.name!r}{digest}"


def texts_of(column: pl.Series, file: Path) -> list[str | None]:
    """A column as text with composed accents; empty cells are None.

    Args:
        column: the column.
        file: its table, for the message.

    Raises: StimulusError for a column that cannot be read as text.
    """
    check_text_column(column, file)
    texts = [compose_accents(text) if text else None for text in column.cast(pl.String)]
    return [text and text.lower() for text in texts] if column.name.lower() == "sha256" else texts
