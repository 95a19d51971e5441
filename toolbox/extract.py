"""Showing a stimulus set to a network and writing the parts. Owns their order, resuming, and refusing mixtures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from toolbox.errors import (
    CardError,
    MixtureError,
    StimulusError,
    UnknownNameError,
    UsageError,
    VerificationError,
    WeightsError,
)
from toolbox.fetch import Progress, silent
from toolbox.network.card import Network, layer_table, network, selected
from toolbox.network.graph import pooled_graph
from toolbox.network.model import Model, load_model
from toolbox.network.session import DEVICES, Session, start_session
from toolbox.showing import Images, Stimulus, Unreadable, batches, prepared
from toolbox.stimuli.images import METHODS
from toolbox.store.files import only_writer, read_table, with_version, write_json, write_table
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import clear, planned_record, sweep, write_part
from toolbox.store.plan import (
    Identity,
    Plan,
    extend_plan,
    hold_identity,
    hold_same_network,
    plan_digest,
    read_plan,
)
from toolbox.store.rollups import update_rollups


@dataclass(frozen=True)
class Extraction:
    """What to extract, and how.

    Attributes:
        model: name of a shipped network, or path of a card.
        layers: patterns of layer names (`block5_*`); None for the layers of the first run, or, in a first run, for
            all layers whose weights can be had.
        weights: 'auto', a file, or 'random:SEED'.
        batch: images in one run of the network.
        device: 'auto', 'cpu' or 'cuda'.
        threads: of the network on a CPU; 0 for as many as there are cores.
        limit: plan at most so many stimuli in all, evenly over the categories; what is planned already is finished.
        part: stimuli in a new part; None for a tenth of the new ones, 50 to 1,000.
        replace: give up responses of other weights, layers or images; those of the same are kept.
    """

    model: str = "vgg16"
    layers: Sequence[str] | str | None = None
    weights: str = "auto"
    batch: int = 4
    device: str = "auto"
    threads: int = 0
    limit: int | None = None
    part: int | None = None
    replace: bool = False


@dataclass(frozen=True)
class ExtractionReport:
    """What an extraction did. `shown` counts the stimuli of this run, `stimuli` those that now have responses."""

    set: str
    model: str
    weights: str
    provider: str
    layers: tuple[str, ...]
    filters: int
    stimuli: int
    shown: int
    seconds: float
    unreadable: tuple[Unreadable, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task:
    """All that stays the same over the parts of one extraction."""

    folder: Path
    set: str
    model: Model
    identity: Identity
    stimuli: Mapping[int, Stimulus]
    choices: Extraction
    progress: Progress

    @property
    def network(self) -> Network:
        return self.model.network

    @cached_property
    def digests(self) -> dict[int, str]:
        """sha256 of the set's images by stimulus_id."""
        return {identifier: stimulus.sha256 for identifier, stimulus in self.stimuli.items()}

    @property
    def batch(self) -> int:
        """Images in one run of the network: as chosen, unless its graph insists on a number."""
        return self.network.batch or self.choices.batch

    def start(self) -> Session:
        graph = pooled_graph(self.model.graph, self.identity.kept)
        choices = self.choices
        return start_session(graph, device=choices.device, threads=choices.threads, batch=self.batch)


def extract(
    study: StudyFolder, set_name: str, choices: Extraction | None = None, *, progress: Progress = silent
) -> ExtractionReport:
    """Write the maximum and mean of every filter's map for every stimulus of a set.

    What is there already is kept: a run that was killed goes on with the missing parts, new stimuli make new parts,
    and stimuli that could not be read are tried again.

    Raises: UnknownNameError, WeightsError, DeviceError; MixtureError when other weights, preprocessing, layers or
        images were used before; BusyError when another process is at it; StimulusError when no image is readable.
    """
    choices = choices or Extraction()
    stimuli = _stimuli(study, set_name)
    net = network(choices.model)
    _hold_choices(choices, net)
    folder = study.responses(set_name, net.name)
    asked, remarks = _asked(net, choices, folder)
    model = load_model(net, asked, source=choices.weights, progress=progress)
    identity = Identity(net.name, model.digests, tuple(asked or model.digests))
    task = _Task(folder, set_name, model, identity, stimuli, choices, progress)
    started = time.monotonic()
    with only_writer(folder, f"extracting {set_name} with {net.name}"):
        sweep(folder)
        plan, session = _planned(study, task)
        pending = [number for number in range(len(plan.parts)) if _is_pending(task, plan, number)]
        if pending:
            session = session or task.start()
            shown, unreadable = _run_parts(task, session, plan, pending)
        else:
            shown, unreadable = 0, []
        report = _report(task, plan, shown, unreadable, time.monotonic() - started, remarks)
        if pending:
            write_json(study.run_record(f"extract-{set_name}-{net.name}"), with_version(asdict(report)))
        update_rollups(study, set_name, [net.name], study.schemes(set_name))
    return report


