"""The list of stimuli that is exported: the labelled ones of a scheme, or the rows of a table such as match writes.

Its columns are stimulus_id, category, those of the list (such as set, match, distance), and variables that are asked
for. What a table says of a stimulus is checked: number, digest and path must be those of one stimulus of the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from toolbox.design.variables import stimulus_variables
from toolbox.errors import StimulusError, UsageError
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.labels import read_labels
from toolbox.store.selection import Selection, resolve_labelling
from toolbox.store.stimuli import Stimulus, stimuli_of
from toolbox.tables import check_table_name, find_column, read_rows

_OWN = ("stimulus_id", "path", "file", "sha256", "category")
"""Columns of a list that identify a stimulus, or that the toolbox writes itself."""


@dataclass(frozen=True, eq=False)
class StimulusList:
    """What is exported.

    Attributes:
        set: the stimulus set.
        scheme: the label scheme of `category`.
        rows: stimulus_id, category and further columns, a row for every trial, in the order of the list.
        stimuli: those of the rows, by number.
        notes: what was assumed to read a table.
    """

    set: str
    scheme: str
    rows: pl.DataFrame
    stimuli: dict[int, Stimulus]
    notes: tuple[str, ...] = ()


def stimulus_list(
    study: StudyFolder, selection: Selection, source: Path | None, columns: Sequence[str]
) -> StimulusList:
    """The stimuli of a scheme, or of a table.

    Args:
        study: with the set.
        selection: set and label scheme; those that are meant if None.
        source: a table with the column stimulus_id, such as match writes; None for the stimuli of the scheme.
        columns: variables of the stimuli that are exported, too.

    Raises: UsageError, UnknownNameError for a name; StimulusError for a row that is no stimulus of the set, or where
        nothing is left.
    """
    chosen = resolve_labelling(study, {"labels"}, selection)
    set_name, scheme = str(chosen.set), str(chosen.scheme)
    stimuli = stimuli_of(study, set_name)
    labels, notes = read_labels(study.labels(set_name, scheme)), tuple[str, ...]()
    if source is None:
        rows = _labelled(study, set_name, scheme, labels)
    else:
        rows, notes = _read_list(source, set_name, stimuli, labels)
    if rows.is_empty():
        raise StimulusError(f"there is no stimulus to export in {source or scheme}")
    model = chosen.model if columns else None
    further = stimulus_variables(study, set_name, scheme, columns, model=model).drop("path", "category")
    known = [name for name in further.columns if name in rows.columns and name != "stimulus_id"]
    rows = rows.join(further.drop(known), on="stimulus_id", how="left", maintain_order="left")
    used = {number: stimuli[number] for number in rows["stimulus_id"]}
    return StimulusList(set_name, scheme, rows, used, (*chosen.notes, *notes))


def _labelled(study: StudyFolder, set_name: str, scheme: str, labels: dict[int, str]) -> pl.DataFrame:
    """The labelled stimuli, category by category; their first category, too, where the scheme is another one."""
    numbers = sorted(labels, key=lambda number: (labels[number], number))
    columns: dict[str, list[int] | list[str] | list[str | None]] = {
        "stimulus_id": numbers,
        "category": [labels[number] for number in numbers],
    }
    if scheme != SCHEME and SCHEME in study.schemes(set_name):
        first = read_labels(study.labels(set_name))
        if any(first.get(number) != labels[number] for number in numbers):
            columns["ingested_category"] = [first.get(number) for number in numbers]
    return pl.DataFrame(columns, schema_overrides={"stimulus_id": pl.Int32})


def _read_list(
    source: Path, set_name: str, stimuli: dict[int, Stimulus], labels: dict[int, str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The rows of a table, with the category that the table or the scheme says."""
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table of stimuli, such as match writes with --output"
        )
    check_table_name(source, "stimuli")
    table = read_rows(source, _OWN[1:])
    names = {wanted: find_column(source, table.rows.columns, wanted) for wanted in _OWN}
    rows = table.rows.rename({found: wanted for wanted, found in names.items() if found})
    if "stimulus_id" not in rows.columns:
        raise StimulusError(f"{source} has no column stimulus_id; expected a list such as match writes")
    try:
        rows = rows.with_columns(pl.col("stimulus_id").cast(pl.Int32, strict=True))
    except pl.exceptions.PolarsError:
        raise StimulusError(
            f"{source} has a stimulus_id that is no whole number; keep those of the set"
        ) from None
    _check_rows(source, set_name, rows, stimuli)
    if "category" not in rows.columns:
        rows = rows.with_columns(
            category=pl.Series([labels.get(each) for each in rows["stimulus_id"]], dtype=pl.String)
        )
    kept = [name for name in rows.columns if name not in _OWN]
    return _plain_columns(source, rows.select("stimulus_id", "category", *kept)), tuple(table.notes)


def _plain_columns(source: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Columns of numbers, truth values and texts; dates as text, and no lists.

    Raises: StimulusError for a column that no cell can hold.
    """
    others = {
        name: kind for name, kind in rows.schema.items() if not (kind.is_numeric() or kind == pl.Boolean)
    }
    for name, kind in others.items():
        if kind.is_nested() or isinstance(kind, pl.Binary | pl.Object):
            raise StimulusError(
                f"{source} has a column {name!r} of {kind}, which no cell can hold; remove it"
            )
    return rows.with_columns(pl.col(name).cast(pl.String) for name in others)


def _check_rows(source: Path, set_name: str, rows: pl.DataFrame, stimuli: dict[int, Stimulus]) -> None:
    """Refuse rows of other stimuli than those of the set."""
    for place, row in enumerate(rows.iter_rows(named=True), 1):
        stimulus = stimuli.get(row["stimulus_id"])
        if stimulus is None:
            raise StimulusError(
                f"{source} names stimulus_id {row['stimulus_id']} in row {place}, which {set_name} does not have; "
                "choose the set of the list"
            )
        path, sha256 = row.get("path"), row.get("sha256")
        name = PurePosixPath(path.replace("\\", "/")).name if path else None
        if (name and PurePosixPath(stimulus.path).name != name) or (sha256 and sha256 != stimulus.sha256):
            raise StimulusError(
                f"{source} names {path or sha256} as stimulus_id {row['stimulus_id']}, which is {stimulus.path} in "
                f"{set_name}; choose the set of the list"
            )
