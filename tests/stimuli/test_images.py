"""Every format and mode on pixel values that can be checked by hand, and every way a file can be bad."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli import images
from toolbox.stimuli.images import MID_GREY, RESIZE_METHODS, decode, encode_png, resize_pixels, thumbnail
from toolbox.terms import FITS

RED = (250, 20, 30)
NOISE = np.random.default_rng(7).integers(0, 256, (9, 11, 3), dtype=np.uint8)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of an image file."""
    content = BytesIO()
    image.save(content, format, **options)
    return content.getvalue()


def png(
    width: int, height: int, depth: int, colour_type: int, rows: list[bytes], *extra: tuple[bytes, bytes]
) -> bytes:
    """A PNG file written by hand, for what Pillow reads but does not write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    scanlines = zlib.compress(b"".join(b"\0" + row for row in rows))
    between = b"".join(chunk(kind, content) for kind, content in extra)
    return b"\x89PNG\r\n\x1a\n" + header + between + chunk(b"IDAT", scanlines) + chunk(b"IEND", b"")


def reason(content: bytes) -> str:
    """Why some bytes are no picture."""
    with pytest.raises(StimulusError) as refusal:
        decode(content)
    return str(refusal.value)


# --- formats and modes ---


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_lossless_colour_file_comes_back_exactly(format: str, options: dict[str, Any]) -> None:
    picture = decode(saved(Image.fromarray(NOISE), format, **options))
    assert picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, NOISE)
    assert (picture.format, picture.frames) == (format, 1)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_of_one_colour_keeps_it_within_its_loss(options: dict[str, Any]) -> None:
    picture = decode(saved(Image.new("RGB", (20, 10), RED), "JPEG", quality=95, **options))
    assert picture.pixels.shape == (10, 20, 3)
    assert np.abs(picture.pixels.astype(int) - RED).max() <= 2
    assert picture.format == "JPEG"


def test_a_phones_jpeg_with_a_preview_inside_is_one_jpeg_photograph() -> None:
    preview = Image.new("RGB", (5, 5), (0, 0, 255))
    content = saved(Image.new("RGB", (20, 10), RED), "MPO", save_all=True, append_images=[preview])
    with Image.open(BytesIO(content)) as image:
        assert image.format == "MPO"
    picture = decode(content)
    assert (picture.format, picture.frames, picture.pixels.shape) == ("JPEG", 1, (10, 20, 3))
    assert np.abs(picture.pixels.astype(int) - RED).max() <= 3


GREY = Image.fromarray(np.array([[0, 7, 255]], dtype=np.uint8))
BLACK_WHITE = Image.fromarray(np.array([[0, 255, 0]], dtype=np.uint8)).convert("1")


@pytest.mark.parametrize(
    ("image", "format", "expected"),
    [
        (GREY, "PNG", [(0, 0, 0), (7, 7, 7), (255, 255, 255)]),
        (GREY, "BMP", [(0, 0, 0), (7, 7, 7), (255, 255, 255)]),
        (GREY, "TIFF", [(0, 0, 0), (7, 7, 7), (255, 255, 255)]),
        (GREY, "GIF", [(0, 0, 0), (7, 7, 7), (255, 255, 255)]),
        (BLACK_WHITE, "PNG", [(0, 0, 0), (255, 255, 255), (0, 0, 0)]),
        (BLACK_WHITE, "TIFF", [(0, 0, 0), (255, 255, 255), (0, 0, 0)]),
        (BLACK_WHITE, "BMP", [(0, 0, 0), (255, 255, 255), (0, 0, 0)]),
    ],
)
def test_grey_and_black_and_white_become_equal_red_green_and_blue(
    image: Image.Image, format: str, expected: list[tuple[int, int, int]]
) -> None:
    assert decode(saved(image, format)).pixels[0].tolist() == [list(pixel) for pixel in expected]


def palette() -> Image.Image:
    """Three pixels: red, green, and the third colour of the palette."""
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 200, 0, 10, 20, 30])
    image.putdata([0, 1, 2])
    return image


@pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF"])
def test_a_palette_is_looked_up(format: str) -> None:
    assert decode(saved(palette(), format)).pixels[0].tolist() == [[255, 0, 0], [0, 200, 0], [10, 20, 30]]


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_shows_mid_grey(format: str) -> None:
    content = saved(palette(), format, transparency=1)
    assert decode(content).pixels[0].tolist() == [[255, 0, 0], [128, 128, 128], [10, 20, 30]]


def test_half_transparent_palette_entries_are_mixed_with_mid_grey() -> None:
    content = saved(palette(), "PNG", transparency=bytes([255, 51, 0]))
    # 51/255 = 0.2: 0.2 * (0, 200, 0) + 0.8 * 128 = (102.4, 142.4, 102.4)
    assert decode(content).pixels[0].tolist() == [[255, 0, 0], [102, 142, 102], [128, 128, 128]]


@pytest.mark.parametrize(
    ("format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_alpha_is_composited_over_mid_grey(format: str, options: dict[str, Any]) -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(200, 100, 0, 255), (200, 100, 0, 64), (200, 100, 0, 0)])
    # 64/255 * (200, 100, 0) + 191/255 * 128 = (146.07, 120.97, 95.87)
    assert decode(saved(image, format, **options)).pixels[0].tolist() == [
        [200, 100, 0],
        [146, 121, 96],
        [128, 128, 128],
    ]


def test_grey_with_alpha_is_composited_over_mid_grey() -> None:
    image = Image.new("LA", (3, 1))
    image.putdata([(10, 255), (10, 128), (10, 0)])
    # 128/255 * 10 + 127/255 * 128 = 68.77
    assert decode(saved(image, "PNG")).pixels[0].tolist() == [[10] * 3, [69] * 3, [128] * 3]


def test_a_transparent_grey_or_colour_of_a_png_shows_mid_grey() -> None:
    grey = saved(GREY, "PNG", transparency=7)
    assert decode(grey).pixels[0].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    colour = saved(Image.new("RGB", (1, 1), RED), "PNG", transparency=RED)
    assert decode(colour).pixels[0].tolist() == [[128] * 3]


@pytest.mark.parametrize(("format", "tolerance"), [("TIFF", 0), ("JPEG", 2)])
def test_cmyk_is_read_as_ink_on_paper(format: str, tolerance: int) -> None:
    image = Image.new("CMYK", (16, 16), (0, 51, 102, 0))  # no cyan, 20 % magenta, 40 % yellow
    pixels = decode(saved(image, format, **({"quality": 100} if format == "JPEG" else {}))).pixels
    assert np.abs(pixels.astype(int) - (255, 204, 153)).max() <= tolerance


def test_lab_and_ycbcr_tiffs_become_rgb() -> None:
    # CIE L* 53.2, a* 80.1, b* 67.2 is the red of sRGB, as near as 8 bits come.
    lab = Image.new("LAB", (1, 1), (round(53.24 * 255 / 100), 80 + 128, 67 + 128))
    assert np.abs(decode(saved(lab, "TIFF")).pixels.astype(int) - (255, 0, 0)).max() <= 12
    # ITU-R BT.601: Y 76, Cb 85, Cr 255 is red.
    ycbcr = Image.new("YCbCr", (1, 1), (76, 85, 255))
    assert np.abs(decode(saved(ycbcr, "TIFF")).pixels.astype(int) - (254, 0, 0)).max() <= 1


WIDE = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
SCALED = [
    0,
    0,
    1,
    1,
    128,
    255,
]  # value / 257, rounded: 128/257 = 0.498, 129/257 = 0.502, 32768/257 = 127.5 up


@pytest.mark.parametrize(
    ("image", "format"),
    [
        (Image.fromarray(WIDE), "PNG"),
        (Image.fromarray(WIDE), "TIFF"),
        (Image.frombytes("I;16B", (6, 1), WIDE.astype(">u2").tobytes()), "TIFF"),
        (Image.fromarray(WIDE.astype(np.int32)), "TIFF"),
    ],
    ids=["png", "tiff little-endian", "tiff big-endian", "tiff of 32 bits with 16-bit values"],
)
def test_grey_of_16_bits_is_scaled_and_not_clipped(image: Image.Image, format: str) -> None:
    pixels = decode(saved(image, format)).pixels
    assert pixels[0, :, 0].tolist() == SCALED
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_the_transparent_grey_of_a_16_bit_png_shows_mid_grey() -> None:
    row = struct.pack(">HHH", 0, 514, 65535)
    assert decode(png(3, 1, 16, 0, [row], (b"tRNS", struct.pack(">H", 514)))).pixels[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]


@pytest.mark.parametrize(
    ("colour_type", "values", "expected"),
    [
        (2, (65535, 257 * 100, 0), (255, 100, 0)),
        (6, (65535, 257 * 100, 0, 65535), (255, 100, 0)),
        (6, (65535, 257 * 100, 0, 0), (128, 128, 128)),
        (4, (257 * 100, 65535), (100, 100, 100)),
        (4, (257 * 100, 0), (128, 128, 128)),
    ],
    ids=["colour", "opaque colour", "transparent colour", "opaque grey", "transparent grey"],
)
def test_png_of_16_bits_a_channel_is_scaled(
    colour_type: int, values: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    content = png(1, 1, 16, colour_type, [struct.pack(f">{len(values)}H", *values)])
    assert decode(content).pixels[0, 0].tolist() == list(expected)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0.0, 1.0]], dtype=np.float32), "32-bit float pixels have no defined white"),
        (np.array([[0, 65536]], dtype=np.int32), "32-bit pixels 0..65536 have no defined white"),
        (np.array([[-1, 5]], dtype=np.int32), "32-bit pixels -1..5 have no defined white"),
    ],
)
def test_pixels_without_a_fixed_white_are_refused_with_a_remedy(array: np.ndarray, expected: str) -> None:
    message = reason(saved(Image.fromarray(array), "TIFF"))
    assert message == f"{expected}; convert it to 8 or 16 bits a channel"


# --- orientation, frames ---

STORED = np.array([[[10] * 3, [20] * 3, [30] * 3], [[40] * 3, [50] * 3, [60] * 3]], dtype=np.uint8)
SHOWN = {
    1: [[10, 20, 30], [40, 50, 60]],
    2: [[30, 20, 10], [60, 50, 40]],
    3: [[60, 50, 40], [30, 20, 10]],
    4: [[40, 50, 60], [10, 20, 30]],
    5: [[10, 40], [20, 50], [30, 60]],
    6: [[40, 10], [50, 20], [60, 30]],
    7: [[60, 30], [50, 20], [40, 10]],
    8: [[30, 60], [20, 50], [10, 40]],
}


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_every_exif_orientation_is_undone(orientation: int, format: str, options: dict[str, Any]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(Image.fromarray(STORED), format, exif=exif, **options)
    assert decode(content).pixels[..., 0].tolist() == SHOWN[orientation]


def test_a_phones_jpeg_held_upright_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    halves = np.zeros((16, 32, 3), dtype=np.uint8)
    halves[:, 16:] = 255  # black left, white right: turned clockwise, black is on top
    pixels = decode(saved(Image.fromarray(halves), "JPEG", exif=exif, quality=100)).pixels
    assert pixels.shape == (32, 16, 3)
    assert pixels[:15].max() < 10
    assert pixels[17:].min() > 245


def test_a_turned_16_bit_picture_keeps_its_values() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    pixels = decode(saved(Image.fromarray(WIDE), "PNG", exif=exif)).pixels
    assert pixels[0, :, 0].tolist() == SCALED[::-1]


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_unreadable_exif_does_not_cost_the_picture(format: str) -> None:
    content = saved(Image.new("RGB", (2, 2), RED), format, exif=b"Exif\0\0garbage", lossless=True)
    assert decode(content).pixels[0, 0].tolist() == list(RED)


def test_pillows_notes_on_odd_exif_stay_inside_even_where_warnings_are_errors() -> None:
    program = (
        "from io import BytesIO; from PIL import Image; from toolbox.stimuli.images import decode;"
        "b = BytesIO();"
        "Image.new('RGB', (3, 2)).save(b, 'PNG', exif=b'Exif\\0\\0II*\\0\\xff\\xff\\xff\\xff');"
        "print(decode(b.getvalue()).pixels.shape)"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("(2, 3, 3)\n", "")


FAR_TEXT = struct.pack("<HHII", 0x010E, 2, 99_999, 8)
"""A tag of more letters than the file has."""
ODD_TAGS = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIHH", 0x0112, 3, 1, 3, 0) + FAR_TEXT + bytes(4)
"""EXIF whose first tag says: turned by 180 degrees."""


def tiff_with_a_far_text() -> bytes:
    content = saved(Image.fromarray(STORED), "TIFF", tiffinfo={0x010E: "n" * 98})
    start = content.index(struct.pack("<HHI", 0x010E, 2, 99))
    return content[:start] + FAR_TEXT + content[start + 12 :]


ODD_PICTURES = {
    "JPEG": saved(Image.fromarray(STORED.repeat(8, 0).repeat(8, 1)), "JPEG", exif=ODD_TAGS, quality=100),
    "PNG": saved(Image.fromarray(STORED), "PNG", exif=ODD_TAGS),
    "TIFF": tiff_with_a_far_text(),
}


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_what_becomes_of_a_note_is_the_host_programs_choice(name: str) -> None:
    with pytest.warns(UserWarning, match="Tag data larger than file. Skipping tag 270"):
        decode(ODD_PICTURES[name])


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_a_picture_with_odd_tags_is_read_alike_whether_warnings_are_errors_or_not(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = decode(ODD_PICTURES[name])
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for picture in pool.map(decode, [ODD_PICTURES[name]] * 64):
            assert np.array_equal(picture.pixels, expected.pixels)
    assert warnings.filters == filters
    if name == "PNG":
        assert expected.pixels[..., 0].tolist() == SHOWN[3]  # the tag that can be read is heeded


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_is_taken_and_they_are_counted(format: str) -> None:
    first = Image.new("RGB", (4, 4), (255, 0, 0))
    others = [Image.new("RGB", (4, 4), colour) for colour in ((0, 255, 0), (0, 0, 255))]
    options = {"lossless": True} if format == "WEBP" else {}
    picture = decode(saved(first, format, save_all=True, append_images=others, **options))
    assert picture.frames == 3
    assert picture.pixels[0, 0].tolist() == [255, 0, 0]


# --- bad files ---


@pytest.mark.parametrize(
    "content",
    [b"GIF", b"hello, world", b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", bytes(1000)],
)
def test_what_is_not_an_image_is_named_so(content: bytes) -> None:
    assert reason(content) == "not an image (expected JPEG, PNG, GIF, BMP, TIFF or WebP)"


@pytest.mark.parametrize("format", ["PPM", "TGA", "ICO", "EPS"])
def test_formats_that_pillow_knows_but_a_lab_should_not_use_are_refused(format: str) -> None:
    assert reason(saved(Image.new("RGB", (16, 16), RED), format)).startswith("not an image")


def test_an_empty_file_is_named_so() -> None:
    assert reason(b"") == "empty file"


FILES = {
    "jpeg": saved(Image.fromarray(NOISE), "JPEG"),
    "progressive jpeg": saved(Image.fromarray(NOISE), "JPEG", progressive=True),
    "png": saved(Image.fromarray(NOISE), "PNG"),
    "gif": saved(Image.fromarray(NOISE).quantize(16), "GIF"),
    "bmp": saved(Image.fromarray(NOISE), "BMP"),
    "tiff": saved(Image.fromarray(NOISE), "TIFF"),
    "webp": saved(Image.fromarray(NOISE), "WEBP"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_with_its_reason(name: str) -> None:
    content = FILES[name]
    assert reason(content[: len(content) * 2 // 3]).startswith(("damaged image", "not an image"))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FILES)
def test_no_cut_ever_changes_the_pixels_silently(name: str) -> None:
    content, whole = FILES[name], decode(FILES[name]).pixels
    for length in range(len(content)):
        try:
            cut = decode(content[:length])
        except StimulusError:
            continue
        assert np.array_equal(cut.pixels, whole)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(FILES)), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4)
)
def test_damaged_bytes_give_a_picture_or_a_reason_and_nothing_else(
    name: str, flips: list[tuple[int, int]]
) -> None:
    content = bytearray(FILES[name])
    for place, value in flips:
        content[place % len(content)] = value
    try:
        picture = decode(bytes(content))
    except StimulusError as refusal:
        assert str(refusal)
    else:
        assert picture.pixels.ndim == 3
        assert picture.pixels.shape[2] == 3


def test_an_oversized_picture_is_refused_by_its_header_alone() -> None:
    bomb = png(20_000, 20_000, 8, 2, [])
    assert reason(bomb) == "oversized: 20000 x 20000 pixels, expected at most 100 megapixels; scale it down"


def test_the_limit_itself_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(Image.new("RGB", (4, 5)), "PNG")
    monkeypatch.setattr(images, "MAX_PIXELS", 20)
    assert decode(content).pixels.shape == (5, 4, 3)
    monkeypatch.setattr(images, "MAX_PIXELS", 19)
    assert reason(content).startswith("oversized: 4 x 5 pixels")


GUARDED = {**FILES, "tiff in strips": saved(Image.fromarray(NOISE), "TIFF", compression="tiff_lzw")}
for method in (
    2,
    3,
):  # a GIF whose first frame is to be taken away again, to the background or to what was there
    frames = [Image.fromarray(level).quantize(16) for level in (NOISE, 255 - NOISE)]
    GUARDED[f"gif {method}"] = saved(
        frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=method, transparency=1
    )


@pytest.mark.parametrize("name", GUARDED)
def test_pillows_guard_stays_and_warns_of_no_picture_that_is_allowed_here(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, expected = GUARDED[name], decode(GUARDED[name])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # the picture has 99
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        picture = decode(content)
        assert Image.MAX_IMAGE_PIXELS == 50
        assert not issued
        with Image.open(BytesIO(content)):
            assert {warning.category for warning in issued} == {Image.DecompressionBombWarning}
    assert np.array_equal(picture.pixels, expected.pixels)


@pytest.mark.parametrize("name", GUARDED)
def test_a_stricter_guard_of_the_host_program_concerns_webp_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, expected = GUARDED[name], decode(GUARDED[name])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # of more than twice that Pillow opens nothing
    try:
        picture = decode(content)
    except StimulusError as refusal:
        assert name == "webp"
        assert str(refusal).startswith("oversized: Image size (99 pixels) exceeds limit of 20 pixels")
    else:
        assert np.array_equal(picture.pixels, expected.pixels)


def enlarged(name: str, width: int, height: int) -> bytes:
    """A small file whose header says that the picture is large."""
    content, wide, high = bytearray(FILES[name]), struct.pack("<H", width), struct.pack("<H", height)
    if name == "jpeg":
        start = content.index(b"\xff\xc0") + 5
        content[start : start + 4] = high[::-1] + wide[::-1]
    elif name == "gif":
        content[6:10] = wide + high
    elif name == "bmp":
        content[18:26] = struct.pack("<ii", width, height)
    elif name == "webp":
        content = bytearray(saved(Image.fromarray(NOISE), "WEBP", lossless=True))
        content[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    else:
        entries = {tag: struct.pack("<HHI", tag, 4, 1) for tag in (256, 257)}
        for tag, size in ((256, width), (257, height)):
            start = content.index(entries[tag])
            content[start : start + 12] = entries[tag] + struct.pack("<I", size)
    return bytes(content)


@pytest.mark.parametrize("name", ["jpeg", "gif", "bmp", "tiff", "webp"])
@pytest.mark.parametrize(("width", "height"), [(10_000, 10_001), (16_000, 11_000), (16_000, 16_000)])
def test_an_oversized_picture_of_every_format_is_refused_before_any_pixel(
    name: str, width: int, height: int
) -> None:
    message = reason(enlarged(name, width, height))
    if name == "webp" and width * height > 2 * 89_478_485 and "Image size" in message:
        assert message.startswith(
            "oversized: Image size (256000000 pixels) exceeds limit of 178956970 pixels"
        )
    else:
        expected = "expected at most 100 megapixels; scale it down"
        assert message == f"oversized: {width} x {height} pixels, {expected}"


def test_many_threads_decode_alike() -> None:
    contents = [saved(Image.new("RGB", (30, 20), (level, 0, 0)), "PNG") for level in range(64)]
    with ThreadPoolExecutor(8) as pool:
        levels = [int(picture.pixels[0, 0, 0]) for picture in pool.map(decode, contents)]
    assert levels == list(range(64))


# --- resizing, writing ---


def test_nearest_takes_the_pixel_at_the_middle_of_each_new_one() -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4, 1).repeat(3, axis=2)
    assert resize_pixels(pixels, 2, 2, "nearest")[..., 0].tolist() == [[5, 7], [13, 15]]


def test_resizing_stretches_and_takes_height_before_width() -> None:
    assert resize_pixels(NOISE, 4, 6, "bilinear").shape == (4, 6, 3)


def test_box_resizing_averages_the_pixels_below() -> None:
    pixels = np.array([[0, 100], [50, 250]], dtype=np.uint8)[..., None].repeat(3, axis=2)
    assert resize_pixels(pixels, 1, 1, "box")[0, 0].tolist() == [100, 100, 100]


@pytest.mark.parametrize("method", RESIZE_METHODS)
def test_every_method_is_pillows_own_as_keras_calls_it(method: str) -> None:
    keras = Image.open(BytesIO(saved(Image.fromarray(NOISE), "PNG"))).convert("RGB")
    name = "BOX" if method == "area" else method.upper()
    expected = keras.resize((5, 7), getattr(Image.Resampling, name))
    assert np.array_equal(resize_pixels(NOISE, 7, 5, method), np.asarray(expected))


@pytest.mark.parametrize("method", ["nearest", "bilinear", "box", "area"])
def test_a_cropped_picture_is_the_middle_of_the_picture_resized_alone(method: str) -> None:
    wide = np.random.default_rng(5).integers(0, 256, (40, 100, 3)).astype(np.uint8)
    for pixels, middle in ((wide, wide[:, 30:70]), (wide.transpose(1, 0, 2), wide.transpose(1, 0, 2)[30:70])):
        alone = np.asarray(
            Image.fromarray(np.ascontiguousarray(middle)).resize((20, 20), RESIZE_METHODS[method])
        ).astype(int)
        cropped = resize_pixels(np.ascontiguousarray(pixels), 20, 20, method, "crop").astype(int)
        inside = np.s_[1:-1, 1:-1]  # at the borders, smoothing methods see what was cut off
        assert np.abs(cropped[inside] - alone[inside]).max() <= (method != "nearest")  # a level of rounding


@pytest.mark.parametrize("method", ["nearest", "bilinear", "box"])
def test_a_padded_picture_is_the_resized_picture_between_equal_borders_of_mid_grey(method: str) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (40, 80, 3)).astype(np.uint8)
    padded = resize_pixels(pixels, 40, 40, method, "pad")
    middle = np.asarray(Image.fromarray(pixels).resize((40, 20), RESIZE_METHODS[method]))
    np.testing.assert_array_equal(padded[10:30], middle)
    assert (padded[:10] == MID_GREY).all() and (padded[30:] == MID_GREY).all()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("shape", [(1, 3000, 3), (3000, 1, 3), (7, 5, 3)])
def test_every_fit_gives_the_size_of_the_input_from_any_shape(fit: str, shape: tuple[int, int, int]) -> None:
    assert resize_pixels(np.zeros(shape, np.uint8), 12, 9, "area", fit).shape == (12, 9, 3)


@pytest.mark.parametrize("fit", FITS)
def test_a_picture_of_the_shape_of_the_input_is_the_same_for_every_fit(fit: str) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    stretched = resize_pixels(pixels, 30, 40, "area")
    assert np.array_equal(resize_pixels(pixels, 30, 40, "area", fit), stretched)
    means = pixels.reshape(30, 2, 40, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(stretched - means).max() <= 1  # Pillow rounds after each direction


def test_an_unknown_fit_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown fit 'letterbox'; expected one of stretch, crop, pad"):
        resize_pixels(NOISE, 4, 4, "nearest", "letterbox")


def test_an_unknown_method_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"unknown resizing method 'linear'; expected one of nearest, bilinear, bicubic"
    ):
        resize_pixels(NOISE, 4, 4, "linear")


@given(
    st.one_of(
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
        arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    )
)
def test_a_drawn_png_decodes_to_the_drawn_pixels(pixels: np.ndarray) -> None:
    expected = pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, axis=2)
    picture = decode(encode_png(pixels))
    assert np.array_equal(picture.pixels, expected)
    assert picture.format == "PNG"


def test_a_drawn_png_of_many_blocks_is_whole() -> None:
    pixels = np.random.default_rng(1).integers(
        0, 256, (300, 500, 3), dtype=np.uint8
    )  # 450,300 bytes: 7 blocks
    assert np.array_equal(decode(encode_png(pixels)).pixels, pixels)


def test_a_drawn_png_is_checked_by_a_strict_reader() -> None:
    content = encode_png(NOISE)
    Image.open(BytesIO(content)).verify()
    start = content.index(b"IDAT") + 4
    stream = content[start : content.index(b"IEND") - 8]
    assert len(zlib.decompress(stream)) == 9 * (1 + 11 * 3)


def test_the_bytes_of_a_drawn_png_are_the_same_on_every_machine() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert (
        sha256(encode_png(pixels)).hexdigest()
        == "cca2584e9c7532e9e12c51caf4320d70de6df06f82f6a9df30492257a467103e"
    )


def test_a_thumbnail_keeps_the_aspect_ratio_and_never_enlarges() -> None:
    wide = np.zeros((50, 100, 3), dtype=np.uint8)
    assert decode(thumbnail(wide, 20)).pixels.shape == (10, 20, 3)
    assert decode(thumbnail(wide, 400)).pixels.shape == (50, 100, 3)


PHOTOGRAPH = Image.fromarray(
    np.random.default_rng(4).integers(0, 256, (25, 32, 3), np.uint8)
).resize((1024, 800), Image.Resampling.BICUBIC)  # fmt: skip


@pytest.mark.parametrize(
    ("at_least", "expected"),
    [
        (None, (800, 1024)),
        (100, (100, 128)),
        (101, (200, 256)),
        (224, (400, 512)),
        (401, (800, 1024)),
        (2000, (800, 1024)),
    ],
)
def test_a_large_jpeg_is_decoded_no_smaller_than_asked_for(
    at_least: int | None, expected: tuple[int, int]
) -> None:
    assert decode(saved(PHOTOGRAPH, "JPEG"), at_least=at_least).pixels.shape == (*expected, 3)


@settings(max_examples=30, deadline=None)
@given(width=st.integers(1, 300), height=st.integers(1, 300), at_least=st.integers(1, 300))
def test_both_sides_keep_what_was_asked_for_or_all_they_have(width: int, height: int, at_least: int) -> None:
    content = saved(PHOTOGRAPH.resize((width, height)), "JPEG")
    found = decode(content, at_least=at_least).pixels.shape
    assert found[0] >= min(height, at_least)
    assert found[1] >= min(width, at_least)


def test_a_jpeg_decoded_smaller_looks_like_the_large_one_averaged() -> None:
    content = saved(PHOTOGRAPH, "JPEG", quality=95)
    full = decode(content).pixels.astype(float)
    averaged = full.reshape(200, 4, 256, 4, 3).mean(axis=(1, 3))
    assert np.abs(decode(content, at_least=200).pixels - averaged).mean() < 3


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "WEBP", "GIF"])
def test_other_formats_are_decoded_in_full(format: str) -> None:
    content = saved(PHOTOGRAPH.resize((400, 300)), format)
    np.testing.assert_array_equal(decode(content, at_least=20).pixels, decode(content).pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_jpeg_is_turned_when_decoded_smaller_too(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = saved(PHOTOGRAPH, "JPEG", exif=exif, quality=95)
    full, small = decode(content).pixels, decode(content, at_least=200).pixels
    assert small.shape == ((200, 256, 3) if orientation < 5 else (256, 200, 3))
    averaged = full.astype(float).reshape(small.shape[0], 4, small.shape[1], 4, 3).mean(axis=(1, 3))
    assert np.abs(small - averaged).mean() < 3


def test_an_oversized_jpeg_is_refused_however_small_it_would_come_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 800 * 1024 - 1)
    with pytest.raises(StimulusError, match="oversized: 1024 x 800 pixels"):
        decode(saved(PHOTOGRAPH, "JPEG"), at_least=100)
