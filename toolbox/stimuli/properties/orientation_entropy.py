"""How evenly the contours of a picture are distributed over orientations."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import SMOOTHING, MeasuredPicture

ORIENTATIONS = 24
"""Ranges of orientation, as many as the Gabor filters of Redies, Brachmann and Wagemans."""


@image_property(
    title="Shannon entropy of the orientations of contours",
    formula=f"-sum of p log2 p; p is the summed gradient magnitude of one of {ORIENTATIONS} ranges of orientation of "
    f"180/{ORIENTATIONS} degrees / that of all; gradient of L* under a Gaussian of {SMOOTHING:g} pixel",
    unit="bits",
    range=f"0 (one orientation) to {np.log2(ORIENTATIONS):.2f} (all alike); null for a uniform picture",
    source="after Redies, Brachmann and Wagemans (2017), doi 10.1016/j.visres.2017.02.004, with gradients for Gabors",
    breaks_down="strong contours decide; noise and the squares of JPEG count, too, alone where there is little else",
)
def orientation_entropy(picture: MeasuredPicture) -> float | None:
    """Entropy of gradient orientations, weighted by the gradient.

    Args:
        picture: of any size; None for a uniform one.
    """
    if picture.is_uniform:
        return None
    down, right = picture.gradient
    magnitude = np.hypot(down, right)
    # Ranges are centred on 0, 90 ... degrees, so that rounding does not divide a grating of that orientation in two.
    position = np.arctan2(down, right) / np.pi * ORIENTATIONS
    ranges = np.rint(position).astype(int) % ORIENTATIONS
    weights = np.bincount(ranges.ravel(), magnitude.ravel().astype(float), ORIENTATIONS)
    p = weights[weights > 0] / weights.sum()
    return abs(float(-(p * np.log2(p)).sum()))
