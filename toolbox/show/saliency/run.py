"""The use case that explains the response of a filter to a stimulus. Owns the order of its steps, and the result."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import StimulusError
from toolbox.network.architecture import Input
from toolbox.network.pooling import preprocess
from toolbox.progress import Progress, silent
from toolbox.show.patches import Patch, find_patches
from toolbox.show.plots import AS_IT_IS, Figure, Layout
from toolbox.show.presented import Presented, chosen_card, open_presented
from toolbox.show.rendering.sheets import check_width
from toolbox.show.saliency.agreement import rank_agreement
from toolbox.show.saliency.attribution import Inputs, contributions, narrowed, unit_of_maximum
from toolbox.show.saliency.choice import (
    SaliencyChoice,
    check_saliency,
    find_filter,
    find_stimulus,
    stored_response,
)
from toolbox.show.saliency.occlusion import Occlusion, occlude, tile
from toolbox.show.saliency.sheet import Shown, draw_saliency
from toolbox.stimuli.images import resize_pixels
from toolbox.stimuli.originals import read_original
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, resolve_selection
from toolbox.store.stimuli import Stimulus, images_remedy, stimuli_of


@dataclass(frozen=True, eq=False)
class Saliency:
    """Which pixels of a stimulus drive a filter.

    Attributes:
        set, model, layer, filter: of the response.
        stimulus_id, path: of the stimulus.
        response: the maximum of the activation map, in the units of the network.
        position: row and column of the maximum; None where no position is distinguished: the layer has none, or the
            activation is the same at all of them, of which the first is then explained.
        contributions: gradient x input of each pixel of the network's input, summed over its channels: (height,
            width). They are 0 beyond the receptive field.
        explained: their sum divided by the response. It is 1 in a network without biases whose only functions are
            ReLUs and max-pooling; the rest of the response is due to biases and to other functions.
        occlusion: the fall of the response for each patch of a patch that slides over the receptive field.
        agreement: Spearman's rank correlation, over patches, of the sum of the contributions in the patch and the fall
            of the response while it is hidden. 1: both rank the patches alike; 0: one says nothing of the other. None
            where it is not defined.
        baseline: red, green and blue of the colour with which nothing is explained, and with which a patch hides.
        seconds: that it took.
        figure: photograph and both maps side by side.
        notes: what a reader should know.
    """

    set: str
    model: str
    layer: str
    filter: int
    stimulus_id: int
    path: str
    response: float
    position: tuple[int, int] | None
    contributions: NDArray[np.float32]
    explained: float
    occlusion: Occlusion
    agreement: float | None
    baseline: tuple[float, float, float]
    seconds: float
    figure: Figure
    notes: tuple[str, ...] = ()


def explain(
    study: StudyFolder,
    choice: SaliencyChoice,
    selection: Selection,
    layout: Layout = AS_IT_IS,
    *,
    weights: str = "auto",
    progress: Progress = silent,
) -> Saliency:
    """Which pixels of a stimulus drive a filter: gradient x input, and occlusion as the check.

    Args:
        study: with the response.
        choice: which response.
        selection: set and model.
        layout: title and width of the figure.
        weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
        progress: is called with the number of presented images.

    Raises: UnknownNameError, UsageError for a name or number, and where the stimulus does not drive the filter;
        GradientError when the gradient would have to pass an operator without a rule; StimulusError when the image
        cannot be read or has changed since it was ingested; as `open_presented` and `find_patches`.
    """
    check_saliency(choice)
    check_width(layout)
    started = perf_counter()
    name, card = chosen_card(selection.model)
    named = Selection(selection.set, (name,) if name else (), selection.scheme)
    resolved = resolve_selection(study, {"responses"}, named)
    one = find_filter(study, resolved, choice)
    stimulus = find_stimulus(stimuli_of(study, str(resolved.set)), choice.stimulus)
    response = stored_response(study, resolved, one, stimulus)
    presented = open_presented(study, resolved, one[:1], card=card, weights=weights, progress=progress)
    image = _read_image(presented, stimulus)
    number = stimulus.stimulus_id
    patch = find_patches(presented, {one: {number: response}}).found[(*one, number)]
    found = _compute(presented, choice, patch, image, progress)
    return _result(presented, patch, found, layout, started)


@dataclass(frozen=True, eq=False)
class _Maps:
    """Both explanations of a response, and what they explain."""

    response: float
    contributions: NDArray[np.float32]
    occlusion: Occlusion


def _read_image(presented: Presented, stimulus: Stimulus) -> Inputs:
    """The image as the network sees it.

    Raises: StimulusError when it cannot be read, or is not the one that was ingested.
    """
    entry = presented.network.input
    least = max(entry.height, entry.width) if entry.decoding == "scaled" else None
    try:
        picture = read_original(
            stimulus.file, stimulus.sha256, pixels_sha256=stimulus.pixels_sha256, bit_depth=stimulus.bit_depth,
            at_least=least,
        )  # fmt: skip
    except (OSError, StimulusError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        remedy = images_remedy(presented.study, str(presented.selection.set))
        raise StimulusError(f"{stimulus.path} cannot be explained ({reason}); {remedy}") from error
    pixels = resize_pixels(picture.pixels, entry.height, entry.width, entry.resize, entry.fit)
    return preprocess(entry, pixels)[None]


def _compute(
    presented: Presented, choice: SaliencyChoice, patch: Patch, image: Inputs, progress: Progress
) -> _Maps:
    layer, size = presented.layer(patch.layer), (image.shape[2], image.shape[3])
    unit = unit_of_maximum(presented.model, layer, patch.filter, image)
    values = contributions(presented.model, unit, image)
    tiling = tile(patch.field.within(size).outward(), choice.patch)
    alone = narrowed(presented.model, unit, image, patch.field)
    return _Maps(unit.response(image), values, occlude(alone, image, tiling, progress))


def _result(presented: Presented, patch: Patch, found: _Maps, layout: Layout, started: float) -> Saliency:
    agreement = rank_agreement(found.occlusion.tiling.sums(found.contributions), found.occlusion.falls)
    explained = float(found.contributions.sum(dtype=np.float64)) / found.response
    values = Shown(
        found.contributions, found.occlusion, agreement, explained, _baseline(presented.network.input)
    )
    return Saliency(
        set=str(presented.selection.set),
        model=presented.network.name,
        layer=patch.layer,
        filter=patch.filter,
        stimulus_id=patch.stimulus.stimulus_id,
        path=patch.stimulus.path,
        response=patch.response,
        position=patch.position,
        contributions=found.contributions,
        explained=explained,
        occlusion=found.occlusion,
        agreement=agreement,
        baseline=values.baseline,
        seconds=perf_counter() - started,
        figure=draw_saliency(presented, patch, values, layout),
        notes=(*presented.selection.notes, *presented.model.notes),
    )


def _baseline(entry: Input) -> tuple[float, float, float]:
    """Red, green and blue of the colour that becomes an input of 0."""
    red, green, blue = entry.mean[::-1] if entry.channels == "BGR" else entry.mean
    return red, green, blue
