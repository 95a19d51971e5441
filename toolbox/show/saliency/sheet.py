"""The photograph, gradient x input and occlusion side by side. Owns how they are shown, and the words about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.chart import length_of
from toolbox.chart.sheets import Group, Tile, TilePicture, draw_sheet
from toolbox.show.patches import Patch
from toolbox.show.plots import Figure, Layout
from toolbox.show.presented import Presented
from toolbox.show.saliency.occlusion import Occlusion
from toolbox.show.strong import interpolated
from toolbox.stimuli.cutting import data_uri, with_frame
from toolbox.stimuli.fitting import fitting_of
from toolbox.stimuli.heat import with_heat
from toolbox.stimuli.images import Pixels
from toolbox.store.parquet import with_version

_SIDE = 2.0
"""Side of a picture as a part of that on a sheet with many."""
FULL_COLOUR = 99.5
"""Percentile of the absolute values of a map that has the full colour; single pixels may exceed it."""
_Values = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Shown:
    """What is shown of a response: as the attributes of `Saliency` with these names."""

    contributions: NDArray[np.float32]
    occlusion: Occlusion
    agreement: float | None
    explained: float
    baseline: tuple[float, float, float]


def draw_saliency(presented: Presented, patch: Patch, shown: Shown, layout: Layout) -> Figure:
    """The sheet of one stimulus and one filter.

    Args:
        presented: the network, and the stimuli of the set.
        patch: of the stimulus.
        shown: both maps, and what is known of them.
        layout: title and width.

    Raises: UsageError for a width that is none.
    """
    width = length_of(layout.width) if layout.width else None
    group = Group(
        "", [_photograph(patch), _gradient(presented, patch, shown), _occlusion(presented, patch, shown)]
    )
    name = PurePosixPath(patch.stimulus.path).name
    title = f"What drives {patch.layer}/{patch.filter} in {name}"
    words = (title, _subtitle(presented, shown)) if layout.title else ("", "")
    chart = draw_sheet([group], columns=3, width=width, title=words[0], subtitle=words[1])
    return Figure(chart, _provenance(presented, patch, shown), width=width)


def _photograph(patch: Patch) -> Tile:
    """The stimulus, with a frame around what the unit sees."""
    framed = with_frame(patch.whole, patch.place, patch.size)
    place = [f"row {patch.position[0]}, column {patch.position[1]}"] if patch.position else []
    return _tile(
        framed, ["photograph", "frame: the receptive field", *place, f"response {patch.response:.4g}"]
    )


def _gradient(presented: Presented, patch: Patch, shown: Shown) -> Tile:
    """Gradient x input, each value the mean over a square as large as the step between patches."""
    stride = shown.occlusion.tiling.stride
    pixels = _over(presented, patch, smoothed(shown.contributions, stride))
    total = f"sum: {100 * shown.explained:.0f} % of the response"
    return _tile(pixels, ["gradient x input", f"means over {stride} x {stride} pixels", total])


def _occlusion(presented: Presented, patch: Patch, shown: Shown) -> Tile:
    """The fall of the response, the mean over the patches that hide a pixel."""
    tiling, largest = shown.occlusion.tiling, float(shown.occlusion.falls.max())
    pixels = _over(presented, patch, shown.occlusion.spread(shown.contributions.shape))
    patches = f"{len(tiling.patches)} patches of {tiling.side[0]} x {tiling.side[1]} pixels"
    fall = f"largest fall: {100 * largest / patch.response:.0f} %"
    return _tile(pixels, ["occlusion", patches, fall])


def _tile(pixels: Pixels, lines: list[str]) -> Tile:
    height, width = pixels.shape[:2]
    return Tile([TilePicture(data_uri(pixels), width, height, _SIDE, lines[0])], lines)


def smoothed(values: _Values, side: int) -> NDArray[np.float64]:
    """The mean over the square around each pixel, with zeros beyond the map.

    Args:
        values: height x width.
        side: of the square in pixels.

    Example:
        >>> smoothed(np.array([[0.0, 6.0, 0.0]]), 1).tolist()
        [[0.0, 6.0, 0.0]]
    """
    before = side // 2
    padded = np.pad(values.astype(np.float64), (before, side - 1 - before))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side))
    means: NDArray[np.float64] = windows.mean(axis=(2, 3))
    return means


def _over(presented: Presented, patch: Patch, values: _Values) -> Pixels:
    """A map of the network's input over the whole photograph, in the photograph's own shape."""
    size = values.shape[0], values.shape[1]
    fitting = fitting_of(patch.size, size, presented.network.input.fit)
    places = []
    for axis in (0, 1):
        shown = patch.whole.shape[axis]
        own = (np.arange(shown) + 0.5) * patch.size[axis] / shown
        places.append((own - fitting.offset[axis]) / fitting.scale[axis] - 0.5)
    bordered = np.pad(values, 1).astype(np.float32)  # what the network does not see has the value 0
    over = interpolated(bordered, places[0] + 1, places[1] + 1)
    return with_heat(patch.whole, over, float(np.percentile(np.abs(values), FULL_COLOUR)))


def _subtitle(presented: Presented, shown: Shown) -> str:
    """What the colours mean, and how far both maps agree."""
    red, green, blue = (round(value) for value in shown.baseline)
    return "\n".join([
        f"{presented.selection.set} · {presented.network.name}",
        f"Orange raises the response, blue lowers it, compared with the mean colour of the network's input, "
        f"({red}, {green}, {blue}).",
        _agreement(shown.agreement),
    ])  # fmt: skip


def _agreement(agreement: float | None) -> str:
    if agreement is None:
        return "Agreement of both maps: not defined, as one of them is the same everywhere."
    return (
        f"Agreement of both maps over patches: {agreement:.2f} (Spearman; 1: both rank them alike, 0: unrelated; where "
        "it is low, trust neither map alone)."
    )


def _provenance(presented: Presented, patch: Patch, shown: Shown) -> dict[str, Any]:
    """The origin of a sheet, which is stored in its file."""
    tiling = shown.occlusion.tiling
    return with_version({
        "query": "saliency",
        "set": presented.selection.set,
        "model": presented.network.name,
        "weights": presented.model.source,
        "preprocessing": presented.network.input.describe(),
        "layer": patch.layer,
        "filter": patch.filter,
        "stimulus": {"stimulus_id": patch.stimulus.stimulus_id, "sha256": patch.stimulus.sha256},
        "response": patch.response,
        "position": patch.position,
        "patch": tiling.side,
        "stride": tiling.stride,
        "explained": shown.explained,
        "agreement": shown.agreement,
    })  # fmt: skip
