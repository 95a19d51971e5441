"""The identity of a decoded picture, by which a file with other tags is the same stimulus. Sees no file."""

from __future__ import annotations

import hashlib

import numpy as np

from toolbox.stimuli.images import Pixels


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
