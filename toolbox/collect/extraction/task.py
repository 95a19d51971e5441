"""What one extraction works on: stimuli, network, options, and what an earlier run left. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from toolbox.collect.extraction.options import Extraction, check_options
from toolbox.collect.extraction.presentation import Stimulus
from toolbox.errors import UnknownNameError, VerificationError
from toolbox.network.architecture import Network
from toolbox.network.card import network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.progress import Progress
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.device import Device
from toolbox.runtime.session import Session
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import read_table
from toolbox.store.plan import Identity, Plan, read_plan

WORTH_A_PROBE = 1000
"""Stimuli from which on the ten or twenty seconds are well spent that it takes to find the fastest arrangement."""


@dataclass(frozen=True)
class Request:
    """Who is to be presented with what, checked as far as that goes without weights.

    Attributes:
        network: with the decoding that was asked for.
        device: on which the network is to run; the driver is asked once.
    """

    study: StudyFolder
    set: str
    stimuli: Mapping[int, Stimulus]
    network: Network
    options: Extraction
    device: Device

    @property
    def folder(self) -> Path:
        """Where the responses are kept."""
        return self.study.responses(self.set, self.network.name)

    @cached_property
    def digests(self) -> dict[int, str]:
        """sha256 of the set's images by stimulus_id."""
        return {identifier: stimulus.sha256 for identifier, stimulus in self.stimuli.items()}


@dataclass(frozen=True)
class Earlier:
    """What an earlier extraction left, read once.

    Attributes:
        plan: None where there is none, or none that can be read.
        has_parts: whether it came as far as one part; a plan without parts binds nobody.
        is_damaged: whether there is a plan that cannot be read; only where it is to be replaced.
    """

    plan: Plan | None
    has_parts: bool
    is_damaged: bool = False


@dataclass(frozen=True)
class Task:
    """All that stays the same over the parts of one extraction."""

    request: Request
    earlier: Earlier
    model: Model
    identity: Identity
    progress: Progress
    remarks: tuple[str, ...]

    @property
    def network(self) -> Network:
        """The network whose filters are recorded."""
        return self.request.network

    @property
    def is_exact(self) -> bool:
        """Whether it is computed in full precision from images decoded in full."""
        return self.request.options.precision == "float32" and self.network.input.decoding == "full"

    @property
    def filters(self) -> int:
        """Filters of all layers that are kept."""
        return sum(
            layer.filters for layer in self.network.layers if layer.name in self.identity.recorded_layers
        )


def read_request(study: StudyFolder, set_name: str, options: Extraction) -> Request:
    """Read the stimuli and the network's card, and check the options against both and this machine.

    Args:
        study: where the stimuli are listed.
        set_name: the stimulus set.
        options: of the extraction.

    Raises: UnknownNameError, UsageError, CardError, DeviceError.
    """
    stimuli = _read_stimuli(study, set_name)
    net = network(options.model)
    device = check_options(options, net)
    if options.decoding is not None:
        net = replace(net, input=replace(net.input, decoding=options.decoding))
    return Request(study, set_name, stimuli, net, options, device)


def load_task(request: Request, progress: Progress) -> Task:
    """Read what an earlier run left, and load the network with its weights.

    Args:
        request: checked before.
        progress: told how far a download of weights is.

    Raises: UnknownNameError, WeightsError, VerificationError.
    """
    earlier = _read_earlier(request)
    asked, remarks = _layers(request, earlier)
    net, options = request.network, request.options
    model = load_model(net, asked, source=options.weights, progress=progress)
    recorded = tuple(asked or model.digests)
    identity = Identity(net.name, model.digests, recorded, precision=options.precision)
    return Task(request, earlier, model, identity, progress, (*remarks, *model.remarks))


def start_network(task: Task, stimuli: int, *, precision: str | None = None) -> Session:
    """The network, ready to be presented with so many stimuli.

    Args:
        task: whose network it is.
        stimuli: how many; for many the fastest arrangement is probed.
        precision: another than the options'.

    Raises: DeviceError when the device cannot be used.
    """
    entry, options = task.network.input, task.request.options
    return start_fastest(
        pixel_graph(pooled_graph(task.model.graph, task.identity.recorded_layers), entry),
        probe_image(entry),
        device=task.request.device,
        precision=precision or options.precision,
        convolution=options.convolution,
        threads=options.threads,
        batch=task.network.batch or options.batch,
        probe=stimuli >= WORTH_A_PROBE,
    )


def _read_stimuli(study: StudyFolder, set_name: str) -> dict[int, Stimulus]:
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets(), "toolbox ingest makes one")
    rows = read_table(study.stimuli(set_name), "stimulus_id", "path", "sha256").to_pylist()
    return {
        row["stimulus_id"]: Stimulus(row["stimulus_id"], row["path"], study.image(row["path"]), row["sha256"])
        for row in rows
    }


def _read_earlier(request: Request) -> Earlier:
    """Raises: VerificationError for a damaged plan, unless it is to be replaced."""
    if not any(request.folder.glob("part-*.json")):
        return Earlier(None, has_parts=False)
    try:
        return Earlier(read_plan(request.folder), has_parts=True)
    except VerificationError:
        if request.options.replace:
            return Earlier(None, has_parts=True, is_damaged=True)
        raise


def _layers(request: Request, earlier: Earlier) -> tuple[list[str] | None, list[str]]:
    """Names of the layers to record, None for all whose weights can be had; and what to say of them."""
    options, layers = request.options, request.network.layers
    if options.layers:
        patterns = [options.layers] if isinstance(options.layers, str) else options.layers
        return select_layers(layers, patterns), []
    known = [layer.name for layer in layers]
    if earlier.plan is None or options.replace or not {*earlier.plan.identity.recorded_layers} <= {*known}:
        return None, []
    kept = earlier.plan.identity.recorded_layers
    left_out = ", ".join(name for name in known if name not in kept)
    remark = f"layers as in the first run, without {left_out}; to have these too: --layers '*' --replace"
    return list(kept), [remark] if left_out else []
