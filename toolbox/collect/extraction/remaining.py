"""What one extraction works on, and what it refuses to mix. Owns the decision which stimuli are still to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from toolbox.collect.extraction.options import Extraction, check_choices
from toolbox.collect.extraction.presentation import Stimulus, Unreadable, prepare_image
from toolbox.errors import MixtureError, UnknownNameError, VerificationError
from toolbox.network.card import Network, layer_table, network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.progress import Progress
from toolbox.runtime.autotune import noise, start_fastest
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table, write_table
from toolbox.store.parts import clear, planned_record
from toolbox.store.plan import Identity, Plan, extend_plan, check_identity, check_same_network, part_size, read_plan

SAMPLED = 48
"""Stimuli by which a cheaper computation is held against the exact one."""
WORTH_A_PROBE = 1000
"""Stimuli from which on the ten or twenty seconds are well spent that it takes to find the fastest arrangement."""


@dataclass(frozen=True)
class Task:
    """All that stays the same over the parts of one extraction."""

    study: StudyFolder
    set: str
    model: Model
    identity: Identity
    stimuli: Mapping[int, Stimulus]
    choices: Extraction
    progress: Progress
    remarks: tuple[str, ...]

    @property
    def network(self) -> Network:
        return self.model.network

    @property
    def folder(self) -> Path:
        return self.study.responses(self.set, self.network.name)

    @cached_property
    def digests(self) -> dict[int, str]:
        """sha256 of the set's images by stimulus_id."""
        return {identifier: stimulus.sha256 for identifier, stimulus in self.stimuli.items()}

    @property
    def is_exact(self) -> bool:
        """Whether it is computed in full precision from images decoded in full."""
        return self.choices.precision == "float32" and self.network.input.decoding == "full"

    @property
    def filters(self) -> int:
        """Filters of all layers that are kept."""
        return sum(layer.filters for layer in self.network.layers if layer.name in self.identity.kept)

    def start(self, stimuli: int, *, precision: str | None = None) -> Session:
        """The network, ready to be shown so many stimuli."""
        entry, choices = self.network.input, self.choices
        graph = pixel_graph(pooled_graph(self.model.graph, self.identity.kept), entry)
        return start_fastest(
            graph, noise(entry), device=choices.device, precision=precision or choices.precision,
            convolution=choices.convolution, threads=choices.threads, batch=self.network.batch or choices.batch,
            probe=stimuli >= WORTH_A_PROBE,
        )  # fmt: skip


@dataclass(frozen=True)
class Intention:
    """What is to be done: parts that are planned and missing, and stimuli that no part has yet.

    Attributes:
        existing: the plan to go on with; None where one is begun.
        gives_up: whether responses that lie there, if any, are given up.
    """

    existing: Plan | None
    gives_up: bool
    pending: tuple[int, ...]
    fresh: tuple[int, ...]

    @property
    def stimuli(self) -> list[int]:
        """Those to be shown."""
        planned = self.existing.parts if self.existing else ()
        return [*(stimulus for number in self.pending for stimulus in planned[number]), *self.fresh]

    def parts(self, size: int | None) -> list[int]:
        """How many stimuli the parts have that will be written; new ones are of that size."""
        planned = self.existing.parts if self.existing else ()
        size, fresh = size or part_size(len(self.fresh)), len(self.fresh)
        return [len(planned[number]) for number in self.pending] + [
            min(size, fresh - start) for start in range(0, fresh, size)
        ]


def make_task(study: StudyFolder, set_name: str, choices: Extraction, progress: Progress) -> Task:
    """Read the stimuli and the network with its weights.

    Raises: UnknownNameError, UsageError, CardError, WeightsError, VerificationError.
    """
    stimuli = _stimuli(study, set_name)
    net = network(choices.model)
    check_choices(choices, net)
    if choices.decoding is not None:
        net = replace(net, input=replace(net.input, decoding=choices.decoding))
    asked, remarks = _asked(net, choices, study.responses(set_name, net.name))
    model = load_model(net, asked, source=choices.weights, progress=progress)
    identity = Identity(net.name, model.digests, tuple(asked or model.digests), precision=choices.precision)
    return Task(study, set_name, model, identity, stimuli, choices, progress, (*remarks, *model.remarks))


def intention(task: Task) -> Intention:
    """What this extraction has to do. A plan of which nothing was ever extracted binds nobody.

    Raises: MixtureError, VerificationError where what lies there is of another network or of other images.
    """
    gives_up = not _has_parts(task.folder) or (task.choices.replace and _differs(task))
    existing = None if gives_up else read_plan(task.folder)
    if existing:
        check_identity(task.folder, existing.identity, task.identity)
    _check_other_sets(task)
    known = existing.stimuli if existing else set()
    fresh = tuple(stimulus for stimulus in _wanted(task, task.choices.limit) if stimulus not in known)
    pending = pending_parts(task, existing) if existing else ()
    return Intention(existing, gives_up, pending, fresh)


def carry_out(task: Task, intended: Intention) -> Plan:
    """Write the layers and the plan; nothing is written before every mixture is refused."""
    _write_layers(task)
    if intended.gives_up:
        clear(task.folder)
    wanted = sorted({*intended.fresh, *(intended.existing.stimuli if intended.existing else ())})
    return extend_plan(task.folder, task.identity, wanted, size=task.choices.part)


