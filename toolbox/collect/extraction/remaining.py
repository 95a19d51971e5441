"""Which stimuli remain to be presented. Owns refusing mixtures, extending the plan, and checking the disk space."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from toolbox.cache import cache_folder
from toolbox.collect.extraction.layers import has_layers, stage_layers
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.presentation import Unreadable, prepare_image
from toolbox.collect.extraction.task import Request, Task
from toolbox.errors import MixtureError, StimulusError, StorageError, VerificationError
from toolbox.files import mirror_of
from toolbox.stimuli.contents import is_there
from toolbox.store.commits import Commit
from toolbox.store.folder import ExtractionFolder, StudyFolder
from toolbox.store.imported_rollups import imported_record
from toolbox.store.parquet import present_time, read_table
from toolbox.store.parts import ROW_BYTES
from toolbox.store.plan import (
    Plan,
    check_identity,
    check_same_network,
    extended_plan,
    has_more_layers,
    read_plan,
)
from toolbox.store.records import planned_record
from toolbox.store.stimuli import Stimulus

LAYER, IDENTIFIER = 2_500, 4
"""Additional bytes per layer of a part (headers, parts of footer and record), and per stimulus (its identifier)."""
RESERVE = 100_000_000
"""Bytes that are left free, because other programs fail on a full disk."""


@dataclass(frozen=True)
class RemainingWork:
    """What remains to be done: planned parts that are missing, and stimuli that are not yet planned.

    Attributes:
        folder: where the parts are written: beside existing responses that will be replaced, else where they will be.
        plan: the plan to continue; None where a new plan starts.
        pending: numbers of the planned parts that are missing.
        fresh: identifiers of the stimuli that are not yet planned.
        kept: the plan of existing responses to which layers are added.
    """

    folder: ExtractionFolder
    plan: Plan | None
    pending: tuple[int, ...]
    fresh: tuple[int, ...]
    kept: Plan | None = None

    @property
    def is_begun(self) -> bool:
        """Whether a part of the plan is written."""
        return self.plan is not None and len(self.pending) < len(self.plan.parts)

    @property
    def stimuli(self) -> list[int]:
        """Identifiers of the stimuli to be presented."""
        planned = self.plan.parts if self.plan else ()
        return [*(stimulus for number in self.pending for stimulus in planned[number]), *self.fresh]

    def parts(self, options: Extraction) -> list[int]:
        """The number of stimuli in every part that will be written."""
        planned = self.plan.parts if self.plan else ()
        size, fresh = options.part_size(len(self.fresh)), len(self.fresh)
        started = [len(planned[number]) for number in self.pending]
        return started + [min(size, fresh - start) for start in range(0, fresh, size)]

    def layers(self, task: Task) -> list[str]:
        """Names of the layers that are computed for most stimuli: those that the existing responses lack."""
        kept = self.kept.identity.recorded_layers if self.kept else ()
        return [name for name in task.identity.recorded_layers if name not in kept]


def find_remaining_work(task: Task) -> RemainingWork:
    """What this extraction has to do.

    Raises: MixtureError, VerificationError where existing responses belong to another network or to other images.
    """
    request, earlier = task.request, task.earlier
    folder, plan, kept = request.folder, earlier.plan, None
    if earlier.has_parts and request.options.replace and _differs(task, folder, plan):
        folder = request.folder.replacement
        plan = _unfinished_plan(task, folder)
    elif plan and has_more_layers(plan.identity, task.identity):
        folder, kept = request.folder.replacement, plan
        wider = replace(plan, identity=task.identity, digest=task.identity.digest)
        plan = _unfinished_plan(task, folder) or wider
    elif plan:
        check_identity(folder.parts, plan.identity, task.identity)
    _check_other_sets(task)
    known = plan.stimuli if plan else set()
    fresh = tuple(stimulus for stimulus in _stimuli_to_plan(request) if stimulus not in known)
    numbers = range(len(plan.parts)) if plan else ()
    pending = [number for number in numbers if plan and is_pending(task, folder, plan, number)]
    return RemainingWork(folder, plan, tuple(pending), fresh, kept)


def _unfinished_plan(task: Task, folder: ExtractionFolder) -> Plan | None:
    """The plan of a replacement that was interrupted, if it is the wanted one; a damaged one is made again."""
    plan = readable_plan(folder)
    return plan if plan and not _differs(task, folder, plan) else None


@dataclass(frozen=True)
class PlannedParts:
    """The parts that a run writes.

    Attributes:
        folder: where they are written.
        plan: the plan, which lists the stimuli of each part. It is written together with the first part.
        numbers: numbers of the parts to be written.
        before: the plan that is in the folder now; None where there is none, or a damaged one.
        kept: the plan of existing responses to which layers are added; they stay where they are until all is done.
    """

    folder: ExtractionFolder
    plan: Plan
    numbers: tuple[int, ...]
    before: Plan | None
    kept: Plan | None = None

    @property
    def stimuli(self) -> list[int]:
        """Identifiers of the stimuli of the parts to be written."""
        return [stimulus for number in self.numbers for stimulus in self.plan.parts[number]]


def plan_parts(task: Task, remaining: RemainingWork) -> PlannedParts:
    """The parts to be written. Writes nothing.

    Args:
        task: the extraction.
        remaining: the result of `find_remaining_work`, obtained under the same lock.
    """
    earlier = remaining.plan or _empty_plan(task)
    size = task.request.options.part_size(len(remaining.fresh))
    plan = extended_plan(earlier, remaining.fresh, size=size)
    numbers = (*remaining.pending, *range(len(earlier.parts), len(plan.parts)))
    return PlannedParts(remaining.folder, plan, numbers, readable_plan(remaining.folder), remaining.kept)


def readable_plan(folder: ExtractionFolder, *, draft: bool = False) -> Plan | None:
    """The plan in a folder; None where there is none, or a damaged one, which is no obstacle to another one.

    Args:
        folder: the folders of an extraction.
        draft: as of `read_plan`.
    """
    with contextlib.suppress(VerificationError):
        return read_plan(folder, draft=draft)
    return None


def replace_earlier(task: Task, new: ExtractionFolder, commit: Commit) -> None:
    """Let a complete replacement take the place of the earlier responses.

    Args:
        task: the extraction.
        new: where the parts of this run are; those of the model itself replace nothing but the table of its layers.
        commit: the commit that carries it out.
    """
    old = task.request.folder
    stage_layers(task, commit)
    commit.deletions += [folder.draft for folder in (old, old.replacement) if folder.draft.exists()]
    if new == old:
        return
    moves = {
        file: (old.parts if file.suffix == ".parquet" else old.plans) / file.name for file in new.files()
    }
    moves[new.plan] = old.plan
    commit.moves |= moves
    commit.deletions += [imported_record(old)]
    commit.deletions += [file for file in old.files() if file not in moves.values()]


def check_images(task: Task, remaining: RemainingWork) -> None:
    """Check that at least one image can be presented, before any response is discarded.

    A replacement that was interrupted is completed without them, as if it had not been interrupted.

    Args:
        task: the extraction.
        remaining: the stimuli that remain to be presented.

    Raises: StimulusError when there is no file of any of the stimuli.
    """
    if remaining.is_begun and remaining.folder != task.request.folder:
        return
    stimuli = [task.request.stimuli[number] for number in remaining.stimuli]
    if stimuli and not any(is_there(stimulus.file) for stimulus in stimuli):
        raise StimulusError(
            f"none of the {len(stimuli)} images can be read (no such file: {stimuli[0].file}); "
            f"{task.request.images_remedy}"
        )


def _empty_plan(task: Task) -> Plan:
    """A plan without parts; where it replaces another one, its responses are as old as those."""
    earlier = task.earlier.plan
    created = earlier.created if earlier else present_time()
    return Plan(task.identity, (), task.identity.digest, created)


def check_disk_space(task: Task, remaining: RemainingWork) -> tuple[int, int]:
    """Bytes that the responses need at most, and bytes that are free.

    Args:
        task: the extraction.
        remaining: the stimuli that remain to be presented.

    Raises: StorageError when the responses do not fit.
    """
    request = task.request
    stimuli, parts = len(remaining.stimuli), len(remaining.parts(request.options))
    layers = len(task.identity.recorded_layers)
    needed = stimuli * (task.filters * ROW_BYTES + layers * IDENTIFIER) + parts * layers * LAYER
    place = cache_folder() if mirror_of(request.study.root) else request.study.root
    free = shutil.disk_usage(place).free
    if stimuli and needed + RESERVE > free:
        raise StorageError(
            f"the responses of {task.filters:,} filters to {stimuli:,} stimuli need up to {needed / 1e9:,.2f} GB "
            f"and a reserve of {RESERVE / 1e9:g} GB, but the disk of {place} has {free / 1e9:,.2f} GB "
            "free; free some space, move the study, or extract fewer layers with layers=… (--layers …)"
        )
    return needed, free


def sample_stimuli(
    request: Request, stimuli: Iterable[int], count: int
) -> tuple[list[Stimulus], list[str | None]]:
    """A sample of the stimuli, evenly over the categories, and the category of each.

    Args:
        request: the request, which has the stimuli and the study with their labels.
        stimuli: identifiers from which the sample is taken.
        count: largest size of the sample.
    """
    rows = _by_turns(request, stimuli).head(count)
    return [request.stimuli[number] for number in rows["stimulus_id"]], rows["category"].to_list()


def _by_turns(request: Request, stimuli: Iterable[int]) -> pl.DataFrame:
    """stimulus_id and category: first the first stimulus of every category, then the second, and so on."""
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


def _differs(task: Task, folder: ExtractionFolder, plan: Plan | None) -> bool:
    """Whether responses are of another identity or of other images than the wanted ones, or their plan is damaged.

    Imported roll-ups differ, too: they stay until all responses are there.
    """
    if plan is None or plan.identity != task.identity or imported_record(folder).exists():
        return True
    try:
        for number in range(len(plan.parts)):
            planned_record(folder, plan, number, task.request.digests)
    except (MixtureError, VerificationError):
        return True
    return False


def is_pending(task: Task, folder: ExtractionFolder, plan: Plan, number: int) -> bool:
    """Whether a part is missing, or lacks stimuli that were unreadable before and are readable now.

    Args:
        task: the extraction.
        folder: where the part is, or will be.
        plan: the plan of the folder.
        number: number of the part.

    Raises: as `planned_record`.
    """
    record = planned_record(folder, plan, number, task.request.digests)
    if record is None:
        return True
    failed = [task.request.stimuli[entry["stimulus_id"]] for entry in record["unreadable"]]
    return any(not isinstance(prepare_image(each, task.network.input), Unreadable) for each in failed)


def _check_other_sets(task: Task) -> None:
    """Check that a model name means the same network in all sets of a study, so that their tables are comparable."""
    request = task.request
    _check_layers(task)
    for other in _other_sets(request.study, request.set, task.network.name):
        folder = request.study.extraction(other, task.network.name)
        plan = read_plan(folder)
        if plan:
            check_same_network(folder.parts, plan.identity, task.identity)


def _other_sets(study: StudyFolder, set_name: str, model: str) -> list[str]:
    """The other sets that were presented to the network."""
    return [name for name in study.sets() if name != set_name and model in study.models(name)]


def _check_layers(task: Task) -> None:
    """Refuse a card whose layers differ from those of the responses to other sets.

    Raises: MixtureError.
    """
    others = _other_sets(task.request.study, task.request.set, task.network.name)
    is_there = task.request.study.layers(task.network.name).exists()
    if others and is_there and not has_layers(task):
        raise MixtureError(
            f"the card of {task.network.name} now lists different layers than when {', '.join(others)} was presented "
            "to the network; give the changed card another name, or use another study"
        )
