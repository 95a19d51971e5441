"""The input of one extraction: stimuli, network, options, and the state of earlier runs. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from toolbox.collect.extraction.options import Extraction, check_options, with_preprocessing
from toolbox.errors import VerificationError
from toolbox.network.architecture import Layer, Network
from toolbox.network.card import network, select_layers
from toolbox.network.model import Model, load_model
from toolbox.network.pooling import pixel_graph, pooled_graph
from toolbox.progress import Progress
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.device import Device
from toolbox.runtime.session import Session
from toolbox.store.folder import ExtractionFolder, StudyFolder, check_new_name
from toolbox.store.imported_rollups import imported_record, without_responses
from toolbox.store.plan import Identity, Plan, read_plan
from toolbox.store.stimuli import Stimulus, images_remedy, stimuli_of

WORTH_A_PROBE = 1000
"""Number of stimuli from which the ten to twenty seconds of finding the fastest arrangement are worthwhile."""


@dataclass(frozen=True)
class Request:
    """The stimuli, the network and the options of an extraction, checked as far as possible without weights.

    Attributes:
        network: the network, with the requested preprocessing.
        device: the device on which the network will run, so that the driver is queried only once; None where other
            computers run it.
    """

    study: StudyFolder
    set: str
    stimuli: Mapping[int, Stimulus]
    network: Network
    options: Extraction
    device: Device | None

    @property
    def folder(self) -> ExtractionFolder:
        """The folders of the responses."""
        return self.study.extraction(self.set, self.network.name)

    @property
    def images_remedy(self) -> str:
        """What to do about images that are not where they were ingested."""
        return images_remedy(self.study, self.set)

    @cached_property
    def digests(self) -> dict[int, str]:
        """Identities of the images by stimulus_id."""
        return {identifier: stimulus.identity for identifier, stimulus in self.stimuli.items()}


@dataclass(frozen=True)
class Earlier:
    """The state that earlier runs left, read once.

    Attributes:
        plan: the plan; None where there is no plan or it cannot be read.
        has_parts: whether at least one part was written; a plan without parts is ignored.
    """

    plan: Plan | None
    has_parts: bool


@dataclass(frozen=True)
class Task:
    """Everything that is the same for all parts of one extraction."""

    request: Request
    earlier: Earlier
    model: Model
    identity: Identity
    progress: Progress
    notes: tuple[str, ...]

    @property
    def network(self) -> Network:
        """The network whose responses are recorded."""
        return self.request.network

    @property
    def is_exact(self) -> bool:
        """Whether responses are computed in float32 from fully decoded images."""
        return self.request.options.precision == "float32" and self.network.input.decoding == "full"

    @property
    def filters(self) -> int:
        """Number of filters in all recorded layers."""
        return sum(
            layer.filters for layer in self.network.layers if layer.name in self.identity.recorded_layers
        )


def read_request(study: StudyFolder, set_name: str, options: Extraction) -> Request:
    """Read the stimuli and the network's card, and check the options against the card and this machine, if it runs it.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        options: the options of the extraction.

    Raises: UnknownNameError, UsageError, CardError, DeviceError.
    """
    stimuli = stimuli_of(study, set_name)
    net = with_preprocessing(network(options.model), options)
    check_new_name("model", net.name, study.all_models())
    # On a cluster, it is the computer of a worker that must have the device.
    device = None if options.engine == "ray" else check_options(options, net)
    return Request(study, set_name, stimuli, net, options, device)


def load_task(request: Request, progress: Progress) -> Task:
    """Read the state of earlier runs, and load the network with its weights.

    Args:
        request: the checked request.
        progress: is called with the progress of a download of weights.

    Raises: UnknownNameError, WeightsError, VerificationError.
    """
    earlier = read_earlier(request)
    asked, notes = _layers(request, earlier)
    net, options = request.network, request.options
    model = load_model(net, asked, source=options.weights, progress=progress)
    recorded = tuple(asked or model.digests)
    identity = Identity(net.name, model.digests, recorded, precision=options.precision)
    return Task(request, earlier, model, identity, progress, (*notes, *model.notes))


def start_network(
    task: Task,
    stimuli: int,
    layers: Sequence[str],
    *,
    part: int = 0,
    precision: str | None = None,
    cores: int | None = None,
) -> Session:
    """The network, ready to run on a number of stimuli.

    Args:
        task: the extraction.
        stimuli: number of stimuli; for many, a probe finds the fastest arrangement.
        layers: names of the layers to compute; what lies deeper than all of them is not computed.
        part: stimuli in the largest part, for the size of batches where none is given; 0 where there are no parts.
        precision: a precision that overrides the options; None for theirs.
        cores: number of cores that may be used; None for all.

    Raises: DeviceError when the device cannot be used.
    """
    entry, options = task.network.input, task.request.options
    batch = task.network.batch or options.batch
    session = start_fastest(
        pixel_graph(pooled_graph(task.model.graph, layers), entry),
        probe_image(entry),
        device=task.request.device or options.device,
        precision=precision or options.precision,
        convolution=options.convolution,
        threads=options.threads,
        batch=batch,
        cores=cores,
        probe=stimuli >= WORTH_A_PROBE,
    )
    return session if batch else session.for_parts(part)


def read_earlier(request: Request) -> Earlier:
    """Raises: VerificationError for a damaged plan, unless it will be replaced; UsageError for imported roll-ups."""
    is_imported = imported_record(request.folder).exists()
    if is_imported and not request.options.replace:
        raise without_responses(request.set, request.network.name)
    if not is_imported and not any(request.folder.plans.glob("part-*.json")):
        return Earlier(None, has_parts=False)
    try:
        return Earlier(read_plan(request.folder), has_parts=True)
    except VerificationError:
        if request.options.replace:
            return Earlier(None, has_parts=True)
        raise


def _layers(request: Request, earlier: Earlier) -> tuple[list[str] | None, list[str]]:
    """Names of the layers to record, None for all layers with available weights; and warnings about them."""
    options, layers = request.options, request.network.layers
    known = [layer.name for layer in layers]
    asked = _asked_layers(options, layers)
    if earlier.plan is None or options.replace or not {*earlier.plan.identity.recorded_layers} <= {*known}:
        return asked, []
    kept = earlier.plan.identity.recorded_layers
    if asked is not None:
        more = ", ".join(name for name in kept if name not in asked)
        note = f"there are responses of {more} too, which are kept and extended"
        return [name for name in known if name in {*kept, *asked}], [note] if more else []
    left_out = ", ".join(name for name in known if name not in kept)
    note = (
        f"the layers are those of the first run, without {left_out}; to record these too, extract again with "
        "layers='*' (--layers '*')"
    )
    return list(kept), [note] if left_out else []


def _asked_layers(options: Extraction, layers: Sequence[Layer]) -> list[str] | None:
    """Names of the layers that the options name; None where they name none."""
    if not options.layers:
        return None
    patterns = [options.layers] if isinstance(options.layers, str) else options.layers
    return select_layers(layers, patterns)