def pending_parts(task: Task, plan: Plan) -> tuple[int, ...]:
    """Parts that are missing, or lack stimuli that were unreadable then and can be read now."""
    return tuple(number for number in range(len(plan.parts)) if _is_pending(task, plan, number))


def sample(task: Task, stimuli: Sequence[int], count: int) -> tuple[list[Stimulus], list[str | None]]:
    """Some of the stimuli, evenly over the categories, and the category of each."""
    labels = _labels(task)
    table = pl.DataFrame({"stimulus_id": sorted(stimuli)}, schema_overrides={"stimulus_id": pl.Int32})
    table = _in_turn(task, table)
    found = table.head(count)["stimulus_id"].to_list()
    categories = dict(zip(labels["stimulus_id"], labels["category"], strict=True))
    return [task.stimuli[stimulus] for stimulus in found], [categories.get(stimulus) for stimulus in found]


def _stimuli(study: StudyFolder, set_name: str) -> dict[int, Stimulus]:
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets(), "toolbox ingest makes one")
    table = read_table(study.stimuli(set_name), "stimulus_id", "path", "sha256")
    return {
        row["stimulus_id"]: Stimulus(row["stimulus_id"], row["path"], study.image(row["path"]), row["sha256"])
        for row in table.to_pylist()
    }


def _asked(net: Network, choices: Extraction, folder: Path) -> tuple[list[str] | None, list[str]]:
    """Names of the layers to keep, None for all that can be had; and what to say of them."""
    if choices.layers:
        patterns = [choices.layers] if isinstance(choices.layers, str) else choices.layers
        return select_layers(net.layers, patterns), []
    plan = None if choices.replace or not _has_parts(folder) else read_plan(folder)
    known = [layer.name for layer in net.layers]
    if plan is None or not {*plan.identity.kept} <= {*known}:
        return None, []
    left_out = ", ".join(name for name in known if name not in plan.identity.kept)
    remark = f"layers as in the first run, without {left_out}; to have these too: --layers '*' --replace"
    return list(plan.identity.kept), [remark] if left_out else []


def _has_parts(folder: Path) -> bool:
    """Whether an extraction has come as far as one part."""
    return any(folder.glob("part-*.json"))


def _differs(task: Task) -> bool:
    """Whether there is anything that `replace` gives up: another identity, other images, or a damaged plan."""
    try:
        plan = read_plan(task.folder)
        if plan is None or plan.identity != task.identity:
            return plan is not None
        for number in range(len(plan.parts)):
            planned_record(task.folder, plan, number, task.digests)
    except (MixtureError, VerificationError):
        return True
    return False


def _labels(task: Task) -> pl.DataFrame:
    return pl.DataFrame(read_table(task.study.labels(task.set), "stimulus_id", "category"))


def _in_turn(task: Task, table: pl.DataFrame) -> pl.DataFrame:
    """The stimuli with the first of every category first, then the second ones, and so on."""
    table = table.join(_labels(task), on="stimulus_id", how="left", maintain_order="left")
    return table.sort(pl.int_range(pl.len()).over("category"), "category", "stimulus_id")


def _wanted(task: Task, limit: int | None) -> list[int]:
    """Identifiers in ascending order; with a limit, the first ones of every category in turn."""
    if limit is None or limit >= len(task.stimuli):
        return sorted(task.stimuli)
    table = pl.DataFrame({"stimulus_id": sorted(task.stimuli)}, schema_overrides={"stimulus_id": pl.Int32})
    return sorted(_in_turn(task, table).head(limit)["stimulus_id"].to_list())


def _check_other_sets(task: Task) -> None:
    """One model name means one network in all sets of a study, or their tables could not be compared."""
    for other in _other_sets(task):
        folder = task.study.responses(other, task.network.name)
        plan = read_plan(folder)
        if plan:
            check_same_network(folder, plan.identity, task.identity)


def _other_sets(task: Task) -> list[str]:
    """Sets, but for this one, that the network has been shown."""
    sets = task.study.sets()
    return [name for name in sets if name != task.set and task.network.name in task.study.models(name)]


def _write_layers(task: Task) -> None:
    """The geometry of all layers of the card, whichever are extracted: depth is relative to the whole network."""
    path, table = task.study.layers(task.network.name), layer_table(task.network)
    if path.exists() and pl.DataFrame(read_table(path)).equals(table):
        return
    others = _other_sets(task) if path.exists() else []
    if others:
        raise MixtureError(
            f"the card of {task.network.name} lists other layers than when {', '.join(others)} was shown to it; "
            "give the changed card another name, or use another study"
        )
    write_table(path, table.to_arrow(), {"model": task.network.name, "citation": task.network.citation})


def _is_pending(task: Task, plan: Plan, number: int) -> bool:
    record = planned_record(task.folder, plan, number, task.digests)
    if record is None:
        return True
    failed = [task.stimuli[entry["stimulus_id"]] for entry in record["unreadable"]]
    return any(not isinstance(prepare_image(stimulus, task.network.input), Unreadable) for stimulus in failed)
