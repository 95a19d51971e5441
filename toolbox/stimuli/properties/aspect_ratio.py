"""The shape of the file."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="width / height of the file",
    formula="width / height in pixels, after the EXIF orientation",
    unit="width / height",
    range="more than 0; 1 is square",
    source="our own",
    of_file_only=True,
    breaks_down="a network that is presented with stretched pictures sees the distortion, not the shape",
)
def aspect_ratio(picture: MeasuredPicture) -> float:
    """Width / height.

    Args:
        picture: with the pixels of the file.

    Example:
        >>> import numpy as np
        >>> aspect_ratio(MeasuredPicture(np.zeros((50, 100, 3), np.uint8)))
        2.0
    """
    height, width = picture.pixels.shape[:2]
    return float(width / height)
