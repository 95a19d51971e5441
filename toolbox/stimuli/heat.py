"""A map of positive and negative values over a photograph. Owns its colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.stimuli.images import Pixels

RAISES, LOWERS = (213, 94, 0), (0, 114, 178)
"""Colours of positive and of negative values, which differ under every common colour blindness (Okabe and Ito 2008)."""
GROUND = 0.45
"""Contrast of the photograph under the map, which is grey and light so that it has none of these colours."""
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


def with_heat(pixels: Pixels, values: NDArray[np.floating[Any]], largest: float) -> Pixels:
    """A photograph in light grey under a map of values: the larger they are, the less of it shines through.

    Args:
        pixels: height x width x 3.
        values: height x width.
        largest: absolute value of the full colour; larger ones have it, too.

    Returns: height x width x 3.
    """
    grey = 255 * (1 - GROUND) + GROUND * (pixels @ np.array(LUMINANCE))
    weight = (
        np.clip(np.abs(values) / largest, 0, 1)[:, :, None] if largest > 0 else np.zeros((*values.shape, 1))
    )
    colours = np.where(values[:, :, None] > 0, np.array(RAISES), np.array(LOWERS))
    mixed: Pixels = np.rint(grey[:, :, None] * (1 - weight) + colours * weight).astype(np.uint8)
    return mixed
