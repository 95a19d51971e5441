"""Draws the sine gratings that gratings.toml lists."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolbox.stimuli import MID_GREY, Drawing


def draw(card: dict[str, Any], _source: Path | None) -> Iterator[Drawing]:
    """One grating for every combination of the card's lists.

    Args:
        card: with the lists `orientation`, `spatial_frequency`, `phase` and `contrast`, and `side` in pixels.
        _source: none; everything is drawn.
    """
    lists = (card["orientation"], card["spatial_frequency"], card["phase"], card["contrast"])
    for orientation, frequency, phase, contrast in product(*lists):
        yield Drawing(
            name=f"orientation-{orientation:g}-frequency-{frequency:g}-phase-{phase:g}-contrast-{contrast:g}",
            category="grating",
            pixels=grating(card["side"], orientation, frequency, phase, contrast),
            parameters={
                "orientation": float(orientation),
                "spatial_frequency": float(frequency),
                "phase": float(phase),
                "contrast": float(contrast),
            },
        )


def grating(
    side: int, orientation: float, frequency: float, phase: float, contrast: float
) -> npt.NDArray[np.uint8]:
    """A square image of L = 128 + 127 contrast sin(2 pi frequency s + phase), s the distance across the bars.

    Args:
        side: pixels.
        orientation: of the bars, degrees counter-clockwise from horizontal.
        frequency: cycles per image side.
        phase: degrees, at the centre.
        contrast: 0..1.
    """
    angle = np.deg2rad(orientation)
    place = (np.arange(side) + 0.5) / side - 0.5  # pixel centres; the image's centre is 0, its side 1
    across = place[None, :] * np.sin(angle) + place[:, None] * np.cos(angle)
    wave = np.sin(2 * np.pi * frequency * across + np.deg2rad(phase))
    # Rounded in two steps: sin(30 degrees) = 0.49999999999999994 would give another grey on another machine.
    grey: npt.NDArray[np.uint8] = np.rint(np.round(MID_GREY + 127 * contrast * wave, 6)).astype(np.uint8)
    return grey
