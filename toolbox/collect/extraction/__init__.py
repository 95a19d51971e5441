"""Showing a stimulus set to a network and writing the parts. Owns their order, resuming, and refusing mixtures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np

from toolbox.collect.extraction.accuracy import Agreement, Responses, agreement
from toolbox.collect.extraction.estimate import Rehearsal, check_disk_space, rehearse
from toolbox.collect.extraction.options import Extraction, ExtractionReport
from toolbox.collect.extraction.parts import run_parts
from toolbox.collect.extraction.presentation import Stimulus, Unreadable, batches
from toolbox.collect.extraction.remaining import SAMPLED, Task, carry_out, intention, make_task, pending_parts, sample
from toolbox.errors import StimulusError
from toolbox.files import only_writer, write_json
from toolbox.network.card import Input
from toolbox.progress import Progress, silent
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.parts import planned_record, sweep
from toolbox.store.plan import Plan
from toolbox.store.rollups import update_rollups

__all__ = ["Agreement", "Extraction", "ExtractionReport", "Rehearsal", "extract", "rehearse"]


def extract(
    study: StudyFolder, set_name: str, choices: Extraction | None = None, *, progress: Progress = silent
) -> ExtractionReport:
    """Write the maximum and mean of every filter's map for every stimulus of a set.

    What is there already is kept: a run that was killed goes on with the missing parts, new stimuli make new parts,
    and stimuli that could not be read are tried again.

    Raises: UnknownNameError, WeightsError, DeviceError; MixtureError when other weights, preprocessing, layers or
        images were used before; BusyError when another process is at it; StimulusError when no image is readable;
        StorageError when the disk is too small.
    """
    task = make_task(study, set_name, choices or Extraction(), progress)
    started = time.monotonic()
    with only_writer(task.folder, f"extracting {set_name} with {task.network.name}"):
        sweep(task.folder)
        intended = intention(task)
        waiting = intended.stimuli
        check_disk_space(task, intended)
        # Nothing is given up before a session has started.
        session = task.start(len(waiting)) if waiting else None
        plan = carry_out(task, intended)
        pending = pending_parts(task, plan)
        shown, unreadable, agreed = 0, list[Unreadable](), None
        if session is not None:
            agreed = _agreement(task, session, waiting)
            shown, unreadable = run_parts(task, session, plan, pending, agreed)
        report = _report(task, plan, session, shown, unreadable, agreed, time.monotonic() - started)
        if session is not None:
            write_json(study.run_record(f"extract-{set_name}-{task.network.name}"), with_version(asdict(report)))
        update_rollups(study, set_name, [task.network.name], study.schemes(set_name))
    return report


def _agreement(task: Task, session: Session, waiting: Sequence[int]) -> Agreement | None:
    """A cheaper computation held against the exact one on a sample; None where all is exact, or nothing is readable."""
    if task.is_exact:
        return None
    entry = task.network.input
    is_full = entry.decoding == "full"
    cheaper = [session.precision] * (session.precision != "float32") + ["scaled decoding"] * (not is_full)
    stimuli, categories = sample(task, waiting, SAMPLED)
    shown, found = _responses(session, entry, stimuli)
    if not shown:
        return None
    exact = task.start(len(stimuli), precision="float32")
    _, expected = _responses(exact, replace(entry, decoding="full"), stimuli)
    known = dict(zip((stimulus.stimulus_id for stimulus in stimuli), categories, strict=True))
    return agreement(
        found,
        expected,
        [known[identifier] for identifier in shown],
        of=" with ".join(cheaper),
        against="float32" if is_full else "float32 and full decoding",
    )


def _responses(session: Session, entry: Input, stimuli: Sequence[Stimulus]) -> tuple[list[int], Responses]:
    """Stimuli that can be shown, and what they evoke."""
    with closing(batches([stimuli], entry, session)) as stream:
        found = [batch for batch in stream if batch.shown]
    shown = [identifier for batch in found for identifier in batch.shown]
    if not shown:
        return [], {}
    return shown, {name: np.concatenate([batch.outputs[name] for batch in found]) for name in session.outputs}


def _report(
    task: Task,
    plan: Plan,
    session: Session | None,
    shown: int,
    unreadable: Sequence[Unreadable],
    agreed: Agreement | None,
    seconds: float,
) -> ExtractionReport:
    """The state of all parts after this run.

    Raises: StimulusError when not a single stimulus has responses.
    """
    found = (planned_record(task.folder, plan, number, task.digests) for number in range(len(plan.parts)))
    records = [record for record in found if record is not None]
    if not records:
        raise StimulusError(
            f"none of the {len(unreadable)} images can be read ({unreadable[0].path}: {unreadable[0].reason}); "
            "put them back where they were ingested from and run this again"
        )
    failed = {entry["stimulus_id"]: Unreadable(**entry) for record in records for entry in record["unreadable"]}
    failed |= {entry.stimulus_id: entry for entry in unreadable}
    return ExtractionReport(
        set=task.set,
        model=task.network.name,
        weights=task.model.source,
        provider=records[-1]["provider"],
        runtime=records[-1]["runtime"],
        precision=task.identity.precision,
        layers=task.identity.kept,
        filters=task.filters,
        stimuli=sum(record["stimuli"] for record in records),
        shown=shown,
        seconds=seconds,
        arrangement=session.arrangement if session else "",
        agreement=agreed,
        unreadable=tuple(failed[identifier] for identifier in sorted(failed)),
        remarks=task.remarks,
    )
