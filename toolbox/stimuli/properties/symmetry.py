"""How much the left half of a picture is the mirror image of the right half."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="mirror symmetry, left to right",
    formula="correlation of L* with L* of the picture mirrored at its vertical middle line",
    unit="correlation",
    range="-1 to 1 (symmetric); null for a uniform picture",
    source="our own: Pearson's r of the two halves",
    breaks_down="of the luminance at the picture's own middle: an object beside it is not symmetric; a light ground "
    "around any object in the middle is",
)
def symmetry(picture: MeasuredPicture) -> float | None:
    """Correlation of a picture with its mirror image.

    Args:
        picture: of any size; None for a uniform one.

    Example:
        >>> half = np.zeros((4, 4, 3), np.uint8)
        >>> half[:, :2] = 255
        >>> symmetry(MeasuredPicture(half))
        -1.0
    """
    if picture.is_uniform:
        return None
    deviation = picture.lightness.astype(float) - picture.lightness.mean(dtype=float)
    product = float((deviation * deviation[:, ::-1]).sum() / np.square(deviation).sum())
    return min(1.0, max(-1.0, product))
