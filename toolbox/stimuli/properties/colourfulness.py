"""How colourful a picture is."""

from __future__ import annotations

import numpy as np

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture


@image_property(
    title="colourfulness",
    formula="sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2); rg = R - G, yb = (R + G) / 2 - B of sRGB, "
    "0 to 255",
    unit="of 0 to 255",
    range="0 (grey) or more; about 15 slightly, 45 averagely, 82 highly colourful, 109 extremely",
    source="Hasler and Suesstrunk (2003), doi 10.1117/12.477378, measure M3",
    breaks_down="0 for a file in colours whose pixels are grey; the words were given to photographs on one screen",
)
def colourfulness(picture: MeasuredPicture) -> float:
    """The measure M3 of Hasler and Suesstrunk.

    Args:
        picture: of any size.

    Example:
        >>> red = np.zeros((4, 4, 3), np.uint8)
        >>> red[..., 0] = 200
        >>> round(colourfulness(MeasuredPicture(red)), 3) == round(0.3 * (200**2 + 100**2) ** 0.5, 3)
        True
    """
    red, green, blue = np.moveaxis(picture.pixels.astype(np.float32), -1, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = sum(each.var(dtype=float) for each in opponents)
    strength = sum(each.mean(dtype=float) ** 2 for each in opponents)
    return float(np.sqrt(spread) + 0.3 * np.sqrt(strength))
