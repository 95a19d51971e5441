"""How bright the brightest parts of a picture are."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

_PERCENTILE = 99


@image_property(
    title="brightness that hardly any pixel exceeds",
    formula=f"{_PERCENTILE}th percentile of sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255 over the pixels",
    unit="part of white",
    range="0 (black) to 1 (white); below 0.32 the picture is dark",
    source="CleanVision (cleanlab), whose images are dark below 0.32",
    breaks_down="a small lamp in a dark picture is left out only while it covers less than a hundredth",
)
def brightness_high(picture: MeasuredPicture) -> float:
    """99th percentile of the brightness.

    Args:
        picture: of any size.

    Example:
        >>> brightness_high(MeasuredPicture(np.zeros((4, 4, 3), np.uint8)))
        0.0
    """
    return float(np.percentile(picture.brightness, _PERCENTILE))