def _hold_choices(choices: Extraction, net: Network) -> None:
    if choices.device not in DEVICES:
        raise UsageError(f"no device {choices.device!r}; expected {', '.join(DEVICES)}")
    for name, least in (("batch", 1), ("part", 1), ("limit", 1), ("threads", 0)):
        value = getattr(choices, name)
        if value is not None and value < least:
            raise UsageError(f"{name} is {value}; expected {least} or more")
    if net.input.resize not in METHODS:
        raise CardError(f"{net.name} resizes by {net.input.resize!r}; expected one of {', '.join(METHODS)}")


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
        return selected(net.layers, patterns), []
    plan = None if choices.replace or not _has_parts(folder) else read_plan(folder)
    known = [layer.name for layer in net.layers]
    if plan is None or not {*plan.identity.kept} <= {*known}:
        return None, []
    left_out = ", ".join(name for name in known if name not in plan.identity.kept)
    remark = f"layers as in the first run, without {left_out}; to have these too: --layers '*' --replace"
    return list(plan.identity.kept), [remark] if left_out else []


def _planned(study: StudyFolder, task: _Task) -> tuple[Plan, Session | None]:
    """The plan, extended by what is new; and the session, where one had to be started to know that it can be.

    Nothing is given up before a session has started, and nothing is written before every mixture is refused. A plan
    of which nothing was ever extracted binds nobody.
    """
    gives_up = not _has_parts(task.folder) or (task.choices.replace and _differs(task))
    existing = None if gives_up else read_plan(task.folder)
    if existing:
        hold_identity(task.folder, existing.identity, task.identity)
    _hold_other_sets(study, task)
    session = task.start() if gives_up else None
    _write_layers(study, task)
    if gives_up:
        clear(task.folder)
    wanted = _wanted(study, task)
    return extend_plan(task.folder, task.identity, wanted, size=task.choices.part), session


def _has_parts(folder: Path) -> bool:
    """Whether an extraction has come as far as one part."""
    return any(folder.glob("part-*.json"))


def _differs(task: _Task) -> bool:
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


def _wanted(study: StudyFolder, task: _Task) -> list[int]:
    """Identifiers in ascending order; with a limit, the first ones of every category in turn."""
    limit = task.choices.limit
    if limit is None or limit >= len(task.stimuli):
        return sorted(task.stimuli)
    labels = pl.DataFrame(read_table(study.labels(task.set), "stimulus_id", "category"))
    table = pl.DataFrame({"stimulus_id": sorted(task.stimuli)}, schema_overrides={"stimulus_id": pl.Int32})
    table = table.join(labels, on="stimulus_id", how="left", maintain_order="left")
    turn = pl.int_range(pl.len()).over("category")
    return sorted(table.sort(turn, "category", "stimulus_id").head(limit)["stimulus_id"].to_list())


def _hold_other_sets(study: StudyFolder, task: _Task) -> None:
    """One model name means one network in all sets of a study, or their tables could not be compared."""
    for other in _other_sets(study, task):
        folder = study.responses(other, task.network.name)
        plan = read_plan(folder)
        if plan:
            hold_same_network(folder, plan.identity, task.identity)


def _other_sets(study: StudyFolder, task: _Task) -> list[str]:
    """Sets, but for this one, that the network has been shown."""
    return [name for name in study.sets() if name != task.set and task.network.name in study.models(name)]


def _write_layers(study: StudyFolder, task: _Task) -> None:
    """The geometry of all layers of the card, whichever are extracted: depth is relative to the whole network."""
    path, table = study.layers(task.network.name), layer_table(task.network)
    if path.exists() and pl.DataFrame(read_table(path)).equals(table):
        return
    others = _other_sets(study, task) if path.exists() else []
    if others:
        raise MixtureError(
            f"the card of {task.network.name} lists other layers than when {', '.join(others)} was shown to it; "
            "give the changed card another name, or use another study"
        )
    write_table(path, table.to_arrow(), {"model": task.network.name, "citation": task.network.citation})


