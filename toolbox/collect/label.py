"""The use case that gives a stimulus set a further labelling. Owns how a table's rows find their stimuli.

    labels/set=<set>/scheme=<scheme>/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   which table gave which labels

Never touches stimuli, responses, or the scheme that ingestion writes: a new labelling is a join.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from toolbox.content import check_name
from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.files import digest_of, only_writer, write_json
from toolbox.stimuli.manifest import locate_file
from toolbox.stimuli.sources import compose_accents
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import read_table, with_version
from toolbox.store.rollups import update_rollups
from toolbox.tables import TABLE_SUFFIXES, read_rows

KEYS = ("stimulus_id", "sha256", "path", "category")
"""Columns that can name the stimuli; the first that a table has does."""
_EXAMPLES = 3
"""Rows that a message names."""
_LISTING = 'see: toolbox query "select stimulus_id, sha256, path from stimuli"'


@dataclass(frozen=True)
class LabelReport:
    """What a table said of a set."""

    set: str
    scheme: str
    key: str
    """The table's column that named the stimuli."""
    value: str
    """The table's column that held their labels."""
    ignored: list[str]
    """Its other columns, which were not used."""
    labelled: int
    unlabelled: int
    categories: dict[str, int]
    """Stimuli of each category."""
    written: bool
    """False: the set had these very labels under this scheme already."""


@dataclass(frozen=True)
class _Row:
    """One row of a table."""

    number: int
    """From 1, without the header."""
    name: str | None
    """What stands in the key column."""
    category: str | None
    sha256: str | None
    """What the table says beside the key; None where it does not."""


@dataclass(frozen=True)
class _Table:
    """A table of labels as text."""

    file: Path
    key: str
    value: str
    ignored: list[str]
    rows: list[_Row]


def label(
    study: StudyFolder, set_name: str, scheme: str, source: Path, *, replace: bool = False
) -> LabelReport:
    """Label the stimuli of a set again, as a scheme of its own beside those that it has.

    Args:
        study: whose set it is.
        set_name: of the set.
        scheme: name of the labelling; any but `category`, which is ingestion's.
        source: a table (.csv, .tsv, .parquet). The labels stand in the column named like the scheme, else in
            `category`; the first of `stimulus_id`, `sha256`, `path` and `category` (the set's own categories) says
            which stimuli a row means. A path is as the set stores it, or absolute, or relative to the table's folder.
            Stimuli that are not named, or whose label is empty or NA, are unlabelled.
        replace: whether other labels of that scheme are given up.

    Raises: UsageError for an impossible name or source, or a scheme that is there with other labels; StimulusError
        when the table cannot be read, a row names no stimulus of the set, two rows contradict each other, or nothing
        is labelled; BusyError. Nothing is written then.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    _check_request(study, set_name, scheme, source)
    table = _read_table(source, scheme)
    # Held as by ingestion: its two tables disagree while it writes them.
    with only_writer(study.stimuli(set_name).parent, "ingest or label"):
        names = _stimulus_names(study, set_name)
        labels = _match_labels(study, set_name, table, names)
        is_written = replace or _is_new(study, set_name, scheme, labels)
        report = _report(table, set_name, scheme, labels, len(names), is_written)
        if report.written:
            _write(study, report, labels, source, started)
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
    """Refuse what cannot be, whatever the table says."""
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    if check_name("label scheme", scheme).casefold() == SCHEME:  # one folder on many a disk
        raise UsageError(
            f"the scheme {scheme!r} is what ingestion writes; choose another name for these labels"
        )
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table ({', '.join(TABLE_SUFFIXES)}) of stimuli and labels"
        )
    if source.suffix.lower() not in TABLE_SUFFIXES:
        raise UsageError(f"{source} is no table that can be read; export it as {', '.join(TABLE_SUFFIXES)}")


def _read_table(file: Path, scheme: str) -> _Table:
    """The rows of a table; rows without anything, such as spreadsheets append, are left out."""
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
    """Which column names the stimuli, and which holds their labels."""
    value = next((name for name in (scheme, "category") if name in columns), None)
    key = next((name for name in KEYS if name in columns and name != value), None)
    if value is None or key is None:
        found = ", ".join(map(repr, columns))
        hint = "; separate columns by commas, or by tabs in a .tsv" if ";" in found else ""
        raise StimulusError(
            f"{file} has only {found}; expected the labels in a column {scheme!r} (or 'category'), "
            f"and one of {', '.join(KEYS)} beside it{hint}"
        )
    return key, value


def _texts(column: pl.Series, file: Path) -> list[str | None]:
    """A column as text, accents composed; what is empty is None."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise StimulusError(f"column {column.name!r} of {file} is {column.dtype}; write it as text")
    texts = [compose_accents(text) if text else None for text in column.cast(pl.String)]
    return [text and text.lower() for text in texts] if column.name == "sha256" else texts


