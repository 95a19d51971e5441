"""Noise images for checking a network. Owns their spectrum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolbox.network.architecture import Input
from toolbox.network.pooling import preprocess

MEAN_LUMINANCE, CONTRAST = 118, 55
"""Mean and standard deviation of the luminance of the noise, in values of 0 to 255."""


def noise(entry: Input, count: int, seed: int = 0) -> NDArray[np.float32]:
    """Preprocessed noise images.

    Args:
        entry: the preprocessing.
        count: number of images.
        seed: equal seeds give equal images.

    Returns: (count, 3, height, width), preprocessed.
    """
    return np.stack([preprocess(entry, image) for image in noise_pixels(entry, count, seed)])


def noise_pixels(entry: Input, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coloured noise with the amplitude spectrum of photographs, 1/f.

    Args:
        entry: the preprocessing, of which only height and width are used.
        count: number of images.
        seed: equal seeds give equal images.

    Returns: (count, height, width, 3) in RGB.
    Source: Field (1987), doi 10.1364/JOSAA.4.002379.
    """
    frequency = np.hypot(np.fft.fftfreq(entry.height)[:, None], np.fft.rfftfreq(entry.width))
    frequency[0, 0] = np.inf  # removes the mean
    white = np.random.default_rng(seed).standard_normal((count, 4, entry.height, entry.width))
    fields = np.fft.irfft2(np.fft.rfft2(white) / frequency, s=(entry.height, entry.width))
    fields /= fields.std(axis=(2, 3), keepdims=True)
    # One field is the luminance of all channels, three are colours: most variance of photographs is in luminance.
    colours = fields[:, :1] + 0.3 * fields[:, 1:]
    pixels = np.clip(np.rint(MEAN_LUMINANCE + CONTRAST * colours), 0, 255)
    return pixels.astype(np.uint8).transpose(0, 2, 3, 1)
