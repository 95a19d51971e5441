"""Bytes of an image file to pixels, and back. Owns the conversion of the pixels; opens no file and sees no path.

Every picture is decoded to red, green and blue of 8 bits, as it appears on a screen: rotated according to its EXIF
orientation, with transparent parts over mid-grey, and 16-bit grey scaled (not clipped) to 8 bits. Of an animation, the
first frame is used. Embedded colour profiles are ignored, as by Keras' `load_img`.

The settings of the process do not change: Pillow's limit for large pictures, and the filters of warnings, remain those
of the host program.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from toolbox.errors import StimulusError, UsageError, expected_names
from toolbox.stimuli.readers import note_as_issued, open_image
from toolbox.terms import FILE_BITS, FITS

Pixels = npt.NDArray[np.uint8]
"""height x width x 3: red, green, blue, 0..255."""

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: several at once, with 3 or more bytes per pixel, would fill the memory."""
MID_GREY = 128
"""The background of transparent parts, and the mean of drawn stimuli."""
RESIZE_METHODS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "area": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
"""Resizing methods, with the names in Keras' `load_img(interpolation=...)`; `area` is another name of `box`."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transformation that undoes each EXIF orientation."""

_REMEDY = "convert it to 8 or 16 bits a channel"

_MOST_WARNINGS = 1000
"""Largest number of unusual tags in one picture; where warnings are errors, each one costs a decoding attempt."""

# Exceptions of Pillow's readers for damaged content (found by truncating files and flipping their bytes).
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error)


@dataclass(frozen=True)
class Picture:
    """A decoded image file."""

    pixels: Pixels
    """height x width x 3, rotated according to the EXIF orientation; read-only."""
    format: str
    """JPEG, PNG, GIF, BMP, TIFF or WEBP."""
    frames: int
    """Number of frames in the file; the pixels are those of the first frame."""
    bit_depth: int | None = None
    """Bits of the value in a file of 16 bits that became white; None for a file of 8 bits."""
    brightest: float | None = None
    """The largest grey of a file of 16 bits, as a part of white; None where the pixels show it."""


def decode(content: bytes, *, at_least: int | None = None, bit_depth: int | None = None) -> Picture:
    """The picture in the bytes of an image file.

    Pillow warns about unusual EXIF and TIFF tags of pictures that it can read. The host program decides how warnings
    are handled, but such a picture is read even where warnings are errors.

    Args:
        content: all bytes of a JPEG, PNG, GIF, BMP, TIFF or WebP file.
        at_least: smallest length of both sides in pixels: a JPEG is decoded to a half, a quarter or an eighth of its
            size, at no extra cost, while both sides keep this length. None for the full size.
        bit_depth: bits of the grey values in files of 16 bits, such as 12 for 4095 as white; None for 16.

    Raises: StimulusError with a short reason that does not name the file, which the caller knows.
    """
    for _ in range(_MOST_WARNINGS):
        try:
            return _decode_once(content, at_least, bit_depth or FILE_BITS)
        except Warning as warning:
            note_as_issued(warning)
    raise StimulusError(f"damaged image (more than {_MOST_WARNINGS} unusual tags)")


def resize_pixels(pixels: Pixels, height: int, width: int, method: str, fit: str = "stretch") -> Pixels:
    """A picture in another size; stretched as by Keras' `load_img(target_size=...)`, cropped or padded.

    Args:
        pixels: height x width x 3, 0..255.
        height: the new height in pixels.
        width: the new width in pixels.
        method: one of RESIZE_METHODS.
        fit: 'stretch' does not keep the aspect ratio; 'crop' keeps it and leaves out equal parts of both ends of the
            longer side; 'pad' keeps it and adds equal borders of mid-grey.

    Returns: height x width x 3, 0..255.
    Raises: UsageError for an unknown method or fit.
    """
    if method not in RESIZE_METHODS:
        raise UsageError(f"unknown resizing method {method!r}; {expected_names(method, RESIZE_METHODS)}")
    if fit not in FITS:
        raise UsageError(f"unknown fit {fit!r}; {expected_names(fit, FITS)}")
    image, size, resampling = Image.fromarray(pixels), (width, height), RESIZE_METHODS[method]
    if fit == "crop":
        return np.asarray(ImageOps.fit(image, size, resampling))
    if fit == "pad":
        return np.asarray(ImageOps.pad(image, size, resampling, color=(MID_GREY,) * 3))
    return np.asarray(image.resize(size, resampling))