_Names = Mapping[str, str | None]
"""What names one stimulus, by column."""


def _stimulus_names(study: StudyFolder, set_name: str) -> dict[int, _Names]:
    """What names each stimulus of a set, by stimulus_id."""
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
    bearers: dict[str, list[int]] = defaultdict(list)
    for number, columns in names.items():
        if name := columns[table.key]:
            bearers[name].append(number)
    meant = [(row, _find_stimuli(study, table, row, bearers)) for row in table.rows]
    strangers = [row for row, found in meant if not found or not _is_same(row, names[found[0]])]
    if strangers:
        raise _strangers_error(table, strangers, set_name, bearers)
    said: dict[int, str | None] = {}
    torn = [
        row for row, found in meant if any(said.setdefault(it, row.category) != row.category for it in found)
    ]
    if torn:
        raise StimulusError(f"{table.file} gives two labels to {_examples(table, torn)}; keep one of them")
    labels = {number: category for number, category in said.items() if category is not None}
    if not labels:
        raise StimulusError(f"{table.file} labels no stimulus: nothing stands in its column {table.value!r}")
    return labels


def _strangers_error(
    table: _Table, rows: Sequence[_Row], set_name: str, known: Mapping[str, list[int]]
) -> StimulusError:
    """Rows that name no stimulus of the set, and where to see which there are."""
    listing = f"{_LISTING} --set {set_name}"
    hint = f"it has {', '.join(sorted(known)) or 'none'}" if table.key == "category" else listing
    return StimulusError(
        f"{table.file} names what {set_name} does not have: {_examples(table, rows)}; {hint}"
    )


def _find_stimuli(
    study: StudyFolder, table: _Table, row: _Row, bearers: Mapping[str, list[int]]
) -> list[int]:
    """Numbers of the stimuli that a row names."""
    if row.name is None:
        return []
    if table.key != "path" or row.name in bearers:
        return bearers.get(row.name, [])
    file = locate_file(table.file.parent.resolve(), row.name)
    return bearers.get(compose_accents(study.stored_path(file)), [])


def _is_same(row: _Row, stimulus: _Names) -> bool:
    """Whether a row does not say by its digest that it means another image; numbers alone do not cross sets."""
    return row.sha256 in (None, stimulus["sha256"])


def _examples(table: _Table, rows: Sequence[_Row]) -> str:
    """The first of some rows by name, and the number of the others."""
    names = list(dict.fromkeys(_describe_row(table, row) for row in rows))
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"


def _describe_row(table: _Table, row: _Row) -> str:
    if not row.name:
        return f"row {row.number}, without {table.key}"
    digest = f" with sha256 {row.sha256[:12]}…" if row.sha256 else ""
    return f"{table.key} {row.name!r}{digest}"


def _is_new(study: StudyFolder, set_name: str, scheme: str, labels: dict[int, str]) -> bool:
    """Whether the set lacks these labels; refuse to lose others of the same scheme."""
    path = study.labels(set_name, scheme)
    if not path.is_file():
        return True
    if read_labels(path) == labels:
        return False
    raise UsageError(
        f"{set_name} has other labels under the scheme {scheme!r} already; give these another name, "
        "or give the others up with --replace"
    )


def _write(
    study: StudyFolder, report: LabelReport, labels: dict[int, str], source: Path, started: datetime
) -> None:
    """Write the labels, and the run's record."""
    origin = {"table": source.resolve().as_posix(), "sha256": digest_of(source)}
    provenance = {"task": "label", "set": report.set, "scheme": report.scheme, "sources": [origin]}
    write_labels(study.labels(report.set, report.scheme), labels, provenance)
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "label", "started": started.isoformat(), "seconds": seconds, "source": origin}
    write_json(study.run_record(f"label-{report.set}"), with_version({**run, **asdict(report)}))
