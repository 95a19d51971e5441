"""How fast contrast falls with spatial frequency.

Random-phase pictures of 1/f^alpha have -alpha up to an alpha of 1.75, within 0.02 on average, if their grey levels
have a standard deviation of 40 (1024 x 1024 pixels), and -1.95 instead of -2. With less contrast, the rounding to 8
bits flattens the line: for an alpha of 1.75 to -1.67 (10 grey levels) or -1.46 (4). Published estimators leave it at
1.6.
"""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

LOWEST = 5
"""Cycles per picture from which the line is fitted: below, a ring has few components, and the window changes them."""
HIGHEST = 0.25
"""Cycles per pixel up to which it is: above, the 8 bits of the pixels and the resizing method decide."""
LEAST_RANGE = 4
"""Highest / lowest frequency of a line: two octaves, which pictures of 80 pixels have."""
BINS = 20
"""Rings of equal width on the logarithmic axis; each counts the same, though the outer ones have more components."""


@image_property(
    title="slope of the amplitude spectrum",
    formula="slope of log10 of the amplitude (root of the mean power of L* in a ring) against log10 of the spatial "
    f"frequency; {BINS} rings of equal logarithmic width from {LOWEST} cycles per picture to {HIGHEST} cycles per "
    "pixel, least squares; under a Hann window, without the mean",
    unit="log / log",
    range="about -2 to 0.5; natural photographs have about -1.3, white noise 0; null for a uniform picture, and below "
    f"{LEAST_RANGE * LOWEST / HIGHEST:.0f} pixels on a side",
    source="Field (1987), doi 10.1364/JOSAA.4.002379, for the slope; the estimator is our own",
    reliable=(-1.6, np.inf),
    unreliable="published estimators no longer follow 1/f^alpha there, and in pictures of low contrast the rounding "
    "to 8 bits flattens this one, too",
    breaks_down="steeper than -1.6; in a picture of few frequencies, such as a grating, a line is no description",
)
def spectral_slope(picture: MeasuredPicture) -> float | None:
    """Slope of a line through log amplitude against log frequency: -alpha for a picture of 1/f^alpha.

    Args:
        picture: of any size; None for a uniform one, and for one that is too small.
    """
    if picture.is_uniform:
        return None
    spectrum = picture.spectrum
    lowest, frequency = LOWEST / spectrum.side, spectrum.frequency.ravel()
    if lowest * LEAST_RANGE > HIGHEST:
        return None
    edges = np.geomspace(lowest, HIGHEST, BINS + 1)
    ring = np.digitize(frequency, edges) - 1
    inside = (ring >= 0) & (ring < BINS)
    ring, frequency, power = ring[inside], frequency[inside], spectrum.power.ravel()[inside]
    count, total, logs = (
        np.bincount(ring, weights, BINS) for weights in (None, power.astype(float), np.log10(frequency))
    )
    known = (count > 0) & (total > 0)
    if known.sum() < 3:
        return None
    amplitude = np.log10(total[known] / count[known]) / 2
    return float(np.polyfit(logs[known] / count[known], amplitude, 1)[0])
