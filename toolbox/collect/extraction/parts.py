"""Writing a part and making it count. Owns the content of a part's record.

A part is built in a folder of its own, then it and its record get their names together, with the plan if it is the
first one. Several processes may do this at once, and twice for one part: the later one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.collect.extraction.accuracy import Agreement
from toolbox.collect.extraction.layers import stage_layers
from toolbox.collect.extraction.presentation import Batch, Unreadable
from toolbox.collect.extraction.remaining import PlannedParts, is_pending, readable_plan
from toolbox.collect.extraction.task import Task
from toolbox.errors import BusyError, StimulusError, WeightsError
from toolbox.files import building_folder
from toolbox.runtime.session import Session
from toolbox.store.commits import Commit, committing
from toolbox.store.folder import ExtractionFolder
from toolbox.store.parts import LayerResponses, StatisticMatrix, read_layer_of, write_part
from toolbox.store.plan import Plan, plan_digest, write_plan
from toolbox.store.records import planned_record, remember_intact


@dataclass(frozen=True)
class StartedNetwork:
    """A network that is ready to run.

    Attributes:
        layers: names of the layers that it computes.
        agreement: agreement of a less exact computation with the exact one.
    """

    layers: tuple[str, ...]
    session: Session
    agreement: Agreement | None


@dataclass(frozen=True)
class PartReport:
    """What became of one part.

    Attributes:
        number: number of the part.
        count: number of presented stimuli.
        unreadable: stimuli that could not be presented.
        arrangement: workers, threads and batch of the network, in words.
        agreement: agreement of a less exact computation with the exact one.
    """

    number: int
    count: int
    unreadable: tuple[Unreadable, ...]
    arrangement: str
    agreement: Agreement | None


@dataclass(frozen=True)
class PresentedStimuli:
    """What became of all parts of a run.

    Attributes:
        count: number of presented stimuli.
        unreadable: the others.
        arrangement: who presented them, in words.
        agreement: agreement of a less exact computation with the exact one.
    """

    count: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    arrangement: str = ""
    agreement: Agreement | None = None


@dataclass(frozen=True)
class Run:
    """What all parts of one run have in common.

    Attributes:
        task: the extraction.
        planned: the parts, and their plan.
        name: name of the record of this run, for the records of the parts.
        place: where parts are built; None for the folder of the plan.
    """

    task: Task
    planned: PlannedParts
    name: str
    place: Path | None = None
    _kept: dict[int, Mapping[str, Any] | None] = field(default_factory=dict)
    _present: dict[tuple[int, ...], Plan | None] = field(default_factory=dict)

    @property
    def folder(self) -> ExtractionFolder:
        """Where the parts are written."""
        return self.planned.folder

    def present_plan(self) -> Plan | None:
        """The plan that is in the folder now; None where there is none, or a damaged one."""
        if not self.folder.plan.is_file():
            return None
        status = self.folder.plan.stat()
        key = (status.st_ino, status.st_mtime_ns, status.st_size)
        if key not in self._present:
            self._present[key] = readable_plan(self.folder)
        return self._present[key]

    def kept_record(self, number: int) -> Mapping[str, Any] | None:
        """The record of an existing part to which layers are added; None where all layers are computed."""
        if number not in self._kept:
            self._kept[number] = self._find_kept(number)
        return self._kept[number]

    def _find_kept(self, number: int) -> Mapping[str, Any] | None:
        plan, folder, request = self.planned.kept, self.task.request.folder, self.task.request
        is_planned = plan is not None and plan.parts[number : number + 1] == (
            self.planned.plan.parts[number],
        )
        # Stimuli that are readable only now are presented, with the others of their part.
        if plan is None or not is_planned or is_pending(self.task, folder, plan, number):
            return None
        return planned_record(folder, plan, number, request.digests)

    def missing_layers(self, number: int) -> tuple[str, ...]:
        """Names of the layers that must be computed for a part."""
        recorded, plan = self.task.identity.recorded_layers, self.planned.kept
        if plan is None or self.kept_record(number) is None:
            return recorded
        return tuple(layer for layer in recorded if layer not in plan.identity.recorded_layers)

    def stimuli(self, number: int) -> list[int]:
        """Identifiers of the stimuli of a part that must be presented."""
        planned, record = self.planned.plan.parts[number], self.kept_record(number)
        unreadable = {entry["stimulus_id"] for entry in record["unreadable"]} if record else set()
        return [stimulus for stimulus in planned if stimulus not in unreadable]


def commit_part(run: Run, number: int, found: Sequence[Batch], network: StartedNetwork) -> PartReport:
    """Write one part. A part without any readable stimulus stays missing.

    Args:
        run: the run.
        number: number of the part.
        found: the outputs for all stimuli of the part.
        network: the network that computed them.

    Raises: WeightsError when a value is NaN or infinite; StimulusError when a stimulus with responses, to which layers
        are added, cannot be read; BusyError when another process has begun other responses in the same place.
    """
    presented = [stimulus for batch in found for stimulus in batch.stimuli]
    unreadable = tuple(entry for batch in found for entry in batch.unreadable)
    report = PartReport(number, len(presented), unreadable, network.session.arrangement, network.agreement)
    kept = run.kept_record(number)
    if kept and unreadable:
        raise _lost(run, unreadable[0])
    if not presented:
        return report
    responses = _responses(run, number, presented, found, network)
    record = _record(run, number, network, unreadable, kept)
    study, place = run.task.request.study, run.folder.part(number)
    with building_folder(run.place or run.folder.plans, f"part-{number}") as built:
        inside = ExtractionFolder(
            *(_moved(each, study.root, built) for each in (place.parent, run.folder.plans))
        )
        complete = write_part(inside, number, presented, responses, record)
        status = inside.part(number).stat()
        with committing(study) as commit:  # what counts so far counts until the new part does
            if _adds_stimuli(run, number, presented):  # else another process wrote it meanwhile
                _stage_plan(run, commit)
                commit.take(built)
        remember_intact(place, status, complete["sha256"])
    return report


def _moved(path: Path, root: Path, place: Path) -> Path:
    """A path in a study as one in another folder."""
    return place / path.relative_to(root)


def _lost(run: Run, entry: Unreadable) -> StimulusError:
    return StimulusError(
        f"{entry.path} has responses, but further layers cannot be added to them because it cannot be read "
        f"({entry.reason}); {run.task.request.images_remedy}"
    )


def _responses(
    run: Run, number: int, presented: Sequence[int], found: Sequence[Batch], network: StartedNetwork
) -> LayerResponses:
    """The responses of all recorded layers: those that were computed, and those that were there."""
    outputs = [batch.outputs for batch in found if batch.stimuli]
    responses = {
        layer: (_concatenate(outputs, f"{layer}.maximum"), _concatenate(outputs, f"{layer}.mean"))
        for layer in network.layers
    }
    part = run.task.request.folder.part(number)
    others = [layer for layer in run.task.identity.recorded_layers if layer not in responses]
    return {**responses, **{layer: read_layer_of([part], layer, presented) for layer in others}}


def _stage_plan(run: Run, commit: Commit) -> None:
    """Let a new plan become visible with its first part, and nothing of another one that was there before stay.

    Raises: BusyError when another process has put another plan there meanwhile.
    """
    planned, there = run.planned, run.present_plan()
    if planned.plan.begins(there):
        return
    if there != planned.before:
        raise BusyError(
            f"another process has begun other responses in {run.folder.plans}; wait until it ends, and try again"
        )
    write_plan(commit.stage(run.folder.plan), planned.plan)
    if there is None or not there.begins(planned.plan):
        commit.deletions += run.folder.files()
    if run.folder == run.task.request.folder:
        stage_layers(run.task, commit)


def _adds_stimuli(run: Run, number: int, presented: Sequence[int]) -> bool:
    """Whether a part has responses to all stimuli to which the part on disk has some, and to more."""
    plan = run.planned.plan
    if not plan.begins(run.present_plan()):
        return True
    record = planned_record(run.folder, plan, number, run.task.request.digests)
    if record is None:
        return True
    there = {*plan.parts[number]} - {entry["stimulus_id"] for entry in record["unreadable"]}
    return there < {*presented}


def _concatenate(outputs: Sequence[Mapping[str, NDArray[np.float32]]], name: str) -> StatisticMatrix:
    """One output over all batches, (stimuli, filters).

    Raises: WeightsError when a value is NaN or infinite.
    """
    values = np.concatenate([output[name] for output in outputs])
    if not np.isfinite(values).all():
        raise WeightsError(
            f"{name} is NaN or infinite for some stimuli: the weights overflow float32; use other weights"
        )
    return values


def _record(
    run: Run,
    number: int,
    network: StartedNetwork,
    unreadable: Sequence[Unreadable],
    kept: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What the commit record of a part states about its origin."""
    task, session = run.task, network.session
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
    agreement = {"agreement": asdict(network.agreement)} if network.agreement else {}
    if kept is None:
        return record | agreement | {"unreadable": [asdict(entry) for entry in unreadable]}
    return record | agreement | {"earlier": _earlier(run, kept), "unreadable": kept["unreadable"]}


def _earlier(run: Run, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The origin of the responses of layers that were there before others were added."""
    plan, names = (
        run.planned.kept,
        ("run", "weights", "provider", "runtime", "precision", "agreement", "written"),
    )
    before = list(kept.get("earlier", ()))
    known = {layer for entry in before for layer in entry["layers"]}
    layers = [layer for layer in plan.identity.recorded_layers if layer not in known] if plan else []
    return [*before, {"layers": layers, **{name: kept[name] for name in names if name in kept}}]
