"""From phases to a picture, and from a gradient of the picture back to one of the phases. Owns this pair.

A picture is the inverse Fourier transform of fixed amplitudes with free phases, in three decorrelated channels, which
become colours. Every step has its analytic gradient beside it. All arrays are (pictures, channels, height, width).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating[Any]]

GREY = 128.0
"""Outside of the window, as stimuli are padded."""
WHITE = 255.0
COLOURS = np.array(
    [
        [0.56282854, 0.58447580, 0.58447580],
        [0.19482528, 0.0, -0.19482528],
        [0.04329450, -0.10823626, 0.06494176],
    ]
)
"""Decorrelated channel -> red, green and blue, as in photographs (the matrix of MACO)."""


@dataclass(frozen=True)
class Paint:
    """What is fixed of a picture.

    Attributes:
        amplitudes: (height, width // 2 + 1), or (channels, height, width // 2 + 1).
        window: (height, width), 1 where the picture is seen and 0 where it is grey.
        gain: contrast, a factor before the sigmoid.
    """

    amplitudes: Values
    window: Values
    gain: float = 1.0

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.window.shape
        return height, width

    @property
    def phase_shape(self) -> tuple[int, int, int]:
        """The shape of the phases of one picture."""
        height, width = self.sides
        return 3, height, width // 2 + 1


@dataclass(frozen=True)
class Painting:
    """Pictures, and what their gradient needs.

    Attributes:
        pixels: (pictures, 3, height, width), red, green and blue, 0 to 255.
    """

    pixels: Values
    _waves: NDArray[np.complexfloating[Any, Any]]
    _phases: tuple[Values, Values]
    _image: tuple[Values, Values]
    _lightness: Values


def paint(phases: Values, how: Paint) -> Painting:
    """The pictures of some phases.

    Args:
        phases: (pictures, 3, height, width // 2 + 1), of any mean and deviation.
        how: amplitudes, window and gain.
    """
    standard, spread = standardise(phases)
    waves = how.amplitudes * np.exp(1j * standard)
    image, contrast = standardise(np.fft.irfft2(waves, s=how.sides))
    colours = np.einsum("nihw,ic->nchw", image, COLOURS.astype(image.dtype))
    lightness = 1 / (1 + np.exp(-how.gain * colours))
    pixels = GREY + how.window * (WHITE * lightness - GREY)
    return Painting(pixels, waves, (standard, spread), (image, contrast), lightness)


def paint_gradient(gradient: Values, painting: Painting, how: Paint) -> Values:
    """The gradient by the phases of anything of which the gradient by the pixels is known.

    Args:
        gradient: (pictures, 3, height, width), by the pixels of the painting.
        painting: the pictures.
        how: as for `paint`.

    Returns: in the shape of the phases.
    """
    light = painting._lightness
    colours = gradient * how.window * (WHITE * how.gain) * light * (1 - light)
    image = np.einsum("nchw,ic->nihw", colours, COLOURS.astype(colours.dtype))
    waves = irfft2_adjoint(standardise_gradient(image, *painting._image))
    turned = np.real(np.conj(waves) * (1j * painting._waves))
    return standardise_gradient(turned, *painting._phases)


def standardise(values: Values) -> tuple[Values, Values]:
    """Every picture's values with a mean of 0 and a standard deviation of 1; and the deviations.

    Args:
        values: (pictures, channels, height, width).
    """
    axes = (1, 2, 3)
    centred = values - values.mean(axis=axes, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=axes, keepdims=True))
    spread = np.maximum(spread, np.finfo(values.dtype).tiny)
    return centred / spread, spread


def standardise_gradient(gradient: Values, standard: Values, spread: Values) -> Values:
    """The gradient by the values that `standardise` was given: without mean, and without its part along the values.

    Args:
        gradient: by the standardised values.
        standard: the standardised values.
        spread: the deviations.
    """
    axes = (1, 2, 3)
    along = np.mean(gradient * standard, axis=axes, keepdims=True)
    return (gradient - gradient.mean(axis=axes, keepdims=True) - standard * along) / spread


def irfft2_adjoint(gradient: Values) -> NDArray[np.complexfloating[Any, Any]]:
    """The adjoint of `numpy.fft.irfft2`: the gradient by its coefficients, real and imaginary part.

    Every coefficient stands for itself and for its mirror image, which is left out, except in the first column and, of an
    even width, in the last one.

    Args:
        gradient: (..., height, width).
    """
    height, width = gradient.shape[-2:]
    found = np.fft.rfft2(gradient)
    twice = np.full(found.shape[-1], 2.0, gradient.dtype)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    result: NDArray[np.complexfloating[Any, Any]] = found * (twice / (height * width))
    return result


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
    return 0.5 + 0.5 * np.cos(np.pi * outside)
