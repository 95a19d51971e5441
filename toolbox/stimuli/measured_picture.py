"""A picture that is measured: its pixels, and what several properties are computed from. Sees no file.

Everything is computed when it is first needed, and once. What loads a large library does so then, so that ingestion,
which measures two properties, loads none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from toolbox.stimuli.images import Pixels, resize_pixels

Levels = npt.NDArray[np.float32]
"""height x width."""
PRESENTED_SIDE = 224
"""Side in pixels of the stretched picture that is measured: the input of the VGG networks."""
MOST_PIXELS = 1920 * 1080
"""A larger file is measured after whole squares of pixels were averaged: no screen of a laboratory shows more of it."""
BANDS = (8, 32)
"""Cycles per picture between the low, middle and high spatial frequencies."""
SMOOTHING = 1.0
"""Standard deviation in pixels of the Gaussian with which a picture is differentiated."""


@dataclass(frozen=True)
class Spectrum:
    """How the variance of a picture is distributed over spatial frequencies.

    Attributes:
        frequency: of every component, in cycles per pixel.
        power: of every component, in squared units of lightness; sums to the variance of the windowed picture.
        side: the shorter side of the picture in pixels, which turns frequencies into cycles per picture.
    """

    frequency: npt.NDArray[np.float64]
    power: Levels
    side: int


@dataclass(frozen=True)
class MeasuredPicture:
    """A picture, and what its properties are computed from.

    Attributes:
        pixels: height x width x 3: red, green, blue, 0..255.
    """

    pixels: Pixels

    @cached_property
    def grey(self) -> Levels:
        """Grey levels (Rec. 601 luma), whole numbers from 0 to 255."""
        return np.asarray(Image.fromarray(self.pixels).convert("L")).astype(np.float32)

    @cached_property
    def brightness(self) -> Levels:
        """Root of the weighted mean of squared red, green and blue, from 0 to 1: of tools that judge exposure."""
        squares = self.pixels.astype(np.float32) ** 2
        weights = np.array([0.241, 0.691, 0.068], np.float32)
        return np.asarray(np.sqrt(squares @ weights) / 255, np.float32)

    @cached_property
    def lightness(self) -> Levels:
        """L* of CIELAB (D65, sRGB), from 0 (black) to 100 (white)."""
        from skimage.color import rgb2xyz

        # L* needs Y alone, which is the same of every row of the picture.
        luminance = rgb2xyz(self.pixels.astype(np.float32) / 255)[..., 1]
        cube_root = np.where(
            luminance > (6 / 29) ** 3, np.cbrt(luminance), luminance * (29 / 6) ** 2 / 3 + 4 / 29
        )
        return np.asarray(116 * cube_root - 16, np.float32)

    @cached_property
    def is_uniform(self) -> bool:
        """Whether all pixels have the same lightness, up to rounding."""
        return float(np.ptp(self.lightness)) < 1e-3  # the smallest step of a blue is 0.02

    @cached_property
    def gradient(self) -> tuple[Levels, Levels]:
        """Derivatives of the lightness down and to the right, of Gaussians of SMOOTHING pixels; L* per pixel.

        Without the pixels near the border, whose derivatives depend on what is assumed beyond it.
        """
        from scipy.ndimage import gaussian_filter

        left_out = min(round(4 * SMOOTHING), (min(self.lightness.shape) - 1) // 2)
        inside = slice(left_out, -left_out or None)
        down, right = (gaussian_filter(self.lightness, SMOOTHING, order=order) for order in ((1, 0), (0, 1)))
        return down[inside, inside], right[inside, inside]

    @cached_property
    def spectrum(self) -> Spectrum:
        """Of the lightness, without its mean and under a Hann window, so that the picture's borders are no edges."""
        from scipy.fft import fft2, fftfreq

        height, width = self.lightness.shape
        window = np.outer(_hann(height), _hann(width)).astype(np.float32)
        deviation = self.lightness - np.average(self.lightness, weights=window)
        power = np.abs(fft2(deviation * window)) ** 2 / (height * width) ** 2
        down, right = fftfreq(height)[:, None], fftfreq(width)[None, :]
        return Spectrum(np.hypot(down, right), power.astype(np.float32), min(height, width))

    def energy(self, lowest: float, highest: float) -> float | None:
        """The proportion of the power in a band of spatial frequencies.

        Args:
            lowest: cycles per picture (its shorter side) from which it begins.
            highest: cycles per picture before which it ends.

        Returns: 0 to 1; None for a uniform picture.
        """
        if self.is_uniform:
            return None
        spectrum = self.spectrum
        cycles = spectrum.frequency * spectrum.side
        in_band = (cycles >= lowest) & (cycles < highest)
        return float(spectrum.power[in_band].sum(dtype=float) / spectrum.power.sum(dtype=float))


def _hann(length: int) -> npt.NDArray[np.float64]:
    """A Hann window that is nowhere 0."""
    return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2


def presented_picture(pixels: Pixels) -> MeasuredPicture:
    """A picture as a network sees it: stretched to its input by nearest neighbours, as by default.

    A large photograph is then as sharp as it is presented, and a small one, too.

    Args:
        pixels: height x width x 3, 0..255.

    Returns: the picture with PRESENTED_SIDE x PRESENTED_SIDE pixels.
    """
    return MeasuredPicture(resize_pixels(pixels, PRESENTED_SIDE, PRESENTED_SIDE, "nearest"))


def picture_of_file(pixels: Pixels) -> MeasuredPicture:
    """A picture with the pixels of its file; of one with more than MOST_PIXELS, the means of squares of pixels.

    Args:
        pixels: height x width x 3, 0..255.
    """
    step = reduction_step(*pixels.shape[:2])
    return MeasuredPicture(pixels if step == 1 else np.asarray(Image.fromarray(pixels).reduce(step)))


def reduction_step(height: int, width: int) -> int:
    """The side of the squares of pixels that are averaged before a file is measured; 1 for most.

    Args:
        height: in pixels.
        width: in pixels.

    Example:
        >>> reduction_step(1080, 1920), reduction_step(4000, 6000)
        (1, 4)
    """
    return int(np.ceil(np.sqrt(height * width / MOST_PIXELS)))
