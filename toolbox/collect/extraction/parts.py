"""Presenting part after part to the network and committing each. Owns what a part's record says.

While one part is written, the network is at work on the next.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.presentation import Batch, Unreadable, present
from toolbox.collect.extraction.task import Task
from toolbox.errors import WeightsError
from toolbox.runtime.session import Session
from toolbox.store.parts import planned_record, write_part
from toolbox.store.plan import Plan, plan_digest

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Presented:
    """How many stimuli were presented, and those that could not be."""

    count: int
    unreadable: list[Unreadable]


def present_parts(
    task: Task, session: Session, plan: Plan, numbers: Sequence[int], agreement: Agreement | None
) -> Presented:
    """Present the stimuli of some parts to the network, and commit each part.

    However it ends, a part that is being written is finished first; what is being computed is dropped.

    Args:
        numbers: of the parts.
    """
    unreadable: list[Unreadable] = []
    count = 0
    writing: Future[None] | None = None
    with ThreadPoolExecutor(1, "write") as writer, closing(_batches(task, session, plan, numbers)) as stream:
        for number in numbers:
            found: list[Batch] = []
            for batch in islice(stream, -(-len(plan.parts[number]) // session.batch)):
                found.append(batch)
                unreadable += batch.unreadable
                count += len(batch.shown)
                if writing is not None and writing.done():
                    writing.result()  # no use in going on when a part cannot be written
            if writing is not None:
                writing.result()  # one part in memory, one being written: no more, however slow the disk
            writing = writer.submit(_commit, task, session, plan, number, found, agreement)
        if writing is not None:
            writing.result()
    return Presented(count, unreadable)


def _batches(
    task: Task, session: Session, plan: Plan, numbers: Sequence[int]
) -> Generator[Batch, None, None]:
    """The batches of some parts, one part after the other."""
    request = task.request
    parts = [[request.stimuli[identifier] for identifier in plan.parts[number]] for number in numbers]
    done, total = 0, sum(map(len, parts))
    task.progress(f"extract {request.set}", 0, total)
    with closing(present(parts, task.network.input, session, request.options.decoders)) as stream:
        for batch in stream:
            done += len(batch.shown) + len(batch.unreadable)
            task.progress(f"extract {request.set}", done, total)
            yield batch


def _commit(
    task: Task, session: Session, plan: Plan, number: int, found: Sequence[Batch], agreement: Agreement | None
) -> None:
    """Write one part; one of which nothing is readable stays missing."""
    shown = [stimulus for batch in found for stimulus in batch.shown]
    if not shown or _would_lose(task, plan, number, shown):
        return
    outputs = [batch.outputs for batch in found if batch.shown]
    responses = {
        layer: (_stacked(outputs, f"{layer}.maximum"), _stacked(outputs, f"{layer}.mean"))
        for layer in task.identity.kept
    }
    unreadable = [entry for batch in found for entry in batch.unreadable]
    write_part(
        task.request.folder,
        number,
        shown,
        responses,
        _record(task, session, plan, plan.parts[number], unreadable, agreement),
    )


def _would_lose(task: Task, plan: Plan, number: int, shown: Sequence[int]) -> bool:
    """Whether a part made anew would lack a stimulus that the one on disk holds."""
    record = planned_record(task.request.folder, plan, number, task.request.digests)
    if record is None:
        return False
    held = {*plan.parts[number]} - {entry["stimulus_id"] for entry in record["unreadable"]}
    return not held <= {*shown}


def _stacked(outputs: Sequence[Mapping[str, Matrix]], name: str) -> Matrix:
    """One output over all batches, (stimuli, filters).

    Raises: WeightsError when it is not all numbers.
    """
    values = np.concatenate([output[name] for output in outputs])
    if not np.isfinite(values).all():
        raise WeightsError(
            f"{name} is not a number for some stimuli; its weights overflow float32; use others"
        )
    return values


def _record(
    task: Task,
    session: Session,
    plan: Plan,
    part: Sequence[int],
    unreadable: Sequence[Unreadable],
    agreement: Agreement | None,
) -> dict[str, Any]:
    return {
        "set": task.request.set,
        "model": task.network.name,
        "identity": plan.digest,
        "plan": plan_digest(part, task.request.digests),
        "weights": task.model.source,
        "preprocessing": task.network.input.described(),
        "provider": session.provider,
        "runtime": session.runtime,
        "precision": session.precision,
        **({"agreement": asdict(agreement)} if agreement else {}),
        "unreadable": [asdict(entry) for entry in unreadable],
    }
