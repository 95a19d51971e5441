"""A stimulus from which pictures start: what drives a filter in it is exaggerated. Owns finding it, and its unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.show.patches import Filter, Patch, find_patches
from toolbox.show.presented import Presented
from toolbox.show.rendering.choices import Rendering
from toolbox.show.rendering.natural import stored_responses
from toolbox.stimuli.images import Pixels, resize_pixels
from toolbox.stimuli.originals import read_original
from toolbox.store.stimuli import Stimulus


@dataclass(frozen=True, eq=False)
class Start:
    """A stimulus from which pictures start.

    Attributes:
        stimulus: of the set.
        pixels: the image, fitted into the input of the network.
        response: of the filter to it, as it is stored.
        place: the position of the maximum, along the axes of the layer without filters; None for the mean of the map.
        patch: the piece of the stimulus that drives the filter.
    """

    stimulus: Stimulus
    pixels: Pixels
    response: float
    place: tuple[int, ...] | None
    patch: Patch

    @property
    def sha256(self) -> str:
        """Of the file, by which pictures that started from it are named."""
        return self.stimulus.sha256

    @property
    def origin(self) -> Mapping[str, Any]:
        """What the records of its pictures tell of it."""
        return {
            "stimulus_id": self.stimulus.stimulus_id,
            "path": self.stimulus.path,
            "response": self.response,
        }


def find_start(presented: Presented, filters: Iterable[Filter], choices: Rendering) -> Start | None:
    """The stimulus from which the pictures start; None where they start from noise.

    Args:
        presented: the network, and the stimuli of the set.
        filters: what is rendered.
        choices: with the stimulus.

    Raises: UsageError for several filters; UnknownNameError for a stimulus that the set lacks; StimulusError when its
        image cannot be read.
    """
    if choices.stimulus is None:
        return None
    (layer, number), *others = filters
    if others:
        raise UsageError(
            f"{1 + len(others)} filters are named with a stimulus to start from; expected one filter (--filter)"
        )
    stimulus = _stimulus(presented, choices.stimulus)
    response, maximum = (
        _stored(presented, layer, number, stimulus, each) for each in (choices.statistic, "maximum")
    )
    found = find_patches(presented, {(layer, number): {stimulus.stimulus_id: maximum}})
    patch = found.found[layer, number, stimulus.stimulus_id]
    return Start(
        stimulus, _fitted(presented, stimulus), response, _place(presented, layer, choices, patch), patch
    )


def _stimulus(presented: Presented, wanted: int | str) -> Stimulus:
    """The stimulus of a number or a path.

    Raises: UnknownNameError.
    """
    by_name = {str(each.stimulus_id): each for each in presented.stimuli.values()}
    by_name |= {each.path: each for each in presented.stimuli.values()}
    if str(wanted) not in by_name:
        paths = [each.path for each in presented.stimuli.values()]
        remedy = "toolbox query filters/stimuli lists numbers and paths"
        raise UnknownNameError("stimulus", str(wanted), paths, remedy)
    return by_name[str(wanted)]


def _stored(presented: Presented, layer: str, number: int, stimulus: Stimulus, statistic: str) -> float:
    """The stored response of a filter to a stimulus.

    Raises: StimulusError where there is none.
    """
    rows = stored_responses(
        presented.study, presented.selection, (layer, number), statistic, len(presented.stimuli)
    )
    for row in rows:
        if row["stimulus_id"] == stimulus.stimulus_id:
            return float(row["response"])
    raise StimulusError(f"{stimulus.path} has no response yet; extract it first, or choose another stimulus")


def _fitted(presented: Presented, stimulus: Stimulus) -> Pixels:
    """The image as the network sees it."""
    entry = presented.network.input
    picture = read_original(
        stimulus.file,
        stimulus.sha256,
        pixels_sha256=stimulus.pixels_sha256,
        bit_depth=stimulus.bit_depth,
        at_least=max(entry.height, entry.width) if entry.decoding == "scaled" else None,
    )
    return resize_pixels(picture.pixels, entry.height, entry.width, entry.resize, entry.fit)


def _place(presented: Presented, layer: str, choices: Rendering, patch: Patch) -> tuple[int, ...] | None:
    """The position that is driven: that of the maximum, else the middle."""
    if choices.statistic == "mean":
        return None
    from toolbox.show.rendering.canvas import layer_shape

    described = presented.layer(layer)
    sides = [side for axis, side in enumerate(layer_shape(described), 1) if axis != described.axis]
    if len(sides) == 2 and patch.position is not None:
        return patch.position
    return tuple(side // 2 for side in sides)
