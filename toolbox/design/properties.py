"""Measuring the images of a set: `toolbox properties`. Owns what is measured again, and refusing changed images.

What was measured is kept every quarter of a minute, so that a run that was interrupted continues. When a property is
new, or its formula has changed, the images are measured again for it alone; the table is then replaced at the end.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from toolbox.display import Report
from toolbox.errors import StimulusError
from toolbox.files import write_json
from toolbox.progress import Progress, silent
from toolbox.query import Answer, ask
from toolbox.runtime.hardware import usable_cores
from toolbox.stimuli.image_properties import image_properties, measure_picture, property_columns
from toolbox.stimuli.image_property import ImageProperty
from toolbox.stimuli.originals import read_original
from toolbox.store.commits import Commit, committing, finish_commit, writing
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import creation, with_version
from toolbox.store.plan import plan_digest, read_digests
from toolbox.store.properties import Measurement, PictureValues, read_measurement, write_measurement
from toolbox.store.selection import Selection, resolve_labelling
from toolbox.store.stimuli import Stimulus, stimuli_of

SECONDS_BETWEEN = 15.0
"""Of two tables that are written while images are measured."""
MOST_CATEGORIES = 8
"""Columns of a summary for reading."""
_TABLE = """
select s.stimulus_id, s.path, l.category, p.* exclude (set, stimulus_id)
from stimuli s
left join labels l using (stimulus_id)
left join properties p using (stimulus_id)
order by s.stimulus_id
"""
_AHEAD = 4
"""Images for each thread that wait to be measured."""


@dataclass(frozen=True)
class PropertiesReport(Report):
    """What was measured.

    Attributes:
        set: the stimulus set.
        stimuli: number of stimuli of the set.
        measured: how many were measured now.
        properties: names of the columns that were measured now; empty if all were known.
        unreadable: path -> why its image cannot be measured: it is missing, damaged, or has changed.
        notes: what a reader of the values should know, such as values that an estimator does not reach.
    """

    set: str
    stimuli: int
    measured: int
    properties: tuple[str, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """A line for each image that cannot be measured."""
        return tuple(f"not measured: {path}: {reason}" for path, reason in self.unreadable.items())


def measure_properties(
    study: StudyFolder, set_name: str | None = None, *, progress: Progress = silent
) -> PropertiesReport:
    """Measure the images of a set that were not measured yet, and write the table `measured.parquet`.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set; the one that is meant if None.
        progress: is called with the number of images that were measured.

    Raises: UnknownNameError, AmbiguousError for the set; BusyError while another process writes it; VerificationError
        when a table is damaged.
    """
    started = datetime.now(UTC)
    study = StudyFolder(study.root.resolve())
    finish_commit(study)
    name = str(resolve_labelling(study, {"properties"}, Selection(set_name)).set)
    path = study.measured(name)
    with writing(study, study.lock(name), "measuring images", path.parent):
        task = _open_task(study, name)
        results = _measure(task.left, task.columns, progress)
        with closing(results):
            values, unreadable = _keep(path, task, results)
        known = task.measurement(values) if values else read_measurement(path)
        report = PropertiesReport(
            set=name,
            stimuli=len(task.digests),
            measured=len(values),
            properties=tuple(task.columns) if values else (),
            unreadable=unreadable,
            notes=tuple(notes_on_values(known)),
        )
        if task.left:
            with committing(study) as commit:
                if values:
                    _write(commit.stage(path), task, values, creation(path))
                _stage_record(study, commit, report, started)
    return report


def _stage_record(study: StudyFolder, commit: Commit, report: PropertiesReport, started: datetime) -> None:
    """Let the record of what was measured, and of what could not be, become visible with the table."""
    seconds = (datetime.now(UTC) - started).total_seconds()
    run = {"task": "properties", "started": started.isoformat(), "seconds": seconds}
    record = with_version({**run, **asdict(report)})
    write_json(commit.stage(study.run_record(f"properties-{report.set}")), record)


def table_of_properties(study: StudyFolder, set_name: str, scheme: str | None = None) -> Answer:
    """Path, category and all properties of the stimuli of a set, with provenance.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme; the one that is meant if None.

    Returns: a row for every stimulus, in the order of stimulus_id; null for a property that is not defined for a
        picture or was not measured, and for the category of an unlabelled stimulus.
    """
    return ask(study, _TABLE, selection=Selection(set_name, (), scheme))


def summary_of_properties(study: StudyFolder, set_name: str, scheme: str | None = None) -> pl.DataFrame:
    """Mean and standard deviation of every property in every category, for reading.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme; the one that is meant if None.

    Returns: a row for every property as a network sees it, its unit, and a column of texts for each category; of all
        stimuli together where there are more than MOST_CATEGORIES, or none is labelled.
    """
    rows = table_of_properties(study, set_name, scheme).rows
    labelled = rows.drop_nulls("category")
    names = labelled["category"].unique().sort().to_list()
    groups = {name: labelled.filter(category=name) for name in names}
    if not 0 < len(groups) <= MOST_CATEGORIES:
        groups = {"all": rows}
    listed = [(each.name, each.unit) for each in image_properties().values()]
    columns = {
        group: [_mean_and_deviation(of_one[name]) for name, _ in listed] for group, of_one in groups.items()
    }
    properties, units = zip(*listed, strict=True)
    return pl.DataFrame({"property": properties, "unit": units, **columns})


def _mean_and_deviation(values: pl.Series) -> str:
    """Both with three digits; `-` without a value."""
    known = values.drop_nulls().to_numpy()
    return f"{known.mean():.3g} ± {known.std(ddof=1) if known.size > 1 else 0:.2g}" if known.size else "-"


@dataclass(frozen=True)
class _Task:
    """What is to be measured of a set: some columns of the stimuli that are left."""

    digests: Mapping[int, str]
    known: Mapping[int, PictureValues]
    left: Sequence[Stimulus]
    columns: Sequence[str]

    @property
    def is_continued(self) -> bool:
        """Whether rows that are complete can be kept before all are."""
        return self.columns == list(property_columns())

    def measurement(self, values: Mapping[int, PictureValues]) -> Measurement:
        """What is known together with new values, of the stimuli that have all."""
        names = property_columns()
        rows = {
            number: {**self.known.get(number, {}), **values.get(number, {})}
            for number in self.known.keys() | values.keys()
        }
        whole = {number: row for number, row in rows.items() if row.keys() >= names.keys()}
        return Measurement(whole, names, plan_digest([*whole], self.digests))


def _open_task(study: StudyFolder, name: str) -> _Task:
    """What is left to measure: all columns of new stimuli, or of all stimuli those that are new or have changed."""
    digests, stimuli = read_digests(study.stimuli(name)), stimuli_of(study, name)
    stored, columns = read_measurement(study.measured(name)), property_columns()
    if not stored.is_of(digests):  # a copy from another study
        stored = Measurement()
    current = [column for column in columns if stored.columns.get(column) == columns[column]]
    rows = {number: {column: row[column] for column in current} for number, row in stored.values.items()}
    if len(current) == len(columns):
        left = [stimulus for number, stimulus in stimuli.items() if number not in rows]
        return _Task(digests, rows, left, [*columns])
    if stimuli.keys() <= rows.keys():
        return _Task(digests, rows, [*stimuli.values()], [each for each in columns if each not in current])
    return _Task(digests, {}, [*stimuli.values()], [*columns])


def _measure(
    stimuli: Sequence[Stimulus], columns: Sequence[str], progress: Progress
) -> Generator[tuple[Stimulus, PictureValues | str]]:
    """The values of every stimulus, or why it cannot be measured, in as many threads as there are cores."""
    threads = usable_cores()
    with ThreadPoolExecutor(threads, "measure") as pool:
        for start in range(0, len(stimuli), threads * _AHEAD):  # so that an interrupt ends soon
            together = stimuli[start : start + threads * _AHEAD]
            results = pool.map(partial(_measure_one, columns=columns), together)
            for done, result in enumerate(zip(together, results, strict=True), start + 1):
                progress("measure images", done, len(stimuli))
                yield result


def _measure_one(stimulus: Stimulus, columns: Sequence[str]) -> PictureValues | str:
    try:
        picture = read_original(
            stimulus.file,
            stimulus.sha256,
            pixels_sha256=stimulus.pixels_sha256,
            bit_depth=stimulus.bit_depth,
        )
    except OSError as error:
        return error.strerror or type(error).__name__
    except StimulusError as error:
        return str(error)
    return measure_picture(picture.pixels, columns)


def _keep(
    path: Path, task: _Task, results: Iterator[tuple[Stimulus, PictureValues | str]]
) -> tuple[dict[int, PictureValues], dict[str, str]]:
    """What is measured, and why the rest cannot be; written now and then, and when the run is interrupted."""
    values: dict[int, PictureValues] = {}
    unreadable: dict[str, str] = {}
    written, written_at = 0, time.monotonic()
    try:
        for stimulus, result in results:
            if isinstance(result, str):
                unreadable[stimulus.path] = result
            else:
                values[stimulus.stimulus_id] = result
            if task.is_continued and time.monotonic() - written_at > SECONDS_BETWEEN:
                _write(path, task, values, creation(path))
                written, written_at = len(values), time.monotonic()
    except BaseException:
        if len(values) > written and task.is_continued:
            _write(path, task, values, creation(path))
        raise
    return values, unreadable


def _write(path: Path, task: _Task, values: Mapping[int, PictureValues], created: Mapping[str, str]) -> None:
    write_measurement(path, task.measurement(values), {"task": "properties", **created})


def notes_on_values(measurement: Measurement) -> Iterator[str]:
    """A line for each column with values that its estimator does not reach, and how many stimuli have them.

    Args:
        measurement: what was measured.
    """
    for each in image_properties().values():
        for column in each.columns:
            if note := _note(each, column, measurement):
                yield note


def _note(each: ImageProperty, column: str, measurement: Measurement) -> str:
    low, high = each.reliable
    values = [row[column] for row in measurement.values.values() if row.get(column) is not None]
    beyond = sum(not low <= value <= high for value in values)  # type: ignore[operator]
    if not beyond:
        return ""
    bound = f"below {low:g}" if high == float("inf") else f"outside {low:g} to {high:g}"
    where = f"{column}: {beyond:,} of {len(values):,} stimuli are {bound}"
    return f"{where}, where the estimator breaks down: {each.unreliable}"
