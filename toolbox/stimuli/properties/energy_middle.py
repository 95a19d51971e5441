"""How much of the contrast of a picture is of middle size."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import BANDS, MeasuredPicture


@image_property(
    title="proportion of the energy at middle spatial frequencies",
    formula=f"power of L* from {BANDS[0]} to {BANDS[1]} cycles per picture (its shorter side) / power of all; under a "
    "Hann window, without the mean",
    unit="proportion",
    range="0 to 1; with energy_low and energy_high 1; null for a uniform picture",
    source="bands as in Goffaux and Rossion (2006), doi 10.1037/0096-1523.32.4.1023, of the picture, not the face",
    breaks_down="per picture, not per degree: what a person sees depends on the size on the screen",
)
def energy_middle(picture: MeasuredPicture) -> float | None:
    """Proportion of the power from BANDS[0] to BANDS[1] cycles per picture.

    Args:
        picture: of any size; None for a uniform one.
    """
    return picture.energy(*BANDS)
