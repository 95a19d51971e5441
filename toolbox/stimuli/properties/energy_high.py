"""How much of the contrast of a picture is fine."""

from __future__ import annotations

import math

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import BANDS, MeasuredPicture


@image_property(
    title="proportion of the energy at high spatial frequencies",
    formula=f"power of L* from {BANDS[1]} cycles per picture (its shorter side) up / power of all; under a Hann "
    "window, without the mean",
    unit="proportion",
    range="0 to 1; with energy_low and energy_middle 1; null for a uniform picture",
    source="bands as in Goffaux and Rossion (2006), doi 10.1037/0096-1523.32.4.1023, of the picture, not the face",
    breaks_down="ends at the resolution: a larger file has more; noise and sharpening count, too; per picture, not per "
    "degree",
)
def energy_high(picture: MeasuredPicture) -> float | None:
    """Proportion of the power from BANDS[1] cycles per picture up.

    Args:
        picture: of any size; None for a uniform one.
    """
    return picture.energy(BANDS[1], math.inf)
