"""The waves of which a picture consists: free phases, or free amplitudes and phases. Owns both, with their gradients.

Of a deep unit's picture only the phases are free (MACO, Fel et al. 2023, arXiv 2306.06805): amplitudes as in
photographs keep it from becoming the noise that drives a network as well. What a unit of a few pixels prefers has no
such spectrum, and a change of a photograph should be small: there, amplitudes are free, too, and those of photographs
only tell how fast each of them grows (Olah et al. 2017, doi 10.23915/distill.00007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolbox.show.rendering.spectrum import twice

RealArray = NDArray[np.floating[Any]]
Coefficients = NDArray[np.complexfloating[Any, Any]]
Cache = tuple[Any, ...]
"""What a gradient needs of the way ahead."""


class Waves(Protocol):
    """From free values to the three channels of pictures, and the gradient back."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values of one picture."""

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of a picture in pixels."""

    def channels(self, values: RealArray) -> tuple[RealArray, Cache]:
        """The channels (pictures, 3, height, width) of values (pictures, ...), and what their gradient needs."""

    def gradient(self, gradient: RealArray, cache: Cache) -> RealArray:
        """The gradient by the values, of one by the channels.

        Args:
            gradient: (pictures, 3, height, width), by the channels.
            cache: as `channels` returned it.
        """


@dataclass(frozen=True)
class FreePhases:
    """Waves of fixed amplitudes, whose phases are free; the channels together have a mean of 0 and a deviation of 1.

    Attributes:
        amplitudes: (height, width // 2 + 1).
        sides: height and width in pixels.
    """

    amplitudes: RealArray
    sides: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the phases of one picture."""
        return 3, *self.amplitudes.shape

    def channels(self, values: RealArray) -> tuple[RealArray, Cache]:
        """The channels, and what their gradient needs."""
        phases = standardise(values)
        waves = self.amplitudes * np.exp(1j * phases[0])
        image = standardise(np.fft.irfft2(waves, s=self.sides))
        return image[0], (phases, waves, image)

    def gradient(self, gradient: RealArray, cache: Cache) -> RealArray:
        """The gradient by the phases.

        Args:
            gradient: (pictures, 3, height, width), by the channels.
            cache: as `channels` returned it.
        """
        phases, waves, image = cache
        by_waves = irfft2_adjoint(standardise_gradient(gradient, *image))
        return standardise_gradient(np.real(np.conj(by_waves) * (1j * waves)), *phases)


@dataclass(frozen=True)
class FreeWaves:
    """Waves of free amplitudes and phases, which are added to a picture.

    Attributes:
        amplitudes: (height, width // 2 + 1), of the waves whose values are 1.
        base: (3, height, width), the channels to which they are added.
    """

    amplitudes: RealArray
    base: RealArray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values of one picture: real parts, imaginary parts."""
        return 2, 3, *self.amplitudes.shape

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.base.shape[1:]
        return height, width

    def channels(self, values: RealArray) -> tuple[RealArray, Cache]:
        """The channels; their gradient needs nothing."""
        waves = self.amplitudes * (values[:, 0] + 1j * values[:, 1])
        return self.base + np.fft.irfft2(waves, s=self.sides), ()

    def gradient(self, gradient: RealArray, cache: Cache) -> RealArray:  # noqa: ARG002 (linear)
        """The gradient by the real and the imaginary parts.

        Args:
            gradient: (pictures, 3, height, width), by the channels.
            cache: as `channels` returned it.
        """
        waves = self.amplitudes * irfft2_adjoint(gradient)
        return np.stack([waves.real, waves.imag], axis=1)


def standardise(values: RealArray) -> tuple[RealArray, RealArray]:
    """Every picture's values with a mean of 0 and a standard deviation of 1; and the deviations.

    Args:
        values: (pictures, channels, height, width).
    """
    axes = (1, 2, 3)
    centred = values - values.mean(axis=axes, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=axes, keepdims=True))
    spread = np.maximum(spread, np.finfo(values.dtype).tiny)
    return centred / spread, spread


def standardise_gradient(gradient: RealArray, standard: RealArray, spread: RealArray) -> RealArray:
    """The gradient by the values that `standardise` was given: without mean, and without its part along the values.

    Args:
        gradient: by the standardised values.
        standard: the standardised values.
        spread: the deviations.
    """
    axes = (1, 2, 3)
    along = np.mean(gradient * standard, axis=axes, keepdims=True)
    without = gradient - gradient.mean(axis=axes, keepdims=True) - standard * along
    return np.asarray(without / spread)


def irfft2_adjoint(gradient: RealArray) -> Coefficients:
    """The adjoint of `numpy.fft.irfft2`: the gradient by its coefficients, real and imaginary part.

    Every coefficient stands for itself and for its mirror image, which is left out, except in the first column and, of
    an even width, in the last one.

    Args:
        gradient: (..., height, width).
    """
    height, width = gradient.shape[-2:]
    result: Coefficients = np.fft.rfft2(gradient) * (twice(width).astype(gradient.dtype) / (height * width))
    return result
