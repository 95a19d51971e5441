"""How many bits describe a picture: a measure of its visual complexity."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from toolbox.stimuli.image_property import image_property
from toolbox.stimuli.measured_picture import MeasuredPicture

JPEG_QUALITY = 75
"""Quality of the JPEG: the default of the library."""


@image_property(
    title="size as a JPEG",
    formula=f"bits of the picture as a JPEG of quality {JPEG_QUALITY} (4:2:0, optimised) / pixels",
    unit="bits per pixel",
    range="more than 0; photographs about 0.5 to 3",
    source="Machado, Romero, Nadal, Santos, Correia and Carballal (2015), doi 10.1016/j.actpsy.2015.06.005",
    breaks_down="grows with noise, and falls where a file was compressed strongly before; of a picture of few pixels, "
    "the header decides; other builds of the JPEG library differ by some bytes",
)
def compressed_size(picture: MeasuredPicture) -> float:
    """Bits per pixel of the picture, compressed again; the file's own format and quality do not matter.

    Args:
        picture: of any size.
    """
    buffer = BytesIO()
    Image.fromarray(picture.pixels).save(
        buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0", optimize=True
    )
    height, width = picture.pixels.shape[:2]
    return 8 * buffer.tell() / float(height * width)
