"""Showing a stimulus set to a network: decode ahead, run, write parts. Owns the order of these, and resuming."""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.fetch import Progress, silent
from toolbox.network.card import Network, layer_table, network, selected
from toolbox.network.graph import full_graph, layer_digests, pooled_graph, preprocessed
from toolbox.network.session import Session, start_session
from toolbox.network.weights import Weights, load_weights
from toolbox.stimuli.images import decode, resized
from toolbox.store.files import only_writer, with_version, write_json, write_table
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import (
    PART,
    Identity,
    Plan,
    clear,
    extend_plan,
    hold_same_network,
    plan_digest,
    read_plan,
    read_record,
    sweep,
    write_part,
)

Images = NDArray[np.float32]


@dataclass(frozen=True)
class Extraction:
    """What to extract, and how.

    Attributes:
        layers: patterns of layer names (`block5_*`); None for all layers whose weights can be had.
        weights: 'auto', a file, or 'random:SEED'.
        batch: images in one run of the network.
        limit: at most so many stimuli in all, evenly over the categories; None for all.
        part: stimuli in a new part.
        replace: give up responses made with other weights or layers.
    """

    model: str = "vgg16"
    layers: Sequence[str] | None = None
    weights: str = "auto"
    batch: int = 8
    device: str = "auto"
    threads: int = 0
    limit: int | None = None
    part: int = PART
    replace: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A stimulus that could not be shown, and why."""

    stimulus_id: int
    path: str
    reason: str


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
class _Stimulus:
    stimulus_id: int
    path: str
    sha256: str


@dataclass(frozen=True)
class _Task:
    """All that stays the same over the parts of one extraction."""

    study: StudyFolder
    set: str
    network: Network
    weights: Weights
    stimuli: Mapping[int, _Stimulus]
    plan: Plan
    choices: Extraction
    progress: Progress

    @property
    def folder(self) -> Path:
        return self.study.responses(self.set, self.network.name)


def extract(
    study: StudyFolder, set_name: str, choices: Extraction | None = None, *, progress: Progress = silent
) -> ExtractionReport:
    """Write the maximum and mean of every filter's map for every stimulus of a set.

    What is there already is kept: a run that was killed goes on with the missing parts, new stimuli make new parts,
    and stimuli that could not be read are tried again.

    Raises: UnknownNameError, WeightsError, DeviceError; MixtureError when other weights, preprocessing or layers
        were used before; BusyError when another process is at it; StimulusError when a whole part is unreadable.
    """
    choices = choices or Extraction()
    _hold_choices(choices)
    stimuli = _stimuli(study, set_name)
    net = network(choices.model)
    asked = selected(net.layers, choices.layers) if choices.layers else None
    weights = load_weights(net, asked, source=choices.weights, progress=progress)
    digests = layer_digests(net.input, weights)
    identity = Identity(net.name, {name: digests[name] for name in asked or digests})
    started = time.monotonic()
    folder = study.responses(set_name, net.name)
    with only_writer(folder, f"extracting {set_name} with {net.name}"):
        sweep(folder)
        _hold_other_sets(study, set_name, identity)
        if choices.replace:
            clear(folder)
        wanted = _wanted(study, set_name, stimuli, choices.limit)
        plan = extend_plan(folder, identity, wanted, size=choices.part)
        _write_layers(study, net)
        task = _Task(study, set_name, net, weights, stimuli, plan, choices, progress)
        pending = [number for number in range(len(plan.parts)) if _is_pending(task, number)]
        provider = _run_parts(task, pending)
    shown = sum(len(plan.parts[number]) for number in pending)
    report = _report(task, provider, shown, time.monotonic() - started)
    if pending:
        write_json(study.run_record(f"extract-{set_name}-{net.name}"), with_version(asdict(report)))
    return report


def _hold_choices(choices: Extraction) -> None:
    for name in ("batch", "part", "limit"):
        value = getattr(choices, name)
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; expected 1 or more")


def _stimuli(study: StudyFolder, set_name: str) -> dict[int, _Stimulus]:
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets(), "toolbox ingest makes one")
    table = pl.read_parquet(study.stimuli(set_name), columns=["stimulus_id", "path", "sha256"])
    return {row["stimulus_id"]: _Stimulus(**row) for row in table.iter_rows(named=True)}


def _wanted(study: StudyFolder, set_name: str, stimuli: Mapping[int, _Stimulus], limit: int | None) -> list[int]:
    """Identifiers in ascending order; with a limit, the first ones of every category in turn."""
    if limit is None or limit >= len(stimuli):
        return sorted(stimuli)
    labels = pl.read_parquet(study.labels(set_name))
    table = pl.DataFrame({"stimulus_id": sorted(stimuli)}, schema_overrides={"stimulus_id": pl.Int32})
    table = table.join(labels, on="stimulus_id", how="left", maintain_order="left")
    turn = pl.int_range(pl.len()).over("category")
    return sorted(table.sort(turn, "category", "stimulus_id").head(limit)["stimulus_id"].to_list())


def _hold_other_sets(study: StudyFolder, set_name: str, identity: Identity) -> None:
    """One model name means one network in all sets of a study, or their tables could not be compared."""
    for other in study.sets():
        folder = study.responses(other, identity.model)
        plan = read_plan(folder) if other != set_name else None
        if plan:
            hold_same_network(folder, plan.identity, identity)


def _write_layers(study: StudyFolder, net: Network) -> None:
    """The geometry of all layers of the card, whichever are extracted: depth is relative to the whole network."""
    path = study.layers(net.name)
    if not path.exists():
        write_table(path, layer_table(net).to_arrow(), {"model": net.name, "citation": net.citation})


def _is_pending(task: _Task, number: int) -> bool:
    """Whether a part is missing, or lacks stimuli that were unreadable then and can be read now."""
    record = read_record(task.folder, number)
    if record is None:
        return True
    return any(not isinstance(_prepared(task, entry["stimulus_id"]), str) for entry in record["unreadable"])


def _run_parts(task: _Task, pending: Sequence[int]) -> str:
    """Run the network over the pending parts and commit each; returns the provider that ran it."""
    if not pending:
        return ""
    graph = pooled_graph(full_graph(task.network, task.weights), task.plan.identity.layers)
    choices = task.choices
    session = start_session(graph, device=choices.device, threads=choices.threads, batch=choices.batch)
    total = sum(len(task.plan.parts[number]) for number in pending)
    done = 0
    for number in pending:
        part = task.plan.parts[number]
        before = done

        def show_progress(count: int, before: int = before) -> None:
            task.progress(f"extract {task.set}", before + count, total)

        _run_part(task, session, number, show_progress)
        done += len(part)
    return session.provider


def _run_part(task: _Task, session: Session, number: int, show_progress: Callable[[int], None]) -> None:
    part = task.plan.parts[number]
    shown: list[int] = []
    unreadable: list[Unreadable] = []
    outputs: list[Mapping[str, Images]] = []
    show_progress(0)
    for identifiers, images, failed in _batches(task, part):
        unreadable += failed
        shown += identifiers
        if identifiers:
            outputs.append(session.run(images))
        show_progress(len(shown) + len(unreadable))
    if not shown:
        raise StimulusError(
            f"none of the {len(part)} images of part {number} can be read ({unreadable[0].path}: "
            f"{unreadable[0].reason}); put them back where they were ingested from and run this again"
        )
    responses = {
        layer: (_stacked(outputs, f"{layer}.maximum"), _stacked(outputs, f"{layer}.mean"))
        for layer in task.plan.identity.layers
    }
    write_part(task.folder, number, shown, responses, _record(task, session, part, unreadable))


def _stacked(outputs: Sequence[Mapping[str, Images]], name: str) -> Images:
    """One output over all batches, (stimuli, filters)."""
    return np.concatenate([output[name] for output in outputs])


def _record(task: _Task, session: Session, part: Sequence[int], unreadable: Sequence[Unreadable]) -> dict[str, Any]:
    digests = {identifier: task.stimuli[identifier].sha256 for identifier in part}
    return {
        "set": task.set,
        "model": task.network.name,
        "identity": task.plan.digest,
        "plan": plan_digest(part, digests),
        "weights": task.weights.source,
        "preprocessing": asdict(task.network.input),
        "provider": session.provider,
        "runtime": session.runtime,
        "precision": task.plan.identity.precision,
        "unreadable": [asdict(entry) for entry in unreadable],
    }


def _batches(task: _Task, part: Sequence[int]) -> Iterator[tuple[list[int], Images, list[Unreadable]]]:
    """Batches of a part in its order, decoded in background threads two batches ahead of the network."""
    size = task.choices.batch
    with ThreadPoolExecutor(max_workers=max(2, (os.cpu_count() or 2) // 2), thread_name_prefix="decode") as pool:
        waiting: deque[list[tuple[int, Future[Images | str]]]] = deque()
        starts = iter(range(0, len(part), size))
        while True:
            while len(waiting) < 3 and (start := next(starts, None)) is not None:
                chosen = part[start : start + size]
                waiting.append([(identifier, pool.submit(_prepared, task, identifier)) for identifier in chosen])
            if not waiting:
                return
            yield _collected(task, waiting.popleft())


def _collected(
    task: _Task, futures: Sequence[tuple[int, Future[Images | str]]]
) -> tuple[list[int], Images, list[Unreadable]]:
    """The images of a batch that can be shown, stacked, and those that cannot."""
    results = [(identifier, future.result()) for identifier, future in futures]
    images = [result for _, result in results if not isinstance(result, str)]
    shown = [identifier for identifier, result in results if not isinstance(result, str)]
    failed = [
        Unreadable(identifier, task.stimuli[identifier].path, result)
        for identifier, result in results
        if isinstance(result, str)
    ]
    return shown, np.stack(images) if images else np.empty((0,), np.float32), failed


def _prepared(task: _Task, identifier: int) -> Images | str:
    """One image as the network takes it, float32 (3, height, width), or the reason why it cannot be shown."""
    stimulus, entry = task.stimuli[identifier], task.network.input
    try:
        content = task.study.image(stimulus.path).read_bytes()
        if hashlib.sha256(content).hexdigest() != stimulus.sha256:
            return "changed since it was ingested"
        pixels = decode(content).pixels
    except OSError as error:
        return error.strerror or type(error).__name__
    except StimulusError as error:
        return str(error)
    return preprocessed(entry, resized(pixels, entry.height, entry.width, entry.resize))


def _report(task: _Task, provider: str, shown: int, seconds: float) -> ExtractionReport:
    records = [read_record(task.folder, number) or {} for number in range(len(task.plan.parts))]
    unreadable = tuple(Unreadable(**entry) for record in records for entry in record["unreadable"])
    tapped = tuple(task.plan.identity.layers)
    return ExtractionReport(
        set=task.set,
        model=task.network.name,
        weights=task.weights.source,
        provider=provider or records[-1]["provider"],
        layers=tapped,
        filters=sum(layer.filters for layer in task.network.layers if layer.name in tapped),
        stimuli=sum(record["stimuli"] for record in records),
        shown=shown,
        seconds=seconds,
        unreadable=unreadable,
        remarks=task.weights.remarks,
    )
