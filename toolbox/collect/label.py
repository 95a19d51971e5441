"""The use case that adds a label scheme to a stimulus set. Owns matching the rows of a table with the stimuli.

    labels/set=<set>/scheme=<scheme>/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   which labels came from which table

Never changes stimuli, responses, or the scheme that ingestion writes: a new label scheme needs only a join.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from toolbox.content import check_name
from toolbox.display import Report
from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.files import digest_of, only_writer, write_json
from toolbox.stimuli.manifest import locate_file
from toolbox.stimuli.sources import compose_accents
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import creation, read_table, with_version
from toolbox.store.rollups import update_rollups
from toolbox.tables import TABLE_SUFFIXES, read_rows

KEYS = ("stimulus_id", "sha256", "path", "category")
"""Columns that can identify the stimuli; the first one that a table has is used."""
_EXAMPLES = 3
"""Rows that a message lists."""
_LISTING = 'list them with: toolbox query "select stimulus_id, sha256, path from stimuli"'


@dataclass(frozen=True)
class LabelReport(Report):
    """The labels that a table gave to the stimuli of a set."""

    set: str
    scheme: str
    key: str
    """The column of the table that identified the stimuli."""
    value: str
    """The column of the table that contained the labels."""
    ignored: list[str]
    """The other columns, which were not used."""
    labelled: int
    unlabelled: int
    categories: dict[str, int]
    """Number of stimuli in each category."""
    written: bool
    """Whether the labels are written, or would be in a dry run: False if the scheme already contained exactly these."""


@dataclass(frozen=True)
class _Row:
    """One row of a table."""

    number: int
    """Counted from 1, without the header."""
    name: str | None
    """The value in the key column."""
    category: str | None
    sha256: str | None
    """The digest in the table, where stimulus_id is the key; None without one."""


@dataclass(frozen=True)
class _Table:
    """A table of labels as text."""

    file: Path
    key: str
    value: str
    ignored: list[str]
    rows: list[_Row]


def label(
    study: StudyFolder,
    set_name: str,
    scheme: str,
    source: Path,
    *,
    replace: bool = False,
    dry_run: bool = False,
) -> LabelReport:
    """Add a label scheme to a stimulus set; its other schemes stay unchanged.

    Args:
        study: the study that contains the set.
        set_name: name of the stimulus set.
        scheme: name of the label scheme; any name except `category`, the scheme that ingestion writes.
        source: a table (.csv, .tsv, .parquet). The labels are in the column named as the scheme, else in `category`.
            The first available column of `stimulus_id`, `sha256`, `path` and `category` (the categories of the set)
            identifies the stimuli of a row. A path may be as stored in the set, absolute, or relative to the folder
            of the table. Stimuli without a row, or whose label is empty or NA, are unlabelled.
        replace: whether different labels that the scheme already contains are overwritten.
        dry_run: whether nothing is written.

    Raises: UsageError for an invalid name or source, or for a scheme that already contains different labels;
        StimulusError when the table cannot be read, a row matches no stimulus of the set, two rows contradict each
        other, or no stimulus is labelled; BusyError. After an error nothing has been written.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    _check_request(study, set_name, scheme, source)
    table = _read_table(source, scheme)
    # The same lock as that of ingestion, whose two tables are inconsistent while it writes them.
    with nullcontext() if dry_run else only_writer(study.lock(set_name), "ingesting or labelling"):
        names = _stimulus_names(study, set_name)
        labels = _match_labels(study, set_name, table, names)
        is_written = replace or _is_new(study, set_name, scheme, labels)
        report = _report(table, set_name, scheme, labels, len(names), is_written)
        if report.written and not dry_run:
            _write(study, report, labels, source, started)
    if not dry_run:
        update_rollups(study, set_name, study.models(set_name), [scheme])
    return report


def _report(
    table: _Table, set_name: str, scheme: str, labels: dict[int, str], stimuli: int, is_written: bool
) -> LabelReport:
    return LabelReport(
        set=set_name,
        scheme=scheme,
        key=table.key,
        value=table.value,
        ignored=table.ignored,
        labelled=len(labels),
        unlabelled=stimuli - len(labels),
        categories=dict(sorted(Counter(labels.values()).items())),
        written=is_written,
    )


def _check_request(study: StudyFolder, set_name: str, scheme: str, source: Path) -> None:
    """Refuse an invalid request before the table is read."""
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    if check_name("label scheme", scheme).casefold() == SCHEME:  # many file systems ignore case
        raise UsageError(
            f"the scheme name {scheme!r} is reserved for ingestion; choose another name for these labels"
        )
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table ({', '.join(TABLE_SUFFIXES)}) of stimuli and labels"
        )
    if source.suffix.lower() not in TABLE_SUFFIXES:
        raise UsageError(f"{source} cannot be read as a table; export it as {', '.join(TABLE_SUFFIXES)}")


def _read_table(file: Path, scheme: str) -> _Table:
    """The rows of a table; empty rows, which spreadsheets append, are left out."""
    table = read_rows(file, [*KEYS, scheme])
    key, value = _columns(file, table.columns, scheme)
    beside = ["sha256"] if key == "stimulus_id" and "sha256" in table.columns and value != "sha256" else []
    columns = [_texts(table[name], file) for name in (key, value, *beside)]
    if not beside:
        columns.append([None] * table.height)
    rows = [_Row(number, *cells) for number, cells in enumerate(zip(*columns, strict=True), 1) if any(cells)]
    ignored = [name for name in table.columns if name not in (key, value, *beside)]
    return _Table(file, key, value, ignored, rows)


