"""Bytes of an image file to pixels, and back. Owns what becomes of the pixels; never opens a file, sees no path.

Every picture comes out as red, green and blue of 8 bits, as a person would see it on a screen: turned as its
EXIF orientation says, transparent parts over mid-grey, 16-bit grey scaled (not clipped) to 8 bits, the first
frame of an animation. Embedded colour profiles are left aside, as Keras' `load_img` leaves them.

Nothing of the process changes: Pillow's own guard against large pictures, and the filters of warnings, stay as the
host program has them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.readers import note_as_issued, open_image

Pixels = npt.NDArray[np.uint8]
"""height x width x 3: red, green, blue, 0..255."""

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: several at once, at 3 bytes a pixel and more, would fill a small machine."""
MID_GREY = 128
"""What lies behind transparent parts, and the mean of drawn stimuli."""
RESIZE_METHODS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
"""Resizing methods by the names of Keras' `load_img(interpolation=...)`."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""

_REMEDY = "convert it to 8 or 16 bits a channel"

_MOST_WARNINGS = 1000
"""Odd tags of one picture, each of which costs a reading where warnings are errors."""

# What Pillow's readers raise on damaged content (seen by cutting files and flipping their bytes).
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error)


@dataclass(frozen=True)
class Picture:
    """A decoded image file."""

    pixels: Pixels
    """height x width x 3, after the turn that the file asks for; read-only."""
    format: str
    """JPEG, PNG, GIF, BMP, TIFF or WEBP."""
    frames: int
    """How many pictures the file holds; the pixels are those of the first."""


def decode(content: bytes, *, at_least: int | None = None) -> Picture:
    """The picture in the bytes of an image file.

    Pillow warns of odd EXIF and TIFF tags of pictures that it reads all the same. What becomes of a warning is the
    host program's choice, but such a picture is read even where warnings are errors.

    Args:
        content: all bytes of a JPEG, PNG, GIF, BMP, TIFF or WebP file.
        at_least: a JPEG may come out a half, a quarter or an eighth as large, averaged as the decoder does it for
            free, as long as both its sides keep so many pixels; None for its own size.

    Raises: StimulusError with a short reason that names no file: the caller knows which one it is.
    """
    for _ in range(_MOST_WARNINGS):
        try:
            return _decode_once(content, at_least)
        except Warning as warning:
            note_as_issued(warning)
    raise StimulusError(f"damaged image (more than {_MOST_WARNINGS} odd tags)")


def resize_pixels(pixels: Pixels, height: int, width: int, method: str) -> Pixels:
    """A picture stretched to a size, its aspect ratio ignored: Keras' `load_img(target_size=...)` to the bit.

    Args:
        pixels: height x width x 3, 0..255.
        height: the new one, in pixels.
        width: the new one, in pixels.
        method: one of RESIZE_METHODS.

    Returns: height x width x 3, 0..255.
    Raises: UsageError for an unknown method.
    """
    if method not in RESIZE_METHODS:
        raise UsageError(f"no resizing method {method!r}; use one of {', '.join(RESIZE_METHODS)}")
    return np.asarray(Image.fromarray(pixels).resize((width, height), RESIZE_METHODS[method]))


def encode_png(pixels: Pixels) -> bytes:
    """A drawn picture as a PNG file whose bytes, and so its sha256, are the same on every machine.

    The pixels are stored, not compressed: compressed bytes vary with the zlib that Pillow was built with.

    Args:
        pixels: height x width (grey) or height x width x 3 (colour), 0..255.
    """
    height, width = pixels.shape[:2]
    colour_type = 2 if pixels.ndim == 3 else 0
    rows = np.ascontiguousarray(pixels, dtype=np.uint8).reshape(height, -1)
    filtered = np.pad(rows, ((0, 0), (1, 0))).tobytes()  # each row starts with its filter type, 0: none
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", _store_blocks(filtered)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def thumbnail(pixels: Pixels, side: int) -> bytes:
    """A small JPEG of a picture, its aspect ratio kept.

    Args:
        pixels: height x width x 3, 0..255.
        side: pixels that the longer side has at most.
    """
    small = Image.fromarray(pixels)
    small.thumbnail((side, side))
    content = BytesIO()
    small.save(content, "JPEG", quality=85)
    return content.getvalue()


def _decode_once(content: bytes, at_least: int | None) -> Picture:
    """The picture; or a Warning is raised, where the host program has made warnings errors."""
    try:
        with open_image(content) as image:
            _check_size(image)
            if at_least is not None:
                image.draft(None, (at_least, at_least))
            # The further pictures in a phone's JPEG (MPO: previews, depth) are the same photograph.
            name = "JPEG" if image.format == "MPO" else str(image.format)
            frames = 1 if name == "JPEG" else int(getattr(image, "n_frames", 1))
            return Picture(np.asarray(_rgb(_upright(image))), name, frames)
    except Image.DecompressionBombError as error:
        raise StimulusError(f"oversized: {str(error).rstrip('.')}; scale it down") from error
    except _DAMAGE as error:
        raise StimulusError(f"damaged image ({error})") from error


def _check_size(image: Image.Image) -> None:
    """Refuse by the header alone what would not fit in memory, or has no pixel."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS // 1_000_000} megapixels"
        raise StimulusError(f"oversized: {width} x {height} pixels, expected {limit}; scale it down")
    if width * height == 0:
        raise StimulusError(f"an image of {width} x {height} pixels")


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF or XMP orientation says; as it lies where that is unreadable."""
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _DAMAGE:
        turn = None
    return image if turn is None else image.transpose(turn)


def _rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode as RGB, transparent parts over mid-grey."""
    if image.mode == "F":
        raise StimulusError(f"32-bit float pixels have no fixed white; {_REMEDY}")
    if image.mode.startswith("I"):
        return _grey_of_16_bits(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    overlay = image.convert("RGBA")
    backdrop = Image.new("RGB", overlay.size, (MID_GREY,) * 3)
    backdrop.paste(overlay, mask=overlay)
    return backdrop


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Integers 0..65535 as 0..255; Pillow's own conversion would clip them at 255."""
    wide = np.asarray(image).astype(np.int32)
    if wide.min() < 0 or wide.max() > 65535:
        raise StimulusError(f"32-bit pixels {wide.min()}..{wide.max()} have no fixed white; {_REMEDY}")
    grey = ((wide + 128) // 257).astype(np.uint8)
    grey[wide == image.info.get("transparency", -1)] = MID_GREY
    return Image.fromarray(grey).convert("RGB")


def _chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file: length, kind, content, checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _store_blocks(content: bytes) -> bytes:
    """A zlib stream (RFC 1950, 1951) of stored blocks, which hold at most 65,535 bytes each."""
    pieces = [content[start : start + 65535] for start in range(0, len(content), 65535)]
    stream = [b"\x78\x01"]
    for number, piece in enumerate(pieces, 1):
        stream += [struct.pack("<BHH", number == len(pieces), len(piece), len(piece) ^ 0xFFFF), piece]
    return b"".join(stream) + struct.pack(">I", zlib.adler32(content))
