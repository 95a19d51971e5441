"""How evenly a picture uses the levels of lightness."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

LEVELS = 255
"""Steps of the lightness from black to white, as many as those of a grey level of 8 bits."""


@image_property(
    title="Shannon entropy of the luminance",
    formula=f"-sum of p log2 p over the levels of L*, rounded to {LEVELS} equal steps from black to white",
    unit="bits",
    range="0 (uniform) to 8 (all levels equally often)",
    source="Shannon (1948), doi 10.1002/j.1538-7305.1948.tb01338.x; computed by scikit-image",
    breaks_down="of the histogram alone: shuffled pixels have the same; a small file has few pixels for 256 levels",
)
def luminance_entropy(picture: MeasuredPicture) -> float:
    """Entropy of the histogram of L*.

    Args:
        picture: of any size.

    Example:
        >>> half = np.zeros((4, 4, 3), np.uint8)
        >>> half[:2] = 255
        >>> luminance_entropy(MeasuredPicture(half))
        1.0
    """
    from skimage.measure import shannon_entropy

    return abs(float(shannon_entropy(np.rint(picture.lightness * (LEVELS / 100)), base=2)))
