"""How much the lightness of a picture varies, as perceived."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="RMS contrast of the perceived luminance",
    formula="standard deviation of L* over the pixels",
    unit="L*",
    range="0 (uniform) to 50 (half black, half white)",
    source="as the RMS contrast of the Aesthetics-Toolbox of Redies, Bartho and others (2025)",
    breaks_down="says nothing of where the contrast is: a dark object on white and fine texture have the same",
)
def luminance_contrast(picture: MeasuredPicture) -> float:
    """Standard deviation of L*.

    Args:
        picture: of any size.

    Example:
        >>> import numpy as np
        >>> luminance_contrast(MeasuredPicture(np.full((4, 4, 3), 90, np.uint8)))
        0.0
    """
    return 0.0 if picture.is_uniform else float(picture.lightness.std(dtype="float64"))
