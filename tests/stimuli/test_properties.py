"""What is measured of a decoded picture, compared with values by hand and with Pillow's own filter."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from toolbox.errors import StimulusError
from toolbox.stimuli.at_ingestion import measure_at_ingestion
from toolbox.stimuli.images import Picture, decode
from toolbox.stimuli.measured_picture import PRESENTED_SIDE, MeasuredPicture, presented_picture
from toolbox.stimuli.picture_identity import pixel_digest
from toolbox.stimuli.properties.sharpness import sharpness
from toolbox.terms import MEASURED_AT_INGESTION


def png_of_16_bits(values: np.ndarray) -> bytes:
    """A PNG file of 16 bits: grey, or red, green and blue (which Pillow does not write)."""
    height, width = values.shape[:2]
    rows = values.astype(">u2").reshape(height, -1)
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if values.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def picture_of(grey: np.ndarray) -> Picture:
    return Picture(np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8), "PNG", 1)


def test_a_single_bright_pixel_has_the_sharpness_worked_out_by_hand() -> None:
    grey = np.zeros((7, 7), np.float32)
    grey[3, 3] = 100  # among the 25 positions with four neighbours: four of 100, and one of -400
    assert sharpness(MeasuredPicture(picture_of(grey).pixels)) == pytest.approx((4 * 100**2 + 400**2) / 25)


def test_sharpness_is_that_of_pillows_own_laplacian() -> None:
    grey = (
        np.random.default_rng(0).integers(100, 108, (40, 30)).astype(np.uint8)
    )  # so that nothing is clipped
    kernel = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
    filtered = np.asarray(Image.fromarray(grey).filter(kernel))[1:-1, 1:-1].astype(np.float64)
    assert sharpness(MeasuredPicture(picture_of(grey).pixels)) == pytest.approx(filtered.var(), rel=1e-5)


def test_a_blurred_picture_is_less_sharp_and_a_ramp_is_not_sharp_at_all() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (224, 224)).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(noise).filter(ImageFilter.GaussianBlur(2)))
    sharp, soft = (measure_at_ingestion(picture_of(each))["sharpness"] for each in (noise, blurred))
    assert sharp > 100 * soft > 0
    ramp = measure_at_ingestion(picture_of(np.tile(np.arange(224), (224, 1))))
    assert ramp["sharpness"] == 0 and ramp["rms_contrast"] > 0.2


def test_a_picture_is_measured_in_the_size_in_which_it_is_presented() -> None:
    large = np.kron(np.random.default_rng(2).integers(0, 256, (224, 224)), np.ones((3, 3)))
    assert presented_picture(picture_of(large).pixels).grey.shape == (PRESENTED_SIDE, PRESENTED_SIDE)
    same = measure_at_ingestion(picture_of(large[::3, ::3]))
    assert measure_at_ingestion(picture_of(large)) == same


def test_range_and_contrast_are_parts_of_black_to_white() -> None:
    grey = np.full((224, 224), 51)
    grey[:112] = 204
    measured = measure_at_ingestion(picture_of(grey))
    assert tuple(measured) == MEASURED_AT_INGESTION
    assert (measured["darkest"], measured["brightest"]) == (0.2, 0.8)
    assert measured["rms_contrast"] == pytest.approx(0.3)


@pytest.mark.parametrize(("bits", "white"), [(10, 1023), (12, 4095), (14, 16383), (16, 65535)])
def test_values_of_a_bit_depth_are_scaled_to_its_white(bits: int, white: int) -> None:
    values = np.linspace(0, white, 64).round().astype(np.uint16).reshape(8, 8)
    files = [png_of_16_bits(values)]
    buffer = BytesIO()
    Image.fromarray(values).save(buffer, "TIFF")
    for content in (*files, buffer.getvalue()):
        picture = decode(content, bit_depth=bits)
        np.testing.assert_array_equal(
            picture.pixels[:, :, 0], np.floor(values.astype(np.float64) * 255 / white + 0.5).astype(np.uint8)
        )
        assert (picture.bit_depth, picture.brightest) == (bits, 1.0)
        usual = decode(content)
        assert (usual.bit_depth, usual.brightest) == (16, white / 65535)


def test_a_value_above_the_chosen_white_is_refused_and_not_clipped() -> None:
    content = png_of_16_bits(np.array([[0, 4096]]))
    with pytest.raises(StimulusError, match="values up to 4096, more than the 4095 of a bit depth of 12"):
        decode(content, bit_depth=12)


def test_colours_of_16_bits_are_recognised_and_cannot_be_scaled() -> None:
    content = png_of_16_bits(np.full((4, 4, 3), 4095))
    usual = decode(content)
    assert usual.bit_depth == 16
    assert measure_at_ingestion(usual)["brightest"] == pytest.approx(15 / 255)
    with pytest.raises(
        StimulusError, match="colours of 16 bits, which cannot be scaled by a bit depth of 12"
    ):
        decode(content, bit_depth=12)


def test_files_of_8_bits_have_no_bit_depth_and_are_not_scaled() -> None:
    buffer = BytesIO()
    Image.new("L", (4, 4), 200).save(buffer, "PNG")
    picture = decode(buffer.getvalue(), bit_depth=12)
    assert picture.bit_depth is None and picture.pixels.max() == 200


def test_the_digest_of_the_pixels_is_that_of_the_picture_and_not_of_its_file() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    digests = set()
    for format in ("PNG", "TIFF", "BMP"):
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format)
        digests.add(pixel_digest(decode(buffer.getvalue()).pixels))
    assert digests == {pixel_digest(pixels)}
    assert pixel_digest(pixels.reshape(9, 6, 3)) not in digests


def test_brightness_is_read_at_both_ends_and_weighted_by_colour() -> None:
    from toolbox.stimuli.measured_picture import MeasuredPicture
    from toolbox.stimuli.properties.brightness_high import brightness_high
    from toolbox.stimuli.properties.brightness_low import brightness_low

    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, :2] = (255, 0, 0)  # a tenth is red
    picture = MeasuredPicture(pixels)
    assert brightness_low(picture) == 0
    assert brightness_high(picture) == pytest.approx(np.sqrt(0.241))
