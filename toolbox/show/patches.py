"""The piece of a stimulus that drove a filter: the position of its maximum, and what that position sees.

The network is run once on the union of all stimuli that are asked for. The maximum of a map must be the response that
is stored. Positions of a map see pixels of the network's input (`network.fields`), which are mapped back to the image's
own pixels (`stimuli.fitting`). Owns these steps; chooses neither filters nor stimuli.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import StimulusError, VerificationError, command_line
from toolbox.network.architecture import Layer
from toolbox.network.fields import has_positions, layer_spans
from toolbox.network.pooling import CHOSEN, map_graph, pixel_graph
from toolbox.progress import Progress, silent
from toolbox.runtime.autotune import probe_image, start_fastest
from toolbox.runtime.session import Session
from toolbox.show.presented import Presented
from toolbox.show.strong import ActivationMap, Placement, strong_region
from toolbox.stimuli.cutting import Mask, cut_out
from toolbox.stimuli.fitting import Box, Fitting, Size, fitting_of
from toolbox.stimuli.images import Pixels, resize_pixels
from toolbox.stimuli.originals import read_original
from toolbox.store.stimuli import Stimulus, images_remedy
from toolbox.tapping.geometry import Spans

SIDE = 288
"""Longer side in pixels of a cut-out and of a whole picture, as they are shown."""
RESPONSE_TOLERANCE = {"float32": 1e-3, "tf32": 2e-2, "bf16": 1e-1}
"""Largest difference between a stored response and that computed again, as a part of the filter's largest one; other
processors and algorithms round differently."""

Filter = tuple[str, int]
"""Layer and number."""
Wanted = Mapping[Filter, Mapping[int, float]]
"""Filter -> number of a stimulus -> its stored response."""


@dataclass(frozen=True, eq=False)
class Patch:
    """The piece of one stimulus that drove one filter.

    Attributes:
        layer, filter, stimulus: which.
        response: the maximum of the activation map, as it is stored.
        position: row and column of the maximum; None where no position is distinguished: the layer has none, or the
            activation is the same at all of them.
        equals: number of positions with the maximum; the first one in reading order is shown.
        field: what the position sees, in pixels of the network's input; it may exceed the input.
        place: the same in pixels of the image.
        size: of the image in its own pixels.
        cut_out: the piece as it is shown, SIDE pixels along its longer side; what is beyond the image is hatched.
        beyond: which of its pixels are beyond the image.
        strong: where the interpolated activation is at least half of the maximum; False everywhere without a position.
        whole: the whole image as it is shown.
        whole_strong: the strong region in it.
        activation: the filter's map.
    """

    layer: str
    filter: int
    stimulus: Stimulus
    response: float
    position: tuple[int, int] | None
    equals: int
    field: Box
    place: Box
    size: Size
    cut_out: Pixels
    beyond: Mask
    strong: Mask
    whole: Pixels
    whole_strong: Mask
    activation: ActivationMap


@dataclass(frozen=True)
class Unshown:
    """A stimulus whose image cannot be shown, and the reason."""

    stimulus: Stimulus
    reason: str


@dataclass(frozen=True)
class Patches:
    """The pieces of many stimuli.

    Attributes:
        found: layer, filter and number of the stimulus -> its patch.
        missing: stimuli that cannot be shown, by their numbers.
    """

    found: Mapping[tuple[str, int, int], Patch]
    missing: Mapping[int, Unshown]


def find_patches(
    presented: Presented, wanted: Wanted, *, device: str = "auto", progress: Progress = silent
) -> Patches:
    """The pieces of stimuli that drove some filters, found by presenting every stimulus once.

    Args:
        presented: the network, and the stimuli of the set.
        wanted: for every filter, the stimuli and their stored responses.
        device: as for `start_session`.
        progress: is called with the number of presented stimuli.

    Returns: a patch for every filter and stimulus whose image can be read.
    Raises: StimulusError when no image can be read; VerificationError when a maximum is not the stored response;
        DeviceError.
    """
    chosen = _by_layer(wanted)
    spans = layer_spans(presented.network, presented.model.graph, chosen)
    session = _start(presented, chosen, device)
    numbers = sorted({number for responses in wanted.values() for number in responses})
    show = partial(_present, presented, wanted, chosen, spans, session)
    found, missing = dict[tuple[str, int, int], Patch](), dict[int, Unshown]()
    with ThreadPoolExecutor(session.workers, "gallery") as pool:
        for count, result in enumerate(pool.map(show, numbers), 1):
            progress("presenting", count, len(numbers))
            if isinstance(result, Unshown):
                missing[result.stimulus.stimulus_id] = result
                continue
            found |= {(patch.layer, patch.filter, patch.stimulus.stimulus_id): patch for patch in result}
    _check_any(presented, numbers, missing)
    return Patches(found, missing)


def _by_layer(wanted: Wanted) -> dict[str, list[int]]:
    """The numbers of the filters of every layer, each once and in ascending order."""
    layers = dict[str, list[int]]()
    for layer, number in sorted(wanted):
        layers.setdefault(layer, []).append(number)
    return layers


def _start(presented: Presented, chosen: Mapping[str, Sequence[int]], device: str) -> Session:
    """The network with the maps of the chosen filters as outputs, for single images."""
    entry = presented.network.input
    graph = pixel_graph(map_graph(presented.model.graph, chosen), entry)
    return start_fastest(graph, probe_image(entry), device=device, batch=1, probe=False)


def _present(
    presented: Presented,
    wanted: Wanted,
    chosen: Mapping[str, Sequence[int]],
    spans: Mapping[str, Spans],
    session: Session,
    number: int,
) -> list[Patch] | Unshown:
    """The patches of one stimulus, for all filters that it was chosen for."""
    stimulus, entry = presented.stimuli[number], presented.network.input
    try:
        pixels = _original(stimulus)
        seen = _original(stimulus, max(entry.height, entry.width)) if entry.decoding == "scaled" else pixels
    except OSError as error:
        return Unshown(stimulus, error.strerror or type(error).__name__)
    except StimulusError as error:
        return Unshown(stimulus, str(error))
    size = entry.height, entry.width
    outputs = session.run(resize_pixels(seen, *size, entry.resize, entry.fit)[None])
    fitting = fitting_of(_size(pixels), size, entry.fit, _size(seen))
    whole, _ = cut_out(pixels, Box(0, 0, *_size(pixels)), SIDE)
    shown = _Shown(stimulus, pixels, fitting, whole)
    patches = []
    for one, responses in wanted.items():
        if number in responses:
            layer, place = presented.layer(one[0]), chosen[one[0]].index(one[1])
            activation = _map_of(layer.axis, outputs[f"{layer.name}{CHOSEN}"], place)
            _check_response(presented, shown, one, responses, float(activation.max()))
            at = Placement(spans[layer.name], fitting, size)
            patches.append(_patch(layer, one[1], responses[number], at, shown, activation))
    return patches


def _size(pixels: Pixels) -> Size:
    return pixels.shape[0], pixels.shape[1]


def _original(stimulus: Stimulus, at_least: int | None = None) -> Pixels:
    """The pixels of a stimulus, which must be those that were ingested."""
    return read_original(
        stimulus.file,
        stimulus.sha256,
        pixels_sha256=stimulus.pixels_sha256,
        bit_depth=stimulus.bit_depth,
        at_least=at_least,
    ).pixels


@dataclass(frozen=True, eq=False)
class _Shown:
    """A stimulus that was presented: its pixels, how they were fitted into the input, and the whole image as shown."""

    stimulus: Stimulus
    pixels: Pixels
    fitting: Fitting
    whole: Pixels

    @property
    def size(self) -> Size:
        """Height and width of the image in its own pixels."""
        return _size(self.pixels)

    @property
    def frame(self) -> Box:
        """The whole image."""
        return Box(0, 0, *self.size)


def _map_of(axis: int, outputs: NDArray[np.float32], place: int) -> ActivationMap:
    """The map of one filter of a single image, as height x width; a vector has one position, tokens have a column."""
    own: ActivationMap = np.take(outputs[0], place, axis=axis - 1)
    return own if own.ndim == 2 else own.reshape(-1, 1)


def _patch(
    layer: Layer, number: int, response: float, at: Placement, shown: _Shown, activation: ActivationMap
) -> Patch:
    """The piece of a presented stimulus that drove one filter."""
    position = _position(layer, at, activation)
    field = Box(0, 0, *at.input) if position is None else at.field(position)
    place = shown.frame if position is None else shown.fitting.to_picture(field)
    piece, beyond = cut_out(shown.pixels, place, SIDE)

    def strong(box: Box, picture: Pixels) -> Mask:
        if position is None:
            return np.zeros(_size(picture), np.bool_)
        return strong_region(activation, at, box, _size(picture))

    return Patch(
        layer=layer.name,
        filter=number,
        stimulus=shown.stimulus,
        response=response,
        position=position,
        equals=int((activation == activation.max()).sum()),
        field=field,
        place=place,
        size=shown.size,
        cut_out=piece,
        beyond=beyond,
        strong=strong(place, piece) & ~beyond,
        whole=shown.whole,
        whole_strong=strong(shown.frame, shown.whole),
        activation=activation,
    )


def _position(layer: Layer, at: Placement, activation: ActivationMap) -> tuple[int, int] | None:
    """Row and column of the maximum, the first one in reading order; None where no position is distinguished."""
    if not has_positions(layer, at.spans) or activation.min() == activation.max():
        return None
    row, column = np.unravel_index(int(activation.argmax()), activation.shape)
    return int(row), int(column)


def _check_response(
    presented: Presented, shown: _Shown, one: Filter, responses: Mapping[int, float], computed: float
) -> None:
    """Refuse a maximum that is not the stored response, although image, card and weights are those of the extraction.

    Raises: VerificationError.
    """
    stored, typical = responses[shown.stimulus.stimulus_id], max(map(abs, responses.values()))
    allowed = RESPONSE_TOLERANCE[presented.identity.precision] * max(typical, abs(computed))
    if not abs(stored - computed) <= allowed:
        set_name, model = str(presented.selection.set), presented.network.name
        again = command_line("extract", set_name, "--model", model, "--replace")
        raise VerificationError(
            f"the response of {one[0]}/{one[1]} to {shown.stimulus.path} is {stored:.6g} in the study, but the same "
            f"network computes {computed:.6g} for it now; extract again with: {again}"
        )


def _check_any(presented: Presented, numbers: Sequence[int], missing: Mapping[int, Unshown]) -> None:
    """Refuse to go on when no image can be read.

    Raises: StimulusError, as an extraction does.
    """
    if numbers and len(missing) == len(numbers):
        first = missing[numbers[0]]
        raise StimulusError(
            f"none of the {len(numbers)} images can be read ({first.stimulus.path}: {first.reason}); "
            f"{images_remedy(presented.study, str(presented.selection.set))}"
        )
