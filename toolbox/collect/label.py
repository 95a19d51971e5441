"""The use case that adds a label scheme to a stimulus set. Owns matching the rows of a table with the stimuli.

    labels/set=<set>/scheme=<scheme>/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   which labels came from which table

Never changes stimuli, responses, or the scheme that ingestion writes: a new label scheme needs only a join.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from toolbox.collect.label_table import PATHS, LabelRow, LabelTable, read_label_table
from toolbox.display import Report
from toolbox.errors import StimulusError, UsageError
from toolbox.files import digest_of
from toolbox.stimuli.categories import categories_alike, compose_accents
from toolbox.stimuli.manifest import locate_file
from toolbox.store.commits import finish_commit
from toolbox.store.folder import StudyFolder
from toolbox.store.labelling import check_scheme, commit_labels, has_new_labels, labelling
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table
from toolbox.store.rollups import update_rollups
from toolbox.tables import TABLE_SUFFIXES, check_table_name
from toolbox.terms import Missing

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
    notes: list[str] = field(default_factory=list)
    """What was assumed to read the table, and categories that differ only in case."""


def label(
    study: StudyFolder,
    set_name: str,
    scheme: str,
    source: Path,
    *,
    missing: Missing | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> LabelReport:
    """Add a label scheme to a stimulus set; its other schemes stay unchanged.

    Args:
        study: the study that contains the set.
        set_name: name of the stimulus set.
        scheme: name of the label scheme; any name except `category`, the scheme that ingestion writes.
        source: a table (.csv, .tsv, .txt, .xlsx, .parquet). The labels are in the column named as the scheme, else in
            `category`. The first available column of `stimulus_id`, `sha256`, `path`, `file` and `category` (the
            categories of the set) identifies the stimuli of a row. A path may be as stored in the set, absolute,
            relative to the folder of the table, or the end of a stored path, such as the name of a file, if it is that
            of one stimulus. Stimuli without a row, or whose label is empty or NA, are unlabelled.
        missing: what a label such as `nan` or `None` means: 'unlabelled' stimuli, or a 'category' of that name; None
            refuses it.
        replace: whether different labels that the scheme already contains are overwritten.
        dry_run: whether nothing is written.

    Raises: UsageError for an invalid name or source, or for a scheme that already contains different labels;
        StimulusError when the table cannot be read, a row matches no stimulus of the set, two rows contradict each
        other, or no stimulus is labelled; BusyError. After an error nothing has been written.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    if not dry_run:
        finish_commit(study)
    scheme = _check_request(study, set_name, scheme, source)
    table = read_label_table(source, scheme, missing)
    with nullcontext() if dry_run else labelling(study, set_name, scheme):
        names = _stimulus_names(study, set_name)
        labels = _match_labels(study, set_name, table, names)
        is_written = replace or has_new_labels(study, set_name, scheme, labels)
        report = _report(table, set_name, scheme, labels, len(names), is_written)
        if report.written and not dry_run:
            _write(study, report, labels, source, started)
    if not dry_run:
        update_rollups(study, set_name, study.models(set_name), [scheme])
    return report


def _report(
    table: LabelTable, set_name: str, scheme: str, labels: dict[int, str], stimuli: int, is_written: bool
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
        notes=[*table.notes, *categories_alike(labels.values(), f"the scheme {scheme}")],
    )


def _check_request(study: StudyFolder, set_name: str, scheme: str, source: Path) -> str:
    """Refuse an invalid request before the table is read; the name of the scheme as it is stored."""
    scheme = check_scheme(study, set_name, scheme)
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table ({', '.join(TABLE_SUFFIXES)}) of stimuli and labels"
        )
    check_table_name(source, "stimuli and labels")
    return scheme


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
    study: StudyFolder, set_name: str, table: LabelTable, names: Mapping[int, _Names]
) -> dict[int, str]:
    """Categories by stimulus_id; stimuli without one are left out."""
    by_name: dict[str, list[int]] = defaultdict(list)
    by_end: dict[str, set[str]] = defaultdict(set)
    column = "path" if table.key in PATHS else table.key
    for number, columns in names.items():
        if name := columns[column]:
            by_name[name].append(number)
            by_end[PurePosixPath(name).name].add(name)
    matches = [(row, _find_stimuli(study, table, row, by_name, by_end)) for row in table.rows]
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
    table: LabelTable, rows: Sequence[LabelRow], set_name: str, known: Mapping[str, list[int]]
) -> StimulusError:
    """An error for rows that match no stimulus of the set; it says how to list the stimuli."""
    listing = f"{_LISTING} --set {set_name}"
    hint = f"its categories: {', '.join(sorted(known)) or 'none'}" if table.key == "category" else listing
    return StimulusError(
        f"{table.file} has rows that match no stimulus of {set_name}: {_examples(table, rows)}; {hint}"
    )


def _find_stimuli(
    study: StudyFolder,
    table: LabelTable,
    row: LabelRow,
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


def _only_path(table: LabelTable, name: str, by_end: Mapping[str, set[str]]) -> str:
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


def _is_same(row: LabelRow, stimulus: _Names) -> bool:
    """Whether a row has no digest, or that of the stimulus: a number means another image in another set."""
    return row.sha256 in (None, stimulus["sha256"])


def _examples(table: LabelTable, rows: Sequence[LabelRow]) -> str:
    """The names of the first rows, and the number of the others."""
    names = list(dict.fromkeys(_describe_row(table, row) for row in rows))
    more = f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else ""
    return f"{', '.join(names[:_EXAMPLES])}{more}"


def _describe_row(table: LabelTable, row: LabelRow) -> str:
    if not row.name:
        return f"row {row.number}, without {table.key}"
    digest = f" with sha256 {row.sha256[:12]}…" if row.sha256 else ""
    return f"{table.key} {row.name!r}{digest}"


def _write(
    study: StudyFolder, report: LabelReport, labels: dict[int, str], source: Path, started: datetime
) -> None:
    """Write the labels, and the record of the run."""
    table = source.resolve()
    origin = {
        "table": study.roots.anonymous(table.as_posix(), table.parent),
        "sha256": digest_of(source),
    }
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "label", "started": started.isoformat(), "seconds": seconds, "source": origin}
    commit_labels(study, report.set, report.scheme, labels, {**run, **asdict(report)})
