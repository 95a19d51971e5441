"""The amplitude spectrum of natural images, which rendered pictures keep. Owns its formula.

A picture whose amplitudes are those of photographs, and of which only the phases are free, cannot become the noise of
high frequencies that drives a network as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OFFSET, SLOPE, BEND = 11.68, 1.359, 3.09
"""Fitted to the mean amplitudes that MACO publishes (Fel et al. 2023, arXiv 2306.06805): log amplitude is OFFSET -
SLOPE log r - BEND (min(r, LAST) / 256)^3, for r cycles in SPECTRUM_PIXELS pixels."""
SPECTRUM_PIXELS, LAST = 512, 360


def frequencies(height: int, width: int) -> NDArray[np.float64]:
    """The frequency of every coefficient of `numpy.fft.rfft2`, in cycles a pixel.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.

    Returns: (height, width // 2 + 1).
    """
    return np.asarray(np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]))


def natural_amplitudes(height: int, width: int, low_pass: float | None = None) -> NDArray[np.float64]:
    """The amplitudes of a natural image, without its mean.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        low_pass: cycles a pixel, the standard deviation of a Gaussian by which they are multiplied; None for none.

    Returns: (height, width // 2 + 1); 0 for the mean.

    Example:
        >>> amplitudes = natural_amplitudes(8, 8)
        >>> bool(amplitudes[0, 1] > 2 * amplitudes[0, 2] > 0), float(amplitudes[0, 0])
        (True, 0.0)
    """
    cycles = frequencies(height, width)
    found = SPECTRUM_PIXELS * np.maximum(cycles, 1 / max(height, width))
    amplitudes = np.exp(OFFSET - SLOPE * np.log(found) - BEND * (np.minimum(found, LAST) / 256) ** 3)
    amplitudes *= _passed(cycles, low_pass)
    amplitudes[0, 0] = 0.0
    return np.asarray(amplitudes)


def wave_amplitudes(height: int, width: int, low_pass: float | None = None) -> NDArray[np.float64]:
    """Decreasing amplitudes of waves whose random values of deviation 1 make a picture of deviation 1.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        low_pass: as of `natural_amplitudes`.

    Returns: (height, width // 2 + 1); that of the mean is as large as the next ones.
    """
    cycles = frequencies(height, width)
    amplitudes = _passed(cycles, low_pass) / np.maximum(cycles, 1 / max(height, width))
    power = (twice(width) * amplitudes) ** 2
    return np.asarray(amplitudes * (height * width) / np.sqrt(power.sum()))


def _passed(cycles: NDArray[np.float64], low_pass: float | None) -> NDArray[np.float64]:
    """What a low-pass leaves of every frequency."""
    return np.ones_like(cycles) if low_pass is None else np.asarray(np.exp(-0.5 * (cycles / low_pass) ** 2))


def twice(width: int) -> NDArray[np.float64]:
    """How often each column of coefficients counts: a wave and its mirror image, which is left out, or one wave.

    Args:
        width: of the picture, in pixels.

    Example:
        >>> twice(6).tolist(), twice(5).tolist()
        ([1.0, 2.0, 2.0, 1.0], [1.0, 2.0, 2.0])
    """
    found = np.full(width // 2 + 1, 2.0)
    found[0] = 1
    if width % 2 == 0:
        found[-1] = 1
    return found
