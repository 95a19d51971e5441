"""How much of the contrast of a picture is coarse."""

from __future__ import annotations

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import BANDS, MeasuredPicture


@image_property(
    title="proportion of the energy at low spatial frequencies",
    formula=f"power of L* below {BANDS[0]} cycles per picture (its shorter side) / power of all; under a Hann window, "
    "without the mean",
    unit="proportion",
    range="0 to 1; with energy_middle and energy_high 1; null for a uniform picture",
    source="bands as in Goffaux and Rossion (2006), doi 10.1037/0096-1523.32.4.1023, of the picture, not the face",
    breaks_down="most photographs have nearly all of their energy here; per picture, not per degree: what a person "
    "sees depends on the size on the screen",
)
def energy_low(picture: MeasuredPicture) -> float | None:
    """Proportion of the power below BANDS[0] cycles per picture.

    Args:
        picture: of any size; None for a uniform one.
    """
    return picture.energy(0, BANDS[0])
