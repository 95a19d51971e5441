"""How much of a picture is an even ground around its object."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

COLOUR_TOLERANCE = 8
"""Largest difference from the colour of the ground, of any of red, green and blue: more than JPEG changes, less than a
shadow."""


@image_property(
    title="proportion of uniform background",
    formula=f"pixels within {COLOUR_TOLERANCE} of 255 of the median colour of the outermost pixels, and connected with "
    "these over sides / all pixels",
    unit="proportion",
    range="0 (none) to 1 (uniform picture)",
    source="our own; connected regions of scipy.ndimage",
    breaks_down="of one colour at the border: a ground that is a gradient, or of two colours, counts in part; a "
    "cloudless sky counts",
)
def uniform_background(picture: MeasuredPicture) -> float:
    """Proportion of the pixels that belong to a ground of one colour which reaches the border.

    Args:
        picture: of any size.

    Example:
        >>> object_on_grey = np.full((10, 10, 3), 128, np.uint8)
        >>> object_on_grey[4:6, 3:8] = 250
        >>> uniform_background(MeasuredPicture(object_on_grey))
        0.9
    """
    from scipy.ndimage import label

    pixels = picture.pixels.astype(np.int16)
    border = np.ones(pixels.shape[:2], bool)
    border[1:-1, 1:-1] = False
    like_border = (np.abs(pixels - np.median(pixels[border], axis=0)) <= COLOUR_TOLERANCE).all(axis=-1)
    regions, _ = label(like_border)
    reaches = np.unique(regions[border & like_border])
    return float(np.isin(regions, reaches).mean()) if reaches.size else 0.0