def _is_pending(task: _Task, plan: Plan, number: int) -> bool:
    """Whether a part is missing, or lacks stimuli that were unreadable then and can be read now."""
    record = planned_record(task.folder, plan, number, task.digests)
    if record is None:
        return True
    failed = [task.stimuli[entry["stimulus_id"]] for entry in record["unreadable"]]
    return any(not isinstance(prepared(stimulus, task.network.input), Unreadable) for stimulus in failed)


def _run_parts(task: _Task, session: Session, plan: Plan, pending: Sequence[int]) -> tuple[int, list[Unreadable]]:
    """Run the network over the pending parts and commit each; returns how many were shown, and what was not."""
    total = sum(len(plan.parts[number]) for number in pending)
    done, shown = 0, 0
    unreadable: list[Unreadable] = []
    for number in pending:

        def show_progress(count: int, before: int = done) -> None:
            task.progress(f"extract {task.set}", before + count, total)

        failed = _run_part(task, session, plan, number, show_progress)
        unreadable += failed
        done += len(plan.parts[number])
        shown += len(plan.parts[number]) - len(failed)
    return shown, unreadable


def _run_part(
    task: _Task, session: Session, plan: Plan, number: int, show_progress: Callable[[int], None]
) -> list[Unreadable]:
    """Show one part and commit it; one of which nothing is readable stays missing. Returns what was not shown."""
    part = plan.parts[number]
    shown: list[int] = []
    unreadable: list[Unreadable] = []
    outputs: list[Mapping[str, Images]] = []
    show_progress(0)
    for batch in batches([task.stimuli[identifier] for identifier in part], task.network.input, task.batch):
        unreadable += batch.unreadable
        shown += batch.shown
        if batch.shown:
            outputs.append(session.run(batch.images))
        show_progress(len(shown) + len(unreadable))
    if shown and not _would_lose(task, plan, number, shown):
        responses = {
            layer: (_stacked(outputs, f"{layer}.maximum"), _stacked(outputs, f"{layer}.mean"))
            for layer in task.identity.kept
        }
        write_part(task.folder, number, shown, responses, _record(task, session, plan, part, unreadable))
    return unreadable


def _would_lose(task: _Task, plan: Plan, number: int, shown: Sequence[int]) -> bool:
    """Whether a part made anew would lack a stimulus that the one on disk holds."""
    record = planned_record(task.folder, plan, number, task.digests)
    if record is None:
        return False
    held = {*plan.parts[number]} - {entry["stimulus_id"] for entry in record["unreadable"]}
    return not held <= {*shown}


def _stacked(outputs: Sequence[Mapping[str, Images]], name: str) -> Images:
    """One output over all batches, (stimuli, filters).

    Raises: WeightsError when it is not all numbers.
    """
    values = np.concatenate([output[name] for output in outputs])
    if not np.isfinite(values).all():
        raise WeightsError(f"{name} is not a number for some stimuli; its weights overflow float32; use others")
    return values


def _record(
    task: _Task, session: Session, plan: Plan, part: Sequence[int], unreadable: Sequence[Unreadable]
) -> dict[str, Any]:
    return {
        "set": task.set,
        "model": task.network.name,
        "identity": plan.digest,
        "plan": plan_digest(part, task.digests),
        "weights": task.model.source,
        "preprocessing": asdict(task.network.input),
        "provider": session.provider,
        "runtime": session.runtime,
        "precision": task.identity.precision,
        "unreadable": [asdict(entry) for entry in unreadable],
    }


def _report(
    task: _Task, plan: Plan, shown: int, unreadable: Sequence[Unreadable], seconds: float, remarks: Sequence[str]
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
        layers=task.identity.kept,
        filters=sum(layer.filters for layer in task.network.layers if layer.name in task.identity.kept),
        stimuli=sum(record["stimuli"] for record in records),
        shown=shown,
        seconds=seconds,
        unreadable=tuple(failed[identifier] for identifier in sorted(failed)),
        remarks=(*remarks, *task.model.remarks),
    )
