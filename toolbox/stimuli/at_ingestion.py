"""What is measured of every picture at its ingestion: what warnings about a set need, and costs little.

The properties among them are those of `properties/` on the picture as a network sees it; `darkest` and `brightest` are
of the file, which may have 16 bits.
"""

from __future__ import annotations

from toolbox.stimuli.images import Picture
from toolbox.stimuli.measured_picture import presented_picture
from toolbox.stimuli.properties.rms_contrast import rms_contrast
from toolbox.stimuli.properties.sharpness import sharpness


def measure_at_ingestion(picture: Picture) -> dict[str, float]:
    """The values of terms.MEASURED_AT_INGESTION.

    Args:
        picture: the decoded picture.

    Returns: `sharpness`; `rms_contrast`, the standard deviation of the grey levels, from 0 to 0.5; `darkest` and
        `brightest`, the smallest and largest value of any pixel and colour, from 0 (black) to 1 (white).
    """
    presented = presented_picture(picture.pixels)
    brightest = float(picture.pixels.max()) / 255 if picture.brightest is None else picture.brightest
    return {
        "sharpness": sharpness(presented) or 0.0,  # a presented picture always has one
        "rms_contrast": rms_contrast(presented),
        "darkest": float(picture.pixels.min()) / 255,
        "brightest": brightest,
    }
