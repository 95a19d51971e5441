"""The report of an extraction. Owns its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.parts import PresentedStimuli
from toolbox.collect.extraction.presentation import Unreadable
from toolbox.collect.extraction.task import Task
from toolbox.display import Report
from toolbox.errors import StimulusError
from toolbox.files import write_json
from toolbox.store.commits import Commit
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version


@dataclass(frozen=True)
class ExtractionReport(Report):
    """What an extraction did.

    `shown` is the number of stimuli that this run presented, `stimuli` the number of stimuli that now have responses.
    """

    set: str
    model: str
    weights: str
    provider: str
    runtime: str
    precision: str
    layers: tuple[str, ...]
    filters: int
    stimuli: int
    shown: int
    seconds: float
    arrangement: str = ""
    agreement: Agreement | None = None
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[str, ...] = ()


def report_on(
    task: Task,
    records: Sequence[Mapping[str, Any]],
    presented: PresentedStimuli,
    seconds: float,
) -> ExtractionReport:
    """The state of all parts after this run.

    Args:
        task: the extraction.
        records: of all parts, including those of earlier runs.
        presented: the stimuli that this run presented.
        seconds: duration of this run.

    Raises: StimulusError when no stimulus has responses.
    """
    request = task.request
    if not records and presented.unreadable:
        raise _nothing_readable(task, presented.unreadable)
    last = records[-1] if records else {"provider": "", "runtime": ""}  # a job without any part
    failed = {
        entry["stimulus_id"]: Unreadable(**entry) for record in records for entry in record["unreadable"]
    }
    failed |= {entry.stimulus_id: entry for entry in presented.unreadable}
    return ExtractionReport(
        set=request.set,
        model=task.network.name,
        weights=task.model.source,
        provider=last["provider"],
        runtime=last["runtime"],
        precision=task.identity.precision,
        layers=task.identity.recorded_layers,
        filters=task.filters,
        stimuli=sum(record["stimuli"] for record in records),
        shown=presented.count,
        seconds=seconds,
        arrangement=presented.arrangement,
        agreement=presented.agreement,
        unreadable=tuple(failed[identifier] for identifier in sorted(failed)),
        notes=task.notes,
    )


def stage_run_records(
    study: StudyFolder,
    commit: Commit,
    report: ExtractionReport,
    records: Sequence[Mapping[str, Any]],
    run: str | None,
) -> None:
    """Write the records of all runs that wrote a part and have none, into the scratch folder of a commit.

    A run that was killed has none; the next one writes it, from what the records of the parts contain.

    Args:
        study: the study.
        commit: the commit.
        report: of this run.
        records: of all parts.
        run: name of the record of this run; None where it presented nothing.
    """
    if run:
        write_json(commit.stage(study.root / "runs" / f"{run}.json"), with_version(asdict(report)))
    for name in sorted({str(record["run"]) for record in records if "run" in record} - {run}):
        path = study.root / "runs" / Path(f"{name}.json").name
        if not path.exists():
            parts = [record for record in records if record.get("run") == name]
            write_json(commit.stage(path), with_version(_interrupted(report, parts)))


def _interrupted(report: ExtractionReport, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is known of a run that was killed after it wrote some parts."""
    known = {key: parts[-1][key] for key in ("weights", "provider", "runtime", "precision")}
    names = ("set", "model", "layers", "filters")
    unreadable = [entry for part in parts for entry in part["unreadable"]]
    return {
        **{name: getattr(report, name) for name in names},
        **known,
        "shown": sum(part["stimuli"] for part in parts),
        "parts": [part["part"] for part in parts],
        "unreadable": unreadable,
        "interrupted": True,
    }


def _nothing_readable(task: Task, unreadable: Sequence[Unreadable]) -> StimulusError:
    first = unreadable[0]
    return StimulusError(
        f"none of the {len(unreadable)} images can be read ({first.path}: {first.reason}); "
        f"{task.request.images_remedy}"
    )
