"""Which stimuli are still to be presented. Owns the refusal of mixtures, the plan's growth, and the room they need."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from toolbox.collect.extraction.presentation import Stimulus, Unreadable, prepare_image
from toolbox.collect.extraction.task import Request, Task
from toolbox.errors import MixtureError, StorageError, VerificationError
from toolbox.network.card import layer_table
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table, write_table
from toolbox.store.parts import ROW_BYTES, clear
from toolbox.store.plan import (
    Plan,
    check_identity,
    check_same_network,
    extend_plan,
    part_size,
    read_plan,
)
from toolbox.store.records import planned_record

LAYER, IDENTIFIER = 2_500, 4
"""Bytes a layer of a part takes besides: headers and a share of footer and record, and each stimulus's identifier."""
RESERVE = 100_000_000
"""Bytes that are left free: a disk filled to the brim breaks other things."""


@dataclass(frozen=True)
class RemainingWork:
    """What is to be done: parts that are planned and missing, and stimuli that no part has yet.

    Attributes:
        plan: the one to go on with; None where one is begun.
        discards: whether responses that are there, if any, are discarded.
    """

    plan: Plan | None
    discards: bool
    pending: tuple[int, ...]
    fresh: tuple[int, ...]

    @property
    def stimuli(self) -> list[int]:
        """Those to be presented."""
        planned = self.plan.parts if self.plan else ()
        return [*(stimulus for number in self.pending for stimulus in planned[number]), *self.fresh]

    def parts(self, size: int | None) -> list[int]:
        """How many stimuli the parts have that will be written; new ones are of that size."""
        planned = self.plan.parts if self.plan else ()
        size, fresh = size or part_size(len(self.fresh)), len(self.fresh)
        started = [len(planned[number]) for number in self.pending]
        return started + [min(size, fresh - start) for start in range(0, fresh, size)]


def find_remaining_work(task: Task) -> RemainingWork:
    """What this extraction has to do.

    Raises: MixtureError, VerificationError where what is there is of another network or of other images.
    """
    request, earlier = task.request, task.earlier
    discards = not earlier.has_parts or (request.options.replace and _differs(task))
    plan = None if discards else earlier.plan
    if plan:
        check_identity(request.folder, plan.identity, task.identity)
    _check_other_sets(task)
    known = plan.stimuli if plan else set()
    fresh = tuple(stimulus for stimulus in _stimuli_to_plan(request) if stimulus not in known)
    pending = [number for number in range(len(plan.parts)) if _is_pending(task, plan, number)] if plan else []
    return RemainingWork(plan, discards, tuple(pending), fresh)


def write_plan(task: Task, remaining: RemainingWork) -> tuple[Plan, list[int]]:
    """Write the layers and the plan; what is to be replaced is discarded now.

    Args:
        task: what is extracted.
        remaining: as `find_remaining_work` found it, under the same lock.

    Returns: the plan, and the numbers of the parts that are to be written.
    """
    request = task.request
    _write_layers(task)
    if remaining.discards:
        clear(request.folder)
    before = remaining.plan or Plan(task.identity, (), task.identity.digest)
    plan = extend_plan(request.folder, before, remaining.fresh, size=request.options.part)
    return plan, [*remaining.pending, *range(len(before.parts), len(plan.parts))]


def check_disk_space(task: Task, remaining: RemainingWork) -> tuple[int, int]:
    """Bytes that the responses take at most, and bytes that are free.

    Args:
        task: what is extracted.
        remaining: what is still to be presented.

    Raises: StorageError when they do not fit.
    """
    request = task.request
    stimuli, parts = len(remaining.stimuli), len(remaining.parts(request.options.part))
    layers = len(task.identity.recorded_layers)
    needed = stimuli * (task.filters * ROW_BYTES + layers * IDENTIFIER) + parts * layers * LAYER
    free = shutil.disk_usage(request.study.root).free
    if stimuli and needed + RESERVE > free:
        raise StorageError(
            f"the responses of {task.filters:,} filters to {stimuli:,} stimuli take up to {needed / 1e9:,.2f} GB, "
            f"and {request.study.root} has {free / 1e9:,.2f} GB free; make room ({RESERVE / 1e9:g} GB more than "
            "that), move the study, or extract fewer layers (--layers)"
        )
    return needed, free


