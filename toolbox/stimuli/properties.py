"""Measures of a decoded picture: its identity, how much of the range it uses, its sharpness. Sees no file."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from toolbox.stimuli.images import Picture, Pixels, resize_pixels

GreyLevels = npt.NDArray[np.float32]
"""height x width, 0..255; whole numbers."""
PROPERTIES = ("sharpness", "rms_contrast", "darkest", "brightest")
"""What is measured of every stimulus at its ingestion."""
PRESENTED_SIDE = 224
"""Side in pixels of the stretched picture whose grey levels are measured: the input of the VGG networks."""


def pixel_digest(pixels: Pixels) -> str:
    """The identity of a picture: SHA-256 of its size and pixels, whatever the format and bytes of its file.

    Args:
        pixels: height x width x 3, 0..255.

    Example:
        >>> pixel_digest(np.zeros((2, 3, 3), np.uint8)) == pixel_digest(np.zeros((3, 2, 3), np.uint8))
        False
    """
    digest = hashlib.sha256("{} x {} x {}\n".format(*pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def measure_properties(picture: Picture) -> dict[str, float]:
    """The values of PROPERTIES.

    Args:
        picture: the decoded picture.

    Returns: `sharpness`; `rms_contrast`, the standard deviation of the grey levels, from 0 to 0.5; `darkest` and
        `brightest`, the smallest and largest value of any pixel and colour, from 0 (black) to 1 (white).
    """
    grey = presented_grey(picture.pixels)
    brightest = float(picture.pixels.max()) / 255 if picture.brightest is None else picture.brightest
    return {
        "sharpness": sharpness(grey),
        "rms_contrast": float(grey.std()) / 255,
        "darkest": float(picture.pixels.min()) / 255,
        "brightest": brightest,
    }


def presented_grey(pixels: Pixels) -> GreyLevels:
    """Grey levels of a picture that was stretched to the input of a network by nearest neighbours, as by default.

    A large photograph is then as sharp as it is presented, and a small one, too.

    Args:
        pixels: height x width x 3, 0..255.

    Returns: PRESENTED_SIDE x PRESENTED_SIDE, 0..255.
    """
    presented = resize_pixels(pixels, PRESENTED_SIDE, PRESENTED_SIDE, "nearest")
    return np.asarray(Image.fromarray(presented).convert("L")).astype(np.float32)


def sharpness(grey: GreyLevels) -> float:
    """Variance of the Laplacian.

    The Laplacian of a pixel is the sum of its four neighbours minus four times its own grey level. Its variance is 0
    for a picture of one grey level, and larger the more edges there are and the sharper they are.

    Args:
        grey: height x width, 0..255.

    Returns: 0 or more, in squared grey levels.
    Source: Pech-Pacheco, Cristobal, Chamorro-Martinez and Fernandez-Valdivia (2000). Diatom autofocusing in brightfield
        microscopy: a comparative study. ICPR 3, 314-317. doi:10.1109/ICPR.2000.903548

    Example:
        >>> sharpness(np.full((50, 40), 90, np.float32))
        0.0
    """
    sides = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
    return float((sides - 4 * grey[1:-1, 1:-1]).var())
