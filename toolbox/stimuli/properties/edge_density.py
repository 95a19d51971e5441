"""How much of a picture is edges."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

EDGE_SMOOTHING = 1.0
"""Standard deviation in pixels of the Gaussian under which edges are found."""
WEAK, STRONG = 10.0, 20.0
"""Gradients (Sobel, L* per pixel) of edges: those of at least WEAK count where they continue one of STRONG."""


@image_property(
    title="proportion of pixels on edges",
    formula=f"pixels on edges of the Canny detector / all pixels; of L*, under a Gaussian of {EDGE_SMOOTHING:g} pixel, "
    f"thresholds {WEAK:g} and {STRONG:g} L* per pixel",
    unit="proportion",
    range="0 (no edge) to about 0.4",
    source="Canny (1986), doi 10.1109/TPAMI.1986.4767851; computed by scikit-image",
    breaks_down="depends on the size in pixels; the thresholds are absolute, so that a picture with less contrast has "
    "fewer edges; not the density of Gabor filters of the Aesthetics-Toolbox",
)
def edge_density(picture: MeasuredPicture) -> float:
    """Proportion of pixels on edges.

    Args:
        picture: of any size.
    """
    from skimage.feature import canny

    edges = canny(
        picture.lightness, sigma=EDGE_SMOOTHING, low_threshold=WEAK, high_threshold=STRONG, mode="nearest"
    )
    return float(edges.mean())
