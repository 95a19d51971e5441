"""The use case that adds numeric columns of a table to a stimulus set, as stimulus parameters. Owns what is refused.

    parameters/set=<set>/parameter=<parameter>/observations.parquet   stimulus_id, observer, value
    runs/<run>.json                                                   which parameters came from which table

Never changes the stimuli, or the parameters that the manifest of the set contains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from toolbox.collect.matching import NamingTable, match_rows, stimulus_names
from toolbox.collect.parameter_table import ParameterTable, read_parameter_table
from toolbox.display import Report
from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.files import digest_of, write_json
from toolbox.store.commits import committing, finish_commit, writing
from toolbox.store.folder import StudyFolder, check_new_name
from toolbox.store.parameters import ObservedValue, read_observations, write_observations
from toolbox.store.parquet import creation, open_table, with_version
from toolbox.store.stimuli import STIMULI, variable_names
from toolbox.tables import TABLE_SUFFIXES, check_table_name

_TAKEN = (*STIMULI, "category", "set", "scheme", "parameter", "variable", "property", "observer", "value")
"""Names of columns of the views, which a parameter cannot have."""


@dataclass(frozen=True)
class ParametersReport(Report):
    """The parameters that a table gave to the stimuli of a set."""

    set: str
    key: str
    """The column of the table that identified the stimuli."""
    observer: str | None
    """The column that identified the observers; None where repeated rows are numbered instead."""
    parameters: dict[str, int]
    """Number of stimuli with a value of each parameter."""
    observations: dict[str, int]
    """Number of values of each parameter."""
    repeats: int
    """The largest number of values of one stimulus."""
    stimuli: int
    """Stimuli of the set."""
    ignored: list[str]
    """The other columns, which were not used."""
    written: list[str]
    """The parameters that are written, or would be in a dry run; the others had these values already."""
    notes: list[str] = field(default_factory=list)


def add_parameters(
    study: StudyFolder,
    set_name: str,
    source: Path,
    *,
    column: str | Sequence[str] | None = None,
    observer: str | None = None,
    replace: bool = False,
    dry_run: bool = False,
) -> ParametersReport:
    """Add numeric columns of a table to a stimulus set, as parameters of its stimuli.

    Args:
        study: the study that contains the set.
        set_name: name of the stimulus set.
        source: a table (.csv, .tsv, .txt, .xlsx, .parquet). The stimuli are identified as by `label`. A stimulus may
            have several rows, one of each observer or repetition; queries use the mean. Empty cells and NA are unknown.
        column: names of the columns that become parameters; all numeric columns if None.
        observer: name of the column that identifies the observers; None for `observer`, `participant` or `subject`,
            if there is one, else repeated rows of a stimulus are numbered.
        replace: whether other values that a parameter already has are overwritten.
        dry_run: whether nothing is written.

    Raises: UsageError for an invalid name or source, or for a parameter that already has other values; StimulusError
        when the table cannot be read, or a row matches no stimulus of the set, or one observer gives two values;
        BusyError. After an error nothing has been written.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    _check_request(study, set_name, source)
    if not dry_run:
        finish_commit(study)
    table = read_parameter_table(source, column, observer)
    folder = study.root / "parameters" / f"set={set_name}"
    with nullcontext() if dry_run else writing(study, study.lock(set_name), "adding parameters", folder):
        names = {name: _new_name(study, set_name, name) for name in table.columns}
        values = _observations(study, set_name, table)
        new = [
            name for name in names if _is_new(study, set_name, names[name], values[name], may_replace=replace)
        ]
        report = _report(study, set_name, table, {names[name]: values[name] for name in names})
        report.written.extend(names[name] for name in new)
        if new and not dry_run:
            _write(study, report, {names[name]: values[name] for name in new}, source, started)
    return report


def _check_request(study: StudyFolder, set_name: str, source: Path) -> None:
    """Refuse an invalid request before the table is read."""
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    if not source.is_file():
        raise UsageError(
            f"{source} does not exist; expected a table ({', '.join(TABLE_SUFFIXES)}) of stimuli and numbers"
        )
    check_table_name(source, "stimuli and numbers")