def encode_png(pixels: Pixels) -> bytes:
    """A drawn picture as a PNG file whose bytes, and therefore its sha256, are the same on every machine.

    The pixels are stored without compression, because compressed bytes depend on the zlib of Pillow's build.

    Args:
        pixels: height x width (grey) or height x width x 3 (colour), 0..255.
    """
    height, width = pixels.shape[:2]
    colour_type = 2 if pixels.ndim == 3 else 0
    rows = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(height, -1)
    filtered = np.pad(
        rows, ((0, 0), (1, 0))
    ).tobytes()  # each row starts with its filter type; 0 is no filter
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", _store_blocks(filtered)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def thumbnail(pixels: Pixels, side: int) -> bytes:
    """A small JPEG of a picture, with its aspect ratio kept.

    Args:
        pixels: height x width x 3, 0..255.
        side: largest length of the longer side in pixels.
    """
    small = Image.fromarray(pixels)
    small.thumbnail((side, side))
    content = BytesIO()
    small.save(content, "JPEG", quality=85)
    return content.getvalue()


def _decode_once(content: bytes, at_least: int | None, bit_depth: int) -> Picture:
    """The picture. Raises a Warning where the host program has turned warnings into errors."""
    try:
        with open_image(content) as image:
            _check_size(image)
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            # Further pictures in the JPEG of a phone (MPO: previews, depth) show the same photograph.
            name = "JPEG" if image.format == "MPO" else str(image.format)
            frames = 1 if name == "JPEG" else int(getattr(image, "n_frames", 1))
            if not _has_16_bits(image):
                return Picture(np.asarray(_rgb(_upright(image))), name, frames)
            upright = _upright(image)
            if upright.mode.startswith("I"):
                grey, brightest = _grey_of_16_bits(upright, bit_depth)
                return Picture(np.asarray(grey), name, frames, bit_depth, brightest)
            return Picture(_colour_of_16_bits(upright, bit_depth), name, frames, bit_depth)
    except Image.DecompressionBombError as error:
        raise StimulusError(f"oversized: {str(error).rstrip('.')}; scale it down") from error
    except _DAMAGE as error:
        raise StimulusError(f"damaged image ({error})") from error


def _check_size(image: Image.Image) -> None:
    """Refuse, by the header, a picture that would not fit in memory or has no pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS // 1_000_000} megapixels"
        raise StimulusError(f"oversized: {width} x {height} pixels, expected {limit}; scale it down")
    if width * height == 0:
        raise StimulusError(f"image without pixels ({width} x {height})")


def _upright(image: Image.Image) -> Image.Image:
    """The picture rotated according to its EXIF or XMP orientation; unchanged where that is unreadable."""
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, with transparent parts over mid-grey."""
    if image.mode == "F":
        raise StimulusError(f"32-bit float pixels have no defined white; {_REMEDY}")
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")  # which copies an image of any mode
    overlay = image.convert("RGBA")
    backdrop = Image.new("RGB", overlay.size, (MID_GREY,) * 3)
    backdrop.paste(overlay, mask=overlay)
    return backdrop


def _has_16_bits(image: Image.Image) -> bool:
    """Whether a file, which is not loaded yet, has integers of more than 8 bits, as grey or as colours."""
    layouts = [str(tile.args) for tile in getattr(image, "tile", ())]
    return image.mode.startswith("I") or any(";16" in layout for layout in layouts)


def _grey_of_16_bits(image: Image.Image, bit_depth: int) -> tuple[Image.Image, float]:
    """Integers from 0 to white scaled to 0..255, and the largest one as a part of white.

    Pillow's own conversion would clip them at 255.
    """
    wide = np.asarray(image).astype(np.int64)
    if wide.min() < 0 or wide.max() >= 2**FILE_BITS:
        raise StimulusError(f"32-bit pixels {wide.min()}..{wide.max()} have no defined white; {_REMEDY}")
    white = 2**bit_depth - 1
    if wide.max() > white:
        raise StimulusError(f"values up to {wide.max()}, more than the {white} of a bit depth of {bit_depth}")
    grey = ((wide * 510 + white) // (2 * white)).astype(np.uint8)  # 255 * wide / white, rounded
    grey[wide == image.info.get("transparency", -1)] = MID_GREY
    return Image.fromarray(grey).convert("RGB"), float(wide.max() / white)


def _colour_of_16_bits(image: Image.Image, bit_depth: int) -> Pixels:
    """Colours of 16 bits, of which Pillow reads the upper 8."""
    if bit_depth != FILE_BITS:
        raise StimulusError(
            f"colours of 16 bits, which cannot be scaled by a bit depth of {bit_depth}; convert it to 8 bits a channel"
        )
    return np.asarray(_rgb(image))


def _chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file: length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _store_blocks(content: bytes) -> bytes:
    """A zlib stream (RFC 1950, 1951) of stored blocks of at most 65,535 bytes each."""
    pieces = [content[start : start + 65535] for start in range(0, len(content), 65535)]
    stream = [b"\x78\x01"]
    for number, piece in enumerate(pieces, 1):
        stream += [struct.pack("<BHH", number == len(pieces), len(piece), len(piece) ^ 0xFFFF), piece]
    return b"".join(stream) + struct.pack(">I", zlib.adler32(content))
