"""The use case that adds a label scheme to a stimulus set. Owns matching the rows of a table with the stimuli.

    labels/set=<set>/scheme=<scheme>/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   which labels came from which table

Never changes stimuli, responses, or the scheme that ingestion writes: a new label scheme needs only a join.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from toolbox.collect.label_table import LabelTable, read_label_table
from toolbox.collect.matching import NamingTable, StimulusNames, match_rows, name_rows, stimulus_names
from toolbox.display import Report
from toolbox.errors import StimulusError, UsageError
from toolbox.files import digest_of
from toolbox.stimuli.categories import categories_alike
from toolbox.store.commits import finish_commit
from toolbox.store.folder import StudyFolder
from toolbox.store.labelling import check_scheme, commit_labels, has_new_labels, labelling
from toolbox.store.rollups import update_rollups
from toolbox.tables import TABLE_SUFFIXES, check_table_name
from toolbox.terms import Missing


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
        names = stimulus_names(study, set_name)
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


def _match_labels(
    study: StudyFolder, set_name: str, table: LabelTable, names: Mapping[int, StimulusNames]
) -> dict[int, str]:
    """Categories by stimulus_id; stimuli without one are left out."""
    naming = NamingTable(table.file, table.key, table.rows)
    matches = [*zip(table.rows, match_rows(study, set_name, naming, names), strict=True)]
    given: dict[int, str | None] = {}
    contradictory = [
        row
        for row, found in matches
        if any(given.setdefault(number, row.category) != row.category for number in found)
    ]
    if contradictory:
        raise StimulusError(
            f"{table.file} gives different labels to {name_rows(naming, contradictory)}; "
            "keep one label for each stimulus"
        )
    labels = {number: category for number, category in given.items() if category is not None}
    if not labels:
        raise StimulusError(
            f"{table.file} labels no stimulus: its column {table.value!r} is empty; enter the labels there"
        )
    return labels


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