def _columns(file: Path, columns: Sequence[str], scheme: str) -> tuple[str, str]:
    """The column that identifies the stimuli, and the column that contains their labels."""
    value = next((name for name in (scheme, "category") if name in columns), None)
    key = next((name for name in KEYS if name in columns and name != value), None)
    if value is None or key is None:
        found = ", ".join(map(repr, columns))
        hint = "; separate columns by commas, or by tabs in a .tsv" if ";" in found else ""
        raise StimulusError(
            f"{file} has only the columns {found}; expected the labels in a column {scheme!r} (or 'category') "
            f"and one of the columns {', '.join(KEYS)}{hint}"
        )
    return key, value


def _texts(column: pl.Series, file: Path) -> list[str | None]:
    """A column as text with composed accents; empty cells are None."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise StimulusError(
            f"column {column.name!r} of {file} has the type {column.dtype}; expected text; export it as text"
        )
    texts = [compose_accents(text) if text else None for text in column.cast(pl.String)]
    return [text and text.lower() for text in texts] if column.name == "sha256" else texts


_Names = Mapping[str, str | None]
"""The identifiers of one stimulus, by column."""


def _stimulus_names(study: StudyFolder, set_name: str) -> dict[int, _Names]:
    """The identifiers of each stimulus of a set, by stimulus_id."""
    stimuli = read_table(study.stimuli(set_name), "stimulus_id", "sha256", "path").to_pylist()
    labels = study.labels(set_name)
    categories = read_labels(labels) if labels.is_file() else {}
    names: dict[int, _Names] = {}
    for row in stimuli:
        number, path = row["stimulus_id"], compose_accents(row["path"])
        names[number] = {**row, "stimulus_id": str(number), "path": path, "category": categories.get(number)}
    return names


def _match_labels(
    study: StudyFolder, set_name: str, table: _Table, names: Mapping[int, _Names]
) -> dict[int, str]:
    """Categories by stimulus_id; stimuli without one are left out."""
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, columns in names.items():
        if name := columns[table.key]:
            by_name[name].append(number)
    matches = [(row, _find_stimuli(study, table, row, by_name)) for row in table.rows]
    unmatched = [row for row, found in matches if not found or not _is_same(row, names[found[0]])]
    if unmatched:
        raise _unmatched_error(table, unmatched, set_name, by_name)
    given: dict[int, str | None] = {}
    contradictory = [
        row
        for row, found in matches
        if any(given.setdefault(number, row.category) != row.category for number in found)
    ]
    if contradictory:
        raise StimulusError(
            f"{table.file} gives different labels to {_examples(table, contradictory)}; "
            "keep one label for each stimulus"
        )
    labels = {number: category for number, category in given.items() if category is not None}
    if not labels:
        raise StimulusError(
            f"{table.file} labels no stimulus: its column {table.value!r} is empty; enter the labels there"
        )
    return labels


def _unmatched_error(
    table: _Table, rows: Sequence[_Row], set_name: str, known: Mapping[str, list[int]]
) -> StimulusError:
    """An error for rows that match no stimulus of the set; it says how to list the stimuli."""
    listing = f"{_LISTING} --set {set_name}"
    hint = f"its categories: {', '.join(sorted(known)) or 'none'}" if table.key == "category" else listing
    return StimulusError(
        f"{table.file} has rows that match no stimulus of {set_name}: {_examples(table, rows)}; {hint}"
    )


def _find_stimuli(
    study: StudyFolder, table: _Table, row: _Row, by_name: Mapping[str, list[int]]
) -> list[int]:
    """Numbers of the stimuli that match a row."""
    if row.name is None:
        return []
    if table.key != "path" or row.name in by_name:
        return by_name.get(row.name, [])
    file = locate_file(table.file.parent.resolve(), row.name)
    return by_name.get(compose_accents(study.stored_path(file)), [])


def _is_same(row: _Row, stimulus: _Names) -> bool:
    """Whether a row has no digest, or that of the stimulus: a number means another image in another set."""
    return row.sha256 in (None, stimulus["sha256"])


def _examples(table: _Table, rows: Sequence[_Row]) -> str:
    """The names of the first rows, and the number of the others."""
    names = list(dict.fromkeys(_describe_row(table, row) for row in rows))
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"


def _describe_row(table: _Table, row: _Row) -> str:
    if not row.name:
        return f"row {row.number}, without {table.key}"
    digest = f" with sha256 {row.sha256[:12]}…" if row.sha256 else ""
    return f"{table.key} {row.name!r}{digest}"


def _is_new(study: StudyFolder, set_name: str, scheme: str, labels: dict[int, str]) -> bool:
    """Whether these labels are new; refuse to overwrite different labels of the same scheme."""
    path = study.labels(set_name, scheme)
    if not path.is_file():
        return True
    if read_labels(path) == labels:
        return False
    raise UsageError(
        f"the scheme {scheme!r} of {set_name} already contains different labels; choose another scheme name, "
        "or overwrite those labels with replace (--replace)"
    )


def _write(
    study: StudyFolder, report: LabelReport, labels: dict[int, str], source: Path, started: datetime
) -> None:
    """Write the labels, and the record of the run."""
    table = source.resolve()
    origin = {
        "table": study.roots.anonymous(table.as_posix(), table.parent),
        "sha256": digest_of(source),
    }
    provenance = {"task": "label", "set": report.set, "scheme": report.scheme, "sources": [origin]}
    path = study.labels(report.set, report.scheme)
    write_labels(path, labels, {**provenance, **creation(path)})
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "label", "started": started.isoformat(), "seconds": seconds, "source": origin}
    write_json(study.run_record(f"label-{report.set}"), with_version({**run, **asdict(report)}))