def _new_name(study: StudyFolder, set_name: str, name: str) -> str:
    """The name under which a parameter is stored.

    Raises: UsageError for an invalid name, that of a view's column, or one that the manifest of the set has.
    """
    if name.casefold() in _TAKEN:
        raise UsageError(
            f"a parameter cannot be called {name!r}, which is a column of a view; rename the column"
        )
    with open_table(study.stimuli(set_name)) as opened:
        manifest = variable_names(opened.schema_arrow.names)
    if taken := next((other for other in manifest if other.casefold() == name.casefold()), None):
        raise UsageError(
            f"the stimuli of {set_name} have a parameter {taken!r} since they were ingested; rename the column"
        )
    return check_new_name("parameter", name, study.added_parameters(set_name))


def _observations(study: StudyFolder, set_name: str, table: ParameterTable) -> dict[str, list[ObservedValue]]:
    """The values of every column, with the stimuli and observers.

    Raises: StimulusError.
    """
    naming = NamingTable(table.file, table.key, table.rows)
    found = match_rows(study, set_name, naming, stimulus_names(study, set_name))
    values: dict[str, list[ObservedValue]] = {}
    for name, cells in table.columns.items():
        rows = [
            (number, table.observers[place], cells[place])
            for place, numbers in enumerate(found)
            for number in numbers
        ]
        values[name] = _numbered([(number, who, value) for number, who, value in rows if value is not None])
        if table.observer:
            _check_single(table, name, values[name])
    return values


def _numbered(rows: Sequence[tuple[int, str | None, float]]) -> list[ObservedValue]:
    """The values with the observers or, without them, the numbers of the repetitions."""
    seen = Counter[int]()
    numbered: list[ObservedValue] = []
    for number, who, value in rows:
        seen[number] += 1
        numbered.append((number, str(seen[number]) if who is None else who, value))
    return numbered


def _check_single(table: ParameterTable, name: str, values: Sequence[ObservedValue]) -> None:
    """Refuse two values of one observer for one stimulus: they are repetitions, or a mistake."""
    counts = Counter((number, who) for number, who, _ in values)
    (number, who), count = counts.most_common(1)[0]
    if count > 1:
        raise StimulusError(
            f"{table.file} has {count} values of {name} by {table.observer} {who!r} for stimulus {number}; keep one of "
            "each observer, or let observer and run together be one column (--observer)"
        )


def _is_new(
    study: StudyFolder, set_name: str, name: str, values: Sequence[ObservedValue], *, may_replace: bool
) -> bool:
    """Whether these values are new; refuse to overwrite other values of the same parameter."""
    path = study.observations(set_name, name)
    if not path.is_file():
        return True
    if may_replace:
        return True
    if read_observations(path) == sorted(values):
        return False
    raise UsageError(
        f"the parameter {name!r} of {set_name} already has other values; rename the column, or overwrite them with "
        "replace (--replace)"
    )


def _report(
    study: StudyFolder, set_name: str, table: ParameterTable, values: Mapping[str, Sequence[ObservedValue]]
) -> ParametersReport:
    counts = {name: Counter(number for number, _, _ in rows) for name, rows in values.items()}
    with open_table(study.stimuli(set_name)) as opened:
        stimuli = opened.metadata.num_rows
    return ParametersReport(
        set=set_name,
        key=table.key,
        observer=table.observer,
        parameters={name: len(count) for name, count in counts.items()},
        observations={name: len(rows) for name, rows in values.items()},
        repeats=max(max(count.values()) for count in counts.values()),
        stimuli=stimuli,
        ignored=table.ignored,
        written=[],
        notes=table.notes,
    )


def _write(
    study: StudyFolder,
    report: ParametersReport,
    values: Mapping[str, Sequence[ObservedValue]],
    source: Path,
    started: datetime,
) -> None:
    """Write the values, and the record of the run."""
    table = source.resolve()
    origin = {
        "table": study.roots.anonymous(table.as_posix(), table.parent),
        "sha256": digest_of(source),
        "observer": report.observer,
    }
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "parameters", "started": started.isoformat(), "seconds": seconds, "source": origin}
    with committing(study) as commit:
        for name, rows in values.items():
            path = study.observations(report.set, name)
            provenance = {"task": "parameters", "set": report.set, "parameter": name, "sources": [origin]}
            write_observations(commit.stage(path), rows, {**provenance, **creation(path)})
        record = with_version({**run, **asdict(report)})
        write_json(commit.stage(study.run_record(f"parameters-{report.set}")), record)
