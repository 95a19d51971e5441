"""How much the grey levels of a picture vary."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="RMS contrast of the grey levels",
    formula="standard deviation of the grey levels (Rec. 601 luma, 0 to 1) over the pixels",
    unit="of black to white",
    range="0 (uniform) to 0.5 (half black, half white)",
    source="Peli (1990), doi 10.1364/JOSAA.7.002032, equation 2",
    breaks_down="of grey levels as they are in the file, not of the luminance of a screen",
)
def rms_contrast(picture: MeasuredPicture) -> float:
    """Standard deviation of the grey levels, as a part of the range; measured at ingestion, too.

    Args:
        picture: of any size.

    Example:
        >>> import numpy as np
        >>> rms_contrast(MeasuredPicture(np.full((4, 4, 3), 90, np.uint8)))
        0.0
    """
    return float(picture.grey.std()) / 255