def sample_stimuli(
    request: Request, stimuli: Iterable[int], count: int
) -> tuple[list[Stimulus], list[str | None]]:
    """Some of the stimuli, evenly over the categories, and the category of each.

    Args:
        request: whose stimuli and labels they are.
        stimuli: identifiers from which to take.
        count: how many at most.
    """
    rows = _by_turns(request, stimuli).head(count)
    return [request.stimuli[number] for number in rows["stimulus_id"]], rows["category"].to_list()


def _by_turns(request: Request, stimuli: Iterable[int]) -> pl.DataFrame:
    """stimulus_id and category, the first of every category first, then the second ones, and so on."""
    labels = pl.DataFrame(read_table(request.study.labels(request.set), "stimulus_id", "category"))
    table = pl.DataFrame({"stimulus_id": sorted(stimuli)}, schema_overrides={"stimulus_id": pl.Int32})
    table = table.join(labels, on="stimulus_id", how="left", maintain_order="left")
    return table.sort(pl.int_range(pl.len()).over("category"), "category", "stimulus_id")


def _stimuli_to_plan(request: Request) -> list[int]:
    """Identifiers in ascending order; with a limit, the first ones of every category in turn."""
    limit = request.options.limit
    if limit is None or limit >= len(request.stimuli):
        return sorted(request.stimuli)
    return sorted(_by_turns(request, request.stimuli).head(limit)["stimulus_id"].to_list())


def _differs(task: Task) -> bool:
    """Whether there is anything that `replace` discards: another identity, other images, or a damaged plan."""
    plan = task.earlier.plan
    if plan is None:
        return task.earlier.is_damaged
    if plan.identity != task.identity:
        return True
    try:
        for number in range(len(plan.parts)):
            planned_record(task.request.folder, plan, number, task.request.digests)
    except (MixtureError, VerificationError):
        return True
    return False


def _is_pending(task: Task, plan: Plan, number: int) -> bool:
    """Whether a part is missing, or lacks stimuli that were unreadable then and can be read now."""
    record = planned_record(task.request.folder, plan, number, task.request.digests)
    if record is None:
        return True
    failed = [task.request.stimuli[entry["stimulus_id"]] for entry in record["unreadable"]]
    return any(not isinstance(prepare_image(each, task.network.input), Unreadable) for each in failed)


def _check_other_sets(task: Task) -> None:
    """One model name means one network in all sets of a study, or their tables could not be compared."""
    request = task.request
    _check_layers(task)
    for other in _other_sets(request.study, request.set, task.network.name):
        folder = request.study.responses(other, task.network.name)
        plan = read_plan(folder)
        if plan:
            check_same_network(folder, plan.identity, task.identity)


def _other_sets(study: StudyFolder, set_name: str, model: str) -> list[str]:
    """Sets, but for this one, to which the network has responses."""
    return [name for name in study.sets() if name != set_name and model in study.models(name)]


def _check_layers(task: Task) -> None:
    """Refuse a card whose layers are others than those by which responses of other sets are placed.

    Raises: MixtureError.
    """
    others = _other_sets(task.request.study, task.request.set, task.network.name)
    if others and not _has_layers(task):
        raise MixtureError(
            f"the card of {task.network.name} lists other layers than when {', '.join(others)} was presented to it; "
            "give the changed card another name, or use another study"
        )


def _has_layers(task: Task) -> bool:
    """Whether the study has the geometry of the card's layers already, or none yet of another set."""
    path = task.request.study.layers(task.network.name)
    return not path.exists() or pl.DataFrame(read_table(path)).equals(layer_table(task.network))


def _write_layers(task: Task) -> None:
    """The geometry of all layers of the card, whichever are recorded: depth is relative to the whole network."""
    net, path = task.network, task.request.study.layers(task.network.name)
    if not path.exists() or not _has_layers(task):
        write_table(path, layer_table(net).to_arrow(), {"model": net.name, "citation": net.citation})
