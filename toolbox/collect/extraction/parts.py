"""Presenting one part after the other to the network, and committing each. Owns the content of a part's record.

While one part is written, the network computes the next one.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.layers import stage_layers
from toolbox.collect.extraction.presentation import Batch, Unreadable, present
from toolbox.collect.extraction.remaining import PlannedParts
from toolbox.collect.extraction.task import Task
from toolbox.errors import WeightsError
from toolbox.runtime.session import Session
from toolbox.store.commits import Commit, committing
from toolbox.store.folder import ExtractionFolder
from toolbox.store.parts import write_part
from toolbox.store.plan import plan_digest, write_plan
from toolbox.store.records import planned_record


@dataclass(frozen=True)
class PresentedStimuli:
    """The number of presented stimuli, and the unreadable ones."""

    count: int
    unreadable: list[Unreadable]


def present_parts(
    task: Task, session: Session, planned: PlannedParts, agreement: Agreement | None, run_name: str
) -> PresentedStimuli:
    """Present the stimuli of some parts to the network, and commit each part.

    If the run ends early, a part that is being written is finished; a part that is being computed is dropped.

    Args:
        task: the extraction.
        session: the network, ready to run.
        planned: the parts to present.
        agreement: agreement of a less exact computation with the exact one, for the records of the parts.
        run_name: name of the record of this run, for the records of the parts.
    """
    run = _Run(task, session, planned, agreement, run_name)
    plan, batches = planned.plan, list[Batch]()
    with _Writer() as writer, closing(_batches(run)) as stream:
        for number in planned.numbers:
            found: list[Batch] = []
            # No batch spans two parts, so each part has a whole number of batches.
            for batch in islice(stream, -(-len(plan.parts[number]) // session.batch)):
                found.append(batch)
                writer.check()
            writer.write(run, number, found)
            batches += (Batch(batch.stimuli, {}, batch.unreadable) for batch in found)
    unreadable = [entry for batch in batches for entry in batch.unreadable]
    return PresentedStimuli(sum(len(batch.stimuli) for batch in batches), unreadable)


@dataclass(frozen=True)
class _Run:
    """What all parts of one run have in common."""

    task: Task
    session: Session
    planned: PlannedParts
    agreement: Agreement | None
    name: str
    written: list[int] = field(default_factory=list)


class _Writer:
    """Writes one part while the next one is presented; never writes two at once, however slow the disk is."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "write")
        self._writing: Future[None] | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the part that is being written; raise its failure unless the run already ended with another one."""
        self._pool.shutdown()
        if kind is None:
            self._wait()

    def check(self) -> None:
        """Raise the failure of the last write, if any, so that no further stimuli are presented."""
        if self._writing is not None and self._writing.done():
            self._wait()

    def write(self, run: _Run, number: int, found: Sequence[Batch]) -> None:
        """Write a part after the previous one is written."""
        self._wait()
        self._writing = self._pool.submit(_commit, run, number, found)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()


def _batches(run: _Run) -> Generator[Batch, None, None]:
    """The batches of all parts, one part after the other."""
    request, progress, planned = run.task.request, run.task.progress, run.planned
    stimuli = (planned.plan.parts[number] for number in planned.numbers)
    parts = [[request.stimuli[identifier] for identifier in part] for part in stimuli]
    done, total = 0, sum(map(len, parts))
    progress(f"extract {request.set}", 0, total)
    entry, decoders = request.network.input, request.options.decoders
    with closing(present(parts, entry, run.session, decoders)) as stream:
        for batch in stream:
            done += len(batch.stimuli) + len(batch.unreadable)
            progress(f"extract {request.set}", done, total)
            yield batch


def _commit(run: _Run, number: int, found: Sequence[Batch]) -> None:
    """Write one part. A part without any readable stimulus stays missing."""
    presented = [stimulus for batch in found for stimulus in batch.stimuli]
    if not presented or _would_lose(run, number, presented):
        return
    outputs = [batch.outputs for batch in found if batch.stimuli]
    responses = {
        layer: (_concatenate(outputs, f"{layer}.maximum"), _concatenate(outputs, f"{layer}.mean"))
        for layer in run.task.identity.recorded_layers
    }
    unreadable = [entry for batch in found for entry in batch.unreadable]
    record, folder = _record(run, number, unreadable), run.planned.folder
    starts = run.planned.is_new and not run.written
    if not starts and not folder.record(number).is_file():
        write_part(folder, number, presented, responses, record)
    else:  # what counts so far counts until the new part does
        with committing(run.task.request.study) as commit:
            if starts:
                _stage_plan(run, commit)
            write_part(_staged(folder, number, commit), number, presented, responses, record)
    run.written.append(number)


def _stage_plan(run: _Run, commit: Commit) -> None:
    """Let a new plan, and the layers, become visible with the first part, and nothing that was there before stay."""
    planned = run.planned
    write_plan(commit.stage(planned.folder.plan), planned.plan)
    commit.deletions += planned.folder.files()
    if planned.folder == run.task.request.folder:
        stage_layers(run.task, commit)


def _staged(folder: ExtractionFolder, number: int, commit: Commit) -> ExtractionFolder:
    """Where the files of a part are written that becomes visible with a commit."""
    return ExtractionFolder(
        commit.stage(folder.part(number)).parent, commit.stage(folder.record(number)).parent
    )


def _would_lose(run: _Run, number: int, presented: Sequence[int]) -> bool:
    """Whether a rebuilt part would lack a stimulus that the part on disk contains."""
    plan = run.planned.plan
    if run.planned.is_new:
        return False
    record = planned_record(run.planned.folder, plan, number, run.task.request.digests)
    if record is None:
        return False
    there = {*plan.parts[number]} - {entry["stimulus_id"] for entry in record["unreadable"]}
    return not there <= {*presented}


def _concatenate(outputs: Sequence[Mapping[str, NDArray[np.float32]]], name: str) -> NDArray[np.float32]:
    """One output over all batches, (stimuli, filters).

    Raises: WeightsError when a value is NaN or infinite.
    """
    values = np.concatenate([output[name] for output in outputs])
    if not np.isfinite(values).all():
        raise WeightsError(
            f"{name} is NaN or infinite for some stimuli: the weights overflow float32; use other weights"
        )
    return values


def _record(run: _Run, number: int, unreadable: Sequence[Unreadable]) -> dict[str, Any]:
    """What the commit record of a part states about its origin."""
    task, session = run.task, run.session
    record = {
        "set": task.request.set,
        "model": task.network.name,
        "run": run.name,
        "identity": run.planned.plan.digest,
        "plan": plan_digest(run.planned.plan.parts[number], task.request.digests),
        "weights": task.model.source,
        "preprocessing": task.network.input.describe(),
        "provider": session.provider,
        "runtime": session.runtime,
        "precision": session.precision,
    }
    agreement = {"agreement": asdict(run.agreement)} if run.agreement else {}
    return record | agreement | {"unreadable": [asdict(entry) for entry in unreadable]}
