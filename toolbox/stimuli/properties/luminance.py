"""How light a picture is."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="mean luminance, as perceived",
    formula="mean of L* over the pixels; L* = 116 f(Y) - 16 of CIELAB, Y of sRGB under D65",
    unit="L*",
    range="0 (black) to 100 (white)",
    source="CIE 15:2004, Colorimetry; sRGB as IEC 61966-2-1; computed by scikit-image",
    breaks_down="L* of a file, not of the screen: a screen that is not sRGB shows other luminances",
)
def luminance(picture: MeasuredPicture) -> float:
    """Mean L* of all pixels.

    Args:
        picture: of any size.

    Example:
        >>> import numpy as np
        >>> round(luminance(MeasuredPicture(np.full((4, 4, 3), 255, np.uint8))), 2)
        100.0
    """
    return float(picture.lightness.mean(dtype="float64"))
