"""From free values to a picture, and from a gradient of the picture back to one of the values. Owns colours and window.

The waves of a picture (`waves`) are in three decorrelated channels, which become colours; a sigmoid keeps these between
black and white, and a window leaves the rest grey. Every step has its analytic gradient beside it. All arrays are
(pictures, channels, height, width).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.show.rendering.waves import Cache, RealArray, Waves

GREY = 128.0
"""Outside of the window, as stimuli are padded."""
WHITE = 255.0
COLOUR_MATRIX = np.array(
    [
        [0.56282854, 0.58447580, 0.58447580],
        [0.19482528, 0.0, -0.19482528],
        [0.04329450, -0.10823626, 0.06494176],
    ]
)
"""Decorrelated channel -> red, green and blue, as in photographs (the matrix of MACO)."""
LEAST_LIGHT = 0.01
"""Distance from black and white, as a proportion, from which a sigmoid can still be inverted."""


@dataclass(frozen=True)
class Paint:
    """What is fixed of a picture.

    Attributes:
        waves: how its channels follow from the values that are free.
        window: (height, width), 1 where the picture is seen and 0 where it is grey.
        gain: contrast, a factor before the sigmoid.
    """

    waves: Waves
    window: RealArray
    gain: float = 1.0


@dataclass(frozen=True)
class Painting:
    """Pictures, and what their gradient needs.

    Attributes:
        pixels: (pictures, 3, height, width), red, green and blue, 0 to 255.
    """

    pixels: RealArray
    _cache: Cache
    _lightness: RealArray


def paint(values: RealArray, how: Paint) -> Painting:
    """The pictures of some values.

    Args:
        values: (pictures, ...), as the waves take them.
        how: waves, window and gain.
    """
    image, cache = how.waves.channels(values)
    colours = np.einsum("nihw,ic->nchw", image, COLOUR_MATRIX.astype(image.dtype))
    lightness = 1 / (1 + np.exp(-how.gain * colours))
    return Painting(GREY + how.window * (WHITE * lightness - GREY), cache, lightness)


def paint_gradient(gradient: RealArray, painting: Painting, how: Paint) -> RealArray:
    """The gradient by the values of anything of which the gradient by the pixels is known.

    Args:
        gradient: (pictures, 3, height, width), by the pixels of the painting.
        painting: the pictures.
        how: as for `paint`.

    Returns: in the shape of the values.
    """
    light = painting._lightness
    colours = gradient * how.window * (WHITE * how.gain) * light * (1 - light)
    return how.waves.gradient(
        np.einsum("nchw,ic->nihw", colours, COLOUR_MATRIX.astype(colours.dtype)), painting._cache
    )


def channels_of(pixels: RealArray, gain: float) -> RealArray:
    """The decorrelated channels of a picture without a window; what is black or white becomes nearly so.

    Args:
        pixels: (3, height, width), 0 to 255.
        gain: as of the paint.

    Returns: (3, height, width).
    """
    light = np.clip(pixels / WHITE, LEAST_LIGHT, 1 - LEAST_LIGHT)
    colours = np.log(light / (1 - light)) / gain
    return np.asarray(np.einsum("chw,ci->ihw", colours, np.linalg.inv(COLOUR_MATRIX)))


def disc(height: int, width: int, diameter: float, *, edge: float) -> NDArray[np.float64]:
    """A window: 1 in a disc in the middle, 0 outside, with a raised-cosine edge.

    Args:
        height: in pixels.
        width: in pixels.
        diameter: in pixels, of the circle on which the edge is a half.
        edge: width of the edge in pixels.

    Returns: (height, width), 0 to 1.
    """
    rows, columns = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    radius = np.hypot(rows[:, None], columns[None, :])
    outside = np.clip((radius - diameter / 2) / edge + 0.5, 0, 1)
    return np.asarray(0.5 + 0.5 * np.cos(np.pi * outside))
