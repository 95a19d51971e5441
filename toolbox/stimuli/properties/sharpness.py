"""How many edges a picture has, and how sharp they are."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="variance of the Laplacian",
    formula="variance of the sum of the four neighbours of a pixel minus four times its own grey level",
    unit="squared grey levels",
    range="0 (uniform, or a ramp) or more",
    source="Pech-Pacheco, Cristobal, Chamorro-Martinez and Fernandez-Valdivia (2000), "
    "doi 10.1109/ICPR.2000.903548",
    breaks_down="grows with contrast and with noise; depends on the size in pixels; not defined below 3 x 3 pixels",
)
def sharpness(picture: MeasuredPicture) -> float | None:
    """Variance of the Laplacian of the grey levels; measured at ingestion, too.

    The Laplacian of a pixel is the sum of its four neighbours minus four times its own grey level. Its variance is 0
    for a picture of one grey level, and larger the more edges there are and the sharper they are.

    Args:
        picture: of any size; None below 3 x 3 pixels.

    Example:
        >>> import numpy as np
        >>> sharpness(MeasuredPicture(np.full((50, 40, 3), 90, np.uint8)))
        0.0
    """
    grey = picture.grey
    if min(grey.shape) < 3:
        return None
    sides = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1]
    return float((sides - 4 * grey[1:-1, 1:-1]).var())
