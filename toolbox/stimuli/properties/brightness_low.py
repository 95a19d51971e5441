"""How bright the darkest parts of a picture are."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

_PERCENTILE = 5


@image_property(
    title="brightness that nearly all pixels exceed",
    formula=f"{_PERCENTILE}th percentile of sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255 over the pixels",
    unit="part of white",
    range="0 (black) to 1 (white); above 0.95 the picture is light",
    source="CleanVision (cleanlab), whose images are light from 0.95",
    breaks_down="a drawing on white is light by this measure, however black its lines are",
)
def brightness_low(picture: MeasuredPicture) -> float:
    """5th percentile of the brightness.

    Args:
        picture: of any size.

    Example:
        >>> round(brightness_low(MeasuredPicture(np.full((4, 4, 3), 255, np.uint8))), 3)
        1.0
    """
    return float(np.percentile(picture.brightness, _PERCENTILE))
