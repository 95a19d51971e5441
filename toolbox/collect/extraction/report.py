"""The report of an extraction. Owns its fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.parts import PresentedStimuli
from toolbox.collect.extraction.presentation import Unreadable
from toolbox.collect.extraction.task import Task
from toolbox.display import Report
from toolbox.errors import StimulusError
from toolbox.runtime.session import Session
from toolbox.store.plan import Plan
from toolbox.store.records import planned_record


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
    plan: Plan,
    session: Session | None,
    presented: PresentedStimuli | None,
    agreement: Agreement | None,
    seconds: float,
) -> ExtractionReport:
    """The state of all parts after this run.

    Args:
        task: the extraction.
        plan: the plan of all parts, including those of earlier runs.
        session: the network; None where no stimulus remained to be presented.
        presented: the stimuli that this run presented, if any.
        agreement: agreement of a less exact computation with the exact one.
        seconds: duration of this run.

    Raises: StimulusError when no stimulus has responses.
    """
    request, presented = task.request, presented or PresentedStimuli(0, [])
    numbers = range(len(plan.parts))
    found = [planned_record(request.folder, plan, number, request.digests) for number in numbers]
    records = [record for record in found if record is not None]
    if not records:
        raise _nothing_readable(task, presented.unreadable)
    failed = {
        entry["stimulus_id"]: Unreadable(**entry) for record in records for entry in record["unreadable"]
    }
    failed |= {entry.stimulus_id: entry for entry in presented.unreadable}
    return ExtractionReport(
        set=request.set,
        model=task.network.name,
        weights=task.model.source,
        provider=records[-1]["provider"],
        runtime=records[-1]["runtime"],
        precision=task.identity.precision,
        layers=task.identity.recorded_layers,
        filters=task.filters,
        stimuli=sum(record["stimuli"] for record in records),
        shown=presented.count,
        seconds=seconds,
        arrangement=session.arrangement if session else "",
        agreement=agreement,
        unreadable=tuple(failed[identifier] for identifier in sorted(failed)),
        notes=task.notes,
    )


def _nothing_readable(task: Task, unreadable: Sequence[Unreadable]) -> StimulusError:
    first = unreadable[0]
    return StimulusError(
        f"none of the {len(unreadable)} images can be read ({first.path}: {first.reason}); "
        f"{task.request.images_remedy}"
    )
